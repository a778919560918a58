//! C2SP tlog-checkpoint v1.0.0: the signed statement of a log's size and root.

use crate::note::{Note, NoteError, NoteSigner, VerifierKey};
use crate::tile::canonical_number;
use crate::{Edge, Hash};
use std::fmt;

/// What a log says of itself: origin, size, root. Extension lines are neither written nor accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's unique name; also the name of its key.
    pub origin: String,
    /// How many entries the log has.
    pub size: u64,
    /// The Merkle root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The checkpoint of `edge`.
    pub fn of(origin: &str, edge: &Edge) -> Self {
        Self { origin: origin.to_owned(), size: edge.size(), root: edge.root() }
    }

    /// Reads the text of a checkpoint (the part above the blank line of its note).
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if origin.is_empty() || lines.next().is_some() {
            return None;
        }
        Some(Self {
            origin: origin.to_owned(),
            size: canonical_number(size)?,
            root: Hash::from_base64(root)?,
        })
    }

    /// Signs the checkpoint with the log's key.
    pub fn sign(&self, signer: &NoteSigner) -> Result<Note, NoteError> {
        signer.sign(&self.to_string())
    }

    /// Opens a note that must be a checkpoint of the log `key` belongs to.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        let note = Note::parse(note)?;
        let checkpoint = Self::parse(note.verify(std::slice::from_ref(key))?)
            .ok_or(NoteError::Malformed("the text is not a checkpoint"))?;
        if checkpoint.origin == key.name() {
            Ok(checkpoint)
        } else {
            Err(NoteError::Malformed("the origin is not the name of the log's key"))
        }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}
