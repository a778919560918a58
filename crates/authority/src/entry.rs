//! What an entry of the control ledger says. A leaf has room for 65,535 bytes; what one command caused can be
//! more, and then the leaf names by its digest a body that lies among the objects. Everybody who reads the
//! control ledger reads it here, so that nobody overlooks what is kept apart.

use crate::SubmitError;
use contract::canonical::{digest_bytes, hex};
use ledger::entry::{decode_canonical, encode_body};
use ledger::{Entry, EntryError, StoreError};
use registry::event::EVENT;
use registry::{Apart, Millis, Recorded, Refusal, RefusalKind};

/// The kind of those that name one which is kept apart: an [`Apart`].
pub const APART: &str = "registry/apart";
/// The longest body that is kept apart.
pub const APART_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Gives the bytes of an object.
pub type Bodies<'a> = &'a dyn Fn(&str) -> Result<Option<Vec<u8>>, StoreError>;

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EntryUnreadable {
    /// The body is not the one the entry names.
    #[error("its body `{0}` is not the one that was recorded: restore it from a copy of the data directory")]
    Changed(String),
    /// The leaf is not what this version can read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Something another version wrote.
    #[error("its kind `{0}` is not known here: use the version of Writ that wrote it")]
    Kind(String),
    /// The body is not there.
    #[error("its body `{0}` is missing: restore it from a copy of the data directory")]
    Missing(String),
    /// The body cannot be had.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads leaf bytes, and the body they name if it is kept apart.
pub fn read(bytes: &[u8], bodies: Bodies<'_>) -> Result<(Recorded, Millis), EntryUnreadable> {
    let entry = Entry::decode(bytes)?;
    let recorded = match entry.kind.as_str() {
        EVENT => decode_canonical(&entry.body)?,
        APART => follow(&decode_canonical(&entry.body)?, bodies)?,
        other => return Err(EntryUnreadable::Kind(other.to_owned())),
    };
    Ok((recorded, entry.time_ms))
}

fn follow(apart: &Apart, bodies: Bodies<'_>) -> Result<Recorded, EntryUnreadable> {
    let path = path(&apart.digest);
    let Some(body) = bodies(&path)? else { return Err(EntryUnreadable::Missing(path)) };
    // The digest alone decides; length and count say in the leaf what an auditor wants to know without the body.
    if digest_bytes(&body) != apart.digest || body.len() as u64 != apart.bytes {
        return Err(EntryUnreadable::Changed(path));
    }
    let recorded: Recorded = decode_canonical(&body)?;
    if recorded.events.len() as u64 != apart.events {
        return Err(EntryUnreadable::Changed(path));
    }
    Ok(recorded)
}

/// Where a body that is kept apart lies among the objects.
pub fn path(digest: &[u8; 32]) -> String {
    format!("bodies/{}", hex(digest))
}

/// An entry ready to be appended.
pub(crate) struct Encoded {
    /// The leaf bytes.
    pub(crate) entry: Vec<u8>,
    /// The body, and where it must lie before the entry is appended.
    pub(crate) body: Option<(String, Vec<u8>)>,
}

/// Encodes what a command caused: into the leaf, or beside it when it is too long.
pub(crate) fn encode(recorded: &Recorded, time_ms: Millis) -> Result<Encoded, SubmitError> {
    let internal = |error: EntryError| SubmitError::Internal(error.to_string());
    let entry = |kind: &str, body| Entry { kind: kind.to_owned(), time_ms, key: Vec::new(), body }.encode();
    let body = encode_body(recorded).map_err(internal)?;
    match entry(EVENT, body.clone()) {
        Ok(entry) => Ok(Encoded { entry, body: None }),
        Err(EntryError::TooLong(_)) if body.len() <= APART_BYTES_MAX => {
            let (digest, bytes) = (digest_bytes(&body), body.len() as u64);
            let apart = Apart { digest, bytes, events: recorded.events.len() as u64 };
            let entry = entry(APART, encode_body(&apart).map_err(internal)?).map_err(internal)?;
            Ok(Encoded { entry, body: Some((path(&digest), body)) })
        }
        Err(EntryError::TooLong(_)) => Err(SubmitError::Refused(Refusal {
            kind: RefusalKind::Invalid,
            reason: format!(
                "this makes {} bytes at once; at most {APART_BYTES_MAX} are one entry",
                body.len()
            ),
            help: "describe it in fewer or shorter rows and documents".into(),
        })),
        Err(error @ (EntryError::Malformed(_) | EntryError::NotCanonical)) => Err(internal(error)),
    }
}

/// How much room an entry takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Bytes: of the leaf, or of the body that is kept apart.
    pub bytes: usize,
    /// Whether the body is kept apart.
    pub apart: bool,
}

/// How much room what a command would cause takes, or that it is too much for one entry.
pub fn weigh(recorded: &Recorded) -> Result<Weight, SubmitError> {
    let encoded = encode(recorded, Millis::MAX)?;
    Ok(match encoded.body {
        None => Weight { bytes: encoded.entry.len(), apart: false },
        Some((_, body)) => Weight { bytes: body.len(), apart: true },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry::{Actor, Event};
    use std::collections::HashMap;

    fn recorded(events: usize) -> Recorded {
        let event = |n: usize| Event::SecretSealed { name: format!("secret-{n}").parse().unwrap() };
        Recorded { actor: Actor::Operator, events: (0..events).map(event).collect() }
    }

    #[test]
    fn what_fits_is_in_the_leaf_and_what_does_not_is_named_by_it() {
        let none: Bodies<'_> = &|_| Ok(None);
        let small = encode(&recorded(2), 7).unwrap();
        assert!(small.body.is_none() && !weigh(&recorded(2)).unwrap().apart);
        assert_eq!(read(&small.entry, none).unwrap(), (recorded(2), 7));

        let large = recorded(10_000);
        let encoded = encode(&large, 7).unwrap();
        let (path, body) = encoded.body.unwrap();
        assert!(encoded.entry.len() < 200);
        assert_eq!(weigh(&large).unwrap(), Weight { bytes: body.len(), apart: true });
        let mut store: HashMap<String, Vec<u8>> = HashMap::from([(path.clone(), body)]);
        let get = |store: &HashMap<String, Vec<u8>>, path: &str| Ok(store.get(path).cloned());
        assert_eq!(read(&encoded.entry, &|path| get(&store, path)).unwrap(), (large, 7));
        assert!(matches!(read(&encoded.entry, none), Err(EntryUnreadable::Missing(_))));
        *store.get_mut(&path).unwrap().last_mut().unwrap() ^= 1;
        let changed = read(&encoded.entry, &|path| get(&store, path));
        assert!(matches!(changed, Err(EntryUnreadable::Changed(_))));
    }

    #[test]
    fn an_entry_of_another_kind_is_not_passed_over() {
        let entry = Entry { kind: "registry/later".into(), time_ms: 1, key: Vec::new(), body: Vec::new() };
        let read = read(&entry.encode().unwrap(), &|_| Ok(None));
        assert!(matches!(read, Err(EntryUnreadable::Kind(kind)) if kind == "registry/later"));
    }
}
