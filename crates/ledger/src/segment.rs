//! The sealed segment: 65,536 entries as one immutable object, from which tiles are served.
//!
//! ```text
//! "WRITSEG1" | first index u64 | count u32 | offsets (count+1)×u32 | leaf hashes count×32 | level-8 hashes | entries
//! ```
//! Little-endian. Hash rows are complete because a segment is full when it is sealed.
//! What entries need not keep forever (addenda) is a second object, a [`Pile`].

use crate::tree::fold_complete;
use crate::{Hash, StoreError};

/// Entries in a segment: 256 full tiles of level 0, one full tile of level 1.
pub const SEGMENT_ENTRIES: u64 = 65_536;
const MAGIC: &[u8; 8] = b"WRITSEG1";
const HEADER_BYTES: u64 = 8 + 8 + 4;

/// Writes the segment of `entries`, whose leaf hashes are `leaves`.
pub fn encode<T: AsRef<[u8]>>(first: u64, entries: &[T], leaves: &[Hash]) -> Vec<u8> {
    let mut out = Vec::with_capacity(Layout::entries() as usize + total(entries));
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    push_offsets(&mut out, entries);
    leaves.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
    for tile in leaves.chunks(256) {
        out.extend_from_slice(fold_complete(tile).as_bytes());
    }
    entries.iter().for_each(|entry| out.extend_from_slice(entry.as_ref()));
    out
}

/// Where things lie in a full segment.
pub struct Layout;

impl Layout {
    /// Offset of the pair of offsets of entry `n` of the segment (8 bytes).
    pub fn offsets_of(n: u64) -> u64 {
        HEADER_BYTES + 4 * n
    }
    /// Offset of the leaf hash of entry `n`.
    pub fn leaf(n: u64) -> u64 {
        HEADER_BYTES + 4 * (SEGMENT_ENTRIES + 1) + 32 * n
    }
    /// Offset of the level-8 hash `n` (0..256).
    pub fn level8(n: u64) -> u64 {
        Self::leaf(SEGMENT_ENTRIES) + 32 * n
    }
    /// Offset of the first entry.
    pub fn entries() -> u64 {
        Self::level8(SEGMENT_ENTRIES / 256)
    }
}

/// A whole segment in memory, for those who check everything.
pub struct Segment<'a> {
    /// Index of its first entry.
    pub first: u64,
    /// The entries.
    pub entries: Vec<&'a [u8]>,
    /// The leaf hashes as stored.
    pub leaves: Vec<Hash>,
    /// The level-8 hashes as stored.
    pub level8: Vec<Hash>,
}

impl<'a> Segment<'a> {
    /// Reads a segment. Does not compare hashes with entries: that is the caller's check.
    pub fn decode(path: &str, bytes: &'a [u8]) -> Result<Self, StoreError> {
        let damaged = |reason: &str| StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or_else(|| damaged("not a segment"))?;
        let (first, rest) = rest.split_first_chunk::<8>().ok_or_else(|| damaged("cut short"))?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or_else(|| damaged("cut short"))?;
        if u64::from(u32::from_le_bytes(*count)) != SEGMENT_ENTRIES {
            return Err(damaged("not a full segment"));
        }
        let count = SEGMENT_ENTRIES as usize;
        let (offsets, rest) = rest.split_at_checked(4 * (count + 1)).ok_or_else(|| damaged("cut short"))?;
        let (leaves, rest) = rest.split_at_checked(32 * count).ok_or_else(|| damaged("cut short"))?;
        let (level8, blob) = rest.split_at_checked(32 * (count / 256)).ok_or_else(|| damaged("cut short"))?;
        Ok(Self {
            first: u64::from_le_bytes(*first),
            entries: slices(offsets, blob).ok_or_else(|| damaged("the offsets do not fit"))?,
            leaves: leaves.chunks(32).filter_map(Hash::from_slice).collect(),
            level8: level8.chunks(32).filter_map(Hash::from_slice).collect(),
        })
    }
}

/// Blobs one after another behind their offsets (64 bits): the addenda of a segment.
pub struct Pile;

impl Pile {
    /// Writes a pile.
    pub fn encode<T: AsRef<[u8]>>(blobs: &[T]) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 * (blobs.len() + 1) + total(blobs));
        let mut at = 0u64;
        out.extend_from_slice(&at.to_le_bytes());
        for blob in blobs {
            at += blob.as_ref().len() as u64;
            out.extend_from_slice(&at.to_le_bytes());
        }
        blobs.iter().for_each(|blob| out.extend_from_slice(blob.as_ref()));
        out
    }
    /// Offset of the pair of offsets of blob `n` (16 bytes).
    pub fn offsets_of(n: u64) -> u64 {
        8 * n
    }
    /// Offset of the first blob in a pile of [`SEGMENT_ENTRIES`].
    pub fn blobs() -> u64 {
        8 * (SEGMENT_ENTRIES + 1)
    }
    /// Reads the pair of offsets that delimit a blob.
    pub fn read_span(pair: &[u8]) -> Option<(u64, u64)> {
        let (start, rest) = pair.split_first_chunk::<8>()?;
        let (end, _) = rest.split_first_chunk::<8>()?;
        let (start, end) = (u64::from_le_bytes(*start), u64::from_le_bytes(*end));
        (start <= end).then_some((start, end))
    }
    /// Blob `n` of a whole pile in memory.
    pub fn blob(pile: &[u8], n: u64) -> Option<&[u8]> {
        let at = usize::try_from(Self::offsets_of(n)).ok()?;
        let (start, end) = Self::read_span(pile.get(at..at + 16)?)?;
        let base = usize::try_from(Self::blobs()).ok()?;
        pile.get(base + usize::try_from(start).ok()?..base + usize::try_from(end).ok()?)
    }
}

/// Reads the pair of offsets that delimit an item.
pub fn read_span(pair: &[u8]) -> Option<(u32, u32)> {
    let (start, rest) = pair.split_first_chunk::<4>()?;
    let (end, _) = rest.split_first_chunk::<4>()?;
    let (start, end) = (u32::from_le_bytes(*start), u32::from_le_bytes(*end));
    (start <= end).then_some((start, end))
}

fn total<T: AsRef<[u8]>>(blobs: &[T]) -> usize {
    blobs.iter().map(|blob| blob.as_ref().len()).sum()
}

fn push_offsets<T: AsRef<[u8]>>(out: &mut Vec<u8>, blobs: &[T]) {
    let mut at = 0u32;
    out.extend_from_slice(&at.to_le_bytes());
    for blob in blobs {
        at = at.saturating_add(blob.as_ref().len() as u32);
        out.extend_from_slice(&at.to_le_bytes());
    }
}

fn slices<'a>(offsets: &[u8], blob: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let starts: Vec<usize> =
        offsets.chunks(4).filter_map(|c| c.try_into().ok()).map(|c| u32::from_le_bytes(c) as usize).collect();
    starts
        .windows(2)
        .map(|pair| match pair {
            [start, end] => blob.get(*start..*end),
            _ => None,
        })
        .collect()
}
