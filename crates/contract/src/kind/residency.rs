//! `residency`: where machines and services must be.

use super::Terms;
use crate::norm::{Label, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, code_list};
use crate::terms::{List, Text, Word, closed};
use serde::{Deserialize, Serialize};

/// The regions in which data may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Residency {
    /// The regions, as registered.
    pub regions: List<Word>,
    /// What must be there.
    pub of: Located,
    /// What transfers elsewhere rest on, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Text>,
    /// For which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

closed! {
    /// What must be in the regions.
    Located ("thing that is located") {
        /// Both.
        Both = "both" "both it and the service are";
        /// The machine that asks.
        Machine = "machine" "it is";
        /// The service that is asked.
        Service = "service" "the service is";
    }
}

impl Terms for Residency {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let regions: Vec<String> = self.regions.iter().map(ToString::to_string).collect();
        let outside = |label| Test::OneOf(label, regions.clone()).negated();
        let when = match self.of {
            Located::Machine => outside(Label::CallerRegion),
            Located::Service => outside(Label::ServiceRegion),
            Located::Both => Test::Any(vec![outside(Label::CallerRegion), outside(Label::ServiceRegion)]),
        };
        let noun = if regions.len() == 1 { "region" } else { "regions" };
        let (bearer, acts) = (of.bearer(&self.only), of.for_acts(&self.only));
        let list = format!("{noun} {}", code_list(&regions, "or"));
        let blanks =
            [("bearer", bearer.as_str()), ("acts", &acts), ("located", self.of.words()), ("regions", &list)];
        let mut statements = vec![of.limit("residency.regions", &blanks, of.rule(false, &self.only, when))];
        if let Some(mechanism) = &self.mechanism {
            statements.push(of.words("residency.mechanism", &[("mechanism", mechanism.as_str())]));
        }
        statements
    }
}
