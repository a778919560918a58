//! Join tokens and certificates.

pub(crate) mod bundle;
pub(crate) mod bundle_document;
pub(crate) mod issue;
pub(crate) mod revoke;
pub(crate) mod token;
