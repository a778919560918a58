//! Upstream secrets: sealed by hand, or renewing themselves. None can be read.

pub(crate) mod list;
pub(crate) mod rotate;
pub(crate) mod seal;
pub(crate) mod source;
