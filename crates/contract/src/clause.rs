//! Clauses: typed parameters, and what the compiler can hold anybody to.
//!
//! To add a kind: a variant of [`Kind`], then follow the compiler through `parse` (keys),
//! `words` (sentence), `canonical` (hashed form) and `policy::compile` (rule).

use crate::value::Span;
use registry::Name;
use std::fmt;
use std::ops::Range;

/// A clause of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Its number in the document.
    pub number: Number,
    /// What it says.
    pub kind: Kind,
    /// Where its block stands in the document, in bytes.
    pub span: Range<usize>,
}

/// `3.1`: the first clause under the third heading. `0.1` is the rule of reading every contract has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number {
    /// The heading's ordinal.
    pub section: u16,
    /// The clause's ordinal under it.
    pub item: u16,
}

impl Number {
    /// The rule of reading: what no clause permits is refused.
    pub const READING: Self = Self { section: 0, item: 1 };

    /// Reads `3.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (section, item) = text.split_once('.')?;
        let number = Self { section: section.parse().ok()?, item: item.parse().ok()? };
        (number.to_string() == text).then_some(number)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section, self.item)
    }
}

/// The kinds of clause and their parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The longest life of the certificate a machine presents.
    Credential {
        /// At most this long from issue to expiry.
        max_ttl: Span,
    },
    /// What the machines may do.
    Permit {
        /// Acts, as the service names them.
        actions: Vec<Name>,
        /// On which resources.
        resources: Vec<Name>,
        /// What for; words only.
        purposes: Vec<String>,
        /// When the act must be on record.
        recording: Recording,
    },
    /// What the machines shall not do, whatever else is permitted.
    Prohibit {
        /// Acts.
        actions: Vec<Name>,
        /// On which resources.
        resources: Vec<Name>,
    },
    /// How often each machine may act.
    Quota {
        /// Permitted calls at most.
        limit: u32,
        /// In any period of this length.
        window: Span,
        /// Which acts count; empty means all.
        actions: Vec<Name>,
        /// On which resources; empty means all.
        resources: Vec<Name>,
    },
    /// When the contract is in force.
    Term {
        /// From this instant (milliseconds since 1970).
        start_ms: u64,
        /// Until this one, exclusive.
        end_ms: u64,
    },
    /// Words between people.
    Words {
        /// The text.
        text: String,
    },
}

/// The most calls a quota can count: each is remembered exactly for the length of the window.
pub const QUOTA_LIMIT_MAX: u32 = 65_536;
/// The longest window of a quota.
pub const QUOTA_WINDOW_MAX_MS: u64 = 31 * 86_400_000;

impl Kind {
    /// As written in a clause block.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Credential { .. } => "credential",
            Self::Permit { .. } => "permit",
            Self::Prohibit { .. } => "prohibit",
            Self::Quota { .. } => "quota",
            Self::Term { .. } => "term",
            Self::Words { .. } => "words",
        }
    }

    /// What the compiler finds: authors cannot choose it.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Credential { .. }
            | Self::Permit { .. }
            | Self::Prohibit { .. }
            | Self::Quota { .. }
            | Self::Term { .. } => Mode::Enforced,
            Self::Words { .. } => Mode::Words,
        }
    }
}

/// How far a clause is held by the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The gateway holds it on every request.
    Enforced,
    /// It binds people, not machines.
    Words,
}

impl Mode {
    /// As printed beside the clause.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "ENFORCED",
            Self::Words => "WORDS",
        }
    }
}

/// When the record of an act must be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// Before the act takes effect (the default).
    Strict,
    /// At most this long after it was permitted.
    Within(Span),
}

/// The longest relaxation of recording.
pub const RECORDING_WITHIN_MAX_MS: u64 = 10_000;
