//! What becomes of values before they are released: the methods of masking, and what finds in a text what has to be masked.
//!
//! ```text
//! a field somebody named ─────────────▶ masked(Method, Value, Key) ─▶ another value of its type, or none
//! any text ─▶ Finder: form and check digits ─▶ the same text, what was found in it masked
//! ```
//! Stand-ins are the same for the same value under one key and say nothing about it to who has not the key; each contract
//! has a key of its own, so that what two contracts give out cannot be joined.
//!
//! Out of scope: which fields are meant (`contract`, `policy`), and how values lie in messages (`gateway`).

mod cards;
mod finder;
mod key;
mod national;
mod secrets;
mod value;

pub use finder::{Finder, Found};
pub use key::Key;
pub use value::{Kind, Value, masked};
