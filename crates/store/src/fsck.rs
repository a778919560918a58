//! Checks a log's directory without opening it for writing: nothing is repaired, nothing is trusted
//! but the log's public key. Every entry is hashed again; damage is named by entry.

use crate::directory::{Directory, read_optional};
use crate::log::{directory_object, pile_path, segment_path, wal_path};
use ledger::frame::{self, Found};
use ledger::segment::{Pile, SEGMENT_ENTRIES, Segment};
use ledger::tree::fold_complete;
use ledger::{Checkpoint, Edge, Hash, StoreError, VerifierKey};
use std::path::Path;

/// How deep to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The checkpoint's signature, the stored hashes of sealed segments, and all of the open segment.
    Quick,
    /// Every entry, hashed again up to the root.
    Full,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The newest signed checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// Entries read.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// What is wrong; empty when the log is sound.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The entry it concerns, where one can be named.
    pub entry: Option<u64>,
    /// What it is, in words.
    pub what: String,
}

/// Who is given every entry: its index, its bytes, what is kept beside it, and whether a checkpoint
/// covers it.
pub type Visit<'v> = &'v mut dyn FnMut(u64, &[u8], Option<&[u8]>, bool);

/// Checks the log in `directory` against `key`; `visit` sees every entry that is read whole, in order.
/// What no checkpoint covers is read too, but nothing vouches for it.
pub fn fsck(
    directory: &Path,
    key: &VerifierKey,
    level: Level,
    visit: Visit<'_>,
) -> Result<Report, StoreError> {
    let mut check = Check { edge: Edge::default(), checkpoint: None, findings: Vec::new(), visit };
    check.read_checkpoint(directory, key)?;
    let store = Directory::open_existing(directory)?;
    let mut segment = 0;
    while let Some(bytes) = directory_object(&store, &segment_path(segment))? {
        let pile = directory_object(&store, &pile_path(segment))?;
        if pile.is_none() {
            check.find(
                Some(segment * SEGMENT_ENTRIES),
                "what is kept beside the entries of this segment is gone",
            );
        }
        check.segment(segment, &bytes, pile.as_deref(), level);
        segment += 1;
    }
    while let Some(bytes) = read_optional(&wal_path(&directory.join("wal"), segment * SEGMENT_ENTRIES))? {
        let before = check.edge.size();
        check.wal(&bytes);
        if check.edge.size() - before < SEGMENT_ENTRIES {
            break;
        }
        segment += 1;
    }
    Ok(check.finish())
}

struct Check<'v> {
    edge: Edge,
    checkpoint: Option<Checkpoint>,
    findings: Vec<Finding>,
    visit: Visit<'v>,
}

impl Check<'_> {
    fn find(&mut self, entry: Option<u64>, what: impl Into<String>) {
        self.findings.push(Finding { entry, what: what.into() });
    }

    fn read_checkpoint(&mut self, directory: &Path, key: &VerifierKey) -> Result<(), StoreError> {
        match read_optional(&directory.join("heads/checkpoint"))? {
            None => self.find(None, "there is no signed checkpoint"),
            Some(bytes) => match Checkpoint::open(&String::from_utf8_lossy(&bytes), key) {
                Ok(checkpoint) => self.checkpoint = Some(checkpoint),
                Err(error) => self.find(None, format!("the checkpoint is not acceptable: {error}")),
            },
        }
        Ok(())
    }

    fn segment(&mut self, number: u64, bytes: &[u8], pile: Option<&[u8]>, level: Level) {
        let segment = match Segment::decode(&segment_path(number), bytes) {
            Ok(segment) if segment.first == number * SEGMENT_ENTRIES => segment,
            Ok(_) => {
                return self
                    .find(Some(number * SEGMENT_ENTRIES), "the segment names another place in the log");
            }
            Err(error) => return self.find(Some(number * SEGMENT_ENTRIES), error.to_string()),
        };
        for ((index, entry), stored) in (segment.first..).zip(&segment.entries).zip(&segment.leaves) {
            let leaf = match level {
                Level::Quick => *stored,
                Level::Full => Hash::of_leaf(entry),
            };
            if leaf != *stored {
                self.find(Some(index), "the entry does not hash to the leaf stored with it");
            }
            let addendum = pile.and_then(|pile| Pile::blob(pile, index - segment.first));
            self.visit(index, entry, addendum.filter(|addendum| !addendum.is_empty()));
            self.append(leaf);
        }
        for (tile, stored) in segment.leaves.chunks(256).zip(&segment.level8) {
            if fold_complete(tile) != *stored {
                self.find(None, format!("a stored inner hash of segment {number} is not that of its leaves"));
            }
        }
    }

    fn visit(&mut self, index: u64, entry: &[u8], addendum: Option<&[u8]>) {
        let covered = self.checkpoint.as_ref().is_some_and(|checkpoint| index < checkpoint.size);
        (self.visit)(index, entry, addendum, covered);
    }

    fn wal(&mut self, bytes: &[u8]) {
        let (mut at, mut previous) = (0, [0; 32]);
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let frame = match frame::read(rest) {
                Found::End if rest.iter().all(|byte| *byte == 0) => return,
                Found::End => return self.find(Some(self.edge.size()), "bytes follow the end of the log"),
                Found::Frame(frame) => frame,
                Found::Broken { intact, reason } => {
                    let signed = self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
                    let torn =
                        self.edge.size() >= signed && !frame::any_frame_in(rest.get(1..).unwrap_or_default());
                    let entry = self.edge.size() + intact;
                    let kind = if torn { "an unfinished or damaged last write" } else { "damage" };
                    return self.find(Some(entry), format!("{kind}: {reason}"));
                }
            };
            if frame.first != self.edge.size() || frame.previous != previous {
                return self.find(Some(frame.first), "the batch does not continue the one before it");
            }
            for (index, item) in (frame.first..).zip(&frame.items) {
                let end = item.entry_at + item.entry_length;
                let entry = rest.get(item.entry_at..end).unwrap_or_default();
                let addendum = rest.get(end..end + item.addendum_length);
                self.visit(index, entry, addendum.filter(|addendum| !addendum.is_empty()));
                self.append(Hash::of_leaf(entry));
            }
            if self.edge.root() != frame.root {
                let last = self.edge.size().saturating_sub(1);
                self.find(
                    Some(frame.first),
                    format!(
                        "the entries {} to {last} do not lead to the root recorded with them",
                        frame.first
                    ),
                );
            }
            previous = frame.digest;
            at += frame.length;
        }
    }

    fn append(&mut self, leaf: Hash) {
        self.edge.append(leaf);
        if let Some(checkpoint) = &self.checkpoint
            && checkpoint.size == self.edge.size()
            && checkpoint.root != self.edge.root()
        {
            let what = format!(
                "the first {} entries lead to root {}, but {} was signed",
                checkpoint.size,
                self.edge.root(),
                checkpoint.root
            );
            self.findings.push(Finding { entry: None, what });
        }
    }

    fn finish(mut self) -> Report {
        if let Some(checkpoint) = &self.checkpoint
            && checkpoint.size > self.edge.size()
        {
            let what = format!(
                "a checkpoint over {} entries was signed, but only {} can be read",
                checkpoint.size,
                self.edge.size()
            );
            self.findings.push(Finding { entry: None, what });
        }
        Report {
            checkpoint: self.checkpoint,
            size: self.edge.size(),
            root: self.edge.root(),
            findings: self.findings,
        }
    }
}
