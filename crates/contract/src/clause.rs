//! Clauses: a number, a kind with its typed parameters, and what holds beside it.

use crate::kind::Kind;
use std::fmt;
use std::ops::Range;

/// A clause of an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Its number in the document.
    pub number: Number,
    /// What it says.
    pub kind: Kind,
    /// The clause that says what follows from a breach.
    pub on_breach: Option<Number>,
    /// Whether it goes on when the instrument has ended.
    pub survives: bool,
    /// Where its block stands in the document, in bytes.
    pub span: Range<usize>,
}

/// `3.1`: the first clause under the third heading. `0.1` is the rule of reading every instrument has.
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

/// How far a sentence is held by the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// The gateway or the authority holds it; what it prohibits does not happen.
    Enforced,
    /// A monitor over the ledger watches it and says when it is breached.
    Monitored,
    /// A query over ledger and registry shows whether it holds.
    Evidenced,
    /// It binds people, not machines.
    Words,
}

impl Mode {
    /// As printed beside the sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "ENFORCED",
            Self::Monitored => "MONITORED",
            Self::Evidenced => "EVIDENCED",
            Self::Words => "WORDS",
        }
    }
}
