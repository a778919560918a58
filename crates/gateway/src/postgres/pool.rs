//! Sessions with servers that nobody uses, kept for the machine and the contract they were begun for, and for nobody else.
//! Where a service's address says so (`?pool=4`); a session is reset before it is kept (`DISCARD ALL`).

use super::upstream::Upstream;
use crate::connections::Live;
use crate::limits::{POOL_AGE_MAX, POOL_IDLE_TIME_MAX, POOL_MAX, POOL_RESET_TIME_MAX};
use registry::{DatabaseAddress, IdentityId, InstrumentId, ServiceId};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// For whom a session was begun: only for the same it is used again.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Whose {
    pub(crate) identity: IdentityId,
    pub(crate) contract: InstrumentId,
    pub(crate) service: ServiceId,
    pub(crate) address: DatabaseAddress,
    /// Of the secret it was begun with, what tells it from others for as long as the process lives.
    pub(crate) secret: u64,
    /// What it was begun with besides.
    pub(crate) settings: Vec<(String, String)>,
}

/// All that are kept.
#[derive(Default)]
pub(crate) struct Pool {
    kept: Mutex<Vec<Kept>>,
    marks: RandomState,
}

struct Kept {
    whose: Whose,
    upstream: Upstream,
    /// Dropped when it is used again: nobody has to close it.
    _waits: oneshot::Sender<()>,
}

impl Pool {
    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tells a secret from another.
    pub(crate) fn mark(&self, secret: &[u8]) -> u64 {
        self.marks.hash_one(secret)
    }

    /// The one kept last for these, if there is one.
    pub(crate) fn take(&self, whose: &Whose) -> Option<Upstream> {
        let mut kept = self.kept();
        let at = kept.iter().rposition(|kept| kept.whose == *whose)?;
        Some(kept.remove(at).upstream)
    }

    /// Resets a session and keeps it for a while, as long as its machine may be here; or closes it.
    pub(crate) async fn keep(self: Arc<Self>, whose: Whose, live: Arc<Live>, mut upstream: Upstream) {
        let young = upstream.begun.elapsed() < POOL_AGE_MAX;
        let reset = tokio::time::timeout(POOL_RESET_TIME_MAX, upstream.reset()).await;
        if !young || !matches!(reset, Ok(Ok(()))) {
            return upstream.close().await;
        }
        let (waits, taken) = oneshot::channel();
        let begun = upstream.begun;
        let place = {
            let mut kept = self.kept();
            let own = kept.iter().filter(|kept| kept.whose == whose).count();
            let room = own < usize::from(whose.address.pool) && kept.len() < POOL_MAX;
            if room {
                kept.push(Kept { whose: whose.clone(), upstream, _waits: waits });
                None
            } else {
                Some(upstream)
            }
        };
        if let Some(upstream) = place {
            return upstream.close().await;
        }
        let until = (Instant::now() + POOL_IDLE_TIME_MAX).min(begun + POOL_AGE_MAX);
        tokio::select! {
            _ = taken => return,
            () = live.token().cancelled() => {}
            () = tokio::time::sleep_until(until) => {}
        }
        let lapsed = {
            let mut kept = self.kept();
            let at = kept.iter().position(|kept| kept.whose == whose && kept.upstream.begun == begun);
            at.map(|at| kept.remove(at).upstream)
        };
        if let Some(upstream) = lapsed {
            upstream.close().await;
        }
    }
}
