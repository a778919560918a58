//! The frame of a message: a tag, a length that counts itself, a body.

use super::Malformed;

/// Bytes before the body.
pub const HEADER_BYTES: usize = 5;
/// The longest message, with its length and without its tag (PostgreSQL's `MaxAllocSize`).
pub const MESSAGE_BYTES_MAX: usize = 0x3fff_ffff;

/// A tag and how long the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What kind of message follows.
    pub tag: u8,
    /// Bytes of the body.
    pub body: usize,
}

impl Header {
    /// From the first bytes of a message; none when there are not enough yet.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some(([tag, length @ ..], _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
            return Err(Malformed("a message has an impossible length"));
        }
        Ok(Some(Self { tag: *tag, body: length - 4 }))
    }

    /// Bytes of the whole message.
    pub fn total(self) -> usize {
        HEADER_BYTES + self.body
    }
}

/// Appends a message whose body `write` appends.
pub fn message(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let at = out.len();
    out.extend([0; 4]);
    write(out);
    let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length);
    }
}

/// Appends a text and its end. A zero byte within cannot travel and is left out.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.push(0);
}
