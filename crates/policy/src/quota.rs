//! Counting permitted calls, exactly: the time of each is kept for as long as its longest window; and the rows they got, each
//! before it is given, which leave their window up to a small part of it late.

use crate::decide::{Allowance, Known};
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
    shards: [Mutex<Counted>; SHARDS],
}

/// What is behind one lock.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) meters: Meters,
    /// Permits that need not be worked out again, where such are remembered.
    pub(crate) known: Option<Known>,
}

impl Default for Counters {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::new(Counted::default())) }
    }
}

impl Counters {
    /// Counters that remember what was permitted, so that it need not be worked out again while nothing it rests on is
    /// another: for what decides on live traffic. Others work everything out each time, as whoever checks that must.
    pub fn remembering() -> Self {
        let counted = || Counted { known: Some(Known::default()), ..Counted::default() };
        Self { shards: std::array::from_fn(|_| Mutex::new(counted())) }
    }

    /// The counters of a machine, locked.
    pub(crate) fn lock(&self, identity: IdentityId) -> MutexGuard<'_, Counted> {
        let shard = usize::from(identity.as_bytes()[9]) % SHARDS;
        let [first, ..] = &self.shards;
        self.shards.get(shard).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often a permit was given again without its policies being evaluated.
    pub fn given_again(&self) -> u64 {
        let again = |shard: &Mutex<Counted>| {
            let counted = shard.lock().unwrap_or_else(PoisonError::into_inner);
            counted.known.as_ref().map_or(0, |known| known.again)
        };
        self.shards.iter().map(again).sum()
    }

    /// Counts a call that an earlier run of the gateway permitted.
    pub fn restore(&self, key: Key, time_ms: Millis) {
        self.lock(key.2).meters.add(key, time_ms);
    }

    /// Counts a call that a draft on trial would have permitted then.
    pub fn restore_tried(&self, key: Key, time_ms: Millis) {
        self.lock(key.2).meters.tried().add(key, time_ms);
    }

    /// Counts rows that an earlier run of the gateway released.
    pub fn restore_rows(&self, key: Key, time_ms: Millis, rows: u64) {
        self.lock(key.2).meters.add_rows(key, 0, time_ms, rows);
    }

    /// Counts a row that is about to be released, against all of these; or none, and gives the first that has no room
    /// for it, and in how many milliseconds it would.
    pub fn take_row<'a>(
        &self,
        identity: IdentityId,
        allowances: &'a [Allowance],
        now_ms: Millis,
    ) -> Result<(), (&'a Allowance, Option<u64>)> {
        let meters = &mut self.lock(identity).meters;
        let key = |allowance: &Allowance| (allowance.cited.instrument, allowance.cited.clause, identity);
        for allowance in allowances {
            let Allowance { limit, window_ms, .. } = allowance;
            if meters.rows(key(allowance), *window_ms, now_ms) >= *limit {
                return Err((allowance, meters.rows_room_in(key(allowance), *window_ms, *limit, now_ms)));
            }
        }
        for allowance in allowances {
            meters.add_rows(key(allowance), allowance.window_ms, now_ms, 1);
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
    /// What drafts on trial count: it is nothing to them once they are signed.
    tried: Option<Box<Self>>,
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

    /// Nothing is tried any more.
    pub(crate) fn forget_tried(&mut self) {
        self.tried = None;
    }

    /// The counters of drafts on trial.
    pub(crate) fn tried(&mut self) -> &mut Self {
        self.tried.get_or_insert_default()
    }

    pub(crate) fn add(&mut self, key: Key, now_ms: Millis) {
        let times = self.calls.entry(key).or_default();
        let now_ms = times.back().map_or(now_ms, |last| now_ms.max(*last));
        times.push_back(now_ms);
    }

    /// Rows in the window that ends now; a clause about rows has one window.
    pub(crate) fn rows(&mut self, key: Key, window_ms: u64, now_ms: Millis) -> u64 {
        let Some(rows) = self.rows.get_mut(&key) else { return 0 };
        let now_ms = rows.times.back().map_or(now_ms, |(_, last, _)| now_ms.max(*last));
        while let Some((.., count)) = rows.times.pop_front_if(|(_, last, _)| now_ms - *last >= window_ms) {
            rows.total -= count;
        }
        let total = rows.total;
        if rows.times.is_empty() {
            self.rows.remove(&key);
        }
        total
    }

    /// In how many milliseconds there is room for one more row below `limit`.
    pub(crate) fn rows_room_in(&self, key: Key, window_ms: u64, limit: u64, now_ms: Millis) -> Option<u64> {
        let rows = self.rows.get(&key)?;
        // So many have to leave, the oldest first.
        let mut over = rows.total.checked_sub(limit)?.saturating_add(1);
        let leaving = rows.times.iter().find_map(|(_, last, count)| {
            over = over.saturating_sub(*count);
            (over == 0).then_some(last.saturating_add(window_ms))
        });
        Some(leaving?.saturating_sub(now_ms))
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
