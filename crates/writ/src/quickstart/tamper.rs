//! A copy of a ledger with one byte of one entry changed, as somebody would who wants to hide something.

use anyhow::Context as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Copies the ledger and the documents, changes one byte of a control entry, and says of which.
pub(super) fn copy_with_one_byte_changed(data: &Path) -> anyhow::Result<(PathBuf, u64)> {
    let copy = data.with_extension("tampered");
    copy_tree(&data.join("ledger"), &copy.join("ledger"))?;
    copy_tree(&data.join("objects"), &copy.join("objects"))?;
    let wal = copy.join("ledger/control/wal/00000000000000000000.wal");
    let mut bytes = fs::read(&wal)?;
    let (mut at, mut target) = (0, None);
    // The first registered party: its name in law is about to become another one.
    while let ledger::frame::Found::Frame(frame) = ledger::frame::read(bytes.get(at..).unwrap_or_default()) {
        for (entry, item) in (frame.first..).zip(&frame.items) {
            let range = at + item.entry_at..at + item.entry_at + item.entry_length;
            let name = bytes.get(range.clone()).and_then(|e| e.windows(10).position(|w| w == b"North Bank"));
            if let (None, Some(offset)) = (target, name) {
                target = Some((entry, range.start + offset));
            }
        }
        at += frame.length;
    }
    let (entry, place) = target.context("no entry to change")?;
    if let Some(byte) = bytes.get_mut(place) {
        *byte = b'S';
    }
    fs::write(&wal, bytes)?;
    Ok((copy, entry))
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for item in fs::read_dir(from)? {
        let item = item?;
        let target = to.join(item.file_name());
        if item.file_type()?.is_dir() {
            copy_tree(&item.path(), &target)?;
        } else {
            fs::copy(item.path(), target)?;
        }
    }
    Ok(())
}
