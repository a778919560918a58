//! `masking`: what becomes of fields in answers before they are released.

use super::Terms;
use crate::norm::{Masking as Masked, Method, Norm, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, code_list};
use crate::terms::{Field, List};
use serde::{Deserialize, Serialize};

/// Fields of answers are changed before they are released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Masking {
    /// The fields.
    pub fields: List<Field>,
    /// What becomes of them.
    pub method: Method,
    /// In answers to which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

impl Terms for Masking {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let masked = Masked {
            rule: of.bare_rule(true, &self.only, Test::always()),
            fields: self.fields.iter().map(ToString::to_string).collect(),
            method: self.method,
        };
        let noun = if self.fields.as_slice().len() == 1 { "field" } else { "fields" };
        let acts = match of.for_acts(&self.only) {
            acts if acts.is_empty() => String::new(),
            acts => format!(" {}", acts.trim_end_matches(", ")),
        };
        let blanks = [
            ("bearer", of.bearer(&self.only)),
            ("acts", acts),
            ("noun", noun.to_owned()),
            ("fields", code_list(self.fields.as_slice(), "and")),
            ("method", self.method.words().to_owned()),
        ];
        let blanks: Vec<(&str, &str)> = blanks.iter().map(|(k, v)| (*k, v.as_str())).collect();
        vec![of.limit("masking.fields", &blanks, Norm::Masking(masked))]
    }
}
