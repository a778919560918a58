//! `delegation`: whether a machine may act through others.

use super::{Fault, Terms};
use crate::norm::{Measure, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, code_list, names};
use crate::terms::{List, Whole, Word};
use serde::{Deserialize, Serialize};

/// How far authority may be passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Delegation {
    /// At most so many machines in between; 0 means none.
    pub max_depth: Whole<0, 10>,
    /// Only to machines with one of these roles.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub to_roles: List<Word>,
    /// For which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

impl Terms for Delegation {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let (bearer, acts) = (of.bearer(&self.only), of.for_acts(&self.only));
        let depth = self.max_depth.to_string();
        let deeper = Test::MoreThan(Measure::DelegationDepth, self.max_depth.get().into());
        let noun = if self.max_depth.get() == 1 { "machine" } else { "machines" };
        let blanks = [("bearer", bearer.as_str()), ("acts", &acts), ("depth", &depth), ("noun", noun)];
        let key = if self.max_depth.get() == 0 { "delegation.none" } else { "delegation.depth" };
        let mut statements = vec![of.limit(key, &blanks, of.rule(false, &self.only, deeper))];
        if !self.to_roles.is_empty() {
            let roles = names(&self.to_roles);
            let delegated = Test::AtLeast(Measure::DelegationDepth, 1);
            let held = Test::Any(roles.iter().cloned().map(Test::HasRole).collect()).negated();
            let list = code_list(&roles, "or");
            let rule = of.rule(false, &self.only, Test::and(vec![delegated, held]));
            statements.push(of.state("delegation.roles", &[("roles", &list)], rule));
        }
        if self.max_depth.get() > 0 {
            statements.push(of.words("delegation.narrow", &[]));
        }
        statements
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let idle = self.max_depth.get() == 0 && !self.to_roles.is_empty();
        let help = "leave out `to-roles`, or write a depth of at least 1";
        let fault = Fault::new("to-roles", "writ::delegation", "nothing may be delegated to these roles", help);
        if idle { vec![fault] } else { Vec::new() }
    }
}
