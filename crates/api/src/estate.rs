//! The estate as a folder of files: what it would change, and changing it, all or nothing.
//!
//! ```text
//! rows ─▶ tables ─┐
//!                 ├─▶ steps, each tried on a copy of the state ─▶ plan: shown, or submitted as one command
//! documents ──────┘          what is left over: removed or told
//! ```

pub(crate) mod apply;
mod decisions;
mod documents;
mod guard;
mod left;
pub(crate) mod plan;
mod rows;
mod steps;
mod tables;
