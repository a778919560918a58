//! What is fetched elsewhere: keys that issuers and other trust domains publish, and upstream secrets that renew
//! themselves. What is due (`registry` says it) is made at its source, tried, sealed, put in use, and what it replaces is
//! ended after the overlap.
//!
//! In scope: PostgreSQL roles that take turns, keys over HTTP by an adapter, HashiCorp Vault and OpenBao; issuers' keys and
//! the bundles of trust domains, over the web or from servers known by their SPIFFE ID.
//! Out of scope: when something is due and what is on record (`registry::secret`), the sealed store itself (`store`), who
//! uses a secret (`gateway`).

mod adapter;
mod bundles;
mod form;
mod issuers;
mod postgres;
mod rotation;
mod spiffe_server;
mod vault;
mod web;

pub use bundles::BundleReader;
pub use issuers::{KEYS_EVERY, KeyReader};
pub use rotation::{Ports, SealedStore, run};
pub use web::Roots;

use form::Fields;
use registry::Millis;

/// A value that a source gave.
struct Made {
    /// Its parts.
    fields: Fields,
    /// What its source calls it.
    handle: String,
    /// When it ends by itself.
    ends_ms: Option<Millis>,
}

/// Why a source did not do what was asked. Said to operators and kept on record: never a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SourceError(String);

impl SourceError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
