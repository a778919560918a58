//! Reading a log again after a stop or a crash: what was signed must be there and fit, a torn last
//! write is removed, and anything else that does not fit keeps the log from starting.

use super::{
    Live, Rows, Segment, Span, State, Writer, damaged, directory_object, pile_path, segment_path, signed,
    wal_path,
};
use crate::directory::{Directory, io_error};
use crate::disk::{Disk, WalFile};
use ledger::frame::{self, Found};
use ledger::segment::{self, Layout, SEGMENT_ENTRIES};
use ledger::tree::fold_complete;
use ledger::{Checkpoint, Edge, Hash, Heads as _, NoteSigner, Objects as _, StoreError};
use std::path::Path;
use std::sync::{Arc, RwLock};

/// The checkpoint of a log that has never had one. A log with entries and without a checkpoint has
/// lost it, and then nothing says what its entries must be.
pub(super) fn first_checkpoint(
    directory: &Directory,
    wal: &Path,
    signer: &NoteSigner,
) -> Result<(Checkpoint, String), StoreError> {
    let sealed = directory_object(directory, &segment_path(0))?.is_some();
    if sealed || wal_path(wal, 0).exists() {
        return Err(damaged(
            &wal.display().to_string(),
            "the log has entries but its checkpoint is gone: restore `heads/checkpoint` from a copy",
        ));
    }
    let checkpoint = Checkpoint::of(signer.verifier().name(), &Edge::default());
    let note = signed(&checkpoint, signer)?;
    directory.swap("checkpoint", None, note.as_bytes())?;
    Ok((checkpoint, note))
}

/// Reads everything the directory holds of the log, and checks it against what was signed.
pub(super) fn recover(
    directory: &Directory,
    wal: &Path,
    disk: &dyn Disk,
    published: &Checkpoint,
    frame_key: &[u8; 32],
) -> Result<(State, Writer), StoreError> {
    let mut segments = Vec::new();
    let mut recovery = Recovery { edge: Edge::default(), published, frame_key };
    while let Some(leaves) = sealed_leaves(directory, segments.len() as u64)? {
        let number = segments.len() as u64;
        let name = segment_path(number);
        for leaf in &leaves {
            recovery.append(&name, *leaf)?;
        }
        remove_leftover(directory, wal, number, &leaves)?;
        segments.push(Segment::Sealed(fold_complete(&leaves)));
    }
    let writer = loop {
        let first = segments.len() as u64 * SEGMENT_ENTRIES;
        let path = wal_path(wal, first);
        let file = disk.open(&path).map_err(|source| io_error("open", &path, source))?;
        let (rows, next) = recovery.file(&path, file.as_ref())?;
        let full = rows.leaves().len() as u64 == SEGMENT_ENTRIES;
        segments.push(Segment::Live(Arc::new(Live { file, rows: RwLock::new(rows) })));
        if !full {
            break next;
        }
    };
    let edge = recovery.edge;
    if published.size > edge.size() {
        return Err(StoreError::RolledBack {
            path: wal.display().to_string(),
            found: edge.size(),
            published: published.size,
        });
    }
    Ok((State { segments, edge, failed: None }, writer))
}

/// The leaf hashes of a sealed segment; `None` when there is none of this number.
fn sealed_leaves(directory: &Directory, number: u64) -> Result<Option<Vec<Hash>>, StoreError> {
    let path = segment_path(number);
    if !directory.has(&path)? {
        return Ok(None);
    }
    let bytes = directory.get_range(&path, Layout::leaf(0), 32 * SEGMENT_ENTRIES as usize)?;
    Ok(Some(bytes.chunks(32).filter_map(Hash::from_slice).collect()))
}

/// A crash between sealing a segment and removing it from the WAL leaves both. The WAL goes only
/// when the sealed entries are found to be what their hashes say.
fn remove_leftover(
    directory: &Directory,
    wal: &Path,
    number: u64,
    leaves: &[Hash],
) -> Result<(), StoreError> {
    let leftover = wal_path(wal, number * SEGMENT_ENTRIES);
    if !leftover.exists() {
        return Ok(());
    }
    let path = segment_path(number);
    let bytes = directory_object(directory, &path)?.unwrap_or_default();
    let segment = segment::Segment::decode(&path, &bytes)?;
    let sound = segment.first == number * SEGMENT_ENTRIES
        && directory.has(&pile_path(number))?
        && segment.entries.iter().zip(leaves).all(|(entry, leaf)| Hash::of_leaf(entry) == *leaf);
    if !sound {
        return Err(damaged(&path, "it does not hold what its hashes say; its WAL file is kept"));
    }
    std::fs::remove_file(&leftover).map_err(|source| io_error("remove", &leftover, source))
}

/// What is known of the log while it is read.
struct Recovery<'a> {
    edge: Edge,
    published: &'a Checkpoint,
    frame_key: &'a [u8; 32],
}

impl Recovery<'_> {
    fn append(&mut self, path: &str, leaf: Hash) -> Result<(), StoreError> {
        self.edge.append(leaf);
        if self.published.size == self.edge.size() && self.published.root != self.edge.root() {
            let reason = format!("the log differs from its checkpoint at size {}", self.edge.size());
            return Err(damaged(path, &reason));
        }
        Ok(())
    }

    /// Reads one file of the WAL to its end, removes a torn tail, and makes durable what was not
    /// known to be.
    fn file(&mut self, path: &Path, file: &dyn WalFile) -> Result<(Rows, Writer), StoreError> {
        let length = file.length().map_err(|source| io_error("read", path, source))?;
        let mut bytes = vec![0; length as usize];
        file.read_at(0, &mut bytes).map_err(|source| io_error("read", path, source))?;
        let name = path.display().to_string();
        let mut rows = Rows::default();
        let mut writer = Writer { at: 0, extended: length, previous: [0; 32] };
        // Where the first frame begins that no checkpoint covers.
        let mut unsigned = None;
        loop {
            let rest = bytes.get(writer.at as usize..).unwrap_or_default();
            let frame = match frame::read(rest) {
                Found::Frame(frame) => frame,
                Found::End if rest.iter().all(|byte| *byte == 0) => break,
                Found::End => {
                    self.torn(&name, rest, "bytes follow the end", 0)?;
                    erase(path, file, writer.at, rest.len())?;
                    break;
                }
                Found::Broken { intact, reason } => {
                    self.torn(&name, rest, reason, intact)?;
                    erase(path, file, writer.at, rest.len())?;
                    break;
                }
            };
            let first = frame.first;
            if first != self.edge.size() || frame.previous != writer.previous {
                return Err(damaged(
                    &name,
                    &format!("the batch at entry {first} does not continue the one before it"),
                ));
            }
            if frame.tag != frame::tag(self.frame_key, &frame.digest) && frame.tag.ends_with(&[0]) {
                self.torn(&name, rest, "a batch without the end of its tag", 0)?;
                erase(path, file, writer.at, rest.len())?;
                break;
            }
            if frame.tag != frame::tag(self.frame_key, &frame.digest) {
                return Err(damaged(
                    &name,
                    &format!("the batch at entry {first} was not written by this log"),
                ));
            }
            for item in &frame.items {
                let entry = rest.get(item.entry_at..item.entry_at + item.entry_length).unwrap_or_default();
                let leaf = Hash::of_leaf(entry);
                self.append(&name, leaf)?;
                let span = Span {
                    at: writer.at + item.entry_at as u64,
                    entry: item.entry_length as u32,
                    addendum: item.addendum_length as u32,
                };
                rows.push(leaf, span);
            }
            if frame.root != self.edge.root() {
                return Err(damaged(
                    &name,
                    &format!("the entries from {first} do not lead to the recorded root"),
                ));
            }
            if self.edge.size() > self.published.size && unsigned.is_none() {
                unsigned = Some(writer.at);
            }
            writer.at += frame.length as u64;
            writer.previous = frame.digest;
        }
        if let Some(from) = unsigned {
            // A process may have died between write and flush, or a flush may have failed: what is
            // in the page cache is not yet on the disk, and a read does not tell. Written again, flushed.
            let again = bytes.get(from as usize..writer.at as usize).unwrap_or_default();
            let written = file.write_at(from, again).and_then(|()| file.sync());
            written.map_err(|source| io_error("flush", path, source))?;
        }
        Ok((rows, writer))
    }

    /// Whether what does not read as a frame can be the last write of a process that died. If it
    /// can be anything else, it is damage, and the log does not start.
    fn torn(&self, name: &str, rest: &[u8], reason: &str, intact: u64) -> Result<(), StoreError> {
        let place = format!("{reason} at entry {}", self.edge.size() + intact);
        if frame::any_frame_in(rest.get(1..).unwrap_or_default()) {
            return Err(damaged(name, &format!("{place}, and whole batches follow it")));
        }
        if self.edge.size() < self.published.size {
            return Err(damaged(name, &format!("{place}, below the size already signed")));
        }
        let frame = frame::extent(rest).and_then(|extent| rest.get(..extent));
        let whole = |frame: &[u8]| {
            // A torn write lacks its end, or a sector inside it was never written.
            frame.last().is_some_and(|last| *last != 0)
                && !frame.chunks(SECTOR).any(|s| s.iter().all(|b| *b == 0))
        };
        if frame.is_some_and(whole) {
            return Err(damaged(name, &format!("{place}, though the batch was written whole")));
        }
        // Nobody was told of it.
        tracing::warn!(file = %name, %reason, "a torn write at the end of the log was removed");
        Ok(())
    }
}

/// What a disk writes at once.
const SECTOR: usize = 512;

fn erase(path: &Path, file: &dyn WalFile, at: u64, length: usize) -> Result<(), StoreError> {
    let erased = file.write_at(at, &vec![0; length]).and_then(|()| file.sync());
    erased.map_err(|source| io_error("repair", path, source))
}
