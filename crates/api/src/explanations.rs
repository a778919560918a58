//! Why somebody gets a credential, or does not.

pub(crate) mod explain;
