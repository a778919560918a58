//! `amendment`: how the instrument is changed, and when one signature is enough.

use super::Terms;
use crate::norm::{Ground, Norm, Power, PowerEffect, Statement};
use crate::setting::{Setting, join};
use crate::terms::{List, Side};
use serde::{Deserialize, Serialize};

/// How the instrument is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Amendment {
    /// Whose signature alone is enough for a change that is proven to only narrow what machines may do.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub narrowing_by: List<Side>,
}

impl Terms for Amendment {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let mut statements = vec![of.words("amendment.signatures", &[])];
        if !self.narrowing_by.is_empty() {
            let sides: Vec<String> = self.narrowing_by.iter().map(|side| of.side(*side)).collect();
            let power = Power {
                holders: self.narrowing_by.as_slice().to_vec(),
                effect: PowerEffect::Narrow,
                grounds: vec![Ground {
                    code: "proof".to_owned(),
                    words: "it is proven to permit nothing this one refuses".to_owned(),
                }],
                notice: None,
                period: None,
            };
            let blanks = [("sides", join(&sides, "or"))];
            let blanks: Vec<(&str, &str)> = blanks.iter().map(|(k, v)| (*k, v.as_str())).collect();
            statements.push(of.state("amendment.narrowing", &blanks, Norm::Power(power)));
        }
        statements
    }
}
