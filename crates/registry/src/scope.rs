//! What a credential is good for, where that is less than its machine may do: the narrowest layer of a decision.

use crate::Name;
use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

/// Entries in each list of a scope at most.
pub const SCOPE_MAX: usize = 32;

/// Acts and what they touch. A credential without a scope is good for all its machine may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Scope {
    /// Acts; empty means any.
    #[n(0)]
    pub actions: Vec<Name>,
    /// Services or their resources; empty means any.
    #[n(1)]
    pub on: Vec<ScopedOn>,
}

/// A service, or one resource of it: `payments` or `payments/charges`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct ScopedOn {
    /// The service.
    #[n(0)]
    pub service: Name,
    /// The resource; none means all of them.
    #[n(1)]
    pub resource: Option<Name>,
}

impl Scope {
    /// Whether it narrows nothing, or is larger than anybody can read.
    pub fn problem(&self) -> Option<String> {
        if self.actions.is_empty() && self.on.is_empty() {
            return Some("the scope narrows nothing".to_owned());
        }
        let longest = self.actions.len().max(self.on.len());
        (longest > SCOPE_MAX)
            .then(|| format!("a scope lists {SCOPE_MAX} acts and {SCOPE_MAX} resources at most"))
    }
}

impl FromStr for ScopedOn {
    type Err = crate::NameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((service, resource)) => {
                Ok(Self { service: service.parse()?, resource: Some(resource.parse()?) })
            }
            None => Ok(Self { service: text.parse()?, resource: None }),
        }
    }
}

impl fmt::Display for ScopedOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.resource {
            Some(resource) => write!(f, "{}/{resource}", self.service),
            None => self.service.fmt(f),
        }
    }
}

impl fmt::Display for Scope {
    /// `read, write on payments/charges`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>, none: &str| {
            if items.is_empty() { none.to_owned() } else { items.join(", ") }
        };
        let actions = list(self.actions.iter().map(ToString::to_string).collect(), "anything");
        let on = list(self.on.iter().map(ToString::to_string).collect(), "anything");
        write!(f, "{actions} on {on}")
    }
}
