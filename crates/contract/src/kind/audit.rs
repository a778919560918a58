//! `audit`: who may audit, how often, with which notice; and the auditor's own machines.

use super::{Fault, Terms};
use crate::norm::{Calendar, Duty, Evidence, Happening, Norm, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, capital, join, possessive};
use crate::terms::{List, Side, Target, Text, Whole, Word};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// A right to audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Audit {
    /// Who may audit.
    pub auditor: Side,
    /// Who is audited.
    pub audited: Side,
    /// What, in words.
    pub scope: List<Text>,
    /// With which notice.
    pub notice: Span,
    /// At most so many times in a year.
    pub per_year: Whole<1, 52>,
    /// Records are handed over in this time.
    pub provide_within: Span,
    /// Records are kept at least so long.
    pub keep_records: Span,
    /// The auditor's machines, which may do the acts below.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub machines: List<Word>,
    /// Their acts.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub actions: List<Word>,
    /// On what.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub resources: List<Target>,
}

impl Terms for Audit {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let scope: Vec<&str> = self.scope.iter().map(Text::as_str).collect();
        let (auditor, audited) = (capital(&of.side(self.auditor)), of.side(self.audited));
        let times = match self.per_year.get() {
            1 => "once".to_owned(),
            2 => "twice".to_owned(),
            several => format!("{several} times"),
        };
        let right = of.words(
            "audit.right",
            &[
                ("auditor", &auditor),
                ("audited", &audited),
                ("scope", &join(&scope, "and")),
                ("notice", &possessive(self.notice)),
                ("times", &times),
            ],
        );
        let due = Duty {
            bearer: self.audited,
            act: Happening::LogsProvided,
            after: Some(Happening::LogsRequested),
            within: self.provide_within,
            calendar: Calendar::Always,
            detail: String::new(),
        };
        let kept = Evidence { subject: "age of the oldest record that can be had".to_owned(), span: self.keep_records, at_least: true };
        let audited = capital(&audited);
        let mut statements = vec![
            right,
            of.state(
                "audit.provide",
                &[("audited", &audited), ("span", &self.provide_within.to_string())],
                Norm::Duty(due),
            ),
            of.state(
                "audit.keep",
                &[("audited", &audited), ("span", &self.keep_records.to_string())],
                Norm::Evidence(kept),
            ),
        ];
        if !self.machines.is_empty() {
            let only = Only {
                machines: self.machines.clone(),
                actions: self.actions.clone(),
                resources: self.resources.clone(),
                ..Only::default()
            };
            let (bearer, acts) = (of.bearer(&only), of.acts(&only, "and"));
            let blanks = [("bearer", bearer.as_str()), ("acts", &acts)];
            statements.push(of.state("audit.machines", &blanks, of.rule(true, &only, Test::always())));
        }
        statements
    }

    fn faults(&self, of: &Setting<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !self.machines.is_empty() && self.auditor != of.machine_side() {
            let help = "this instrument binds machines of the other side: give the auditor's machines a contract of their own";
            faults.push(Fault::new("machines", "writ::audit", "these are machines of the side that is audited", help));
        }
        if self.auditor == self.audited && self.auditor != Side::Party {
            let help = "name the other side";
            faults.push(Fault::new("audited", "writ::audit", "a side does not audit itself", help));
        }
        let given = [self.machines.is_empty(), self.actions.is_empty(), self.resources.is_empty()];
        if given.contains(&true) && given.contains(&false) {
            let help = "write `machines`, `actions` and `resources`, or none of them";
            faults.push(Fault::new("machines", "writ::audit", "what the auditor's machines may do is not complete", help));
        }
        faults
    }
}
