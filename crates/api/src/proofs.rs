//! Questions to a solver.

pub(crate) mod ask;
