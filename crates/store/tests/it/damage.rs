//! Torn tails are repaired; anything else that does not fit is refused and named.

use crate::{append, entry, open, signer};
use ledger::{Append as _, ReadLog as _, StoreError};
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
            if at >= pair[1] - 32 {
                // The tag: only the log itself can tell.
                continue;
            }
            let report =
                fsck(folder.path(), &signer().verifier(), Level::Full, &mut |_, _, _, _| {}).unwrap();
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
        previous = frame::encode(&[0; 32], n, &previous, &edge.root(), &batch, &mut bytes);
    }
    std::fs::write(folder.path().join(WAL), bytes).unwrap();
    let report = fsck(folder.path(), &signer().verifier(), Level::Full, &mut |_, _, _, _| {}).unwrap();
    assert!(report.findings.iter().any(|finding| finding.what.contains("but")), "{:?}", report.findings);
    let error = reopen(folder.path()).err().unwrap().to_string();
    assert!(error.contains("was not written by this log"), "{error}");
}

/// Frames that somebody else appended are read by nobody: not proven, and never signed.
#[test]
fn an_appended_frame_is_neither_proven_nor_adopted() {
    use ledger::{Edge, Hash, Submission, frame};
    let folder = log_of_nine(9);
    let starts = frames(folder.path());
    let mut edge = Edge::default();
    (0..9).for_each(|n| edge.append(Hash::of_leaf(&entry(n))));
    let path = with_wal(folder.path(), |bytes| {
        let frame::Found::Frame(last) = frame::read(&bytes[starts[8]..]) else { panic!("no last frame") };
        edge.append(Hash::of_leaf(b"forged"));
        let batch = [Submission { entry: b"forged".to_vec(), addendum: Vec::new() }];
        let mut forged = Vec::new();
        frame::encode(&[0; 32], 9, &last.digest, &edge.root(), &batch, &mut forged);
        bytes[starts[9]..starts[9] + forged.len()].copy_from_slice(&forged);
    });
    let mut covered = 0;
    let report =
        fsck(folder.path(), &signer().verifier(), Level::Full, &mut |_, _, _, c| covered += u64::from(c))
            .unwrap();
    assert_eq!((report.size, covered), (10, 9));
    let before = std::fs::read(&path).unwrap();
    let error = reopen(folder.path()).err().unwrap().to_string();
    assert!(error.contains("the batch at entry 9 was not written by this log"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before, "and nothing is repaired away");
}

#[test]
fn a_lost_checkpoint_is_not_replaced() {
    let folder = log_of_nine(9);
    std::fs::remove_file(folder.path().join("heads/checkpoint")).unwrap();
    let error = reopen(folder.path()).err().unwrap().to_string();
    assert!(error.contains("its checkpoint is gone"), "{error}");
}

#[test]
fn a_batch_written_whole_and_then_damaged_is_not_a_torn_tail() {
    let folder = log_of_nine(3);
    let starts = frames(folder.path());
    with_wal(folder.path(), |bytes| bytes[starts[8] + 100] ^= 1);
    let error = reopen(folder.path()).err().unwrap().to_string();
    assert!(error.contains("written whole"), "{error}");
    with_wal(folder.path(), |bytes| {
        bytes[starts[8] + 100] ^= 1;
        bytes[starts[7]..starts[7] + 84].fill(0);
    });
    let error = reopen(folder.path()).err().unwrap().to_string();
    assert!(error.contains("whole batches follow"), "{error}");
}

/// Two writers, or a copy put back while the log runs: it stops instead of signing a fork.
#[test]
fn a_checkpoint_changed_under_a_running_log_stops_it() {
    let folder = log_of_nine(9);
    let log = open(folder.path());
    let checkpoint = folder.path().join("heads/checkpoint");
    let note = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, [&note[..], b"x"].concat()).unwrap();
    let _ = append(&log, 9, 10);
    assert!(log.publish().is_err());
    assert!(log.failure().is_some());
}

#[test]
fn a_checkpoint_by_another_key_is_found() {
    let folder = log_of_nine(9);
    let other = ledger::NoteSigner::from_seed(crate::ORIGIN, &[1; 32]).unwrap().verifier();
    let report = fsck(folder.path(), &other, Level::Full, &mut |_, _, _, _| {}).unwrap();
    assert!(report.findings[0].what.contains("the checkpoint is not acceptable"));
}
