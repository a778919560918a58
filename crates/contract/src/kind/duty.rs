//! `duty`: what a side must see to in time.

use super::{Fault, Terms};
use crate::norm::{Calendar, Capability, Duty as Due, Happening, Norm, Statement};
use crate::setting::{Setting, capital};
use crate::terms::{Side, Text};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// Something that must happen in time, once after an event or again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Duty {
    /// Who must see to it.
    pub bearer: Side,
    /// The event that fulfils it.
    pub act: Happening,
    /// What exactly, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
    /// The event that sets it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Happening>,
    /// In what time after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// Or: again and again, at most this far apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// How time is counted.
    #[serde(default)]
    pub calendar: Calendar,
}

impl Terms for Duty {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let detail = self.detail.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
        let span = self.within.or(self.every).unwrap_or(Span::from_ms(0));
        let due = Due {
            bearer: self.bearer,
            act: self.act,
            after: self.after,
            within: span,
            calendar: self.calendar,
            detail: self.detail.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        let key = match (self.after.is_some(), self.act.capability()) {
            (true, Capability::Causable) => "duty.writ-after",
            (true, Capability::Observed | Capability::Unseen) => "duty.after",
            (false, Capability::Causable) => "duty.writ-every",
            (false, Capability::Observed | Capability::Unseen) => "duty.every",
        };
        let bearer = of.side(self.bearer);
        let blanks = [
            ("bearer", bearer.as_str()),
            ("Bearer", &capital(&bearer)),
            ("span", &span.to_string()),
            ("calendar", self.calendar.words()),
            ("trigger", self.after.map_or("", Happening::words)),
            ("act", self.act.words()),
            ("detail", &detail),
        ];
        vec![of.state(key, &blanks, Norm::Duty(due))]
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let once = self.after.is_some() && self.within.is_some() && self.every.is_none();
        let again = self.after.is_none() && self.within.is_none() && self.every.is_some();
        let help = "write `after` and `within`, or `every` alone";
        let fault = Fault::new("act", "writ::duty", "when the duty is due is not clear", help);
        if once || again { Vec::new() } else { vec![fault] }
    }
}
