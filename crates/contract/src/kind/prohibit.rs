//! `prohibit`: what nobody may do, whatever else is permitted.

use super::permit::{twice, whole};
use super::{Fault, Terms};
use crate::norm::{Label, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, capital, code_list, join, names};
use crate::terms::{Chosen, Effect, List, MachineKind, Place, Purpose, Target, Word};
use serde::{Deserialize, Serialize};

/// What machines shall not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Prohibit {
    /// Acts.
    pub actions: Chosen<Word>,
    /// On which resources.
    pub resources: Chosen<Target>,
    /// Only acts that change something, or only those that do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// By which machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// Who is excepted, and for what.
    #[serde(default, skip_serializing_if = "Unless::is_empty")]
    pub unless: Unless,
}

/// Exceptions: any one of them is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Unless {
    /// The machine holds one of these roles.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub roles: List<Word>,
    /// The machine is of one of these kinds.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub kinds: List<MachineKind>,
    /// The machine runs there.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub environments: List<Place>,
    /// The request declares one of these purposes.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub purposes: List<Purpose>,
}

impl Unless {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn tests(&self) -> Vec<Test> {
        let mut tests: Vec<Test> = self.roles.iter().map(|role| Test::HasRole(role.0.clone())).collect();
        let mut label = |label, words: Vec<String>| {
            if !words.is_empty() {
                tests.push(Test::OneOf(label, words));
            }
        };
        label(Label::MachineKind, self.kinds.iter().map(|kind| String::from(*kind)).collect());
        label(Label::Environment, self.environments.iter().map(|place| String::from(*place)).collect());
        label(Label::Purpose, self.purposes.iter().map(ToString::to_string).collect());
        tests
    }

    fn words(&self) -> String {
        let mut parts = Vec::new();
        if !self.roles.is_empty() {
            parts.push(format!("the machine holds the role {}", code_list(&names(&self.roles), "or")));
        }
        if !self.kinds.is_empty() {
            let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.words()).collect();
            parts.push(format!("the machine is of the kind {}", join(&kinds, "or")));
        }
        if !self.environments.is_empty() {
            let places: Vec<&str> = self.environments.iter().map(|place| place.words()).collect();
            parts.push(format!("the machine runs in {}", join(&places, "or")));
        }
        if !self.purposes.is_empty() {
            let purposes: Vec<String> = self.purposes.iter().map(|purpose| format!("“{purpose}”")).collect();
            parts.push(format!("the request declares the purpose {}", join(&purposes, "or")));
        }
        join(&parts, "or")
    }
}

impl Terms for Prohibit {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let whole = whole(&self.actions, &self.resources, self.effect, &self.only);
        let (unless, when) = match self.unless.tests() {
            tests if tests.is_empty() => (String::new(), Test::always()),
            tests => {
                let words = of.say("prohibit.unless", &[("exceptions", &self.unless.words())]);
                (words, Test::Any(tests).negated())
            }
        };
        let bearer = capital(&of.bearer(&whole));
        let blanks = [("bearer", bearer.as_str()), ("acts", &of.acts(&whole, "or")), ("unless", &unless)];
        vec![of.state("prohibit.shall-not", &blanks, of.rule(false, &whole, when))]
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        twice(&self.only).into_iter().collect()
    }
}
