//! What was permitted and denied.

pub(crate) mod get;
pub(crate) mod list;
mod parameters;
