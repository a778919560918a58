//! Others whose signed tokens count here.

pub(crate) mod drop;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod trust;
