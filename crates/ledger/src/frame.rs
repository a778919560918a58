//! The write-ahead log's frame: one batch of entries, written with one write and one flush.
//!
//! ```text
//! magic u32 | body length u32 | first index u64 | count u32 | previous frame's digest 32 | root after 32
//! body: count × (entry length u32 | entry CRC-32C u32 | addendum length u32 | entry | addendum)
//! digest 32 = SHA-256 of all of the above | tag 32 = SHA-256(key 32 | digest 32)
//! ```
//! Little-endian. The digest binds the frame to its predecessor; the per-entry CRC names the
//! damaged entry when the digest does not fit. The tag says that the log itself wrote the frame:
//! recovery adopts, and later signs, no frame that somebody else put there. Readers without the key
//! do not look at it: they trust only what a checkpoint covers.

use crate::{Hash, Submission};
use sha2::{Digest, Sha256};

const MAGIC: u32 = u32::from_le_bytes(*b"WRF1");
/// Bytes before the body.
pub const HEADER_BYTES: usize = 4 + 4 + 8 + 4 + 32 + 32;
/// Bytes after the body.
pub const TRAILER_BYTES: usize = 64;
/// The largest body: a batch is closed before it grows past this.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes before each entry in the body.
pub const ITEM_BYTES: usize = 12;

/// One frame, as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Index of the first entry.
    pub first: u64,
    /// The digest of the frame before it (zero for the first of a file).
    pub previous: [u8; 32],
    /// The log's root after this batch.
    pub root: Hash,
    /// Where each entry and addendum lies, as offsets from the frame's start.
    pub items: Vec<Item>,
    /// The digest of this frame.
    pub digest: [u8; 32],
    /// The tag over the digest.
    pub tag: [u8; 32],
    /// The frame's length in bytes.
    pub length: usize,
}

/// Where one entry and its addendum lie within a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Offset of the entry from the start of the frame.
    pub entry_at: usize,
    /// Its length.
    pub entry_length: usize,
    /// Length of the addendum, which follows the entry.
    pub addendum_length: usize,
}

/// Writes a frame.
pub fn encode(
    key: &[u8; 32],
    first: u64,
    previous: &[u8; 32],
    root: &Hash,
    batch: &[Submission],
    out: &mut Vec<u8>,
) -> [u8; 32] {
    let start = out.len();
    let body: usize = batch.iter().map(|s| ITEM_BYTES + s.entry.len() + s.addendum.len()).sum();
    out.reserve(HEADER_BYTES + body + TRAILER_BYTES);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&(body as u32).to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&(batch.len() as u32).to_le_bytes());
    out.extend_from_slice(previous);
    out.extend_from_slice(root.as_bytes());
    for submission in batch {
        out.extend_from_slice(&(submission.entry.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&submission.entry).to_le_bytes());
        out.extend_from_slice(&(submission.addendum.len() as u32).to_le_bytes());
        out.extend_from_slice(&submission.entry);
        out.extend_from_slice(&submission.addendum);
    }
    let digest: [u8; 32] = Sha256::digest(out.get(start..).unwrap_or_default()).into();
    out.extend_from_slice(&digest);
    out.extend_from_slice(&tag(key, &digest));
    digest
}

/// The tag of a frame. Both inputs have a fixed length, so the plain keyed hash is sound.
pub fn tag(key: &[u8; 32], digest: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(key).chain_update(digest).finalize().into()
}

/// How long the frame at the front of `bytes` says it is, if its header can be read.
pub fn extent(bytes: &[u8]) -> Option<usize> {
    Header::read(bytes).map(|header| HEADER_BYTES + header.body + TRAILER_BYTES)
}

/// What stands at the front of `bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Zeros or nothing: the log ends here.
    End,
    /// A whole frame whose digest fits.
    Frame(Frame),
    /// Something that is not a whole frame: a torn write, or damage.
    Broken {
        /// How many whole entries of the frame come before the first that does not fit. Its index in
        /// the log is that of the frame's first entry, which only the reader knows for sure.
        intact: u64,
        /// What was found.
        reason: &'static str,
    },
}

/// Reads the frame at the front of `bytes`.
pub fn read(bytes: &[u8]) -> Found {
    let Some(header) = Header::read(bytes) else {
        return if bytes.iter().take(HEADER_BYTES).all(|b| *b == 0) {
            Found::End
        } else {
            Found::Broken { intact: 0, reason: "no frame header where one must be" }
        };
    };
    let end = HEADER_BYTES + header.body;
    let (Some(covered), Some(trailer)) = (bytes.get(..end), bytes.get(end..end + TRAILER_BYTES)) else {
        return Found::Broken { intact: 0, reason: "the frame is cut short" };
    };
    let digest: [u8; 32] = Sha256::digest(covered).into();
    let (written, rest) =
        trailer.split_first_chunk::<32>().map_or(([0; 32], trailer), |(d, rest)| (*d, rest));
    let (items, damaged) = header.items(covered);
    if written != digest || damaged.is_some() || items.len() != header.count as usize {
        return Found::Broken {
            intact: damaged.unwrap_or(0),
            reason: "the frame's digest does not fit its bytes",
        };
    }
    Found::Frame(Frame {
        first: header.first,
        previous: header.previous,
        root: header.root,
        items,
        digest,
        tag: rest.try_into().unwrap_or_default(),
        length: end + TRAILER_BYTES,
    })
}

struct Header {
    body: usize,
    first: u64,
    count: u32,
    previous: [u8; 32],
    root: Hash,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (body, rest) = rest.split_first_chunk::<4>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (previous, rest) = rest.split_first_chunk::<32>()?;
        let (root, _) = rest.split_first_chunk::<32>()?;
        let header = Self {
            body: u32::from_le_bytes(*body) as usize,
            first: u64::from_le_bytes(*first),
            count: u32::from_le_bytes(*count),
            previous: *previous,
            root: Hash(*root),
        };
        (u32::from_le_bytes(*magic) == MAGIC && header.body <= BODY_BYTES_MAX && header.count > 0)
            .then_some(header)
    }

    /// The items of the body, and the number of the first whose CRC does not fit.
    fn items(&self, frame: &[u8]) -> (Vec<Item>, Option<u64>) {
        let mut items = Vec::new();
        let mut at = HEADER_BYTES;
        for number in 0..u64::from(self.count) {
            let Some((entry_length, crc, addendum_length)) = read_item(frame, at) else {
                return (items, Some(number));
            };
            let item = Item { entry_at: at + ITEM_BYTES, entry_length, addendum_length };
            match frame.get(item.entry_at..item.entry_at.saturating_add(entry_length)) {
                Some(entry) if crc32c::crc32c(entry) == crc => items.push(item),
                _ => return (items, Some(number)),
            }
            at = item.entry_at + entry_length + addendum_length;
        }
        let whole = at == frame.len();
        let end = u64::from(self.count) - 1;
        (items, if whole { None } else { Some(end) })
    }
}

fn read_item(frame: &[u8], at: usize) -> Option<(usize, u32, usize)> {
    let (length, rest) = frame.get(at..)?.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (addendum, _) = rest.split_first_chunk::<4>()?;
    Some((
        u32::from_le_bytes(*length) as usize,
        u32::from_le_bytes(*crc),
        u32::from_le_bytes(*addendum) as usize,
    ))
}

/// Whether a later whole frame follows somewhere in `bytes`: then what came before it was damage,
/// not the torn tail of the last write.
pub fn any_frame_in(bytes: &[u8]) -> bool {
    let magic = MAGIC.to_le_bytes();
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| rest.windows(4).position(|w| w == magic)) {
        let rest = bytes.get(from + at..).unwrap_or_default();
        if matches!(read(rest), Found::Frame(_)) {
            return true;
        }
        from += at + 1;
    }
    false
}
