//! The record is a stage of the path, not an afterthought: its future is awaited where the clause
//! says, and an outcome follows every permit that was used.

use crate::Pending;
use crate::limits::{OUTCOME_PATIENCE, RELAXED_PATIENCE_MAX};
use contract::Recording;
use contract::norm::Detector;
use policy::record::{MASKED_FIELD, OUTCOME};
use policy::{Ending, MaskedRecord, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;

/// Writes to the gateway's decision log.
pub trait Recorder: Send + Sync {
    /// Queues an entry at once; resolves to its index when it is durable. It can wait so long for others, to be
    /// written together with them.
    fn record(
        &self,
        kind: &'static str,
        body: Vec<u8>,
        addendum: Vec<u8>,
        patience: Duration,
    ) -> Pending<Result<u64, RecordError>>;
    /// The log's origin.
    fn origin(&self) -> &str;
}

/// How long a verdict can wait to be written: where its clause lets it be durable later, a small part of that.
pub(crate) fn patience(recording: Recording) -> Duration {
    match recording {
        Recording::Strict => Duration::ZERO,
        Recording::Within(span) => (Duration::from_millis(span.as_ms()) / 20).min(RELAXED_PATIENCE_MAX),
    }
}

/// The act was not recorded, so it does not happen.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the decision could not be recorded: {0}")]
pub struct RecordError(pub String);

/// Counts and ends of one exchange, shared by its two bodies and the task that records its outcome.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) up: AtomicU64,
    pub(crate) down: AtomicU64,
    pub(crate) status: AtomicU64,
    /// Rows, for what has such.
    pub(crate) rows: AtomicU64,
    /// Rows that were given.
    pub(crate) given: AtomicU64,
    /// What a server said a statement failed with.
    pub(crate) error: OnceLock<String>,
    /// What was masked in them.
    pub(crate) withheld: Withheld,
    /// It is a statement: rows are told, and no status.
    pub(crate) statement: bool,
}

/// What was masked, and how often.
#[derive(Debug, Default)]
pub(crate) struct Withheld {
    /// Fields of rows that were masked whole.
    fields: AtomicU64,
    /// What was found, in the order of [`Detector::ALL`].
    found: [AtomicU64; Detector::ALL.len()],
}

impl Withheld {
    /// A field was masked whole.
    pub(crate) fn field(&self) {
        self.fields.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was found, and masked.
    pub(crate) fn found(&self, what: Detector) {
        let counters = Detector::ALL.iter().zip(&self.found);
        if let Some((_, counter)) = counters.into_iter().find(|(detector, _)| **detector == what) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn records(&self) -> Vec<MaskedRecord> {
        let found = Detector::ALL.iter().map(|what| what.as_str()).zip(&self.found);
        let all = std::iter::once((MASKED_FIELD, &self.fields)).chain(found);
        let all = all.map(|(what, counter)| (what, counter.load(Ordering::Relaxed)));
        let all = all.filter(|(_, count)| *count > 0);
        all.map(|(what, count)| MaskedRecord { what: what.to_owned(), count }).collect()
    }
}

impl Meter {
    /// That of a statement.
    pub(crate) fn of_statement() -> Self {
        Self { statement: true, ..Self::default() }
    }

    /// So many bytes were sent.
    pub(crate) fn sent(&self, bytes: usize) {
        self.up.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Waits for the end of an exchange and records it. `ended` closes without a word when the
/// exchange was dropped: then it was cut.
pub(crate) async fn outcome(
    recorder: Arc<dyn Recorder>,
    verdict: u64,
    meter: Arc<Meter>,
    ended: oneshot::Receiver<Ending>,
    elapsed_ms: impl Fn() -> u64,
) -> Result<u64, RecordError> {
    let ending = ended.await.unwrap_or(Ending::Cut);
    let outcome = Outcome {
        verdict,
        status: u16::try_from(meter.status.load(Ordering::Relaxed)).unwrap_or(0),
        bytes_up: meter.up.load(Ordering::Relaxed),
        bytes_down: meter.down.load(Ordering::Relaxed),
        ending,
        duration_ms: elapsed_ms(),
        rows: meter.statement.then(|| meter.rows.load(Ordering::Relaxed)),
        error: meter.error.get().cloned(),
        given: meter.statement.then(|| meter.given.load(Ordering::Relaxed)),
        masked: meter.withheld.records(),
    };
    let body = policy::record::encode(&outcome).map_err(|error| RecordError(error.to_string()))?;
    recorder.record(OUTCOME, body, Vec::new(), OUTCOME_PATIENCE).await
}
