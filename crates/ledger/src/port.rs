//! The ports a store implements. Their comments are the contract.
//!
//! Three, where the design names two: [`Heads`] and [`Objects`] carry what must survive at rest;
//! [`Append`] is the hot path between them (a write-ahead log on a disk, a batch row in PostgreSQL),
//! whose promise, durable before acknowledged, neither of the other two can express.

use crate::tree::SubtreeHashes;
use crate::{Checkpoint, Hash};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A value computed elsewhere.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a caller wants in the log.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// The leaf: an encoded [`crate::Entry`].
    pub entry: Vec<u8>,
    /// What is kept beside the leaf and can be erased without touching the tree; may be empty.
    /// Durable together with the entry.
    pub addendum: Vec<u8>,
}

/// Where a submission landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequenced {
    /// Its index in the log.
    pub index: u64,
    /// The log's size with the batch it was part of.
    pub size: u64,
    /// The log's root at that size.
    pub root: Hash,
}

/// Is told where a submission landed.
pub type Done = Box<dyn FnOnce(Result<Sequenced, AppendError>) + Send>;

/// Appends to one log.
pub trait Append: Send + Sync {
    /// Queues a submission at once, or says why that cannot be: a full queue, say. It can wait so long for others, to
    /// become durable together with them. Once it is durable — whatever checkpoint comes later covers it, even after a
    /// crash — or failed, `done` is told, once, on the thread that writes: it must be short. It is not told where this is an error.
    /// Order of telling is order of submission; nothing is ever dropped silently.
    fn submit(&self, submission: Submission, patience: Duration, done: Done) -> Result<(), AppendError>;
    /// The same for whoever waits.
    fn append(&self, submission: Submission) -> Pending<Result<Sequenced, AppendError>>;
    /// Signs a checkpoint of all that is durable now, keeps it, and gives it with its note. Waits for the disk.
    fn publish(&self) -> Result<(Checkpoint, String), StoreError>;
}

/// Why a submission is not in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No room to extend the log. Nothing was written; free some space and go on.
    #[error("the disk that holds the ledger is full: free space on it; nothing acknowledged is lost")]
    DiskFull,
    /// A write or a flush failed: the state of the disk is not known. The process must restart and re-read.
    #[error("the ledger's disk failed ({0}): restart Writ, which re-reads the log and says what it found")]
    Failed(String),
    /// Too many submissions wait already: back-pressure.
    #[error("the ledger is too far behind to take more: try again")]
    Overloaded,
    /// The entry is too long.
    #[error("the entry has {0} bytes, more than a log entry can have")]
    TooLong(usize),
    /// The log is being closed.
    #[error("the ledger is shutting down")]
    Closed,
}

/// Reads one log. Everything acknowledged is visible.
pub trait ReadLog: SubtreeHashes + Send + Sync {
    /// How many entries are durable.
    fn size(&self) -> u64;
    /// The leaf bytes of entry `index`; `None` beyond the end.
    fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// What was kept beside entry `index`; `None` when there is nothing or it was erased.
    fn addendum(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// The newest signed checkpoint and its note.
    fn checkpoint(&self) -> Result<Option<(Checkpoint, String)>, StoreError>;
}

/// Small named values that change by compare-and-swap: the heads of logs.
pub trait Heads: Send + Sync {
    /// The current value; `None` when it was never set.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Sets the value if it still is `expected`, durably. `false` means somebody else was first.
    fn swap(&self, name: &str, expected: Option<&[u8]>, new: &[u8]) -> Result<bool, StoreError>;
}

/// Immutable bytes under a path such as `documents/<sha256>`.
pub trait Objects: Send + Sync {
    /// Stores `bytes` durably. Storing the same bytes again is fine; other bytes are an error.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError>;
    /// The whole object; `None` when there is none.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// `length` bytes from `offset`.
    fn get_range(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, StoreError>;
}

/// What a store could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The bytes are not what they must be; nothing is guessed.
    #[error("`{path}` is damaged: {reason}")]
    Damaged {
        /// Which file or object.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is sound, and not opened like this.
    #[error("`{path}`: {reason}")]
    Closed {
        /// Which file.
        path: String,
        /// What is asked for.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("could not {doing} `{path}`: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or object.
        path: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The store is used by another process.
    #[error("`{path}` is in use by another Writ process: stop it first, or choose another data directory")]
    Locked {
        /// The directory.
        path: String,
    },
    /// The log on disk is shorter than what was already signed.
    #[error(
        "`{path}` holds {found} entries but a checkpoint for {published} was signed: part of the log is lost; restore the directory from a copy"
    )]
    RolledBack {
        /// The log's directory.
        path: String,
        /// Entries found.
        found: u64,
        /// Entries the last checkpoint covers.
        published: u64,
    },
}
