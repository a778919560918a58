//! The control plane: the single writer of the control ledger, issuance, reconcilers.
//!
//! In scope: admitting commands one after another, making their events durable, folding them into
//! the rules that gateways decide by, certificates, instruments, periodic work.
//! Out of scope: how commands arrive (`api`), storage (the ports), live traffic (`gateway`).
//!
//! ```text
//! submit ─▶ one writer task: admit ▸ a long body apart ▸ append, wait until durable ▸ apply ▸ answer ▸ push
//! ```

pub mod accounts;
pub mod ca;
pub mod documents;
pub mod entry;
pub mod explain;
pub mod federation;
pub mod instruments;
pub mod issue;
pub mod join;
pub mod jwt_key;
pub mod keys;
pub mod plane;
pub mod proofs;
pub mod receipt;
pub mod reconcile;
pub mod rehearse;
pub mod workload;

pub use accounts::{Account, AccountKey, EventRefused};
pub use ca::{Ca, RootAsked, RootMaterial};
pub use instruments::{DraftError, Drafted};
pub use issue::{IssueFailure, Issued, NewToken};
pub use jwt_key::JwtSigner;
pub use keys::{KeyStore, RootKey};
pub use plane::{Admitted, Authority, Config, ControlLog, Ports, SubmitError};
pub use workload::IssuedSvid;

use registry::Millis;
use std::sync::Arc;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Random bytes. Fails only when the system has no randomness, and then nothing can go on.
pub fn entropy<const N: usize>() -> Result<[u8; N], SubmitError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| SubmitError::Internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}
