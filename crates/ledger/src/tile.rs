//! C2SP tlog-tiles v0.1.0: the paths of tiles and entry bundles, and the bundle encoding.
//! Out of scope: serving them over HTTP and storing them (tiles are served from segments).

use std::fmt;

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// The highest tile level the specification names.
pub const TILE_LEVEL_MAX: u8 = 63;

/// What a path under `tile/` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// Bundles of entries: `tile/entries/…`.
    Entries,
    /// Hashes of complete subtrees of `256^level` leaves: `tile/<level>/…`, level 0..=63.
    Hashes(u8),
}

/// The address of one tile: row, index in it, and how many items it holds (1..=256).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TilePath {
    /// Hashes of a level, or entries.
    pub row: Row,
    /// Place in the row.
    pub index: u64,
    /// 256 for a full tile; 1..=255 for a partial one.
    pub width: u16,
}

impl TilePath {
    /// Reads `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`. Only the canonical spelling is accepted.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (row, rest) = rest.split_once('/')?;
        let row = if row == "entries" {
            Row::Entries
        } else {
            Row::Hashes(canonical_number(row).filter(|level| *level <= TILE_LEVEL_MAX.into())? as u8)
        };
        let (digits, width) = match rest.split_once(".p/") {
            Some((digits, width)) => {
                (digits, canonical_number(width).filter(|w| (1..256).contains(w))? as u16)
            }
            None => (rest, 256),
        };
        let mut index = 0u64;
        let mut groups = digits.split('/').peekable();
        while let Some(group) = groups.next() {
            let group = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
            if group.len() != 3 || !group.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(group.parse().ok()?)?;
        }
        let parsed = Self { row, index, width };
        (parsed.to_string() == path).then_some(parsed)
    }

    /// The tiles and bundles a log of `size` entries has that a log of `from` entries had not, in
    /// the order level by level. Partial tiles are named for `size` only.
    pub fn between(from: u64, size: u64) -> Vec<Self> {
        let mut paths = Vec::new();
        let rows =
            std::iter::once((Row::Entries, 0u32)).chain((0..8u8).map(|l| (Row::Hashes(l), u32::from(l))));
        for (row, level) in rows {
            let (items, before) = (size >> (8 * level), from >> (8 * level));
            for index in (before / TILE_WIDTH)..(items / TILE_WIDTH) {
                paths.push(Self { row, index, width: 256 });
            }
            let partial = items % TILE_WIDTH;
            if partial != 0 {
                paths.push(Self { row, index: items / TILE_WIDTH, width: partial as u16 });
            }
        }
        paths
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Row::Entries => f.write_str("tile/entries/")?,
            Row::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let digits = self.index.to_string();
        let padded = "0".repeat((3 - digits.len() % 3) % 3) + &digits;
        let groups = padded.len() / 3;
        for (at, group) in padded.as_bytes().chunks(3).enumerate() {
            let separator = if at + 1 < groups { ("x", "/") } else { ("", "") };
            write!(f, "{}{}{}", separator.0, String::from_utf8_lossy(group), separator.1)?;
        }
        if self.width < 256 { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// A decimal number without sign and without leading zeros.
pub(crate) fn canonical_number(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    if canonical && !text.is_empty() { text.parse().ok() } else { None }
}

/// Writes an entry bundle: every entry behind its length, big-endian, 16 bits.
/// `None` when an entry is longer than 65,535 bytes.
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut bundle = Vec::new();
    for entry in entries {
        bundle.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Some(bundle)
}

/// Reads an entry bundle; `None` when it is cut short or holds more than 256 entries.
pub fn decode_bundle(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(entry);
        bundle = rest;
    }
    (entries.len() as u64 <= TILE_WIDTH).then_some(entries)
}
