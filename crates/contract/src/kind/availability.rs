//! `availability`: how available a service must be, and what follows when it is not.

use super::{Fault, Terms};
use crate::norm::{Level, Norm, Statement};
use crate::setting::{Setting, capital};
use crate::terms::{List, Ratio, Side, Text};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// A share of requests that must be answered in each period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Availability {
    /// Who must reach it.
    pub bearer: Side,
    /// The share.
    pub target: Ratio,
    /// How long a period is.
    pub period: Span,
    /// What does not count, in words.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub exclusions: List<Text>,
    /// What is credited below which share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credits: Vec<Credit>,
}

/// One line of the credit schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Credit {
    /// Below this share.
    pub below: Ratio,
    /// This share of the fee is credited.
    pub credit: Ratio,
}

impl Terms for Availability {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let level = Level {
            bearer: self.bearer,
            metric: "requests answered without a fault of the service".to_owned(),
            target: self.target.milli_percent(),
            period: self.period,
        };
        let (bearer, target, period) =
            (capital(&of.side(self.bearer)), self.target.to_string(), self.period.to_string());
        let blanks = [("bearer", bearer.as_str()), ("target", &target), ("period", &period)];
        let mut statements = vec![of.state("availability.target", &blanks, Norm::Level(level))];
        if !self.exclusions.is_empty() {
            let list: Vec<&str> = self.exclusions.iter().map(Text::as_str).collect();
            statements.push(of.words("availability.exclusions", &[("exclusions", &list.join("; "))]));
        }
        if !self.credits.is_empty() {
            let line = |credit: &Credit| format!("below {}, {}", credit.below, credit.credit);
            let list: Vec<String> = self.credits.iter().map(line).collect();
            statements.push(of.words("availability.credits", &[("credits", &list.join("; "))]));
        }
        statements
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let above = self.credits.iter().any(|credit| credit.below > self.target);
        let falling = self.credits.windows(2).all(|pair| match pair {
            [first, second] => second.below < first.below && second.credit > first.credit,
            _ => true,
        });
        let help = "begin at or below the target; each further line is for a lower share and a higher credit";
        let fault = Fault::new("credits", "writ::credits", "the credit schedule contradicts itself", help);
        if above || !falling { vec![fault] } else { Vec::new() }
    }
}
