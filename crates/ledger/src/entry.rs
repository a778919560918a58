//! The envelope of every ledger entry, in deterministic CBOR (RFC 8949 §4.2).
//! The body's meaning belongs to whoever wrote it; the bytes here are eternal:
//! fields may be added under new numbers, never renumbered or reused.

use minicbor::{Decode, Encode};

/// The longest encoded entry: tlog-tiles bundles carry a 16-bit length.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// One entry: what kind of body, when its writer says it was written, and the body.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    /// The kind of body, for example `registry/event` or `decision/verdict`.
    #[n(0)]
    pub kind: String,
    /// The writer's clock, milliseconds since 1970; never decreasing within a log; advisory.
    #[n(1)]
    pub time_ms: u64,
    /// Names the submission, so that a retry is recognised; may be empty.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub key: Vec<u8>,
    /// The body.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub body: Vec<u8>,
}

impl Entry {
    /// The leaf bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let bytes = encode_body(self)?;
        if bytes.len() <= ENTRY_BYTES_MAX { Ok(bytes) } else { Err(EntryError::TooLong(bytes.len())) }
    }

    /// Reads leaf bytes; anything but the one canonical spelling is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        decode_canonical(bytes)
    }
}

/// Most entries are shorter: their bytes are written without being moved.
const USUAL_BYTES: usize = 512;

/// Encodes the body of an entry.
pub fn encode_body<T: Encode<()>>(value: &T) -> Result<Vec<u8>, EntryError> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    minicbor::encode(value, &mut bytes).map_err(|_| EntryError::NotCanonical)?;
    Ok(bytes)
}

/// Decodes a CBOR value that must be spelled exactly as its encoder would spell it.
pub fn decode_canonical<T>(bytes: &[u8]) -> Result<T, EntryError>
where
    T: for<'b> Decode<'b, ()> + Encode<()>,
{
    let value: T = minicbor::decode(bytes).map_err(|error| EntryError::Malformed(error.to_string()))?;
    let again = minicbor::to_vec(&value).map_err(|_| EntryError::NotCanonical)?;
    if again == bytes { Ok(value) } else { Err(EntryError::NotCanonical) }
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not CBOR of the expected shape.
    #[error("not an entry: {0}")]
    Malformed(String),
    /// Well-formed, but not in the canonical spelling.
    #[error("the entry is not in deterministic encoding")]
    NotCanonical,
    /// Longer than [`ENTRY_BYTES_MAX`].
    #[error("the entry has {0} bytes; at most {ENTRY_BYTES_MAX} fit: keep long bodies beside the log")]
    TooLong(usize),
}
