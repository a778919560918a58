//! `permit`: the only kind that permits anything.

use super::{Fault, Terms};
use crate::norm::{Norm, Statement, Test, Words};
use crate::only::Only;
use crate::setting::{Setting, capital, join};
use crate::terms::{Chosen, Effect, List, Purpose, Target, Word, fault, text_form};
use crate::value::Span;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What machines may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Permit {
    /// Acts, as the service names them.
    pub actions: Chosen<Word>,
    /// On which resources.
    pub resources: Chosen<Target>,
    /// Only acts that change something, or only those that do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What for. Stated; a clause of the kind `purpose` makes requests declare it.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub purposes: List<Purpose>,
    /// When the act must be on record.
    #[serde(default)]
    pub recording: Recording,
    /// By which machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

/// When the record of an act must be durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recording {
    /// Before the act takes effect.
    #[default]
    Strict,
    /// At most this long after it was permitted.
    Within(Span),
}

/// The longest relaxation of recording.
pub const RECORDING_WITHIN_MAX_MS: u64 = 10_000;

impl FromStr for Recording {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "strict" {
            return Ok(Self::Strict);
        }
        let span = text.strip_prefix("within ").and_then(Span::parse);
        let most = Span::from_ms(RECORDING_WITHIN_MAX_MS);
        let help = format!("write \"strict\" or, for example, \"within 50 ms\"; at most {most}");
        span.filter(|span| span.as_ms() <= RECORDING_WITHIN_MAX_MS)
            .map(Self::Within)
            .ok_or_else(|| fault("writ::recording", "not a way of recording", &help))
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strict => f.write_str("strict"),
            Self::Within(span) => write!(f, "within {span}"),
        }
    }
}
text_form!(Recording);

/// The acts a permit or prohibition is about, as one narrowing.
pub(super) fn whole(actions: &Chosen<Word>, resources: &Chosen<Target>, effect: Option<Effect>, only: &Only) -> Only {
    Only { actions: actions.list(), resources: resources.list(), effect, ..only.clone() }
}

/// What `only` cannot say beside keys of its own.
pub(super) fn twice(only: &Only) -> Option<Fault> {
    let twice = !only.actions.is_empty() || !only.resources.is_empty() || only.effect.is_some();
    let help = "write actions, resources and effect beside `only`; it narrows machines, kinds, roles and environments";
    twice.then(|| Fault::new("only", "writ::only", "acts stand in two places", help))
}

impl Terms for Permit {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let whole = whole(&self.actions, &self.resources, self.effect, &self.only);
        let purposes: Vec<String> = self.purposes.iter().map(ToString::to_string).collect();
        let purpose = match purposes.as_slice() {
            [] => String::new(),
            purposes => of.say("permit.purpose", &[("purposes", &join(purposes, "and"))]),
        };
        let bearer = capital(&of.bearer(&whole));
        let blanks = [("bearer", bearer.as_str()), ("acts", &of.acts(&whole, "and")), ("purpose", &purpose)];
        let mut rule = of.bare_rule(true, &whole, Test::always());
        rule.recorded_within = match self.recording {
            Recording::Strict => None,
            Recording::Within(span) => Some(span),
        };
        let may = of.state("permit.may", &blanks, Norm::Rule(rule));
        let recorded = match self.recording {
            Recording::Strict => of.say("permit.recorded", &[]),
            Recording::Within(span) => of.say("permit.recorded-within", &[("span", &span.to_string())]),
        };
        // The recording is part of what is permitted: one sentence cannot stand without the other.
        let text = format!("{} {recorded}", may.text);
        let mut statements = vec![Statement { text, norm: may.norm }];
        if let [_, ..] = purposes.as_slice() {
            let values = [("purposes", purposes.join("; "))].into_iter().collect();
            let norm = Norm::Words(Words { values });
            statements.push(of.state("permit.stated", &[], norm));
        }
        statements
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        twice(&self.only).into_iter().collect()
    }
}
