//! Legal persons.

pub(crate) mod list;
pub(crate) mod register;
