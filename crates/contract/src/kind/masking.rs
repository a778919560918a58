//! `masking`: what becomes of fields, and of what is found in texts, in answers before they are released.

use super::{Fault, Terms};
use crate::norm::{Detector, Masking as Masked, Method, Norm, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, code_list, join};
use crate::terms::{Field, List};
use serde::{Deserialize, Serialize};

/// Fields of answers, and what is found in their texts, are changed before they are released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Masking {
    /// The fields; of a database the columns: `column`, `table.column` or `schema.table.column`.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub fields: List<Field>,
    /// What is looked for in every text.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub detect: List<Detector>,
    /// What becomes of them.
    pub method: Method,
    /// In answers to which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

impl Terms for Masking {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let rule = || of.bare_rule(true, &self.only, Test::always());
        let acts = match of.for_acts(&self.only) {
            acts if acts.is_empty() => String::new(),
            acts => format!(" {}", acts.trim_end_matches(", ")),
        };
        let (bearer, method) = (of.bearer(&self.only), self.method.words());
        let mut said = Vec::new();
        if !self.fields.is_empty() {
            let (noun, it) = match self.fields.as_slice() {
                [_] => ("field", "it"),
                _ => ("fields", "them"),
            };
            let fields = code_list(self.fields.as_slice(), "and");
            let blanks = [
                ("bearer", bearer.as_str()),
                ("acts", acts.as_str()),
                ("noun", noun),
                ("it", it),
                ("fields", fields.as_str()),
                ("method", method),
            ];
            let fields = self.fields.iter().map(ToString::to_string).collect();
            let masked = Masked { rule: rule(), fields, detect: Vec::new(), method: self.method };
            said.push(of.limit("masking.fields", &blanks, Norm::Masking(masked)));
        }
        if !self.detect.is_empty() {
            let found: Vec<String> = self.detect.iter().map(|found| found.words().to_owned()).collect();
            let found = join(&found, "or");
            let blanks = [
                ("bearer", bearer.as_str()),
                ("acts", acts.as_str()),
                ("found", found.as_str()),
                ("method", method),
            ];
            let detect = self.detect.as_slice().to_vec();
            let masked = Masked { rule: rule(), fields: Vec::new(), detect, method: self.method };
            said.push(of.limit("masking.detect", &blanks, Norm::Masking(masked)));
        }
        said
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let empty = self.fields.is_empty() && self.detect.is_empty();
        let help = "write `fields`, or what is looked for in texts as `detect`";
        empty.then(|| Fault::new("kind", "writ::empty", "the clause masks nothing", help)).into_iter().collect()
    }
}
