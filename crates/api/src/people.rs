//! Natural persons.

pub(crate) mod authorize;
pub(crate) mod leave;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod register;
