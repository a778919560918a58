//! `quota`: how often or how much. Each call is counted exactly; the limit stands in the rule.

use super::{Fault, Terms};
use crate::norm::{Calendar, Duty, Happening, Measure, Meter, Norm, Statement, Test, Unit};
use crate::only::Only;
use crate::setting::{Setting, capital, names};
use crate::terms::{Effect, Side, Whole, closed};
use crate::value::{Span, grouped};
use serde::{Deserialize, Serialize};

/// The most calls a quota can count: each is remembered for the length of the window.
pub const QUOTA_LIMIT_MAX: u32 = 65_536;
/// The longest window of a quota.
pub const QUOTA_WINDOW_MAX_MS: u64 = 31 * 86_400_000;
/// The length of a burst.
const BURST_MS: u64 = 1_000;

/// At most so much in any period of a length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quota {
    /// What is counted.
    #[serde(default)]
    pub meter: Unit,
    /// At most.
    pub limit: Whole<1, 2_000_000_000>,
    /// In any period of this length.
    pub window: Span,
    /// Of these, at most so many in any second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Whole<1, QUOTA_LIMIT_MAX>>,
    /// What happens beyond the limit.
    #[serde(default)]
    pub on_exceed: Exceed,
    /// Which acts count.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

closed! {
    /// What happens beyond the limit.
    #[derive(Default)]
    Exceed ("answer to an exceeded quota") {
        /// The call is refused.
        #[default]
        Deny = "deny" "refused";
        /// The call is let through and the organisations are told.
        Notify = "notify" "notified";
        /// The call is refused with the time after which it may be tried again.
        Throttle = "throttle" "put off";
    }
}

impl Quota {
    fn meter(&self, of: &Setting<'_>, window: Span) -> Measure {
        Measure::Counted(Meter {
            clause: of.number,
            unit: self.meter,
            window,
            actions: names(&self.only.actions),
            resources: of.resources(&self.only.resources),
            changes: self.only.effect.map(|effect| effect == Effect::Change),
        })
    }
}

impl Terms for Quota {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let (verb, verbs) = match self.meter {
            Unit::Calls => ("make", "makes"),
            Unit::Bytes | Unit::Rows => ("receive", "receives"),
            Unit::Cost => ("incur", "incurs"),
        };
        let unit = match (self.meter, self.limit.get()) {
            (Unit::Calls, 1) => "permitted call",
            (unit, _) => unit.words(),
        };
        let acts = &self.only;
        let narrowed = !acts.actions.is_empty() || !acts.resources.is_empty() || acts.effect.is_some();
        let acts = if narrowed { format!(" to {}", of.acts(acts, "or")) } else { String::new() };
        let bearer = of.bearer(&self.only);
        let limit = grouped(self.limit.get().into());
        let window = self.window.to_string();
        let each = if of.is_one_machine(&self.only) { String::new() } else { of.say("quota.each", &[]) };
        let notify_to = match of.machine_side() {
            Side::Consumer | Side::Provider => of.say("quota.notify-to", &[]),
            Side::Party => String::new(),
        };
        let blanks = [
            ("bearer", bearer.as_str()),
            ("Bearer", &capital(&bearer)),
            ("limit", &limit),
            ("unit", unit),
            ("acts", &acts),
            ("window", &window),
            ("each", &each),
            ("verb", verb),
            ("verbs", verbs),
            ("side", &of.side(of.machine_side())),
            ("to", &notify_to),
        ];
        let beyond = |measure, limit: u32| {
            let mut rule = of.bare_rule(false, &self.only, Test::AtLeast(measure, limit.into()));
            rule.puts_off = self.on_exceed == Exceed::Throttle;
            Norm::Rule(rule)
        };
        let mut statements = match self.on_exceed {
            Exceed::Deny | Exceed::Throttle => {
                let main = of.state("quota.limit", &blanks, beyond(self.meter(of, self.window), self.limit.get()));
                let tail = match self.on_exceed {
                    Exceed::Throttle => format!(" {}", of.say("quota.throttle", &[])),
                    Exceed::Deny | Exceed::Notify => String::new(),
                };
                vec![Statement { text: format!("{}{tail}", main.text), norm: main.norm }]
            }
            Exceed::Notify => {
                let due = Duty {
                    bearer: of.machine_side(),
                    act: Happening::IncidentNotified,
                    after: Some(Happening::QuotaExceeded),
                    within: Span::from_ms(86_400_000),
                    calendar: Calendar::Always,
                    detail: format!("{bearer}: more than {limit} {unit}{acts} in any period of {window}{each}"),
                };
                vec![of.state("quota.notify", &blanks, Norm::Duty(due))]
            }
        };
        if let Some(burst) = self.burst {
            let limit = burst.to_string();
            let blanks = [("limit", limit.as_str()), ("each", &each)];
            let meter = self.meter(of, Span::from_ms(BURST_MS));
            statements.push(of.state("quota.burst", &blanks, beyond(meter, burst.get())));
        }
        statements
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.meter == Unit::Calls && self.limit.get() > QUOTA_LIMIT_MAX {
            let help = format!("write a whole number between 1 and {QUOTA_LIMIT_MAX}: each call is counted exactly");
            faults.push(Fault::new("limit", "writ::limit", "this number cannot be held to", &help));
        }
        if self.window.as_ms() > QUOTA_WINDOW_MAX_MS {
            let help = format!("write for example \"15 minutes\"; at most {}", Span::from_ms(QUOTA_WINDOW_MAX_MS));
            faults.push(Fault::new("window", "writ::span", "the window is too long to count in", &help));
        }
        if self.burst.is_some_and(|burst| burst.get() >= self.limit.get() || self.window.as_ms() <= BURST_MS) {
            let help = "a burst is smaller than the limit, and the window longer than one second";
            faults.push(Fault::new("burst", "writ::burst", "the burst limits nothing", help));
        }
        if self.burst.is_some() && self.meter != Unit::Calls {
            faults.push(Fault::new("burst", "writ::burst", "only calls have a burst", "leave out `burst`"));
        }
        faults
    }
}

impl Setting<'_> {
    /// The side whose machines act.
    pub(crate) fn machine_side(&self) -> Side {
        match self.instrument.body {
            crate::document::Body::Contract { .. } => Side::Consumer,
            crate::document::Body::Charter { .. } | crate::document::Body::Guardrail { .. } => Side::Party,
        }
    }
}
