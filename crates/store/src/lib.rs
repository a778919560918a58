//! The ledger's ports made real on one machine: a data directory.
//!
//! In scope: the write-ahead log and its sequencer thread, sealed segments, checkpoints, the
//! checker (`fsck`), heads and objects as files, sealed secrets, sealed keys, the lock that keeps
//! two processes off one directory.
//! Out of scope: what entries mean. Only the binary names this crate.

mod addenda;
pub mod directory;
pub mod disk;
pub mod fsck;
pub mod keyring;
pub mod log;
pub mod sealed;

pub use addenda::AddendumKey;
pub use directory::{DataDir, Directory};
pub use fsck::{Finding, Level, Report, fsck};
pub use keyring::{KeyRing, Unlock};
pub use log::{EmbeddedLog, LogConfig};
pub use sealed::SealedSecrets;
