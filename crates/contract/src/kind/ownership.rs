//! `ownership`: that somebody answers for machines, and looks at them again.

use super::{Fault, Terms};
use crate::norm::{Calendar, Departure, Duty, Evidence, Flag, Happening, Measure, Norm, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, capital};
use crate::terms::{List, closed};
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
    /// What Writ does, and when, once an owner or a deputy has left and nobody has taken over.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub on_departure: List<Rung>,
    /// For which machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

/// A step after a departure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rung {
    /// How long after the departure; at once unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// What is done.
    pub step: Step,
    /// For `shorten-life`: the longest life of a credential from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<Span>,
}

closed! {
    /// What Writ does after a departure.
    Step ("step") {
        /// A notice to the other accountable person is on record.
        Warn = "warn" "record a notice of it to the other accountable person";
        /// It is on record that the one who is left answers alone.
        Deputy = "deputy" "record that the other accountable person answers for the machine alone";
        /// Credentials live for less.
        ShortenLife = "shorten-life" "issue no credential with a longer life than";
        /// The machine stops.
        Suspend = "suspend" "suspend the machine";
        /// The machine ends.
        Kill = "kill" "revoke the machine for good";
    }
}

impl Rung {
    fn after_ms(&self) -> u64 {
        self.after.map_or(0, Span::as_ms)
    }
}

impl Terms for Ownership {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let bearer = of.bearer(&self.only);
        let acts = of.for_acts(&self.only);
        let say = |key: &str, span: &str, norm| {
            of.limit(key, &[("bearer", bearer.as_str()), ("acts", acts.as_str()), ("span", span)], norm)
        };
        let rule = |when| of.rule(false, &self.only, when);
        let unowned = Test::Is(Flag::Owned).negated();
        let stopping = |rung: &&Rung| matches!(rung.step, Step::Suspend | Step::Kill);
        let end = self.on_departure.iter().filter(stopping).min_by_key(|rung| rung.after_ms());
        let mut statements = match end.and_then(|rung| rung.after) {
            None => vec![say("ownership.owner", "", rule(unowned))],
            Some(span) => {
                let over = Test::MoreThan(Measure::OwnerlessFor, span.as_ms().cast_signed());
                vec![say("ownership.owner-until", &span.to_string(), rule(Test::and(vec![unowned, over])))]
            }
        };
        for rung in self.on_departure.iter() {
            let life = rung.life.map(|life| format!(" {life}")).unwrap_or_default();
            let act = format!("{}{life}", rung.step.words());
            let when = rung.after.map_or_else(|| "when".to_owned(), |span| format!("{span} after"));
            let blanks = [("When", capital(&when)), ("bearer", bearer.clone()), ("act", act)];
            let blanks: Vec<(&str, &str)> = blanks.iter().map(|(key, text)| (*key, text.as_str())).collect();
            let norm = Departure { after_ms: rung.after_ms(), step: rung.step, life: rung.life };
            statements.push(of.state("ownership.departure", &blanks, Norm::Departure(norm)));
        }
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

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let rungs = self.on_departure.as_slice();
        let fault = |message: &str, help: &str| Fault::new("on-departure", "writ::departure", message, help);
        let mut faults = Vec::new();
        if rungs.iter().any(|rung| (rung.step == Step::ShortenLife) != rung.life.is_some()) {
            let help = "write { after = \"1 day\", step = \"shorten-life\", life = \"5 minutes\" }";
            faults.push(fault("`shorten-life` says which life, and no other step does", help));
        }
        if !rungs.is_empty() && !rungs.iter().any(|rung| matches!(rung.step, Step::Suspend | Step::Kill)) {
            let help = "end with { after = \"7 days\", step = \"suspend\" }";
            faults.push(fault("these steps never stop a machine that nobody answers for", help));
        }
        let milder_later = rungs.iter().any(|one| {
            rungs.iter().any(|other| one.step < other.step && one.after_ms() > other.after_ms())
        });
        let twice = rungs.iter().enumerate().any(|(at, rung)| rungs.iter().take(at).any(|r| r.step == rung.step));
        if milder_later || twice {
            let help = "write each step once: warn, deputy, shorten-life, suspend, kill, none earlier than the one before";
            faults.push(fault("the steps are not in the order of their weight", help));
        }
        if !rungs.is_empty() && !self.only.is_empty() {
            let help = "leave `only` out, or write this into a clause of its own without it";
            faults.push(fault("what follows a departure concerns the machine, whatever it does", help));
        }
        faults
    }
}
