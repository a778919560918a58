//! Requests as examples of a rule: of all that could be asked, one just within it and one just beyond, which the other
//! clauses let through. How a request reads is beside this.

use super::telling::{Touched, request_text};
use super::{Found, Subject, permits};
use crate::clause::Number;
use crate::document::Instrument;
use crate::norm::{Facts, Flag, Label, Measure, Rule, Test};
use crate::terms::{Class, LIST_MAX};
use registry::Name;
use std::collections::BTreeMap;

pub(super) fn request_examples(
    instrument: &Instrument,
    rules: &[(Number, usize, Rule)],
    ground: &Ground,
    rule: &Rule,
) -> Found {
    let touched = Touched::by(&rule.when);
    let say = |facts: Facts, holds: bool, touched: &Touched| {
        let text = request_text(instrument, &facts, touched);
        (Subject::Request(Box::new(facts)), holds, text)
    };
    let mut found = Vec::new();
    if rule.permits {
        if let Some(facts) = ground.within(&[rule]).find_map(|facts| settle(rules, rule, facts)) {
            let stranger = outside(rules, &facts);
            found.push(say(facts, true, &touched));
            found.extend(stranger.map(|facts| say(facts, false, &Touched::default())));
        }
        return found;
    }
    let permits = || rules.iter().filter(|(_, _, other)| other.permits).map(|(_, _, other)| other);
    // Just within: inside the rule's reach, its condition just not met; else any permitted act.
    let just_within = permits().find_map(|permit| {
        ground.within(&[rule, permit]).find_map(|mut facts| {
            // First over the bound, then back: that is the last value within.
            let fits = make(&permit.when, true, &mut facts)
                && make(&rule.when, true, &mut facts)
                && make(&rule.when, false, &mut facts);
            fits.then(|| settle(rules, permit, facts)).flatten()
        })
    });
    match just_within {
        Some(facts) => found.push(say(facts, true, &touched)),
        None => {
            let other = permits()
                .find_map(|permit| ground.within(&[permit]).find_map(|facts| settle(rules, permit, facts)));
            found.extend(other.map(|facts| say(facts, true, &Touched::default())));
        }
    }
    let beyond = ground.within(&[rule]).find_map(|facts| {
        let base = permits().find_map(|permit| {
            let mut facts = facts.clone();
            make(&permit.when, true, &mut facts).then(|| settle(rules, permit, facts)).flatten()
        });
        // Best a request that nothing else stops; else any the rule speaks about.
        base.into_iter().chain([facts]).find_map(|mut facts| {
            (make(&rule.when, true, &mut facts) && rule.applies(&facts)).then_some(facts)
        })
    });
    found.extend(beyond.map(|facts| say(facts, false, &touched)));
    found
}

/// What requests may be about: everything an instrument names, and a little that it does not.
pub(super) struct Ground {
    machines: Vec<String>,
    actions: Vec<Name>,
    resources: Vec<(Name, Name)>,
}

impl Ground {
    pub(super) fn of(instrument: &Instrument, rules: &[(Number, usize, Rule)]) -> Self {
        let party = &instrument.body.machine_side().party;
        let mut machines: Vec<String> =
            instrument.body.machines().iter().map(|machine| format!("{party}/{machine}")).collect();
        let mut actions: Vec<Name> = Vec::new();
        let mut resources: Vec<(Name, Name)> = Vec::new();
        for (_, _, rule) in rules {
            machines.extend(rule.machines.iter().cloned());
            actions.extend(rule.actions.iter().cloned());
            resources.extend(rule.resources.iter().map(|on| {
                let resource = on.resource.clone().or_else(|| "records".parse().ok());
                (on.service.clone(), resource.unwrap_or_else(|| on.service.clone()))
            }));
        }
        machines.push(format!("{party}/any-machine"));
        actions.extend(["read", "write"].iter().filter_map(|name| name.parse().ok()));
        let service = instrument.body.service().cloned().or_else(|| "any-service".parse().ok());
        resources.extend(service.and_then(|service| Some((service, "records".parse().ok()?))));
        dedup(&mut machines);
        dedup(&mut actions);
        dedup(&mut resources);
        Self { machines, actions, resources }
    }

    /// Requests in the reach of all of `within`, a bounded number.
    fn within<'a>(&'a self, within: &'a [&'a Rule]) -> impl Iterator<Item = Facts> + 'a {
        const TRIED_MAX: usize = 60;
        let about = self.machines.iter().flat_map(move |machine| {
            self.actions
                .iter()
                .flat_map(move |action| self.resources.iter().map(move |on| (machine, action, on)))
        });
        about
            .filter(|(machine, action, (service, resource))| {
                within.iter().all(|rule| rule.reaches(machine, action, service, resource))
            })
            .map(|(machine, action, (service, resource))| Facts {
                machine: machine.clone(),
                action: action.clone(),
                service: service.clone(),
                resource: resource.clone(),
                roles: Vec::new(),
                measures: BTreeMap::new(),
                labels: BTreeMap::new(),
                flags: [(Flag::Owned, true), (Flag::Chartered, true)].into_iter().collect(),
            })
            .take(TRIED_MAX)
    }
}

fn dedup<T: PartialEq>(items: &mut Vec<T>) {
    let mut kept: Vec<T> = Vec::new();
    for item in items.drain(..) {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    *items = kept;
}

/// Changes facts until the rules permit, keeping them in reach of `permit`.
fn settle(rules: &[(Number, usize, Rule)], permit: &Rule, facts: Facts) -> Option<Facts> {
    settle_at_bounds(rules, permit, facts.clone()).or_else(|| settle_by_search(rules, permit, facts))
}

/// How often another way past the prohibitions is looked for.
const STEPS_MAX: usize = 24;

/// Goes past one prohibition after another, by whichever of the ways leaves the fewest in force.
fn settle_by_search(rules: &[(Number, usize, Rule)], permit: &Rule, mut facts: Facts) -> Option<Facts> {
    make(&permit.when, true, &mut facts);
    let stopping = |facts: &Facts| -> Vec<&Rule> {
        let prohibitions = rules.iter().map(|(_, _, rule)| rule).filter(|rule| !rule.permits);
        prohibitions.filter(|rule| rule.applies(facts)).collect()
    };
    for _ in 0..STEPS_MAX {
        let in_force = stopping(&facts);
        if in_force.is_empty() {
            return permit.applies(&facts).then_some(facts);
        }
        let ways = in_force.iter().flat_map(|rule| ways_past(&rule.when, &facts));
        facts = ways
            .filter(|other| *other != facts && permit.applies(other))
            .min_by_key(|other| stopping(other).len())?;
    }
    None
}

/// The ways in which a condition stops holding: for one that asks for several things, each of them.
fn ways_past(test: &Test, facts: &Facts) -> Vec<Facts> {
    let conditions = match test {
        Test::All(tests) => tests.as_slice(),
        Test::Any(_)
        | Test::Not(_)
        | Test::AtLeast(..)
        | Test::MoreThan(..)
        | Test::OneOf(..)
        | Test::Is(_)
        | Test::HasRole(_) => std::slice::from_ref(test),
    };
    let past = |test: &Test| {
        let mut facts = facts.clone();
        make(test, false, &mut facts).then_some(facts)
    };
    conditions.iter().rev().filter_map(past).collect()
}

fn settle_at_bounds(rules: &[(Number, usize, Rule)], permit: &Rule, mut facts: Facts) -> Option<Facts> {
    make(&permit.when, true, &mut facts);
    for _ in 0..=rules.len() {
        if permits(rules, &facts) {
            return permit.applies(&facts).then_some(facts);
        }
        let stopping = rules.iter().find(|(_, _, rule)| !rule.permits && rule.applies(&facts))?;
        if !make(&stopping.2.when, false, &mut facts) {
            return None;
        }
    }
    None
}

/// A request beside a permitted one that no clause permits: another act, else another machine.
fn outside(rules: &[(Number, usize, Rule)], facts: &Facts) -> Option<Facts> {
    let named = rules.iter().flat_map(|(_, _, rule)| rule.actions.iter().cloned());
    let other = ["delete", "export", "administer"].iter().filter_map(|name| name.parse().ok());
    let acts = named.chain(other).map(|action| Facts { action, ..facts.clone() });
    let party = facts.machine.split('/').next().unwrap_or_default();
    // One of these is no machine of the rules, for they are one more than a list can name.
    let names = (1..=LIST_MAX + 1).map(|n| if n == 1 { String::new() } else { format!("-{n}") });
    let strangers =
        names.map(|nth| Facts { machine: format!("{party}/another-machine{nth}"), ..facts.clone() });
    let nothing_permits =
        |facts: &Facts| !rules.iter().any(|(_, _, rule)| rule.permits && rule.applies(facts));
    acts.chain(strangers).find(nothing_permits)
}

/// Changes facts so that a test holds or does not, at its boundary. What already is as wanted stays.
fn make(test: &Test, wanted: bool, facts: &mut Facts) -> bool {
    if test.holds(facts) == wanted {
        return true;
    }
    match test {
        Test::Not(inner) => make(inner, !wanted, facts),
        // To make all hold, each; to make one fail, the last that can: limits stand behind scopes.
        Test::All(tests) => each_or_last(tests, wanted, wanted, facts),
        Test::Any(tests) => each_or_last(tests, !wanted, wanted, facts),
        Test::AtLeast(measure, bound) => {
            set(measure, if wanted { Some(*bound) } else { bound.checked_sub(1) }, wanted, facts)
        }
        Test::MoreThan(measure, bound) => {
            set(measure, if wanted { bound.checked_add(1) } else { Some(*bound) }, wanted, facts)
        }
        Test::OneOf(label, words) => {
            let other = || others(*label).iter().find(|other| !words.iter().any(|word| word == *other));
            let word = if wanted { words.first().cloned() } else { other().map(|word| (*word).to_owned()) };
            let Some(word) = word else { return false };
            facts.labels.insert(*label, word);
            true
        }
        Test::Is(flag) => {
            facts.flags.insert(*flag, wanted);
            true
        }
        Test::HasRole(role) => {
            facts.roles.retain(|held| held != role);
            if wanted {
                facts.roles.push(role.clone());
            }
            true
        }
    }
}

/// Gives a measure a value, if it can have that one. `up` says from where: of an address the half below follows,
/// so that it is the first beyond a range or the last within.
fn set(measure: &Measure, value: Option<i64>, up: bool, facts: &mut Facts) -> bool {
    let Some(value) = value.filter(|value| is_possible(measure, *value)) else { return false };
    facts.measures.insert(measure.clone(), value);
    if *measure == Measure::AddressHigh {
        facts.measures.insert(Measure::AddressLow, if up { i64::MIN } else { i64::MAX });
    }
    true
}

/// Whether there can be such a value at all.
fn is_possible(measure: &Measure, value: i64) -> bool {
    const WEEK_MINUTES: i64 = 7 * 1_440;
    match measure {
        Measure::AddressHigh | Measure::AddressLow | Measure::ReviewOverdue => true,
        Measure::ResourceClass => Class::ALL.iter().any(|class| class.rank() == value),
        Measure::WeekMinute(_) => (0..WEEK_MINUTES).contains(&value),
        Measure::Now
        | Measure::CredentialLife
        | Measure::CredentialAge
        | Measure::DelegationDepth
        | Measure::RenewedUntil
        | Measure::BoundFor
        | Measure::OwnerlessFor
        | Measure::Silence
        | Measure::Counted(_)
        | Measure::Approvals(_) => value >= 0,
    }
}

/// How often each of several tests is made to hold: making one may undo another that shares a fact with it.
const ROUNDS_MAX: usize = 8;

fn each_or_last(tests: &[Test], each: bool, wanted: bool, facts: &mut Facts) -> bool {
    if each {
        let as_wanted = |facts: &Facts| tests.iter().all(|test| test.holds(facts) == wanted);
        return (0..ROUNDS_MAX).any(|_| {
            tests.iter().for_each(|test| {
                make(test, wanted, facts);
            });
            as_wanted(facts)
        });
    }
    tests.iter().rev().any(|test| {
        let before = facts.clone();
        let made = make(test, wanted, facts) && test.holds(facts) == wanted;
        if !made {
            *facts = before;
        }
        made
    })
}

/// Words a label can be, for what is not in a list.
fn others(label: Label) -> &'static [&'static str] {
    match label {
        Label::Action | Label::Machine | Label::Resource => &["another", "a-third"],
        Label::Attestation => &["join-token", "ci-oidc", "kubernetes", "process", "renewal"],
        Label::Binding => &["mtls", "dpop", "bearer"],
        Label::CallerRegion | Label::ServiceRegion => &["elsewhere", "somewhere-else"],
        Label::Consumer | Label::Provider => &["another-party", "a-third-party"],
        Label::CredentialKind => &["x509-svid", "jwt-svid"],
        Label::Environment => &["production", "staging", "test", "development"],
        Label::KeyAlgorithm => &["ed25519", "ecdsa-p256", "rsa", "ecdsa-p384", "ml-dsa-65", "another"],
        Label::MachineKind => &[
            "bot",
            "microservice",
            "ci-pipeline",
            "service-account",
            "api-key",
            "ai-agent",
            "container-workload",
            "iot-device",
            "synthetic-account",
        ],
        Label::Purpose => &["", "something else"],
        Label::Service => &["another-service", "a-third-service"],
    }
}
