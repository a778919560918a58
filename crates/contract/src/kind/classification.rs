//! `classification`: how sensitive what is touched may be.

use super::Terms;
use crate::norm::{Approvers, Measure, Statement, Test};
use crate::only::Only;
use crate::setting::Setting;
use crate::terms::{Class, Whole};
use serde::{Deserialize, Serialize};

/// A ceiling on the classification of resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Classification {
    /// At most this.
    pub max: Class,
    /// Beyond it with the approval of so many people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless_approved_by: Option<Whole<1, 5>>,
    /// For which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

impl Terms for Classification {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let above = Test::MoreThan(Measure::ResourceClass, self.max.rank());
        let (unless, when) = match self.unless_approved_by {
            None => (String::new(), above),
            Some(people) => {
                let approvers = Approvers { clause: of.number, role: None, valid_for: None };
                let approved = Test::AtLeast(Measure::Approvals(approvers), people.get().into());
                let noun = if people.get() == 1 { "person has" } else { "different people have" };
                let words = of.say("classification.unless", &[("people", &format!("{people} {noun}"))]);
                (words, Test::and(vec![above, approved.negated()]))
            }
        };
        let blanks =
            [("bearer", of.bearer(&self.only)), ("acts", of.for_acts(&self.only)), ("unless", unless)];
        let blanks: Vec<(&str, &str)> =
            blanks.iter().map(|(k, v)| (*k, v.as_str())).chain([("class", self.max.words())]).collect();
        vec![of.limit("classification.ceiling", &blanks, of.rule(false, &self.only, when))]
    }
}
