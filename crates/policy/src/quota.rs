//! Counting permitted calls and the rows they got, exactly: the time of each is kept for as long as its longest window.

use crate::decide::Allowance;
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

    /// Counts rows that an earlier run of the gateway released.
    pub fn restore_rows(&self, key: Key, time_ms: Millis, rows: u64) {
        self.lock(key.2).add_rows(key, 0, time_ms, rows);
    }

    /// Counts rows that are about to be released, against all of these; or none, and gives the first that has no room
    /// for them.
    pub fn take_rows<'a>(
        &self,
        identity: IdentityId,
        allowances: &'a [Allowance],
        rows: u64,
        now_ms: Millis,
    ) -> Result<(), &'a Allowance> {
        let mut meters = self.lock(identity);
        let key = |allowance: &Allowance| (allowance.cited.instrument, allowance.cited.clause, identity);
        for allowance in allowances {
            let before = meters.rows(key(allowance), allowance.window_ms, allowance.longest_ms, now_ms);
            if before.saturating_add(rows) > allowance.limit {
                return Err(allowance);
            }
        }
        for (at, allowance) in allowances.iter().enumerate() {
            let key = key(allowance);
            // A clause with several sentences counts once.
            let before = allowances.iter().take(at);
            if !before
                .map(|other| (other.cited.instrument, other.cited.clause, identity))
                .any(|other| other == key)
            {
                meters.add_rows(key, allowance.window_ms, now_ms, rows);
            }
        }
        Ok(())
    }
}

/// The counters behind one lock.
#[derive(Debug, Default)]
pub struct Meters {
    calls: HashMap<Key, VecDeque<Millis>>,
    /// Rows, by the time they were released.
    rows: HashMap<Key, Rows>,
}

/// Rows, oldest first. Those of times close together are kept as of the last of them.
#[derive(Debug, Default)]
struct Rows {
    /// When the first of a group was released, when the last, and how many.
    times: VecDeque<(Millis, Millis, u64)>,
    total: u64,
}

/// Into how many groups rows of a window are counted at most, about.
const GROUPS: u64 = 4_096;

impl Meters {
    /// Calls in the window that ends now. A call exactly one window ago no longer counts; one that is
    /// older than `longest_ms`, the longest window of its clause, is forgotten.
    pub(crate) fn count(&mut self, key: Key, window_ms: u64, longest_ms: u64, now_ms: Millis) -> u32 {
        let Some(times) = self.calls.get_mut(&key) else { return 0 };
        // A clock that stepped back must not make calls look older than they are.
        let now_ms = times.back().map_or(now_ms, |last| now_ms.max(*last));
        while times.front().is_some_and(|time| now_ms - time >= longest_ms) {
            times.pop_front();
        }
        if times.is_empty() {
            self.calls.remove(&key);
            return 0;
        }
        let older = times.partition_point(|time| now_ms - time >= window_ms);
        u32::try_from(times.len() - older).unwrap_or(u32::MAX)
    }

    /// In how many milliseconds the window has room for one more call below `limit`.
    pub(crate) fn room_in(&self, key: Key, window_ms: u64, limit: i64, now_ms: Millis) -> Option<u64> {
        let times = self.calls.get(&key)?;
        let ahead = times.len().checked_sub(usize::try_from(limit).ok()?)?;
        let leaving = times.get(ahead)?.saturating_add(window_ms);
        Some(leaving.saturating_sub(now_ms))
    }

    pub(crate) fn add(&mut self, key: Key, now_ms: Millis) {
        let times = self.calls.entry(key).or_default();
        let now_ms = times.back().map_or(now_ms, |last| now_ms.max(*last));
        times.push_back(now_ms);
    }

    /// Rows in the window that ends now, in the same way.
    pub(crate) fn rows(&mut self, key: Key, window_ms: u64, longest_ms: u64, now_ms: Millis) -> u64 {
        let Some(rows) = self.rows.get_mut(&key) else { return 0 };
        let now_ms = rows.times.back().map_or(now_ms, |(_, last, _)| now_ms.max(*last));
        while let Some((.., count)) = rows.times.pop_front_if(|(_, last, _)| now_ms - *last >= longest_ms) {
            rows.total -= count;
        }
        if rows.times.is_empty() {
            self.rows.remove(&key);
            return 0;
        }
        if window_ms == longest_ms {
            return rows.total;
        }
        let older = rows.times.partition_point(|(_, last, _)| now_ms - *last >= window_ms);
        rows.times.iter().skip(older).map(|(.., count)| count).sum()
    }

    /// Counts rows; those of times closer together than a small part of the window are counted as of the last.
    pub(crate) fn add_rows(&mut self, key: Key, window_ms: u64, now_ms: Millis, count: u64) {
        let rows = self.rows.entry(key).or_default();
        let now_ms = rows.times.back().map_or(now_ms, |(_, last, _)| now_ms.max(*last));
        rows.total = rows.total.saturating_add(count);
        match rows.times.back_mut() {
            Some((first, last, before)) if now_ms - *first <= window_ms / GROUPS => {
                (*last, *before) = (now_ms, before.saturating_add(count));
            }
            Some(_) | None => rows.times.push_back((now_ms, now_ms, count)),
        }
    }
}
