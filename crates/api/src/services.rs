//! Services behind the gateway.

pub(crate) mod list;
pub(crate) mod register;
