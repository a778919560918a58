//! `purpose`: what requests must declare to be for.

use super::Terms;
use crate::norm::{Label, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, join};
use crate::terms::{List, Purpose as Declared};
use serde::{Deserialize, Serialize};

/// Requests must declare one of these purposes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Purpose {
    /// The purposes.
    pub purposes: List<Declared>,
    /// For which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

impl Terms for Purpose {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let purposes: Vec<String> = self.purposes.iter().map(ToString::to_string).collect();
        let quoted: Vec<String> = purposes.iter().map(|purpose| format!("“{purpose}”")).collect();
        let (bearer, acts, list) = (of.bearer(&self.only), of.for_acts(&self.only), join(&quoted, "or"));
        let other = Test::OneOf(Label::Purpose, purposes).negated();
        let noun = if quoted.len() == 1 { "the purpose" } else { "one of the purposes" };
        let blanks = [("bearer", bearer.as_str()), ("acts", &acts), ("noun", noun), ("purposes", &list)];
        let declared = of.limit("purpose.declared", &blanks, of.rule(false, &self.only, other));
        vec![declared, of.words("purpose.downstream", &[])]
    }
}
