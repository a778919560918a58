//! Questions to a solver.

pub(crate) mod ask;
pub(crate) mod scripts;
