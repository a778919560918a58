//! Counting permitted calls, exactly: the time of each is kept for as long as its longest window.

use contract::Number;
use registry::{IdentityId, InstrumentId, Millis};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is counted: one machine's calls under one quota clause.
pub type Key = (InstrumentId, Number, IdentityId);

const SHARDS: usize = 16;

/// The counters of one gateway. A machine's counters share a lock, which a decision holds from
/// reading them to counting its permit: two requests cannot both be the last one allowed.
#[derive(Debug)]
pub struct Counters {
    shards: [Mutex<Meters>; SHARDS],
}

impl Default for Counters {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::new(Meters::default())) }
    }
}

impl Counters {
    /// The counters of a machine, locked.
    pub(crate) fn lock(&self, identity: IdentityId) -> MutexGuard<'_, Meters> {
        let shard = usize::from(identity.as_bytes()[9]) % SHARDS;
        let [first, ..] = &self.shards;
        self.shards.get(shard).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call that an earlier run of the gateway permitted.
    pub fn restore(&self, key: Key, time_ms: Millis) {
        self.lock(key.2).add(key, time_ms);
    }
}

/// The counters behind one lock.
#[derive(Debug, Default)]
pub struct Meters(HashMap<Key, VecDeque<Millis>>);

impl Meters {
    /// Calls in the window that ends now. A call exactly one window ago no longer counts; one that is
    /// older than `longest_ms`, the longest window of its clause, is forgotten.
    pub(crate) fn count(&mut self, key: Key, window_ms: u64, longest_ms: u64, now_ms: Millis) -> u32 {
        let Some(times) = self.0.get_mut(&key) else { return 0 };
        // A clock that stepped back must not make calls look older than they are.
        let now_ms = times.back().map_or(now_ms, |last| now_ms.max(*last));
        while times.front().is_some_and(|time| now_ms - time >= longest_ms) {
            times.pop_front();
        }
        if times.is_empty() {
            self.0.remove(&key);
            return 0;
        }
        let older = times.partition_point(|time| now_ms - time >= window_ms);
        u32::try_from(times.len() - older).unwrap_or(u32::MAX)
    }

    /// In how many milliseconds the window has room for one more call below `limit`.
    pub(crate) fn room_in(&self, key: Key, window_ms: u64, limit: i64, now_ms: Millis) -> Option<u64> {
        let times = self.0.get(&key)?;
        let ahead = times.len().checked_sub(usize::try_from(limit).ok()?)?;
        let leaving = times.get(ahead)?.saturating_add(window_ms);
        Some(leaving.saturating_sub(now_ms))
    }

    pub(crate) fn add(&mut self, key: Key, now_ms: Millis) {
        let times = self.0.entry(key).or_default();
        let now_ms = times.back().map_or(now_ms, |last| now_ms.max(*last));
        times.push_back(now_ms);
    }
}
