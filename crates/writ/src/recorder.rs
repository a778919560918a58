//! The gateway's decision log: its records as entries, and its counters after a restart.

use authority::Clock;
use gateway::{Done, RecordError, Recorder};
use ledger::entry::decode_canonical;
use ledger::{Append as _, AppendError, Entry, ReadLog, Sequenced, Submission};
use policy::record::{OUTCOME, VERDICT};
use policy::{Counters, Outcome, VerdictRecord};
use registry::{Instrument, InstrumentStatus, State};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::EmbeddedLog;

/// Writes records to an embedded log.
pub(crate) struct DecisionLog {
    log: Arc<EmbeddedLog>,
    origin: String,
    clock: Clock,
    /// Held from reading the clock to queueing: entry times never decrease.
    last_ms: Mutex<u64>,
}

impl DecisionLog {
    /// Goes on where the log ends: its times never decrease, whatever the clock did meanwhile.
    pub(crate) fn new(log: Arc<EmbeddedLog>, clock: Clock) -> anyhow::Result<Self> {
        let origin = log.verifier().name().to_owned();
        let last = log.size().checked_sub(1).map(|last| log.entry(last)).transpose()?.flatten();
        let last_ms = last.map(|bytes| Entry::decode(&bytes)).transpose()?.map_or(0, |entry| entry.time_ms);
        Ok(Self { log, origin, clock, last_ms: Mutex::new(last_ms) })
    }
}

impl Recorder for DecisionLog {
    fn submit(
        &self,
        kind: &'static str,
        body: Vec<u8>,
        addendum: Vec<u8>,
        patience: Duration,
        done: Done,
    ) -> Result<(), RecordError> {
        let refused = |error: &dyn std::fmt::Display| RecordError(error.to_string());
        let done = move |landed: Result<Sequenced, AppendError>| {
            done(landed.map(|landed| landed.index).map_err(|error| RecordError(error.to_string())));
        };
        let mut last_ms = self.last_ms.lock().unwrap_or_else(PoisonError::into_inner);
        *last_ms = (*last_ms).max((self.clock)());
        let entry = Entry { kind: kind.to_owned(), time_ms: *last_ms, key: Vec::new(), body };
        let entry = entry.encode().map_err(|error| refused(&error))?;
        self.log
            .submit(Submission { entry, addendum }, patience, Box::new(done))
            .map_err(|error| refused(&error))
    }

    fn origin(&self) -> &str {
        &self.origin
    }
}

/// Counts again what was permitted within the longest window of any instrument in force or on trial: a restart
/// gives nobody a fresh quota. Rows are known from outcomes: those of statements that were under way when the process
/// was killed are not.
pub(crate) fn restore_counters(
    counters: &Counters,
    log: &dyn ReadLog,
    state: &State,
    now_ms: u64,
) -> anyhow::Result<()> {
    // One that rests, or will by a notice, goes on with what was counted.
    let signed = |i: &Instrument| matches!(i.status, InstrumentStatus::InForce | InstrumentStatus::Suspended);
    let counting = |i: &&Instrument| signed(i) || i.is_tried(now_ms);
    let counting = state.instruments.values().filter(counting);
    let Some(window) = counting.filter_map(|i| i.quota_window_max_ms).max() else { return Ok(()) };
    let (mut counted, mut tried, mut given) = (Vec::new(), Vec::new(), Vec::new());
    // Outcomes come after their verdicts, and are met before them.
    let mut rows_of: HashMap<u64, (u64, u64)> = HashMap::new();
    let mut count_rows = |record: &VerdictRecord, (time_ms, rows): (u64, u64)| {
        let Some(identity) = record.identity else { return };
        let numbered = record.rows_counted.iter().filter_map(|quota| {
            let clause = contract::Number::parse(&quota.clause)?;
            Some((time_ms, (quota.instrument, clause, identity), rows))
        });
        given.extend(numbered);
    };
    for index in (0..log.size()).rev() {
        let Some(bytes) = log.entry(index)? else { break };
        let entry = Entry::decode(&bytes)?;
        if entry.time_ms.saturating_add(window) < now_ms {
            break;
        }
        if entry.kind == OUTCOME {
            let outcome: Outcome = decode_canonical(&entry.body)?;
            if let Some(rows) = outcome.given.filter(|rows| *rows > 0) {
                rows_of.insert(outcome.verdict, (entry.time_ms, rows));
            }
            continue;
        }
        if entry.kind != VERDICT {
            continue;
        }
        let record: VerdictRecord = decode_canonical(&entry.body)?;
        if let Some(rows) = rows_of.remove(&index) {
            count_rows(&record, rows);
        }
        if let (true, Some(identity)) = (record.permitted, record.identity) {
            let numbered = |(instrument, number): (_, &str)| {
                let window = state.instruments.get(&instrument)?.quota_window_max_ms?;
                let counts = entry.time_ms.saturating_add(window) >= now_ms;
                counts.then_some((entry.time_ms, (instrument, contract::Number::parse(number)?, identity)))
            };
            let on_trial =
                |(id, _): &_| state.instruments.get(id).is_some_and(|draft| draft.is_tried(now_ms));
            counted.extend(record.counts().filter_map(numbered));
            tried.extend(record.tried_counts().filter(on_trial).filter_map(numbered));
        }
    }
    // What was permitted before the window and ended in it gave its rows in it.
    for (verdict, rows) in std::mem::take(&mut rows_of) {
        let Some(bytes) = log.entry(verdict)? else { continue };
        let entry = Entry::decode(&bytes)?;
        if entry.kind == VERDICT {
            count_rows(&decode_canonical(&entry.body)?, rows);
        }
    }
    // Oldest first, as they happened.
    counted.into_iter().rev().for_each(|(time_ms, key)| counters.restore(key, time_ms));
    tried.into_iter().rev().for_each(|(time_ms, key)| counters.restore_tried(key, time_ms));
    given.sort_unstable_by_key(|(time_ms, ..)| *time_ms);
    given.into_iter().for_each(|(time_ms, key, rows)| counters.restore_rows(key, time_ms, rows));
    Ok(())
}
