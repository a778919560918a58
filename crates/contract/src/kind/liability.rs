//! `liability`: caps, carve-outs, indemnity, warranty, insurance. Words, with figures the risk view reads.

use super::{Fault, Terms};
use crate::norm::{Cap, Norm, Statement};
use crate::setting::{Setting, capital, lettered};
use crate::terms::{List, Money, Side, Text, closed};
use serde::{Deserialize, Serialize};

/// What a side owes when things go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Liability {
    /// Whose liability.
    pub bearer: Side,
    /// At most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Money>,
    /// Per what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
    /// What the cap is not for, in words.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub carve_outs: List<Text>,
    /// What the other side is held harmless for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indemnity: Option<Text>,
    /// What is promised to be so, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty: Option<Text>,
    /// Insurance of at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insurance: Option<Money>,
}

closed! {
    /// What a cap is counted per.
    Per ("base of a cap") {
        /// Per event.
        Event = "event" "for each event";
        /// Over the life of the instrument.
        Term = "term" "in total";
        /// Per year.
        Year = "year" "in each year of the term";
    }
}

impl Terms for Liability {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let bearer = of.side(self.bearer);
        let mut statements = Vec::new();
        if let (Some(cap), Some(per)) = (self.cap, self.per) {
            let norm = Cap { bearer: self.bearer, amount: cap.amount, money: cap, per: per.to_string() };
            let blanks = [("bearer", bearer.as_str()), ("cap", &cap.words()), ("per", per.words())];
            statements.push(of.state("liability.cap", &blanks, Norm::Cap(norm)));
        }
        if !self.carve_outs.is_empty() {
            let list: Vec<&str> = self.carve_outs.iter().map(Text::as_str).collect();
            statements.push(of.words("liability.carve-outs", &[("list", &lettered(&list, "or"))]));
        }
        let bearer = capital(&bearer);
        let mut line = |key, text: &dyn std::fmt::Display| {
            statements.push(of.words(key, &[("bearer", &bearer), ("text", &text.to_string())]));
        };
        if let Some(text) = &self.indemnity {
            line("liability.indemnity", text);
        }
        if let Some(text) = &self.warranty {
            line("liability.warranty", text);
        }
        if let Some(amount) = self.insurance {
            line("liability.insurance", &amount.words());
        }
        statements
    }

    fn faults(&self, of: &Setting<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if of.instrument.body.sides().len() < 2 {
            let help = "leave the clause out: liability lies between the two sides of a contract";
            faults.push(Fault::new("bearer", "writ::liability", "there is no other side here", help));
        }
        if self.cap.is_some() != self.per.is_some() {
            let help = "write both `cap` and `per`, or neither";
            faults.push(Fault::new("bearer", "writ::liability", "a cap and what it is counted per belong together", help));
        }
        let others = [self.indemnity.is_some(), self.warranty.is_some(), self.insurance.is_some()];
        if self.cap.is_none() && !others.contains(&true) {
            let help = "write at least one of `cap`, `indemnity`, `warranty`, `insurance`";
            faults.push(Fault::new("bearer", "writ::liability", "the clause says nothing", help));
        }
        if self.cap.is_none() && !self.carve_outs.is_empty() {
            let help = "write `cap` and `per`, or leave out `carve-outs`";
            faults.push(Fault::new("carve-outs", "writ::liability", "there is no cap to carve out of", help));
        }
        faults
    }
}
