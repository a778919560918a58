//! What clauses come down to. Twenty-two kinds of clause are sugar over these few norms, so that the
//! policy compiler, proofs and monitors see nothing else. [`Rule`] and [`Test`] are also evaluated
//! here, naively: that is how examples are found, and an independent reading of the compiled policy.

mod database;
mod duty;
mod facts;
mod power;
mod rule;

pub use database::{Bound, Detector, Masking, Method, SqlTouch, StatementBound};
pub use duty::{Calendar, Capability, Duty, Happening};
pub use facts::{Approvers, Facts, Flag, Label, Measure, Meter, Unit};
pub use power::{Ground, Power, PowerEffect};
pub use rule::{On, Rule, Test};

use crate::clause::Mode;
use crate::terms::{Money, Side, closed};
use crate::value::Span;
use serde::Serialize;
use std::collections::BTreeMap;

/// One sentence of a clause and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The sentence, in the document's marks.
    pub text: String,
    /// What it comes down to.
    pub norm: Norm,
}

/// What a sentence comes down to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Permits or prohibits requests at the gateway.
    Rule(Rule),
    /// Somebody must see to it that something happens in time.
    Duty(Duty),
    /// A measured share must reach a target in each period.
    Level(Level),
    /// A side may change the instrument's standing.
    Power(Power),
    /// Fields of answers are changed before they are released.
    Masking(Masking),
    /// Statements to databases must be of a certain form.
    Statement(StatementBound),
    /// Checked by a query over ledger and registry.
    Evidence(Evidence),
    /// What Writ does when somebody accountable has left.
    Departure(Departure),
    /// What a credential must be when it is issued or renewed.
    Issuance(Issuance),
    /// An amount up to which somebody is liable.
    Cap(Cap),
    /// Words between people, with the values they name.
    Words(Words),
}

impl Norm {
    /// How far the system holds it. Authors cannot choose it.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Rule(_)
            | Self::Power(_)
            | Self::Masking(_)
            | Self::Statement(_)
            | Self::Issuance(_)
            | Self::Departure(_) => Mode::Enforced,
            Self::Duty(duty) => match duty.capability() {
                Capability::Causable => Mode::Enforced,
                Capability::Observed => Mode::Monitored,
                Capability::Unseen => Mode::Words,
            },
            Self::Level(_) => Mode::Monitored,
            Self::Evidence(_) => Mode::Evidenced,
            Self::Cap(_) | Self::Words(_) => Mode::Words,
        }
    }

    /// What a gateway must be able to do before it may serve an instrument with this norm.
    pub fn needs(&self) -> Vec<Need> {
        match self {
            Self::Rule(rule) => rule.when.needs(),
            Self::Masking(_) => vec![Need::Masking],
            Self::Duty(duty) => match duty.capability() {
                Capability::Causable => vec![Need::Deadlines],
                Capability::Observed | Capability::Unseen => Vec::new(),
            },
            Self::Level(_)
            | Self::Power(_)
            | Self::Statement(_)
            | Self::Evidence(_)
            | Self::Departure(_)
            | Self::Issuance(_)
            | Self::Cap(_)
            | Self::Words(_) => Vec::new(),
        }
    }
}

closed! {
    /// What enforcing a clause needs and not every gateway can do.
    Need ("ability") {
        /// Asks people and waits for them.
        Approval = "approval" "human approval of single acts";
        /// Counts bytes that were transferred.
        Bytes = "bytes" "counting bytes";
        /// Adds up what calls cost.
        Cost = "cost" "counting cost";
        /// Acts by itself when a deadline passes.
        Deadlines = "deadlines" "acting at deadlines";
        /// Changes fields of answers.
        Masking = "masking" "masking of answers";
        /// Counts rows that were returned.
        Rows = "rows" "counting rows";
    }
}

/// A step Writ takes after somebody accountable left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Departure {
    /// How long after, in milliseconds.
    pub after_ms: u64,
    /// What is done.
    pub step: crate::kind::ownership::Step,
    /// The longest life of credentials from then on, where that is the step.
    pub life: Option<Span>,
}

/// What Writ holds when it issues a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuance {
    /// A JWT-SVID is for these and for nobody else.
    Audiences(Vec<String>),
    /// A certificate is renewed when this much of its life is over, in percent, or before.
    RenewAt(u8),
}

/// A share that must be reached in each period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Level {
    /// Who must reach it.
    pub bearer: Side,
    /// What is measured.
    pub metric: String,
    /// In thousandths of a percent.
    pub target: u32,
    /// How long a period is.
    pub period: Span,
}

/// Something that holds if a query over ledger and registry says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// What is measured.
    pub subject: String,
    /// The span in question.
    pub span: Span,
    /// Whether it must be at least the span; else at most.
    pub at_least: bool,
}

impl Evidence {
    /// Whether a measured age is in line.
    pub fn holds(&self, age_ms: u64) -> bool {
        if self.at_least { age_ms >= self.span.as_ms() } else { age_ms <= self.span.as_ms() }
    }
}

impl Level {
    /// Whether a measured share, in thousandths of a percent, is enough.
    pub fn is_reached(&self, measured: u32) -> bool {
        measured >= self.target
    }
}

/// Liability up to an amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cap {
    /// Whose liability.
    pub bearer: Side,
    /// In whole units of the currency.
    pub amount: u64,
    /// With its currency.
    pub money: Money,
    /// Per what.
    pub per: String,
}

impl Cap {
    /// How much of a claim is owed.
    pub fn owed(&self, claim: u64) -> u64 {
        claim.min(self.amount)
    }
}

/// Words and the values they name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Words {
    /// Names and values.
    pub values: BTreeMap<&'static str, String>,
}
