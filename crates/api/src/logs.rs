//! The ledger, as C2SP tlog-tiles.

pub(crate) mod checkpoint;
pub(crate) mod proof;
pub(crate) mod tile;
