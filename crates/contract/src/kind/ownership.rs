//! `ownership`: that somebody answers for machines, and looks at them again.

use super::Terms;
use crate::norm::{Calendar, Duty, Evidence, Flag, Happening, Measure, Norm, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, capital};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// Accountable people, regular review, and what happens without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ownership {
    /// The owner looks at each machine at least this often.
    pub recertify_every: Span,
    /// A machine whose review is overdue by more than this is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_after: Option<Span>,
    /// A machine that did nothing for so long is reported as dormant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dormant_after: Option<Span>,
    /// Whether each machine must have a charter in force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub charter: bool,
    /// For which machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

impl Terms for Ownership {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let bearer = of.bearer(&self.only);
        let acts = of.for_acts(&self.only);
        let say = |key: &str, span: &str, norm| {
            of.limit(key, &[("bearer", bearer.as_str()), ("acts", acts.as_str()), ("span", span)], norm)
        };
        let rule = |when| of.rule(false, &self.only, when);
        let mut statements =
            vec![say("ownership.owner", "", rule(Test::Is(Flag::Owned).negated()))];
        if self.charter {
            statements.push(say("ownership.charter", "", rule(Test::Is(Flag::Chartered).negated())));
        }
        let due = Duty {
            bearer: of.machine_side(),
            act: Happening::Recertified,
            after: None,
            within: self.recertify_every,
            calendar: Calendar::Always,
            detail: String::new(),
        };
        let owner = [("bearer", bearer.clone()), ("Bearer", capital(&bearer)), ("span", self.recertify_every.to_string())];
        let owner: Vec<(&str, &str)> = owner.iter().map(|(k, v)| (*k, v.as_str())).collect();
        statements.push(of.state("ownership.recertify", &owner, Norm::Duty(due)));
        if let Some(span) = self.refuse_after {
            let overdue = Test::MoreThan(Measure::ReviewOverdue, span.as_ms().cast_signed());
            statements.push(say("ownership.overdue", &span.to_string(), rule(overdue)));
        }
        if let Some(span) = self.dormant_after {
            let idle = Evidence { subject: "time since the machine's last act".to_owned(), span, at_least: false };
            statements.push(say("ownership.dormant", &span.to_string(), Norm::Evidence(idle)));
        }
        statements
    }
}
