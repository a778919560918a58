//! Which requests a clause is about: acts, what they touch, and by which machines.

use crate::norm::{Flag, Label, Test};
use crate::terms::{Effect, List, MachineKind, Place, Side, Target, Word};
use serde::{Deserialize, Serialize};

/// Narrows a clause. Every key may be left out; what is given must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Only {
    /// Acts.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub actions: List<Word>,
    /// Only acts that change something, or only those that do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// On what.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub resources: List<Target>,
    /// By which machines of the instrument.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub machines: List<Word>,
    /// By machines of which kinds.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub kinds: List<MachineKind>,
    /// By machines that hold any of these roles.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub roles: List<Word>,
    /// By machines that run there.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub environments: List<Place>,
    /// In a guardrail: `consumer` binds the organisation's own machines (the default), `provider`
    /// binds whoever uses its services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
}

impl Only {
    /// Whether nothing is narrowed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The conditions on the machine and the act that are no lists of a [`crate::norm::Rule`].
    pub(crate) fn tests(&self) -> Vec<Test> {
        let mut tests = Vec::new();
        if let Some(effect) = self.effect {
            tests.push(match effect {
                Effect::Change => Test::Is(Flag::Changes),
                Effect::Read => Test::Is(Flag::Changes).negated(),
            });
        }
        if !self.kinds.is_empty() {
            let kinds = self.kinds.iter().map(|kind| String::from(*kind)).collect();
            tests.push(Test::OneOf(Label::MachineKind, kinds));
        }
        if !self.roles.is_empty() {
            tests.push(Test::Any(self.roles.iter().map(|role| Test::HasRole(role.0.clone())).collect()));
        }
        if !self.environments.is_empty() {
            let places = self.environments.iter().map(|place| String::from(*place)).collect();
            tests.push(Test::OneOf(Label::Environment, places));
        }
        tests
    }
}
