//! What is acknowledged is there, in order, after any restart, and proven.

use crate::{append, entry, open, signer};
use ledger::proof::{consistency, inclusion, verify_consistency, verify_inclusion};
use ledger::segment::SEGMENT_ENTRIES;
use ledger::tree::range_root;
use ledger::{Append as _, AppendError, Edge, Hash, ReadLog as _, Sequenced, StoreError, Submission};
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;
use store::log::QUEUE_MAX;
use store::{DataDir, EmbeddedLog, Level, LogConfig, fsck};
use tempfile::TempDir;

/// Re-verifies the whole log.
fn check(log: &EmbeddedLog, size: u64) {
    assert_eq!(log.size(), size);
    let mut edge = Edge::default();
    for n in 0..size {
        assert_eq!(log.entry(n).unwrap().unwrap(), entry(n), "entry {n}");
        edge.append(Hash::of_leaf(&entry(n)));
    }
    assert_eq!(log.addendum(size - 1).unwrap().unwrap(), (size - 1).to_be_bytes());
    assert_eq!(log.entry(size).unwrap(), None);
    assert_eq!(range_root(log, 0, size).unwrap(), edge.root());
    let (checkpoint, note) = log.publish().unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (size, edge.root()));
    assert_eq!(ledger::Checkpoint::open(&note, &log.verifier()).unwrap(), checkpoint);
    for index in [0, size / 3, size - 1] {
        let path = inclusion(log, index, size).unwrap();
        verify_inclusion(Hash::of_leaf(&entry(index)), index, size, &path, checkpoint.root).unwrap();
    }
    let old = size / 2;
    let path = consistency(log, old, size).unwrap();
    verify_consistency(old, size, range_root(log, 0, old).unwrap(), checkpoint.root, &path).unwrap();
}

fn sound(directory: &Path, level: Level) {
    let mut seen = 0;
    let report = fsck(directory, &signer().verifier(), level, &mut |index, bytes, beside, covered| {
        assert_eq!(bytes, entry(index));
        assert_eq!(beside.unwrap(), index.to_be_bytes());
        assert!(covered);
        seen += 1;
    })
    .unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(seen, report.size);
}

#[test]
fn entries_survive_restarts_in_order() {
    let folder = TempDir::new().unwrap();
    let mut size = 0;
    for more in [1, 2, 255, 300, 1_000] {
        let log = open(folder.path());
        for (expected, landed) in (size..).zip(append(&log, size, size + more)) {
            assert_eq!(landed.unwrap().index, expected);
        }
        size += more;
        check(&log, size);
    }
    sound(folder.path(), Level::Quick);
    sound(folder.path(), Level::Full);
}

#[test]
fn full_segments_are_sealed_and_read_from_objects() {
    let folder = TempDir::new().unwrap();
    let size = 2 * SEGMENT_ENTRIES + 321;
    let log = open(folder.path());
    assert!(append(&log, 0, size).into_iter().all(|landed| landed.is_ok()));
    drop(log);
    let sealed = std::fs::read_dir(folder.path().join("objects/segments")).unwrap().count();
    assert_eq!(sealed, 2);
    let files = std::fs::read_dir(folder.path().join("wal")).unwrap().count();
    assert_eq!(files, 1, "sealed segments leave the write-ahead log");
    check(&open(folder.path()), size);
    sound(folder.path(), Level::Quick);
    sound(folder.path(), Level::Full);
}

/// A crash while a segment was being sealed: objects are there, the WAL file still is too.
#[test]
fn a_half_sealed_segment_is_finished() {
    let folder = TempDir::new().unwrap();
    let log = open(folder.path());
    append(&log, 0, SEGMENT_ENTRIES - 1);
    drop(log);
    let wal = folder.path().join("wal/00000000000000000000.wal");
    let log = open(folder.path());
    append(&log, SEGMENT_ENTRIES - 1, SEGMENT_ENTRIES + 1);
    drop(log);
    assert!(!wal.exists());
    std::fs::write(&wal, b"left over").unwrap();
    check(&open(folder.path()), SEGMENT_ENTRIES + 1);
    assert!(!wal.exists());
}

/// What a sealed segment holds is checked down to the last byte that anybody relies on.
#[test]
fn damage_in_sealed_segments_is_found() {
    use ledger::segment::Layout;
    let folder = TempDir::new().unwrap();
    let log = open(folder.path());
    append(&log, 0, SEGMENT_ENTRIES + 5);
    drop(log);
    let path = folder.path().join("objects/segments/0000000000");
    let whole = std::fs::read(&path).unwrap();
    let findings =
        |level| fsck(folder.path(), &signer().verifier(), level, &mut |_, _, _, _| {}).unwrap().findings;
    let with = |at: u64| {
        let mut bytes = whole.clone();
        bytes[at as usize] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    };
    // An entry, a leaf hash, an inner hash.
    with(Layout::entries() + 3);
    assert_eq!(findings(Level::Full)[0].entry, Some(0));
    with(Layout::leaf(700));
    assert_eq!(findings(Level::Full)[0].entry, Some(700));
    assert!(findings(Level::Quick).iter().any(|finding| finding.what.contains("was signed")));
    assert!(matches!(
        EmbeddedLog::open(LogConfig::new(folder.path().to_owned(), signer())).err(),
        Some(StoreError::Damaged { .. })
    ));
    with(Layout::level8(2) + 1);
    assert!(findings(Level::Quick)[0].what.contains("inner hash"));
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(findings(Level::Full), []);
    std::fs::remove_file(folder.path().join("objects/addenda/0000000000")).unwrap();
    assert!(findings(Level::Quick)[0].what.contains("kept beside"));
}

#[test]
fn two_processes_do_not_share_a_directory() {
    let folder = TempDir::new().unwrap();
    let first = DataDir::open(folder.path()).unwrap();
    let error = DataDir::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }));
    assert!(error.to_string().contains("stop it first"), "{error}");
    drop(first);
    DataDir::open(folder.path()).unwrap();
}

#[test]
fn another_logs_key_does_not_open_it() {
    let folder = TempDir::new().unwrap();
    let log = open(folder.path());
    append(&log, 0, 3);
    log.publish().unwrap();
    drop(log);
    let other = ledger::NoteSigner::from_seed(crate::ORIGIN, &[8; 32]).unwrap();
    assert!(EmbeddedLog::open(LogConfig::new(folder.path().to_owned(), other)).is_err());
}

/// The log's own thread drops it, and does not wait for itself: everybody is told.
#[test]
fn whoever_is_told_can_be_the_last_who_holds_the_log() {
    let folder = TempDir::new().unwrap();
    let (told, done) = std::sync::mpsc::channel();
    // Nobody lets go before all is queued.
    let gate = Arc::new(Barrier::new(2));
    let log = Arc::new(open(folder.path()));
    for n in 0..3 {
        let (held, told, gate) = (log.clone(), told.clone(), gate.clone());
        let done = move |landed: Result<Sequenced, AppendError>| {
            if n == 0 {
                gate.wait();
            }
            drop(held);
            told.send(landed.map(|landed| landed.index)).unwrap();
        };
        log.submit(crate::submission(n), Duration::ZERO, Box::new(done)).unwrap();
    }
    drop((log, told));
    gate.wait();
    assert_eq!(done.iter().collect::<Vec<_>>(), [Ok(0), Ok(1), Ok(2)]);
}

/// The log outlives a panic of whoever is told.
#[test]
fn a_panic_of_whoever_is_told_stops_nothing() {
    let folder = TempDir::new().unwrap();
    let log = open(folder.path());
    log.submit(crate::submission(0), Duration::ZERO, Box::new(|_| panic!("on purpose"))).unwrap();
    assert_eq!(crate::wait(log.append(crate::submission(1))).unwrap().index, 1);
    check(&log, 2);
}

/// Beyond its room it refuses, and has room again as soon as something is durable.
#[test]
fn there_is_room_for_so_many() {
    let folder = TempDir::new().unwrap();
    let log = open(folder.path());
    let (gate, held) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (first, there) = (gate.clone(), held.clone());
    // The first keeps the thread that writes, and has given back its room.
    let done = Box::new(move |_| {
        there.wait();
        first.wait();
    });
    log.submit(crate::submission(0), Duration::ZERO, done).unwrap();
    held.wait();
    let submit = || log.submit(crate::submission(1), Duration::ZERO, Box::new(|_| ()));
    for _ in 0..QUEUE_MAX {
        submit().unwrap();
    }
    assert_eq!(submit(), Err(AppendError::Overloaded));
    assert_eq!(submit(), Err(AppendError::Overloaded), "what was refused takes no room");
    gate.wait();
    while submit().is_err() {
        std::thread::yield_now();
    }
}

/// What is refused at once is said to whoever asks, and nobody is told of it; who was queued is told in any case.
#[test]
fn what_is_refused_at_once_is_told_once() {
    let folder = TempDir::new().unwrap();
    let log = open(folder.path());
    let (told, done) = std::sync::mpsc::channel();
    let submit = |submission| {
        let told = told.clone();
        log.submit(submission, Duration::from_millis(1), Box::new(move |landed| told.send(landed).unwrap()))
    };
    let long = Submission { entry: vec![0; 65_536], addendum: Vec::new() };
    assert_eq!(submit(long), Err(AppendError::TooLong(65_536)));
    assert_eq!(submit(crate::submission(0)), Ok(()));
    log.close();
    assert_eq!(submit(crate::submission(1)), Err(AppendError::Closed));
    drop(told);
    let told: Vec<_> = done.try_iter().map(|landed| landed.map(|landed| landed.index)).collect();
    assert_eq!(told, [Ok(0)]);
}

#[test]
fn too_long_an_entry_is_refused_and_the_log_goes_on() {
    let folder = TempDir::new().unwrap();
    let log = open(folder.path());
    let long = Submission { entry: vec![0; 65_536], addendum: Vec::new() };
    assert_eq!(crate::wait(log.append(long)), Err(AppendError::TooLong(65_536)));
    append(&log, 0, 1);
    check(&log, 1);
}
