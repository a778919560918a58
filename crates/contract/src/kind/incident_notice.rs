//! `incident-notice`: in what time the other side is told of incidents.

use super::Terms;
use crate::norm::{Calendar, Duty, Happening, Norm, Statement};
use crate::setting::{Setting, capital, lettered};
use crate::terms::{List, Side, Text, closed};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// The other side is told in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IncidentNotice {
    /// Who must tell.
    pub bearer: Side,
    /// Who is told, and where.
    pub to: Text,
    /// From which severity on.
    pub severity: Severity,
    /// In what time after becoming aware.
    pub within: Span,
    /// What the notice says, in words.
    pub content: List<Text>,
}

closed! {
    /// How bad an incident is.
    Severity ("severity") {
        /// Could do no harm.
        Low = "low" "low";
        /// Could do some harm.
        Medium = "medium" "medium";
        /// Does harm.
        High = "high" "high";
        /// Does great harm.
        Critical = "critical" "critical";
    }
}

impl Terms for IncidentNotice {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let due = Duty {
            bearer: self.bearer,
            act: Happening::IncidentNotified,
            after: Some(Happening::IncidentKnown),
            within: self.within,
            calendar: Calendar::Always,
            detail: format!("severity {} or higher, to {}", self.severity, self.to),
        };
        let (bearer, span) = (of.side(self.bearer), self.within.to_string());
        let blanks = [
            ("bearer", bearer.as_str()),
            ("to", self.to.as_str()),
            ("severity", self.severity.words()),
            ("span", &span),
        ];
        let content: Vec<&str> = self.content.iter().map(Text::as_str).collect();
        let says = [("Bearer", capital(&bearer)), ("content", lettered(&content, "and"))];
        let says: Vec<(&'static str, &str)> = says.iter().map(|(k, v)| (*k, v.as_str())).collect();
        vec![
            of.state("incident-notice.within", &blanks, Norm::Duty(due)),
            of.words("incident-notice.content", &says),
        ]
    }
}
