//! Where a clause stands: which instrument it is part of, and how that names parties, machines and acts.
//! Clauses ask it for the parts of their sentences and rules.

use crate::clause::Number;
use crate::document::{Body, Instrument};
use crate::library::Library;
use crate::norm::{Label, Norm, On, Rule, Statement, Test, Words};
use crate::only::Only;
use crate::terms::{Effect, List, Side, Target, Word};
use std::fmt::Display;

/// Phrases in a list that are told apart by letters.
const LETTERS_MAX: usize = 26;

/// A clause's surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// The clause's number.
    pub number: Number,
}

impl Setting<'_> {
    /// A sentence of the library with its blanks filled.
    pub(crate) fn say(&self, key: &str, blanks: &[(&str, &str)]) -> String {
        Library::current().fill(key, blanks)
    }

    /// A statement.
    pub(crate) fn state(&self, key: &str, blanks: &[(&str, &str)], norm: Norm) -> Statement {
        Statement { text: self.say(key, blanks), norm }
    }

    /// A statement whose sentence begins with the acts or the machine it limits.
    pub(crate) fn limit(&self, key: &str, blanks: &[(&str, &str)], norm: Norm) -> Statement {
        Statement { text: capital(&self.say(key, blanks)), norm }
    }

    /// A statement that is words only, with the values it names.
    pub(crate) fn words(&self, key: &str, blanks: &[(&'static str, &str)]) -> Statement {
        let values = blanks.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.state(key, blanks, Norm::Words(Words { values }))
    }

    /// A rule for the requests `only` describes.
    pub(crate) fn rule(&self, permits: bool, only: &Only, when: Test) -> Norm {
        Norm::Rule(self.bare_rule(permits, only, when))
    }

    pub(crate) fn bare_rule(&self, permits: bool, only: &Only, when: Test) -> Rule {
        let mut tests = only.tests();
        let party = self.instrument.body.holder().party.to_string();
        match (&self.instrument.body, only.side) {
            (Body::Guardrail { .. }, Some(Side::Provider)) => {
                tests.push(Test::OneOf(Label::Provider, vec![party]));
            }
            (Body::Guardrail { .. }, _) => tests.push(Test::OneOf(Label::Consumer, vec![party])),
            (Body::Contract { .. } | Body::Charter { .. }, _) => {}
        }
        tests.push(when);
        Rule {
            permits,
            machines: self.machines(&only.machines),
            actions: names(&only.actions),
            resources: self.resources(&only.resources),
            when: Test::and(tests),
            recorded_within: None,
            puts_off: false,
        }
    }

    /// `party/name` of the machines a clause binds; empty means any.
    fn machines(&self, chosen: &List<Word>) -> Vec<String> {
        let party = &self.instrument.body.machine_side().party;
        let all = match &self.instrument.body {
            Body::Contract { machines, .. } => machines.clone(),
            Body::Charter { machine, .. } => vec![machine.clone()],
            Body::Guardrail { .. } => Vec::new(),
        };
        let of = if chosen.is_empty() { all } else { names(chosen) };
        of.iter().map(|name| format!("{party}/{name}")).collect()
    }

    /// What targets mean here. A contract is about one service; all of it when none is named.
    pub(crate) fn resources(&self, targets: &List<Target>) -> Vec<On> {
        match &self.instrument.body {
            Body::Contract { service, .. } => targets
                .iter()
                .map(|target| On { service: service.clone(), resource: Some(target.first.clone()) })
                .collect(),
            Body::Charter { .. } | Body::Guardrail { .. } => targets
                .iter()
                .map(|target| On { service: target.first.clone(), resource: target.second.clone() })
                .collect(),
        }
    }

    /// A side in a sentence: "the Provider", or the organisation's name.
    pub(crate) fn side(&self, side: Side) -> String {
        match side {
            Side::Consumer | Side::Provider => side.words().to_owned(),
            Side::Party => self.instrument.body.holder().legal_name.clone(),
        }
    }

    /// The machines a clause binds: "the Consumer's machine `bot`", "the Machine", "a machine of Acme Ltd".
    pub(crate) fn bearer(&self, only: &Only) -> String {
        let mut text = match (&self.instrument.body, only.side) {
            (Body::Contract { machines, .. }, _) => {
                let chosen = names(&only.machines);
                let machines = if chosen.is_empty() { machines } else { &chosen };
                match machines.as_slice() {
                    [only] => format!("the Consumer's machine `{only}`"),
                    several => format!("each of the Consumer's machines {}", code_list(several, "and")),
                }
            }
            (Body::Charter { .. }, _) => "the Machine".to_owned(),
            (Body::Guardrail { holder }, Some(Side::Provider)) => {
                format!("a machine that uses a service of {}", holder.legal_name)
            }
            (Body::Guardrail { holder }, _) if only.machines.is_empty() => {
                format!("a machine of {}", holder.legal_name)
            }
            (Body::Guardrail { holder }, _) => match names(&only.machines).as_slice() {
                [one] => format!("the machine `{one}` of {}", holder.legal_name),
                several => {
                    format!("each of the machines {} of {}", code_list(several, "and"), holder.legal_name)
                }
            },
        };
        if !only.kinds.is_empty() {
            let kinds: Vec<&str> = only.kinds.iter().map(|kind| kind.words()).collect();
            text.push_str(&format!(" of the kind {}", join(&kinds, "or")));
        }
        if !only.roles.is_empty() {
            let noun = if only.roles.as_slice().len() == 1 { "role" } else { "roles" };
            text.push_str(&format!(" with the {noun} {}", code_list(&names(&only.roles), "or")));
        }
        if !only.environments.is_empty() {
            let places: Vec<&str> = only.environments.iter().map(|place| place.words()).collect();
            text.push_str(&format!(" in {}", join(&places, "or")));
        }
        text
    }

    /// Whether a clause binds one machine and no other.
    pub(crate) fn is_one_machine(&self, only: &Only) -> bool {
        match &self.instrument.body {
            Body::Charter { .. } => true,
            Body::Contract { machines, .. } => {
                let chosen = only.machines.as_slice().len();
                chosen == 1 || (chosen == 0 && machines.len() == 1)
            }
            Body::Guardrail { .. } => only.machines.as_slice().len() == 1,
        }
    }

    /// Verbs and objects: "**read** and **create** `charges`", "make any change to `payroll`".
    pub(crate) fn acts(&self, only: &Only, conjunction: &str) -> String {
        let object = self.objects(&only.resources, conjunction);
        let inside = if only.resources.is_empty() { "in " } else { "" };
        if only.actions.is_empty() {
            return match only.effect {
                Some(Effect::Change) => format!("make any change to {object}"),
                Some(Effect::Read) => format!("read anything of {object}"),
                None => format!("do anything with {object}"),
            };
        }
        let verbs: Vec<String> = only.actions.iter().map(|action| format!("**{action}**")).collect();
        let limited = match only.effect {
            Some(Effect::Change) => ", as far as that changes something",
            Some(Effect::Read) => ", as far as that changes nothing",
            None => "",
        };
        format!("{} {inside}{object}{limited}", join(&verbs, conjunction))
    }

    fn objects(&self, targets: &List<Target>, conjunction: &str) -> String {
        if !targets.is_empty() {
            return code_list(targets.as_slice(), conjunction);
        }
        match &self.instrument.body {
            Body::Contract { service, .. } => format!("the service `{service}`"),
            Body::Charter { .. } => "any service".to_owned(),
            Body::Guardrail { .. } => "any service".to_owned(),
        }
    }

    /// "To **create** `charges`, " before a limit that is about some acts; empty when it is about all.
    pub(crate) fn for_acts(&self, only: &Only) -> String {
        if only.actions.is_empty() && only.resources.is_empty() && only.effect.is_none() {
            return String::new();
        }
        format!("to {}, ", self.acts(only, "or"))
    }
}

/// The names.
pub(crate) fn names(words: &List<Word>) -> Vec<registry::Name> {
    words.iter().map(|word| word.0.clone()).collect()
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn join<T: Display>(items: &[T], conjunction: &str) -> String {
    match items {
        [] => String::new(),
        [single] => single.to_string(),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} {conjunction} {last}", first.join(", "))
        }
    }
}

/// `a`, `(a) one; or (b) two`: for phrases that have an "and" or a comma of their own.
pub(crate) fn lettered(items: &[&str], conjunction: &str) -> String {
    let [_, _, ..] = items else { return join(items, conjunction) };
    let last = items.len() - 1;
    let item = |(at, (letter, item)): (usize, (char, &&str))| match at {
        0 => format!("({letter}) {item}"),
        at if at == last => format!("; {conjunction} ({letter}) {item}"),
        _ => format!("; ({letter}) {item}"),
    };
    if items.len() > LETTERS_MAX {
        return join(items, conjunction);
    }
    ('a'..='z').zip(items).enumerate().map(item).collect()
}

/// The same with each item in the marks of code.
pub(crate) fn code_list<T: Display>(items: &[T], conjunction: &str) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
    join(&items, conjunction)
}

/// A span before what it is the length of: `10 days' notice`, `1 day's notice`.
pub(crate) fn possessive(span: crate::value::Span) -> String {
    let text = span.to_string();
    if text.ends_with('s') { format!("{text}'") } else { format!("{text}'s") }
}

/// The first letter as a capital.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
