//! Rules of a gateway: what they permit or prohibit, and the tests they hang on.

use super::Need;
use super::facts::{Facts, Flag, Label, Measure, Unit};
use crate::terms::{Class, MachineKind, Place};
use crate::value::Span;
use registry::Name;
use serde::Serialize;

/// Permits or prohibits. A request is permitted when a permit applies and no prohibition does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// Whether it permits; else it prohibits.
    pub permits: bool,
    /// `party/name` of the machines; empty means any.
    pub machines: Vec<String>,
    /// Acts; empty means any.
    pub actions: Vec<Name>,
    /// On what; empty means anything.
    pub resources: Vec<On>,
    /// Under this condition.
    pub when: Test,
    /// For permits: how long after the act its record may become durable; none means before.
    pub recorded_within: Option<Span>,
    /// For prohibitions: whether the request may be tried again later.
    pub puts_off: bool,
}

/// A service or a resource of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct On {
    /// The service.
    pub service: Name,
    /// The resource; none means all of them.
    pub resource: Option<Name>,
}

impl Rule {
    /// About any request.
    pub fn any() -> Self {
        Self {
            permits: true,
            machines: Vec::new(),
            actions: Vec::new(),
            resources: Vec::new(),
            when: Test::always(),
            recorded_within: None,
            puts_off: false,
        }
    }

    /// Its reach and its condition as one test.
    pub fn reach(&self) -> Test {
        let one_of = |label, words: Vec<String>| match words.is_empty() {
            true => Test::always(),
            false => Test::OneOf(label, words),
        };
        let on = |on: &On| {
            let resource = on.resource.iter().map(ToString::to_string).collect();
            Test::and(vec![
                Test::OneOf(Label::Service, vec![on.service.to_string()]),
                one_of(Label::Resource, resource),
            ])
        };
        let resources = match self.resources.as_slice() {
            [] => Test::always(),
            [only] => on(only),
            several => Test::Any(several.iter().map(on).collect()),
        };
        Test::and(vec![
            one_of(Label::Machine, self.machines.clone()),
            one_of(Label::Action, self.actions.iter().map(ToString::to_string).collect()),
            resources,
            self.when.clone(),
        ])
    }

    /// Whether it speaks about a request.
    pub fn applies(&self, facts: &Facts) -> bool {
        self.reaches(&facts.machine, &facts.action, &facts.service, &facts.resource) && self.when.holds(facts)
    }

    /// Whether a request is in its reach, its condition aside.
    pub fn reaches(&self, machine: &String, action: &Name, service: &Name, resource: &Name) -> bool {
        let on = |on: &On| on.service == *service && on.resource.as_ref().is_none_or(|r| r == resource);
        (self.machines.is_empty() || self.machines.contains(machine))
            && (self.actions.is_empty() || self.actions.contains(action))
            && (self.resources.is_empty() || self.resources.iter().any(on))
    }
}

/// A condition on the facts of a request. Every fact is always there, so no test can fail to be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// All hold; none means: always.
    All(Vec<Test>),
    /// Any holds; none means: never.
    Any(Vec<Test>),
    /// It does not hold.
    Not(Box<Test>),
    /// The measure is at least this.
    AtLeast(Measure, i64),
    /// The measure is more than this.
    MoreThan(Measure, i64),
    /// The label is one of these.
    OneOf(Label, Vec<String>),
    /// The flag is set.
    Is(Flag),
    /// The machine holds this role.
    HasRole(Name),
}

impl Test {
    /// Always.
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// This and that, without nesting what says nothing.
    pub fn and(tests: Vec<Self>) -> Self {
        let mut tests: Vec<Self> = tests.into_iter().filter(|test| *test != Self::always()).collect();
        match (tests.pop(), tests.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => Self::All(tests.into_iter().chain([last]).collect()),
            (None, _) => Self::always(),
        }
    }

    /// Not this.
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Whether it holds.
    pub fn holds(&self, facts: &Facts) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(facts)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(facts)),
            Self::Not(test) => !test.holds(facts),
            Self::AtLeast(measure, bound) => facts.measure(measure) >= *bound,
            Self::MoreThan(measure, bound) => facts.measure(measure) > *bound,
            Self::OneOf(label, words) => words.contains(&facts.label(*label)),
            Self::Is(flag) => facts.flag(*flag),
            Self::HasRole(role) => facts.roles.contains(role),
        }
    }

    /// Every measure, label and flag it asks for.
    pub fn visit(&self, see: &mut dyn FnMut(&Self)) {
        see(self);
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.visit(see)),
            Self::Not(test) => test.visit(see),
            Self::AtLeast(..) | Self::MoreThan(..) | Self::OneOf(..) | Self::Is(_) | Self::HasRole(_) => {}
        }
    }

    /// What a gateway must be able to do to evaluate it.
    pub(super) fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        self.visit(&mut |test| {
            let (Self::AtLeast(measure, _) | Self::MoreThan(measure, _)) = test else { return };
            needs.extend(match measure {
                Measure::Approvals(_) => Some(Need::Approval),
                Measure::Counted(meter) => match meter.unit {
                    Unit::Bytes => Some(Need::Bytes),
                    Unit::Rows => Some(Need::Rows),
                    Unit::Cost => Some(Need::Cost),
                    Unit::Calls => None,
                },
                Measure::Now
                | Measure::CredentialLife
                | Measure::CredentialAge
                | Measure::DelegationDepth
                | Measure::ResourceClass
                | Measure::AddressHigh
                | Measure::AddressLow
                | Measure::RenewedUntil
                | Measure::WeekMinute(_)
                | Measure::ReviewOverdue
                | Measure::BoundFor
                | Measure::OwnerlessFor
                | Measure::Silence => None,
            });
        });
        needs
    }
}

impl From<MachineKind> for String {
    fn from(kind: MachineKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.as_str().to_owned()
    }
}

impl From<Class> for i64 {
    fn from(class: Class) -> Self {
        class.rank()
    }
}
