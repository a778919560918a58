//! Machine identities.

pub(crate) mod accept;
pub(crate) mod change;
pub(crate) mod get;
pub(crate) mod hand_over;
pub(crate) mod join;
pub(crate) mod list;
pub(crate) mod propose;
pub(crate) mod recognize;
