//! CancelRequest: clients are given keys of the gateway's own, and each stands for one session with a server.

use super::upstream::Server;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use wire::postgres::startup::CancelKey;

/// Which key cancels what.
#[derive(Default)]
pub(crate) struct Cancels {
    known: Mutex<HashMap<CancelKey, Known>>,
}

#[derive(Clone)]
struct Known {
    server: Server,
    upstream: CancelKey,
    /// Somebody wanted something ended.
    used: Arc<AtomicBool>,
}

/// A key for as long as its session lives.
pub(crate) struct Cancellable {
    pub(crate) key: CancelKey,
    cancels: Arc<Cancels>,
    used: Arc<AtomicBool>,
}

impl Cancels {
    /// A key of random bytes that stands for a server's own.
    pub(crate) fn enter(
        self: &Arc<Self>,
        random: &[u8],
        server: Server,
        upstream: CancelKey,
    ) -> Option<Cancellable> {
        let (process, secret) = random.split_first_chunk::<4>()?;
        // Clients show a process number as a positive one.
        let key = CancelKey { process: u32::from_be_bytes(*process) >> 1, secret: secret.to_vec() };
        let used = Arc::<AtomicBool>::default();
        let known = Known { server, upstream, used: used.clone() };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), known);
        Some(Cancellable { key, cancels: self.clone(), used })
    }

    /// Passes on what a client wants ended; says whether there was such a session.
    pub(crate) async fn cancel(&self, key: &CancelKey) -> bool {
        let found = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(key).inspect(|known| known.used.store(true, Ordering::Relaxed)).cloned()
        };
        let Some(Known { server, upstream, .. }) = found else { return false };
        if let Err(error) = server.cancel(&upstream).await {
            tracing::warn!(%error, "a statement could not be cancelled");
        }
        true
    }
}

impl Cancellable {
    /// Ends it; says whether somebody wanted something ended, which may reach the server later than this.
    pub(crate) fn end(self) -> bool {
        let used = self.used.clone();
        drop(self);
        used.load(Ordering::Relaxed)
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        self.cancels.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
