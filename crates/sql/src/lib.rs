//! What SQL does, told from its text by PostgreSQL's own parser and from the catalog of the database it is for.
//!
//! ```text
//! text ─▶ read ─▶ Statement: relations, columns, functions, operators, settings it names
//!                     │ resolve(Catalog, Path)
//!                     ▼
//!                 Act: a verb on an object. Of what cannot be told, `Administer`, with the reason
//! ```
//! What is not known to be harmless is not taken to be: a kind of statement, a kind of node, a function, an operator or
//! a relation nobody told about is an act that only a clause about administration permits.
//!
//! Out of scope: who may do what (`policy`), and how statements travel (`wire`).

mod builtin;
pub mod catalog;
mod condition;
mod normal;
pub mod resolve;
mod setting;
pub mod statement;
mod tree;
mod walk;

pub use catalog::{Catalog, Origin, Path};
pub use normal::normal;
pub use resolve::{Act, Columns, Object, Resolved, resource_of};
pub use setting::Setting;
pub use statement::{CopiedOut, Effect, Kind, Statement, Unreadable, read};
