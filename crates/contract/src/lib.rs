//! Instruments as documents: clauses, the words they make, and the hashes people sign.
//!
//! In scope: reading and checking `*.writ.md`, generating the wording of every clause, canonical
//! form and hashes, the envelope that is signed.
//! Out of scope: what a clause compiles to (`policy`), who may sign (`registry`), showing
//! diagnostics (the binary), PDF.
//!
//! ```text
//! text ──parse──▶ Contract (typed clauses) ──words──▶ text           check: both are the same
//!                     └──canonical──▶ JSON ──▶ Envelope ──▶ signatures
//! ```

pub mod canonical;
pub mod clause;
pub mod diagnostic;
pub mod document;
pub mod parse;
pub mod value;
pub mod words;

pub use canonical::{Envelope, LIBRARY};
pub use clause::{Clause, Kind, Mode, Number, Recording};
pub use diagnostic::Diagnostic;
pub use document::{Contract, Document, Side, check, format};
pub use value::Span;
