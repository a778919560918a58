//! `general`: governing law, forum, notices, assignment, entire agreement.

use super::{Fault, Terms};
use crate::norm::Statement;
use crate::setting::Setting;
use crate::terms::{Side, Text, closed};
use serde::{Deserialize, Serialize};

/// The provisions lawyers expect at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct General {
    /// The law that governs.
    pub law: Text,
    /// The courts that decide.
    pub forum: Text,
    /// Where notices go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// Whether the instrument can be passed on.
    pub assignment: Assignment,
    /// Whether it says all there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub entire_agreement: bool,
}

/// Where a side gets its notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Notice {
    /// The side.
    pub side: Side,
    /// Its address for notices.
    pub address: Text,
}

closed! {
    /// Whether an instrument can be passed on.
    Assignment ("rule of assignment") {
        /// Only with the other side's consent.
        Consent = "consent" "may be assigned only with the other side's written consent";
        /// To a successor in business without consent.
        Successor = "successor" "may be assigned to a successor to the whole business without consent, and otherwise only with the other side's written consent";
        /// Not at all.
        None = "none" "may not be assigned";
    }
}

impl Terms for General {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let mut statements = vec![
            of.words("general.law", &[("law", self.law.as_str()), ("forum", self.forum.as_str())]),
            of.words("general.assignment", &[("how", self.assignment.words())]),
        ];
        for notice in &self.notices {
            let side = of.side(notice.side);
            let blanks = [("side", side.as_str()), ("address", notice.address.as_str())];
            statements.push(of.words("general.notices", &blanks));
        }
        if self.entire_agreement {
            statements.push(of.words("general.entire", &[("instrument", of.instrument.body.noun())]));
        }
        statements
    }

    fn faults(&self, of: &Setting<'_>) -> Vec<Fault> {
        let alone = of.instrument.body.sides().len() < 2 && self.assignment != Assignment::None;
        let help = "write `assignment = \"none\"`: what one party sets for itself is not assigned";
        let fault = Fault::new("assignment", "writ::general", "there is no other side to consent", help);
        if alone { vec![fault] } else { Vec::new() }
    }
}
