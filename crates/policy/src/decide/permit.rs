//! A yes: by which instruments, and what is held while it goes on. Only `decide` makes one.

use super::denial::Cited;
use super::trial::Tried;
use super::{Request, stricter};
use crate::rules::AsOf;
use contract::norm::Masking;
use contract::{Number, Recording};
use registry::{InstrumentId, Name};
use std::sync::Arc;

/// The proof that a request was permitted. Only [`decide`] makes one; forwarding consumes it.
#[derive(Debug)]
pub struct Permit {
    pub(super) request: Arc<Request>,
    pub(super) as_of: AsOf,
    pub(super) contract: Applied,
    pub(super) above: Vec<Applied>,
    pub(super) recording: Recording,
    pub(super) tried: Vec<Tried>,
}

/// An instrument that permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Which.
    pub instrument: InstrumentId,
    /// In which version.
    pub version: u32,
    /// The compiled rule.
    pub bundle: [u8; 32],
    /// The clauses that permitted.
    pub clauses: Vec<Number>,
    /// The quotas it was counted against.
    pub counted: Vec<Number>,
    /// What is held while it goes on; none where there is no such.
    pub conditions: Option<Arc<Conditions>>,
}

/// What an instrument has held while a statement to a database goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// How long a transaction in which it happens may be open.
    pub longest: Option<Longest>,
    /// How many rows it may have.
    pub most: Option<Most>,
    /// How many rows may be got in a time.
    pub allowances: Vec<Allowance>,
    /// What is masked in the answer.
    pub masks: Vec<Masked>,
}

/// How many rows one statement may have, by which clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Most {
    /// So many.
    pub rows: u64,
    /// The clause.
    pub cited: Cited,
}

/// How many rows may be got in any period of a length, by which clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// So many.
    pub limit: u64,
    /// The length of the period, in milliseconds.
    pub window_ms: u64,
    /// Whether it promises to say when there is room again.
    pub puts_off: bool,
    /// The clause.
    pub cited: Cited,
}

/// What is masked in an answer, by which clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The resource whose fields are meant.
    pub resource: Name,
    /// What, and how.
    pub masking: Arc<Masking>,
    /// The clause.
    pub cited: Cited,
}

/// How long a transaction may be open, by which clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Longest {
    /// In milliseconds.
    pub ms: u64,
    /// The clause.
    pub cited: Cited,
}

impl Permit {
    /// What was permitted.
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }
    /// Under which state of the control ledger.
    pub fn as_of(&self) -> AsOf {
        self.as_of
    }
    /// By which contract.
    pub fn contract(&self) -> &Applied {
        &self.contract
    }
    /// Which charter and guardrails permitted it too.
    pub fn above(&self) -> &[Applied] {
        &self.above
    }
    /// When it must be on record.
    pub fn recording(&self) -> Recording {
        self.recording
    }

    /// What drafts on trial would have said.
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }

    pub(super) fn applied(&self) -> impl Iterator<Item = &Applied> {
        self.above.iter().chain([&self.contract])
    }

    /// Drafts that would have permitted it.
    pub(super) fn would_apply(&self) -> impl Iterator<Item = &Applied> {
        self.tried.iter().filter_map(|tried| tried.said.as_ref().ok())
    }

    fn conditions(&self) -> impl Iterator<Item = &Conditions> {
        self.applied().filter_map(|applied| applied.conditions.as_deref())
    }

    /// How long a transaction in which it happens may be open.
    pub fn longest(&self) -> Option<&Longest> {
        self.conditions().filter_map(|held| held.longest.as_ref()).min_by_key(|longest| longest.ms)
    }

    /// How many rows the statement may have that does it.
    pub fn most(&self) -> Option<&Most> {
        self.conditions().filter_map(|held| held.most.as_ref()).min_by_key(|most| most.rows)
    }

    /// How many rows may be got in a time.
    pub fn allowances(&self) -> impl Iterator<Item = &Allowance> {
        self.conditions().flat_map(|held| &held.allowances)
    }

    /// What is masked in the answer.
    pub fn masks(&self) -> impl Iterator<Item = &Masked> {
        self.conditions().flat_map(|held| &held.masks)
    }

    pub(super) fn counts(&self, instrument: InstrumentId, number: Number) -> bool {
        let of = |applied: &Applied| applied.instrument == instrument && applied.counted.contains(&number);
        self.applied().chain(self.would_apply()).any(of)
    }

    /// When several that belong together must be on record: as the strictest of them says.
    pub fn recording_of(permits: &[Self]) -> Recording {
        permits.iter().map(Self::recording).reduce(stricter).unwrap_or(Recording::Strict)
    }
}
