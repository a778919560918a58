//! Proofs about policies, by an SMT solver that runs as a process (cvc5).
//!
//! In scope: finding the solver; questions about one instrument (can it err, is a clause dead, does a new
//! version only narrow, does it keep within guardrails) and about all instruments in force (can any
//! machine of a kind ever do this); the answer as a proof, a counterexample, or "unknown"; the digest of
//! the scripts that were run.
//! Out of scope: what policies mean (`policy`), recording answers (`authority`), showing them.
//!
//! A counterexample is a request that was tried on the real decision before anybody sees it. `unknown`,
//! a timeout or a missing solver is never a proof.

pub mod examine;
pub mod fleet;
mod query;
pub mod solver;

pub use examine::{Difference, Examination, Finding, Question, compare, examine};
pub use fleet::{Ask, Ruling, ask};
pub use solver::{Solver, SolverError};

use sha2::{Digest, Sha256};

/// The answer of a solver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<C> {
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
            Self::Proven => "proven",
            Self::Refuted(_) => "refuted",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The same answer about something else.
    pub fn map<D>(self, change: impl FnOnce(C) -> D) -> Answer<D> {
        match self {
            Self::Proven => Answer::Proven,
            Self::Refuted(case) => Answer::Refuted(change(case)),
            Self::Unknown(why) => Answer::Unknown(why),
        }
    }
}

/// SHA-256 over scripts in their order, each with its length. Scripts are the same bytes on every machine.
#[derive(Clone, Debug, Default)]
pub struct Scripts(Sha256);

impl Scripts {
    pub(crate) fn add(&mut self, script: &[u8]) {
        self.0.update((script.len() as u64).to_be_bytes());
        self.0.update(script);
    }

    /// The digest so far.
    pub fn digest(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }
}
