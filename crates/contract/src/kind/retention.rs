//! `retention`: how long data are kept, and how their deletion is shown.

use super::Terms;
use crate::norm::{Calendar, Duty, Evidence, Happening, Norm, Statement};
use crate::setting::{Setting, capital};
use crate::terms::{Side, Text, closed};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// Data are deleted in time, and that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retention {
    /// Who holds the data.
    pub bearer: Side,
    /// Which data, in words.
    pub data: Text,
    /// At the latest so long after the event.
    pub max_age: Span,
    /// The event; the end of the instrument if left out.
    #[serde(default = "at_the_end")]
    pub after: Happening,
    /// How deletion is shown.
    pub proof: Proof,
}

closed! {
    /// How deletion is shown.
    Proof ("proof of deletion") {
        /// A person attests it by signature.
        Attestation = "attestation" "a signed attestation";
        /// The key the data were encrypted with is destroyed, and that is recorded.
        KeyDestruction = "key-destruction" "the recorded destruction of the key they were encrypted with";
    }
}

fn at_the_end() -> Happening {
    Happening::InstrumentEnded
}

impl Proof {
    fn noun(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::KeyDestruction => "key destruction",
        }
    }
}

impl Terms for Retention {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let due = Duty {
            bearer: self.bearer,
            act: Happening::DeletionAttested,
            after: Some(self.after),
            within: self.max_age,
            calendar: Calendar::Always,
            detail: self.data.to_string(),
        };
        let bearer = capital(&of.side(self.bearer));
        let span = self.max_age.to_string();
        let blanks = [
            ("bearer", bearer.as_str()),
            ("data", self.data.as_str()),
            ("span", &span),
            ("trigger", self.after.words()),
        ];
        let shown = Evidence { subject: format!("time until deletion was shown by {}", self.proof.noun()), span: self.max_age, at_least: false };
        vec![
            of.state("retention.delete", &blanks, Norm::Duty(due)),
            of.state("retention.proof", &[("proof", self.proof.words())], Norm::Evidence(shown)),
        ]
    }
}
