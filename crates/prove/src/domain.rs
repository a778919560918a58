//! The requests that are asked about when no registry says which there are: every name the instruments
//! mention, and one other of each kind.

use contract::norm::{Flag, Label, Test};
use contract::{Body, Instrument};
use std::collections::{BTreeMap, BTreeSet};

/// Requests with the names of all these instruments.
pub(crate) fn domain(instruments: &[&Instrument]) -> Test {
    let (mut words, flags) = mentioned(instruments);
    // A request always has these four, whatever the clauses mention.
    for label in [Label::Machine, Label::Action, Label::Service, Label::Resource] {
        words.entry(label).or_default();
    }
    // Whose machines and services a contract is about is no open question.
    let bound: Vec<(Label, String)> =
        instruments.iter().flat_map(|instrument| bound(&instrument.body)).collect();
    for (label, _) in &bound {
        words.entry(*label).and_modify(BTreeSet::clear);
    }
    for (label, word) in &bound {
        words.entry(*label).and_modify(|words| {
            words.insert(word.clone());
        });
    }
    for (label, words) in &mut words {
        if !bound.iter().any(|(fixed, _)| fixed == label) {
            words.extend(others(*label).iter().map(|other| (*other).to_owned()));
        }
    }
    // Machines of every party that is asked for, each of its own party.
    let parties: Vec<String> = words.get(&Label::Consumer).into_iter().flatten().cloned().collect();
    if let Some(machines) = words.get_mut(&Label::Machine) {
        machines.extend(parties.iter().map(|party| format!("{party}/another-machine")));
    }
    let mut tests = Vec::new();
    if !parties.is_empty() {
        let machines = words.get(&Label::Machine).into_iter().flatten();
        let of_party = |machine: &String| {
            let party = machine.split('/').next().unwrap_or_default().to_owned();
            Test::and(vec![
                Test::OneOf(Label::Machine, vec![machine.clone()]),
                Test::OneOf(Label::Consumer, vec![party]),
            ])
        };
        tests.push(Test::Any(machines.map(of_party).collect()));
    }
    for (label, words) in words {
        tests.push(Test::OneOf(label, words.into_iter().collect()));
    }
    // What a charter permits, it permits while it is in force.
    let charter = instruments.first().is_some_and(|first| matches!(first.body, Body::Charter { .. }));
    if charter && flags.contains(&Flag::Chartered) {
        tests.push(Test::Is(Flag::Chartered));
    }
    Test::and(tests)
}

/// What an instrument fixes of every request it is about.
fn bound(body: &Body) -> Vec<(Label, String)> {
    match body {
        Body::Contract { provider, service, consumer, .. } => vec![
            (Label::Service, service.to_string()),
            (Label::Provider, provider.party.to_string()),
            (Label::Consumer, consumer.party.to_string()),
        ],
        Body::Charter { holder, .. } => vec![(Label::Consumer, holder.party.to_string())],
        Body::Guardrail { .. } => Vec::new(),
    }
}

/// For requests whose machine and act the registry tells: what else is a word keeps to words there are.
pub(crate) fn circumstances(instruments: &[&Instrument]) -> Test {
    let (words, _) = mentioned(instruments);
    let free = words.into_iter().filter(|(label, _)| matches!(label, Label::KeyAlgorithm | Label::Purpose));
    let with_others = |(label, words): (Label, BTreeSet<String>)| {
        let all = words.into_iter().chain(others(label).iter().map(|other| (*other).to_owned()));
        Test::OneOf(label, all.collect())
    };
    Test::and(free.map(with_others).collect())
}

/// That an instrument which can be suspended is not.
pub(crate) fn not_suspended(instruments: &[&Instrument]) -> Test {
    let (_, flags) = mentioned(instruments);
    if flags.contains(&Flag::Suspended) { Test::Is(Flag::Suspended).negated() } else { Test::always() }
}

fn mentioned(instruments: &[&Instrument]) -> (BTreeMap<Label, BTreeSet<String>>, BTreeSet<Flag>) {
    let mut words: BTreeMap<Label, BTreeSet<String>> = BTreeMap::new();
    let mut flags = BTreeSet::new();
    for instrument in instruments {
        for (_, _, rule) in instrument.rules() {
            rule.reach().visit(&mut |test| match test {
                Test::OneOf(label, list) => {
                    words.entry(*label).or_default().extend(list.iter().cloned());
                }
                Test::Is(flag) => {
                    flags.insert(*flag);
                }
                Test::All(_)
                | Test::Any(_)
                | Test::Not(_)
                | Test::AtLeast(..)
                | Test::MoreThan(..)
                | Test::HasRole(_) => {}
            });
        }
    }
    (words, flags)
}

/// What a label can be beside the words that are mentioned.
fn others(label: Label) -> &'static [&'static str] {
    match label {
        Label::Action => &["other-act"],
        Label::Attestation => &["join-token", "ci-oidc", "kubernetes", "process", "renewal"],
        Label::Binding => &["mtls", "dpop", "bearer"],
        Label::CallerRegion | Label::ServiceRegion => &["", "elsewhere"],
        Label::Consumer | Label::Provider => &["another-party"],
        Label::CredentialKind => &["x509-svid", "jwt-svid"],
        Label::Environment => &["production", "staging", "test", "development"],
        // A key of none of the kinds clauses know has no name.
        Label::KeyAlgorithm => &["", "ed25519", "ecdsa-p256", "rsa", "ecdsa-p384", "ml-dsa-65"],
        Label::Machine => &["another-party/another-machine"],
        Label::MachineKind => &[
            "ai-agent",
            "api-key",
            "bot",
            "ci-pipeline",
            "container-workload",
            "iot-device",
            "microservice",
            "service-account",
            "synthetic-account",
        ],
        Label::Purpose => &["", "something else"],
        Label::Resource => &["other-resource"],
        Label::Service => &["other-service"],
    }
}
