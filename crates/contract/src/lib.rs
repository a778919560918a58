//! Instruments as documents: clauses, the words they make, the norms they come down to, and the hashes
//! people sign.
//!
//! In scope: reading and checking `*.writ.md`, generating the wording of every clause and the annex of
//! examples, canonical form and hashes, the envelope that is signed.
//! Out of scope: what norms compile to (`policy`), who may sign (`registry`), showing diagnostics (the
//! binary), PDF.
//!
//! ```text
//! text ──parse──▶ Instrument (typed clauses) ──statements──▶ sentence + norm
//!                     │                                       │         └──▶ policy, monitors, proofs
//!                     │                                       └──▶ text      check: both are the same
//!                     └──canonical──▶ JSON ──▶ Envelope ──▶ signatures
//! ```

pub mod canonical;
pub mod clause;
pub mod diagnostic;
pub mod document;
pub mod example;
pub mod kind;
pub mod library;
pub mod norm;
pub mod only;
pub mod parse;
pub mod redline;
pub mod seal;
pub mod setting;
pub mod shape;
pub mod terms;
pub mod value;
pub mod words;

pub use canonical::Envelope;
pub use clause::{Clause, Mode, Number};
pub use diagnostic::Diagnostic;
pub use document::{Body, Document, Instrument, Organisation, Signing, check, format, read};
pub use kind::Kind;
pub use kind::permit::Recording;
pub use library::{LIBRARY, Library};
pub use seal::Seal;
pub use value::Span;
