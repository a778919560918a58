//! `approval`: which acts a person must approve before they are done.

use super::Terms;
use crate::norm::{Approvers, Measure, Statement, Test};
use crate::only::Only;
use crate::setting::Setting;
use crate::terms::{Whole, Word};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// Acts that wait for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Approval {
    /// How many different people.
    pub people: Whole<1, 5>,
    /// The role that people who approve hold.
    pub role: Word,
    /// How long an approval can be used.
    pub valid_for: Span,
    /// For which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

impl Terms for Approval {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let (bearer, acts) = (of.bearer(&self.only), of.for_acts(&self.only));
        let people = match self.people.get() {
            1 => "1 person".to_owned(),
            several => format!("{several} different people"),
        };
        let (role, span) = (format!("`{}`", self.role), self.valid_for.to_string());
        let blanks = [
            ("bearer", bearer.as_str()),
            ("acts", &acts),
            ("people", &people),
            ("role", &role),
            ("span", &span),
        ];
        let approvers =
            Approvers { clause: of.number, role: Some(self.role.0.clone()), valid_for: Some(self.valid_for) };
        let approved = Test::AtLeast(Measure::Approvals(approvers), self.people.get().into());
        vec![of.limit("approval.needed", &blanks, of.rule(false, &self.only, approved.negated()))]
    }
}
