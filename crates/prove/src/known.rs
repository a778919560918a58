//! What the registry knows of machines and services, as tests: what changes from request to request is free.

use contract::Instrument;
use contract::norm::{Flag, Label, Measure, Test};
use registry::{Identity, Name, Service, State};

/// What the gateway could be asked of a service: an act on a resource, whether it changes something, and the
/// rank of the resource's classification.
pub(crate) type Act = (Name, Name, bool, i64);

/// The acts of a service.
pub(crate) fn acts(service: &Service) -> Vec<Act> {
    let mut found = Vec::new();
    for resource in &service.resources {
        let class = resource.class.unwrap_or(registry::Classification::Restricted).rank();
        for operation in &resource.operations {
            let act = (operation.action.clone(), resource.name.clone(), operation.changes, i64::from(class));
            if !found.contains(&act) {
                found.push(act);
            }
        }
    }
    found
}

/// What the registry knows of a machine. `asked` are the instruments whose roles matter.
pub(crate) fn machine_facts(state: &State, machine: &Identity, asked: &[&Instrument]) -> Test {
    let party = state.parties.get(&machine.party).map(|party| party.name.to_string()).unwrap_or_default();
    let mut tests = vec![
        word(Label::Machine, state.identity_label(machine.id)),
        word(Label::MachineKind, machine.kind.to_string()),
        word(Label::Environment, machine.environment.to_string()),
        word(Label::CallerRegion, machine.region.as_ref().map(ToString::to_string).unwrap_or_default()),
        word(Label::Consumer, party),
    ];
    let mut mentioned: Vec<Name> = Vec::new();
    for instrument in asked {
        for (_, _, rule) in instrument.rules() {
            rule.when.visit(&mut |test| {
                if let Test::HasRole(role) = test {
                    mentioned.push(role.clone());
                }
            });
        }
    }
    mentioned.sort();
    mentioned.dedup();
    for role in mentioned {
        let held = machine.roles.contains(&role);
        let test = Test::HasRole(role);
        tests.push(if held { test } else { test.negated() });
    }
    Test::and(tests)
}

/// What a service is, and that one of these acts is asked of it.
pub(crate) fn service_facts(state: &State, service: &Service, acts: &[Act]) -> Test {
    let party = state.parties.get(&service.party).map(|party| party.name.to_string()).unwrap_or_default();
    let act = |(action, resource, changes, class): &Act| {
        let changes = if *changes { Test::Is(Flag::Changes) } else { Test::Is(Flag::Changes).negated() };
        Test::and(vec![
            word(Label::Action, action.to_string()),
            word(Label::Resource, resource.to_string()),
            changes,
            Test::AtLeast(Measure::ResourceClass, *class),
            Test::MoreThan(Measure::ResourceClass, *class).negated(),
        ])
    };
    Test::and(vec![
        word(Label::Service, service.name.to_string()),
        word(Label::Provider, party),
        word(Label::ServiceRegion, service.region.as_ref().map(ToString::to_string).unwrap_or_default()),
        Test::Any(acts.iter().map(act).collect()),
    ])
}

fn word(label: Label, word: String) -> Test {
    Test::OneOf(label, vec![word])
}
