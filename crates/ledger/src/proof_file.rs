//! C2SP tlog-proof v1: one file that proves, offline, that an entry is in a log.

use crate::note::{NoteError, VerifierKey};
use crate::proof::{ProofError, verify_inclusion};
use crate::tile::canonical_number;
use crate::{Checkpoint, Hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// An audit path has at most one hash per level of a tree of 2^63 leaves.
const PATH_LENGTH_MAX: usize = 63;

/// An inclusion proof with the checkpoint it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// What a reader needs besides, by itself not authenticated: for us the entry, or nothing.
    pub extra: Vec<u8>,
    /// The entry's index in the log.
    pub index: u64,
    /// The audit path from the leaf towards the root.
    pub path: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl ProofFile {
    /// Reads a `.tlog-proof` file.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        if lines.next()? != HEADER {
            return None;
        }
        let mut line = lines.next()?;
        let mut extra = Vec::new();
        if let Some(encoded) = line.strip_prefix("extra ") {
            extra = STANDARD.decode(encoded).ok().filter(|extra| !extra.is_empty())?;
            line = lines.next()?;
        }
        let index = canonical_number(line.strip_prefix("index ")?)?;
        let path = lines.map(Hash::from_base64).collect::<Option<Vec<_>>>()?;
        (path.len() <= PATH_LENGTH_MAX).then(|| Self {
            extra,
            index,
            path,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Checks that `entry` is in the log of `key`. Gives the checkpoint it was proven against.
    pub fn verify(&self, entry: &[u8], key: &VerifierKey) -> Result<Checkpoint, ProofFileError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        verify_inclusion(Hash::of_leaf(entry), self.index, checkpoint.size, &self.path, checkpoint.root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", STANDARD.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Why a proof file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// The checkpoint is not the log's.
    #[error("its checkpoint is not acceptable")]
    Checkpoint(#[from] NoteError),
    /// The path does not lead from the entry to the checkpoint's root.
    #[error("its audit path does not hold")]
    Path(#[from] ProofError),
}
