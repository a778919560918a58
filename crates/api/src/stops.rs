//! Stopping what must not go on.

pub(crate) mod stop;
