//! The estate as a folder of files: what it would change, and changing it, all or nothing.

pub(crate) mod apply;
pub(crate) mod plan;
pub(crate) mod read;
