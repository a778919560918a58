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
use tokio_util::sync::CancellationToken;

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

impl Whose {
    /// Whether both are of one machine under one contract.
    fn is_beside(&self, other: &Self) -> bool {
        (self.identity, self.contract, self.service) == (other.identity, other.contract, other.service)
    }
}

/// All that are kept.
#[derive(Default)]
pub(crate) struct Pool {
    all: Mutex<All>,
    marks: RandomState,
}

/// Oldest first.
#[derive(Default)]
struct All {
    kept: Vec<Kept>,
    next: u64,
}

struct Kept {
    number: u64,
    whose: Whose,
    upstream: Upstream,
    /// Dropped when it leaves: nobody has to wait for its end.
    _waits: oneshot::Sender<()>,
}

impl Pool {
    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tells a secret from another.
    pub(crate) fn mark(&self, secret: &[u8]) -> u64 {
        self.marks.hash_one(secret)
    }

    /// The one kept last for these, if there is one.
    pub(crate) fn take(&self, whose: &Whose) -> Option<Upstream> {
        let kept = &mut self.all().kept;
        let at = kept.iter().rposition(|kept| kept.whose == *whose)?;
        Some(kept.remove(at).upstream)
    }

    /// Closes all there are with a service, or only those for these; says whether there were any.
    pub(crate) async fn close(&self, service: ServiceId, only: Option<&Whose>) -> bool {
        let closes =
            |kept: &mut Kept| kept.whose.service == service && only.is_none_or(|only| kept.whose == *only);
        let closed: Vec<Kept> = self.all().kept.extract_if(.., closes).collect();
        let any = !closed.is_empty();
        for kept in closed {
            kept.upstream.close().await;
        }
        any
    }

    /// Keeps one; gives those that make room for it: of the same machine and contract, or the oldest of all.
    fn enter(&self, whose: Whose, upstream: Upstream, waits: oneshot::Sender<()>) -> (u64, Vec<Kept>) {
        let All { kept, next } = &mut *self.all();
        let there = kept.iter().filter(|kept| kept.whose.is_beside(&whose)).count();
        let mut beyond = (there + 1).saturating_sub(usize::from(whose.address.pool));
        let mut left: Vec<Kept> = kept
            .extract_if(.., |kept| {
                let leaves = beyond > 0 && kept.whose.is_beside(&whose);
                beyond -= usize::from(leaves);
                leaves
            })
            .collect();
        if kept.len() >= POOL_MAX {
            left.push(kept.remove(0));
        }
        let number = *next;
        *next += 1;
        kept.push(Kept { number, whose, upstream, _waits: waits });
        (number, left)
    }

    fn leave(&self, number: u64) -> Option<Upstream> {
        let kept = &mut self.all().kept;
        let at = kept.iter().position(|kept| kept.number == number)?;
        Some(kept.remove(at).upstream)
    }

    /// Resets a session and keeps it for a while, as long as its machine may be here; or closes it.
    pub(crate) async fn keep(
        self: Arc<Self>,
        whose: Whose,
        live: Arc<Live>,
        stop: CancellationToken,
        mut upstream: Upstream,
    ) {
        let oldest = upstream.begun + POOL_AGE_MAX;
        let ends = async {
            tokio::select! {
                () = live.token().cancelled() => {}
                () = stop.cancelled() => {}
                () = tokio::time::sleep_until(oldest) => {}
            }
        };
        let mut ends = std::pin::pin!(ends);
        let is_reset = tokio::select! {
            biased;
            () = &mut ends => false,
            reset = tokio::time::timeout(POOL_RESET_TIME_MAX, upstream.reset()) => matches!(reset, Ok(Ok(()))),
        };
        if !is_reset {
            return upstream.close().await;
        }
        let (waits, left) = oneshot::channel();
        let (number, instead) = self.enter(whose, upstream, waits);
        for instead in instead {
            instead.upstream.close().await;
        }
        let until = Instant::now() + POOL_IDLE_TIME_MAX;
        tokio::select! {
            _ = left => {}
            () = ends => {}
            () = tokio::time::sleep_until(until) => {}
        }
        if let Some(lapsed) = self.leave(number) {
            lapsed.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;

    fn session(process: u32) -> Upstream {
        let (stream, _) = tokio::io::duplex(64);
        let key = wire::postgres::startup::CancelKey { process, secret: Vec::new() };
        Upstream {
            stream: Box::new(stream),
            parameters: Vec::new(),
            key: Some(key),
            heard: BytesMut::new(),
            begun: Instant::now(),
            standing: Vec::new(),
        }
    }

    fn whose(machine: u8, contract: u8, setting: &str) -> Whose {
        Whose {
            identity: IdentityId::from_entropy([machine; 10]),
            contract: InstrumentId::from_entropy([contract; 10]),
            service: ServiceId::from_entropy([1; 10]),
            address: DatabaseAddress::parse("postgresql://h/d?pool=2").unwrap().unwrap(),
            secret: 7,
            settings: vec![("s".to_owned(), setting.to_owned())],
        }
    }

    fn keep(pool: &Pool, whose: &Whose, process: u32) -> Option<u32> {
        let (_, left) = pool.enter(whose.clone(), session(process), oneshot::channel().0);
        left.into_iter().next().and_then(|left| Some(left.upstream.key?.process))
    }

    fn take(pool: &Pool, whose: &Whose) -> Option<u32> {
        pool.take(whose).and_then(|upstream| Some(upstream.key?.process))
    }

    #[tokio::test]
    async fn one_is_used_again_for_the_same_and_nobody_else() {
        let pool = Pool::default();
        let own = whose(1, 1, "a");
        assert_eq!(keep(&pool, &own, 1), None);
        let secret = Whose { secret: 8, ..own.clone() };
        let service = Whose { service: ServiceId::from_entropy([2; 10]), ..own.clone() };
        for other in [whose(2, 1, "a"), whose(1, 2, "a"), whose(1, 1, "b"), secret, service] {
            assert_eq!(take(&pool, &other), None);
        }
        assert_eq!(take(&pool, &own), Some(1));
        assert_eq!(take(&pool, &own), None, "once");
        assert_ne!(pool.mark(b"one"), pool.mark(b"other"));
    }

    #[tokio::test]
    async fn the_oldest_makes_room() {
        let pool = Pool::default();
        let own = |setting: &str| whose(1, 1, setting);
        assert_eq!(keep(&pool, &own("a"), 1), None);
        assert_eq!(keep(&pool, &whose(2, 1, "a"), 2), None);
        assert_eq!(keep(&pool, &own("b"), 3), None);
        assert_eq!(keep(&pool, &own("c"), 4), Some(1), "whatever its settings");
        assert_eq!(take(&pool, &own("b")), Some(3));
        for machine in 0..u8::MAX - 1 {
            keep(&pool, &whose(machine, 9, "a"), 100);
        }
        assert_eq!(keep(&pool, &whose(1, 10, "a"), 5), Some(2), "of all the oldest");
        assert_eq!(pool.all().kept.len(), POOL_MAX);
        assert!(pool.close(own("c").service, Some(&own("c"))).await);
        assert_eq!(take(&pool, &own("c")), None);
        assert!(pool.close(own("c").service, None).await);
        assert!(!pool.close(own("c").service, None).await && pool.all().kept.is_empty());
    }
}
