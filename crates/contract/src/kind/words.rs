//! `words`: free words between people. Nothing enforces them, and they may not pretend otherwise.

use super::Terms;
use crate::norm::Statement;
use crate::setting::Setting;
use crate::terms::Text;
use serde::{Deserialize, Serialize};

/// A text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Words {
    /// The text.
    pub text: Text,
}

impl Terms for Words {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        vec![of.words("words.text", &[("text", &self.text.to_string())])]
    }
}
