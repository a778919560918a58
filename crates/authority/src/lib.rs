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
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::{Zeroize as _, Zeroizing};

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// A source of random bytes for whoever needs a few of them very often: drawn from the system a page at a time, each byte
/// given once. `None` only when the system has no randomness.
pub fn paged_entropy<const N: usize>() -> impl Fn() -> Option<[u8; N]> + Send + Sync {
    const PAGE_BYTES: usize = 4096;
    let page = Mutex::new((Zeroizing::new([0; PAGE_BYTES]), PAGE_BYTES));
    move || {
        let mut page = page.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, used) = &mut *page;
        if *used + N > PAGE_BYTES {
            getrandom::fill(bytes.as_mut_slice()).ok()?;
            *used = 0;
        }
        let given = bytes.get_mut(*used..*used + N)?;
        let drawn = <[u8; N]>::try_from(&*given).ok()?;
        given.zeroize();
        *used += N;
        Some(drawn)
    }
}

/// Random bytes. Fails only when the system has no randomness, and then nothing can go on.
pub fn entropy<const N: usize>() -> Result<[u8; N], SubmitError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| SubmitError::Internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_random_bytes_are_given_twice() {
        let draw = paged_entropy::<16>();
        let drawn: HashSet<[u8; 16]> = (0..1_000).map(|_| draw().unwrap()).collect();
        assert_eq!(drawn.len(), 1_000, "three pages and more");
        assert!(!drawn.contains(&[0; 16]));
        assert!(paged_entropy::<4_097>()().is_none(), "longer than a page");
    }
}
