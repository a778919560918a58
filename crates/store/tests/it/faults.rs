//! A disk that fails at a chosen call, in a chosen way, and what is left afterwards.

use crate::{append, entry, open, signer};
use ledger::{AppendError, ReadLog as _};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, RwLock};
use store::disk::{Disk, RealDisk, WalFile};
use store::log::QUEUE_BYTES_MAX;
use store::{EmbeddedLog, LogConfig};
use tempfile::TempDir;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    Extend = 0,
    Write = 1,
    Sync = 2,
}

/// A disk that is done with nothing until it is let.
struct SlowDisk(Arc<RwLock<()>>);
struct SlowFile(Box<dyn WalFile>, Arc<RwLock<()>>);

impl Disk for SlowDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn WalFile>> {
        Ok(Box::new(SlowFile(RealDisk.open(path)?, self.0.clone())))
    }
}

impl WalFile for SlowFile {
    fn extend(&self, length: u64) -> io::Result<()> {
        self.0.extend(length)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        drop(self.1.read().unwrap());
        self.0.write_at(offset, bytes)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
}

/// What waits is bounded by its bytes; what was taken lands, and then there is room again.
#[test]
fn so_many_bytes_wait_and_no_more() {
    let folder = TempDir::new().unwrap();
    let held = Arc::new(RwLock::new(()));
    let config = LogConfig {
        disk: Box::new(SlowDisk(held.clone())),
        ..LogConfig::new(folder.path().to_owned(), signer())
    };
    let log = EmbeddedLog::open(config).unwrap();
    let big = |n: u64| ledger::Submission { entry: entry(n), addendum: vec![0; 4_000_000] };
    let holding = held.write().unwrap();
    let fits = QUEUE_BYTES_MAX / (4_000_000 + entry(0).len());
    let waiting: Vec<_> = (0..fits as u64).map(|n| ledger::Append::append(&log, big(n))).collect();
    assert_eq!(crate::wait(ledger::Append::append(&log, big(0))), Err(AppendError::Overloaded));
    drop(holding);
    for (expected, landed) in (0..).zip(waiting) {
        assert_eq!(crate::wait(landed).unwrap().index, expected);
    }
    let landed = crate::wait(ledger::Append::append(&log, big(0))).unwrap();
    assert_eq!(landed.index, fits as u64);
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// The call fails and does nothing.
    Refused = 0,
    /// The call is done and then reported as failed.
    DoneButFailed = 1,
    /// Half of a write is done.
    Torn = 2,
}

/// Fails the call number `when` (counted down) of one kind.
#[derive(Clone)]
struct Plan {
    call: Call,
    fault: Fault,
    error: io::ErrorKind,
    when: Arc<AtomicI64>,
    armed: Arc<AtomicU8>,
}

impl Plan {
    fn hits(&self, call: Call) -> bool {
        call == self.call
            && self.armed.load(Ordering::SeqCst) == 1
            && self.when.fetch_sub(1, Ordering::SeqCst) == 0
    }
    fn error(&self) -> io::Error {
        self.error.into()
    }
}

struct FaultyDisk(Plan);
struct FaultyFile(Box<dyn WalFile>, Plan);

impl Disk for FaultyDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn WalFile>> {
        Ok(Box::new(FaultyFile(RealDisk.open(path)?, self.0.clone())))
    }
}

impl WalFile for FaultyFile {
    fn extend(&self, length: u64) -> io::Result<()> {
        if self.1.hits(Call::Extend) {
            if self.1.fault == Fault::Torn {
                self.0.extend(self.0.length()? + 100)?;
            }
            return Err(self.1.error());
        }
        self.0.extend(length)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.1.hits(Call::Write) {
            match self.1.fault {
                Fault::Refused => {}
                Fault::DoneButFailed => self.0.write_at(offset, bytes)?,
                Fault::Torn => self.0.write_at(offset, &bytes[..bytes.len() / 2])?,
            }
            return Err(self.1.error());
        }
        self.0.write_at(offset, bytes)
    }
    fn sync(&self) -> io::Result<()> {
        if self.1.hits(Call::Sync) { Err(self.1.error()) } else { self.0.sync() }
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
}

fn faulty(folder: &Path, call: Call, fault: Fault, error: io::ErrorKind, when: i64) -> (EmbeddedLog, Plan) {
    let plan =
        Plan { call, fault, error, when: Arc::new(AtomicI64::new(when)), armed: Arc::new(AtomicU8::new(0)) };
    let config =
        LogConfig { disk: Box::new(FaultyDisk(plan.clone())), ..LogConfig::new(folder.to_owned(), signer()) };
    let log = EmbeddedLog::open(config).unwrap();
    plan.armed.store(1, Ordering::SeqCst);
    (log, plan)
}

/// A full disk: a clear answer, nothing lost, and the log goes on once there is room.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let folder = TempDir::new().unwrap();
    for fault in [Fault::Refused, Fault::Torn] {
        let (log, _) = faulty(folder.path(), Call::Extend, fault, io::ErrorKind::StorageFull, 0);
        let before = log.size();
        // Big enough to need the file to grow.
        let big = || ledger::Submission { entry: vec![7; 60_000], addendum: vec![0; 4_000_000] };
        let refused = crate::wait(ledger::Append::append(&log, big()));
        assert_eq!(refused, Err(AppendError::DiskFull));
        assert!(refused.unwrap_err().to_string().contains("free space"));
        assert_eq!(log.failure(), None, "the log is not broken");
        assert_eq!(log.size(), before);
        let landed = crate::wait(ledger::Append::append(&log, big())).unwrap();
        assert_eq!(landed.index, before);
        drop(log);
        assert_eq!(open(folder.path()).size(), before + 1);
    }
}

/// Any other failure: everything after it is refused, and a restart finds every acknowledged entry.
#[test]
fn a_failed_write_or_flush_stops_the_log_and_loses_nothing_acknowledged() {
    for call in [Call::Write, Call::Sync] {
        for fault in [Fault::Refused, Fault::DoneButFailed, Fault::Torn] {
            for when in 0..4 {
                let folder = TempDir::new().unwrap();
                let (log, _) = faulty(folder.path(), call, fault, io::ErrorKind::Other, when);
                let mut acknowledged = Vec::new();
                for n in 0..8 {
                    for landed in append(&log, n, n + 1) {
                        match landed {
                            Ok(landed) => acknowledged.push((landed.index, n)),
                            Err(AppendError::Failed(_)) => assert!(n as i64 >= when),
                            Err(other) => panic!("{other}"),
                        }
                    }
                }
                assert!(log.failure().is_some());
                assert_eq!(acknowledged.len() as i64, when, "nothing is accepted after a failure");
                drop(log);
                let log = open(folder.path());
                assert!(log.size() >= acknowledged.len() as u64, "{call:?} {fault:?} {when}");
                for (index, n) in acknowledged {
                    assert_eq!(log.entry(index).unwrap().unwrap(), entry(n));
                }
                // And it works again.
                let size = log.size();
                assert_eq!(append(&log, 100, 101)[0].clone().unwrap().index, size);
            }
        }
    }
}
