//! The certificate authority: the roots of the trust domain.

pub(crate) mod show;
pub(crate) mod step;
