//! The data plane. The module list is the path of a request:
//!
//! ```text
//! accept ─▶ authenticate ─▶ decide ─▶ record ─▶ forward ─▶ record the outcome
//!  TLS 1.3   who is it       Permit    durable   upstream    how it ended
//!                            or deny ─▶ problem+json with the clause
//! ```
//! Nothing is forwarded without a [`policy::Permit`]; no permit is used before it is on record as
//! its clause asks; a connection whose right lapses is cut. On any doubt the answer is no.
//!
//! Out of scope: where rules come from, where records go, where secrets lie (the ports below).

mod accept;
mod authenticate;
mod bundle_endpoint;
mod connections;
mod course;
mod decide;
mod deny;
mod exchange;
mod forward;
pub mod limits;
mod metrics;
mod neighbour;
mod parting;
mod postgres;
mod record;

pub use accept::{Gateway, ServerIdentity, TlsError};
pub use bundle_endpoint::{BundleEndpoint, Document};
pub use metrics::Metrics;
pub use neighbour::Adviser;
pub use record::{Done, RecordError, Recorder};

use credential::LedgerKey;
use policy::{Counters, Rules};
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// A value computed elsewhere.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Where the time comes from: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;
/// Seals; `None` when that is not possible.
pub type Seal = Arc<dyn Fn(Vec<u8>) -> Option<Vec<u8>> + Send + Sync>;
/// Where nonces come from; `None` when the system has no randomness.
pub type Entropy = Arc<dyn Fn() -> Option<[u8; 16]> + Send + Sync>;

/// What a gateway is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Further roots for `https://` upstreams (DER), beside the system's.
    pub upstream_roots: Vec<Vec<u8>>,
}

/// What a gateway needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// What decisions are made from.
    pub rules: Arc<RwLock<Rules>>,
    /// Counts up when the rules changed.
    pub changes: watch::Receiver<u64>,
    /// Permitted calls so far.
    pub counters: Arc<Counters>,
    /// The decision log.
    pub recorder: Arc<dyn Recorder>,
    /// Upstream secrets.
    pub secrets: Arc<dyn Secrets>,
    /// The roots that machines' certificates must lead to (DER).
    pub roots: watch::Receiver<Vec<Vec<u8>>>,
    /// The certificate shown to machines.
    pub identity: watch::Receiver<Option<Arc<ServerIdentity>>>,
    /// The time.
    pub clock: Clock,
    /// The key by which a certificate's proof that it is in the control ledger is checked.
    pub ledger_key: LedgerKey,
    /// What stands in place of masked values is made with it.
    pub pseudonyms: mask::Key,
    /// Seals what is kept beside the decision log and not for everybody who reads it; `None` when it cannot.
    pub seal: Seal,
    /// Nonces.
    pub entropy: Entropy,
    /// Counters for operators.
    pub metrics: Metrics,
}

/// Opens sealed upstream secrets.
pub trait Secrets: Send + Sync {
    /// The secret of this name; `Ok(None)` when there is none.
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String>;
}
