//! Torn tails are repaired; anything else that does not fit is refused and named.

use crate::{append, entry, open, signer};
use ledger::{ReadLog as _, StoreError};
use std::path::{Path, PathBuf};
use store::{EmbeddedLog, Level, LogConfig, fsck};
use tempfile::TempDir;

const WAL: &str = "wal/00000000000000000000.wal";

/// A log of nine entries in at least three batches, of which `published` are under a checkpoint.
fn log_of_nine(published: u64) -> TempDir {
    let folder = TempDir::new().unwrap();
    let log = open(folder.path());
    for n in 0..9 {
        append(&log, n, n + 1);
        if n + 1 == published {
            log.publish().unwrap();
        }
    }
    let checkpoint = folder.path().join("heads/checkpoint");
    let early = std::fs::read(&checkpoint);
    drop(log);
    // Closing publishes everything; put the earlier checkpoint back.
    match early {
        Ok(early) => std::fs::write(&checkpoint, early).unwrap(),
        Err(_) => std::fs::remove_file(&checkpoint).unwrap(),
    }
    folder
}

/// Where each frame begins, and where the last one ends.
fn frames(folder: &Path) -> Vec<usize> {
    let bytes = std::fs::read(folder.join(WAL)).unwrap();
    let mut starts = vec![0];
    while let ledger::frame::Found::Frame(frame) = ledger::frame::read(&bytes[*starts.last().unwrap()..]) {
        starts.push(starts.last().unwrap() + frame.length);
    }
    starts
}

fn reopen(folder: &Path) -> Result<EmbeddedLog, StoreError> {
    EmbeddedLog::open(LogConfig::new(folder.to_owned(), signer()))
}

fn with_wal(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let path = folder.join(WAL);
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_tail_torn_anywhere_is_removed_and_nothing_else() {
    let template = log_of_nine(3);
    let starts = frames(template.path());
    let (last, end) = (starts[starts.len() - 2], starts[starts.len() - 1]);
    for cut in (last + 1..end).step_by(7) {
        let folder = log_of_nine(3);
        with_wal(folder.path(), |bytes| bytes[cut..].fill(0));
        let log = reopen(folder.path()).unwrap();
        assert_eq!(log.size(), 8, "cut at {cut}");
        // The log goes on where it was cut.
        append(&log, 8, 12);
        drop(log);
        let log = reopen(folder.path()).unwrap();
        assert_eq!(log.size(), 12);
        for n in 0..12 {
            assert_eq!(log.entry(n).unwrap().unwrap(), entry(n));
        }
    }
}

#[test]
fn a_shortened_file_is_a_torn_tail_only_beyond_what_was_signed() {
    let folder = log_of_nine(3);
    let starts = frames(folder.path());
    with_wal(folder.path(), |bytes| bytes.truncate(starts[5] + 10));
    assert_eq!(reopen(folder.path()).unwrap().size(), 5);

    let folder = log_of_nine(6);
    with_wal(folder.path(), |bytes| bytes.truncate(starts[5] + 10));
    let error = reopen(folder.path()).err().unwrap().to_string();
    assert!(error.contains("below the size already signed"), "{error}");
    with_wal(folder.path(), |bytes| bytes.truncate(starts[5]));
    let error = reopen(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::RolledBack { found: 5, published: 6, .. }), "{error}");
}

#[test]
fn damage_in_the_middle_is_refused_and_named() {
    let template = log_of_nine(9);
    let starts = frames(template.path());
    for (number, pair) in starts.windows(2).enumerate().take(8) {
        for at in (pair[0]..pair[1]).step_by(5) {
            let folder = log_of_nine(9);
            with_wal(folder.path(), |bytes| bytes[at] ^= 0x40);
            assert!(matches!(reopen(folder.path()).err(), Some(StoreError::Damaged { .. })), "byte {at}");
            let report = fsck(folder.path(), &signer().verifier(), Level::Full, &mut |_, _| {}).unwrap();
            let named = report.findings[0].entry;
            assert_eq!(named, Some(number as u64), "byte {at}: {:?}", report.findings);
        }
    }
}

/// Somebody who recomputes the frame's digests still cannot fit the signed root.
#[test]
fn a_rewritten_history_does_not_fit_the_checkpoint() {
    use ledger::{Edge, Hash, Submission, frame};
    let folder = log_of_nine(9);
    let mut bytes = Vec::new();
    let (mut edge, mut previous) = (Edge::default(), [0; 32]);
    for n in 0..9 {
        let text = if n == 4 { b"something else happened".to_vec() } else { entry(n) };
        edge.append(Hash::of_leaf(&text));
        let batch = [Submission { entry: text, addendum: Vec::new() }];
        previous = frame::encode(n, &previous, &edge.root(), &batch, &mut bytes);
    }
    std::fs::write(folder.path().join(WAL), bytes).unwrap();
    let report = fsck(folder.path(), &signer().verifier(), Level::Full, &mut |_, _| {}).unwrap();
    assert!(report.findings.iter().any(|finding| finding.what.contains("but")), "{:?}", report.findings);
    let error = reopen(folder.path()).err().unwrap().to_string();
    assert!(error.contains("differs from its checkpoint"), "{error}");
}

#[test]
fn a_checkpoint_by_another_key_is_found() {
    let folder = log_of_nine(9);
    let other = ledger::NoteSigner::from_seed(crate::ORIGIN, &[1; 32]).unwrap().verifier();
    let report = fsck(folder.path(), &other, Level::Full, &mut |_, _| {}).unwrap();
    assert!(report.findings[0].what.contains("the checkpoint is not acceptable"));
}
