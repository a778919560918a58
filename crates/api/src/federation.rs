//! Other trust domains whose machines ours recognise.

pub(crate) mod end;
pub(crate) mod establish;
pub(crate) mod list;
pub(crate) mod read;
