//! The record is a stage of the path, not an afterthought: it is awaited where the clause says, and an outcome follows
//! every permit that was used (`course`).

use crate::Pending;
use crate::limits::RELAXED_PATIENCE_MAX;
use contract::Recording;
use contract::norm::Detector;
use policy::record::MASKED_FIELD;
use policy::{Ending, MaskedRecord, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Writes to the gateway's decision log.
pub trait Recorder: Send + Sync {
    /// Queues an entry at once, or says why that cannot be. It can wait so long for others, to be written together with
    /// them. When it is durable `done` is called with its index, or when that failed with why: once, in the order of
    /// what was queued, on the thread that writes, so that it must be short. It is not called where this is an error.
    fn submit(
        &self,
        kind: &'static str,
        body: Vec<u8>,
        addendum: Vec<u8>,
        patience: Duration,
        done: Done,
    ) -> Result<(), RecordError>;
    /// The same for whoever waits.
    fn record(
        &self,
        kind: &'static str,
        body: Vec<u8>,
        addendum: Vec<u8>,
    ) -> Pending<Result<u64, RecordError>> {
        let (done, landed) = oneshot::channel();
        let done = Box::new(|index| drop(done.send(index)));
        let queued = self.submit(kind, body, addendum, Duration::ZERO, done);
        Box::pin(async move {
            queued?;
            landed.await.unwrap_or_else(|_| Err(RecordError::stopped()))
        })
    }
    /// The log's origin.
    fn origin(&self) -> &str;
}

/// Is told where an entry is, once it is durable.
pub type Done = Box<dyn FnOnce(Result<u64, RecordError>) + Send>;

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

impl RecordError {
    pub(crate) fn stopped() -> Self {
        Self("the recorder stopped".into())
    }
}

/// Counts of one exchange, shared by its two bodies and what records its outcome.
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
    error: Mutex<Option<String>>,
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

    /// It failed with this, or did not in the end.
    pub(crate) fn fail(&self, error: Option<String>) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// So many bytes were sent.
    pub(crate) fn sent(&self, bytes: usize) {
        self.up.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// What is recorded of an exchange that ended; of which verdict is said by whoever knows.
    pub(crate) fn outcome(&self, ending: Ending, duration_ms: u64) -> Outcome {
        Outcome {
            verdict: 0,
            status: u16::try_from(self.status.load(Ordering::Relaxed)).unwrap_or(0),
            bytes_up: self.up.load(Ordering::Relaxed),
            bytes_down: self.down.load(Ordering::Relaxed),
            ending,
            duration_ms,
            rows: self.statement.then(|| self.rows.load(Ordering::Relaxed)),
            error: self.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            given: self.statement.then(|| self.given.load(Ordering::Relaxed)),
            masked: self.withheld.records(),
        }
    }
}
