//! Contracts.

pub(crate) mod draft;
pub(crate) mod end;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod sign;
