//! Proofs about policies, by an SMT solver that runs as a process (cvc5).
//!
//! In scope: finding the solver; questions about one instrument (can it err, is a clause dead, does a new
//! version only narrow, does it keep within guardrails) and about all instruments in force (can any
//! machine of a kind ever do this); the answer as a proof, a counterexample, or "unknown"; the scripts
//! that were run, and their digest.
//! Out of scope: what policies mean (`policy`), recording answers (`authority`), showing them.
//!
//! A counterexample is a request that was tried on the real decision before anybody sees it. `unknown`,
//! a timeout or a missing solver is never a proof.

mod clock;
pub mod compare;
mod domain;
pub mod examine;
pub mod fleet;
mod known;
mod query;
mod scene;
pub mod solver;
pub mod version;

pub use compare::{Difference, compare};
pub use examine::{Examination, Finding, Question, examine};
pub use fleet::{Ask, Ruling, ask};
pub use solver::{Solver, SolverError};
pub use version::Version;

use sha2::{Digest, Sha256};
use std::fmt;

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<C> {
    /// Nothing was found by comparing clauses. That is no proof.
    NoneFound,
    /// It holds for every request there can be.
    Proven,
    /// It does not: here is a request.
    Refuted(C),
    /// Nobody knows, and why.
    Unknown(String),
}

impl<C> Answer<C> {
    /// As recorded.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoneFound => "none-found",
            Self::Proven => "proven",
            Self::Refuted(_) => "refuted",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// The scripts of a question, in the order they were run. What is kept is what is hashed: for each script
/// its length in bytes (8 bytes, big endian), then its bytes. Scripts are the same bytes on every machine.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Scripts(Vec<u8>);

impl Scripts {
    pub(crate) fn add(&mut self, script: &[u8]) {
        self.0.extend_from_slice(&(script.len() as u64).to_be_bytes());
        self.0.extend_from_slice(script);
    }

    /// These scripts, in this order.
    pub fn of<'s>(scripts: impl IntoIterator<Item = &'s [u8]>) -> Self {
        let mut all = Self::default();
        scripts.into_iter().for_each(|script| all.add(script));
        all
    }

    /// SHA-256 of [`Self::as_bytes`].
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// The scripts, each with its length before it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether no solver was asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The single scripts in what [`Self::as_bytes`] gave; none if it is anything else.
    pub fn split(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk::<8>()?;
            let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
            let (script, rest) = rest.split_at_checked(length)?;
            found.push(script);
            bytes = rest;
        }
        Some(found)
    }
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scripts({} bytes, ", self.0.len())?;
        self.digest().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::Scripts;

    #[test]
    fn scripts_are_what_their_digest_is_over() {
        let mut scripts = Scripts::default();
        scripts.add(b"(check-sat)\n");
        scripts.add(b"");
        scripts.add(b"other");
        let single: Vec<&[u8]> = vec![b"(check-sat)\n", b"", b"other"];
        assert_eq!(Scripts::split(scripts.as_bytes()), Some(single));
        assert_eq!(Scripts::split(b"\0\0\0\0\0\0\0\x09short"), None);
        assert_eq!(Scripts::split(b"junk"), None);
    }
}
