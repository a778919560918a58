//! Examples: for each sentence, what is just within it and what is just beyond. They are printed in the
//! annex, signed with the rest, and tried on the compiled policy whenever a document is drafted.

use crate::clause::Number;
use crate::document::{Body, Instrument};
use crate::kind::{Kind, Liability};
use crate::library::Library;
use crate::norm::{
    Bound, Cap, Departure, Duty, Evidence, Facts, Flag, Ground as PowerGround, Issuance, Label, Level,
    Masking, Measure, Norm, Power, Rule, SqlTouch, StatementBound, Test, Words,
};
use crate::setting::{Setting, join};
use crate::terms::{Class, LIST_MAX, Money, Ratio, Side, Weekday};
use crate::value::{Span, instant};
use registry::Name;
use std::collections::BTreeMap;

/// An example of one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The clause.
    pub clause: Number,
    /// Which of its sentences.
    pub statement: usize,
    /// What happens.
    pub subject: Subject,
    /// Whether it is permitted, kept, effective, … .
    pub holds: bool,
    /// What happens, in words.
    pub text: String,
}

/// What happens in an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A request reaches the gateway.
    Request(Box<Facts>),
    /// A duty is set off and fulfilled.
    Times {
        /// Set off.
        start_ms: u64,
        /// Fulfilled.
        done_ms: u64,
    },
    /// A share is measured, in thousandths of a percent.
    Measured(u32),
    /// Somebody exercises a power.
    Exercise {
        /// Who; none is somebody who is no side.
        holder: Option<Side>,
        /// On which ground.
        ground: Option<String>,
    },
    /// A field of an answer.
    Field(String),
    /// A statement is said to a database.
    Statement(SqlTouch),
    /// A transaction is open for so long, in milliseconds.
    Transaction(u64),
    /// An age is measured, in milliseconds.
    Age(u64),
    /// Somebody accountable left so many milliseconds ago; none is that nobody left.
    Gone(Option<u64>),
    /// A token is asked for, for this audience.
    Audience(String),
    /// A certificate is renewed when this much of its life is over, in percent.
    Renewed(u8),
    /// A claim is made.
    Claim(u64),
    /// A new version is signed by so many people of each side.
    Signed(Vec<(Side, u32)>),
    /// A value is used where the words name one.
    Value(&'static str, String),
}

/// Monday, 1 March 2027, 09:00 UTC: where timelines begin.
const START_MS: u64 = 1_803_891_600_000;

impl Example {
    /// The outcome in a word or two.
    pub fn outcome(&self) -> String {
        let kind = match self.subject {
            Subject::Request(_) => "rule",
            Subject::Times { .. } => "duty",
            Subject::Measured(_) => "level",
            Subject::Exercise { .. } | Subject::Signed(_) => "power",
            Subject::Field(_) => "field",
            Subject::Statement(_) | Subject::Transaction(_) => "statement",
            Subject::Age(_) => "age",
            Subject::Audience(_) => "audience",
            Subject::Gone(_) => "departure",
            Subject::Renewed(_) => "renewal",
            Subject::Claim(_) => "cap",
            Subject::Value(..) => "value",
        };
        let answer = if self.holds { "yes" } else { "no" };
        Library::current().fill(&format!("outcome.{kind}-{answer}"), &[])
    }
}

impl Instrument {
    /// Tries an example on the norms, independently of how it was found. None if they do not fit each other.
    pub fn judge(&self, example: &Example) -> Option<bool> {
        if let Subject::Request(facts) = &example.subject {
            return Some(permits(&self.rules(), facts));
        }
        let clause = self.clause(example.clause)?;
        let said = self.statements_of(clause).into_iter().nth(example.statement)?;
        match (&said.norm, &example.subject) {
            (Norm::Duty(duty), Subject::Times { start_ms, done_ms }) => {
                Some(duty.is_kept(*start_ms, *done_ms))
            }
            (Norm::Level(level), Subject::Measured(milli)) => Some(level.is_reached(*milli)),
            (Norm::Power(power), Subject::Exercise { holder, ground }) => {
                Some(power.is_effective(*holder, ground.as_deref()))
            }
            (Norm::Masking(masking), Subject::Field(field)) => Some(masking.covers(field)),
            (Norm::Statement(bound), Subject::Statement(touched)) => Some(bound.allows(touched)),
            (Norm::Statement(bound), Subject::Transaction(ms)) => Some(bound.allows_transaction(*ms)),
            (Norm::Evidence(evidence), Subject::Age(ms)) => Some(evidence.holds(*ms)),
            (Norm::Departure(departure), Subject::Gone(since)) => {
                Some(since.is_some_and(|since| since >= departure.after_ms))
            }
            (Norm::Issuance(Issuance::Audiences(known)), Subject::Audience(audience)) => {
                Some(known.contains(audience))
            }
            (Norm::Issuance(Issuance::RenewAt(most)), Subject::Renewed(percent)) => Some(percent <= most),
            (Norm::Cap(cap), Subject::Claim(claim)) => Some(cap.owed(*claim) == *claim),
            (Norm::Words(words), Subject::Value(key, value)) => Some(words.values.get(key) == Some(value)),
            (Norm::Words(_), Subject::Signed(people)) => {
                let signed = |side: &Side| people.iter().find(|(of, _)| of == side).map_or(0, |(_, n)| *n);
                Some(self.body.sides().iter().all(|side| signed(side) >= self.signing.quorum_of(*side)))
            }
            _ => None,
        }
    }
}

/// Whether rules permit a request: some permit applies and no prohibition does.
pub fn permits(rules: &[(Number, usize, Rule)], facts: &Facts) -> bool {
    let applies =
        |wanted: bool| rules.iter().any(|(_, _, rule)| rule.permits == wanted && rule.applies(facts));
    applies(true) && !applies(false)
}

/// The examples of an instrument, in the order of its sentences.
pub fn examples(instrument: &Instrument) -> Vec<Example> {
    let rules = instrument.rules();
    let ground = Ground::of(instrument, &rules);
    let mut found = Vec::new();
    for (clause, statement, said) in instrument.statements() {
        let setting = Setting { instrument, number: clause };
        let pairs = match &said.norm {
            Norm::Rule(rule) => request_examples(instrument, &rules, &ground, rule),
            Norm::Duty(duty) => duty_examples(duty),
            Norm::Level(level) => level_examples(level),
            Norm::Power(power) => power_examples(power, &setting),
            Norm::Masking(masking) => masking_examples(masking),
            Norm::Statement(bound) => statement_examples(&bound.bound),
            Norm::Evidence(evidence) => evidence_examples(evidence),
            Norm::Departure(departure) => departure_examples(departure),
            Norm::Issuance(issuance) => issuance_examples(issuance),
            Norm::Cap(cap) => cap_examples(cap),
            Norm::Words(words) => match instrument.clause(clause).map(|clause| &clause.kind) {
                Some(Kind::Amendment(amendment)) if amendment.narrowing_by.is_empty() => {
                    signing_examples(instrument)
                }
                Some(Kind::Liability(liability)) => liability_examples(liability, words),
                Some(_) | None => value_examples(words),
            },
        };
        found.extend(pairs.into_iter().map(|(subject, holds, text)| Example {
            clause,
            statement,
            subject,
            holds,
            text,
        }));
    }
    found
}

/// The first clause without an example of what is within it, or without one of what is beyond it, and why: such
/// a clause can never matter, which nobody signs on purpose. Free words name nothing that could be tried.
pub fn idle(instrument: &Instrument, found: &[Example]) -> Option<(Number, String)> {
    instrument.clauses.iter().filter(|clause| !matches!(clause.kind, Kind::Words(_))).find_map(|clause| {
        let has =
            |holds| found.iter().any(|example| example.clause == clause.number && example.holds == holds);
        let permits = matches!(clause.kind, Kind::Permit(_));
        let rules = instrument.statements_of(clause).iter().any(|said| matches!(said.norm, Norm::Rule(_)));
        let why = match (has(true), has(false)) {
            (true, true) => return None,
            (false, _) if permits => "every request it permits is prohibited by another clause",
            (true, false) if permits => "no request is beyond what it permits",
            (_, false) if rules => "it refuses no request that can be made",
            (false, true) if rules => "nothing is permitted beside it: no request gets past the clauses",
            (_, false) => "nothing that can happen is beyond it",
            (false, true) => "nothing that can happen is within it",
        };
        Some((clause.number, why.to_owned()))
    })
}

type Found = Vec<(Subject, bool, String)>;

fn say(key: &str, blanks: &[(&str, &str)]) -> String {
    Library::current().fill(key, blanks)
}

/// What a test speaks of, so that the text mentions it.
#[derive(Default)]
struct Touched {
    measures: Vec<Measure>,
    labels: Vec<Label>,
    flags: Vec<Flag>,
    roles: Vec<Name>,
}

impl Touched {
    fn by(test: &Test) -> Self {
        let mut touched = Self::default();
        test.visit(&mut |test| match test {
            Test::AtLeast(measure, _) | Test::MoreThan(measure, _) => touched.measures.push(measure.clone()),
            Test::OneOf(label, _) => touched.labels.push(*label),
            Test::Is(flag) => touched.flags.push(*flag),
            Test::HasRole(role) => touched.roles.push(role.clone()),
            Test::All(_) | Test::Any(_) | Test::Not(_) => {}
        });
        touched.measures.sort();
        touched.measures.dedup();
        touched.labels.sort();
        touched.labels.dedup();
        touched.flags.sort();
        touched.flags.dedup();
        touched.roles.sort();
        touched.roles.dedup();
        touched
    }
}

fn request_examples(
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
struct Ground {
    machines: Vec<String>,
    actions: Vec<Name>,
    resources: Vec<(Name, Name)>,
}

impl Ground {
    fn of(instrument: &Instrument, rules: &[(Number, usize, Rule)]) -> Self {
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
        Label::Binding => &["mtls", "dpop"],
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

fn request_text(instrument: &Instrument, facts: &Facts, touched: &Touched) -> String {
    let mut parts: Vec<String> = Vec::new();
    let address = [Measure::AddressHigh, Measure::AddressLow];
    let halves = touched.measures.contains(&Measure::AddressLow);
    for measure in touched.measures.iter().filter(|measure| !(halves && **measure == Measure::AddressHigh)) {
        let value = facts.measure(measure);
        parts.push(match measure {
            Measure::Now => format!("on {}", instant(value.unsigned_abs())),
            Measure::CredentialLife => format!("with a certificate issued for {}", span(value)),
            Measure::CredentialAge => format!("with a certificate issued {} ago", span(value)),
            Measure::DelegationDepth => format!("through {} in between", counted(value, "machine")),
            Measure::ResourceClass => {
                let class = Class::ALL.iter().find(|class| class.rank() == value);
                format!("which is classified {}", class.map_or("higher still", |class| class.words()))
            }
            Measure::AddressHigh | Measure::AddressLow => {
                format!("from {}", address_of(address.each_ref().map(|half| facts.measure(half))))
            }
            Measure::RenewedUntil if value == 0 => "never renewed".to_owned(),
            Measure::RenewedUntil => format!("renewed until {}", instant(value.unsigned_abs())),
            Measure::WeekMinute(zone) => {
                let day = Weekday::ALL.get(usize::try_from(value.rem_euclid(10_080) / 1_440).unwrap_or(0));
                let minute = value.rem_euclid(1_440);
                let day = day.map_or("a day", |day| day.words()).trim_end_matches('s');
                format!("on a {day} at {:02}:{:02} (time of {zone})", minute / 60, minute % 60)
            }
            Measure::Counted(meter) => {
                let number = crate::value::grouped(value.unsigned_abs());
                format!("after {number} {} in the {} before", meter.unit.words(), meter.window)
            }
            Measure::Approvals(_) => format!("with {}", counted(value, "approval")),
            Measure::ReviewOverdue => format!("with a review overdue by {}", span(value)),
            Measure::Silence => format!("{} after the control ledger was last heard from", span(value)),
            Measure::OwnerlessFor => format!("{} after one of them left", span(value)),
            Measure::BoundFor => format!("{} after this instrument began to bind", span(value)),
        });
    }
    for label in &touched.labels {
        let value = facts.label(*label);
        parts.push(match value.as_str() {
            "" => format!("without a {}", label.words()),
            value => format!("where the {} is “{value}”", label.words()),
        });
    }
    for flag in &touched.flags {
        let set = facts.flag(*flag);
        let text = match (flag, set) {
            (Flag::Changes, true) => "which changes something",
            (Flag::Changes, false) => "which only reads",
            (Flag::Chartered, true) => "with a charter in force",
            (Flag::Chartered, false) => "without a charter in force",
            (Flag::Owned, true) => "with an owner and a deputy",
            (Flag::Owned, false) => "without an owner or a deputy",
            (Flag::Suspended, true) => "while the instrument is suspended",
            (Flag::Suspended, false) => "while the instrument is not suspended",
        };
        parts.push(text.to_owned());
    }
    for role in &touched.roles {
        let held = if facts.roles.contains(role) { "with" } else { "without" };
        parts.push(format!("{held} the role “{role}”"));
    }
    let circumstances: String = parts.iter().map(|part| format!(", {part}")).collect();
    let resource = match &instrument.body {
        Body::Contract { .. } => facts.resource.to_string(),
        Body::Charter { .. } | Body::Guardrail { .. } => format!("{}/{}", facts.service, facts.resource),
    };
    say(
        "annex.request",
        &[
            ("machine", &facts.machine),
            ("action", facts.action.as_str()),
            ("resource", &resource),
            ("circumstances", &circumstances),
        ],
    )
}

/// A request in words, with those of its facts that matter: setting any of them back to nothing would
/// change what `still` says of it.
pub fn explain(instrument: &Instrument, facts: &Facts, mut still: impl FnMut(&Facts) -> bool) -> String {
    let mut facts = facts.clone();
    let mut try_without = |facts: &mut Facts, change: &dyn Fn(&mut Facts)| {
        let mut fewer = facts.clone();
        change(&mut fewer);
        if still(&fewer) {
            *facts = fewer;
        }
    };
    // An ordinary Monday morning needs no mention.
    try_without(&mut facts, &|facts| {
        facts.measures.insert(Measure::Now, START_MS.cast_signed());
    });
    for measure in facts.measures.keys().cloned().collect::<Vec<_>>() {
        try_without(&mut facts, &|facts| {
            facts.measures.remove(&measure);
        });
    }
    for label in facts.labels.keys().copied().collect::<Vec<_>>() {
        try_without(&mut facts, &|facts| {
            facts.labels.remove(&label);
        });
    }
    for flag in facts.flags.keys().copied().collect::<Vec<_>>() {
        try_without(&mut facts, &|facts| {
            facts.flags.remove(&flag);
        });
    }
    for role in facts.roles.clone() {
        try_without(&mut facts, &|facts| facts.roles.retain(|held| *held != role));
    }
    let own = [Label::Action, Label::Machine, Label::Resource, Label::Service];
    let touched = Touched {
        measures: facts
            .measures
            .iter()
            .filter(|(measure, value)| **measure != Measure::Now || **value != START_MS.cast_signed())
            .map(|(measure, _)| measure.clone())
            .collect(),
        labels: facts.labels.keys().copied().filter(|label| !own.contains(label)).collect(),
        flags: facts.flags.keys().copied().collect(),
        roles: facts.roles.clone(),
    };
    request_text(instrument, &facts, &touched)
}

fn counted(number: i64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A span that may be just beyond a round one.
fn span(ms: i64) -> String {
    let ms = ms.unsigned_abs();
    let (round, rest) = (ms - ms % 1_000, ms % 1_000);
    match (round, rest) {
        (0, rest) => format!("{rest} ms"),
        (round, 0) => Span::from_ms(round).to_string(),
        (round, rest) => format!("{} and {rest} ms", Span::from_ms(round)),
    }
}

fn address_of([high, low]: [i64; 2]) -> std::net::IpAddr {
    let half = |half: i64| u128::from(half.cast_unsigned() ^ (1 << 63));
    std::net::Ipv6Addr::from_bits((half(high) << 64) | half(low)).to_canonical()
}

fn duty_examples(duty: &Duty) -> Found {
    let deadline = duty.deadline_ms(START_MS);
    let example = |done_ms: u64, holds| {
        let (start, done) = (instant(START_MS), instant(done_ms));
        let act = duty.act.words();
        let text = match duty.after {
            Some(trigger) => say(
                "annex.timeline",
                &[("trigger", trigger.words()), ("start", &start), ("act", act), ("done", &done)],
            ),
            None => say("annex.recurring", &[("act", act), ("start", &start), ("done", &done)]),
        };
        (Subject::Times { start_ms: START_MS, done_ms }, holds, text)
    };
    vec![example(deadline, true), example(deadline + 1_000, false)]
}

fn level_examples(level: &Level) -> Found {
    let example = |milli: u32, holds| {
        let measured = Ratio::from_milli_percent(milli).map_or_else(String::new, |ratio| ratio.to_string());
        let text = say("annex.level", &[("measured", &measured), ("period", &level.period.to_string())]);
        (Subject::Measured(milli), holds, text)
    };
    let below = level.target.checked_sub(1).map(|milli| example(milli, false));
    std::iter::once(example(level.target, true)).chain(below).collect()
}

fn power_examples(power: &Power, setting: &Setting<'_>) -> Found {
    let example = |holder: Option<Side>, ground: Option<&PowerGround>, holds| {
        let who = holder.map_or_else(|| "somebody else".to_owned(), |side| setting.side(side));
        let on = ground.map_or_else(String::new, |ground| format!(" {}", ground.words));
        let text = say("annex.power", &[("holder", &who), ("effect", power.effect.words()), ("ground", &on)]);
        (Subject::Exercise { holder, ground: ground.map(|ground| ground.code.clone()) }, holds, text)
    };
    let because =
        |ground: &PowerGround| PowerGround { words: format!("because {}", ground.words), ..ground.clone() };
    let known = power.grounds.first().map(because);
    let other =
        PowerGround { code: "none-of-these".to_owned(), words: "without naming such a ground".to_owned() };
    let known = known.as_ref();
    let mut found = vec![example(power.holders.first().copied(), known, true)];
    if known.is_some() {
        found.push(example(power.holders.first().copied(), Some(&other), false));
    }
    found.push(example(None, known, false));
    found
}

fn masking_examples(masking: &Masking) -> Found {
    let example = |field: &str, holds| {
        (Subject::Field(field.to_owned()), holds, say("annex.field", &[("field", field)]))
    };
    let other = (0..).map(|n| if n == 0 { "note".to_owned() } else { format!("note-{n}") });
    let other = other.into_iter().find(|field| !masking.covers(field)).unwrap_or_default();
    masking
        .fields
        .first()
        .map(|field| example(field, true))
        .into_iter()
        .chain([example(&other, false)])
        .collect()
}

fn statement_examples(bound: &Bound) -> Found {
    let statement = |columns: Option<&str>, which_rows, holds, text| {
        let columns = columns.map(|column| vec![column.to_owned()]);
        (Subject::Statement(SqlTouch { columns, which_rows }), holds, text)
    };
    match bound {
        Bound::Columns(named) => {
            let says = |column: &str| say("annex.column", &[("column", column)]);
            let within = |column: &str| {
                let bound = StatementBound { rule: Rule::any(), bound: bound.clone() };
                bound.allows(&SqlTouch { columns: Some(vec![column.to_owned()]), which_rows: true })
            };
            let other = (0..).map(|n| if n == 0 { "note".to_owned() } else { format!("note-{n}") });
            let other = other.into_iter().find(|column| !within(column)).unwrap_or_default();
            let first = named.first().map_or("", String::as_str);
            vec![
                statement(Some(first), true, true, says(first)),
                statement(Some(&other), true, false, says(&other)),
                statement(None, true, false, say("annex.columns-all", &[])),
            ]
        }
        Bound::WhichRows => vec![
            statement(None, true, true, say("annex.rows-some", &[])),
            statement(None, false, false, say("annex.rows-all", &[])),
        ],
        Bound::Transaction(longest) => {
            let ms = longest.as_ms();
            let open = |ms: u64, holds| {
                let text = say("annex.transaction", &[("span", &span(ms.cast_signed()))]);
                (Subject::Transaction(ms), holds, text)
            };
            vec![open(ms, true), open(ms.saturating_add(1_000), false)]
        }
    }
}

fn evidence_examples(evidence: &Evidence) -> Found {
    let example = |ms: u64, holds| {
        let age = span(ms.cast_signed());
        (Subject::Age(ms), holds, say("annex.age", &[("subject", &evidence.subject), ("age", &age)]))
    };
    let bound = evidence.span.as_ms();
    // The unit the clause is written in, so that both ages read easily.
    let unit = if bound.is_multiple_of(86_400_000) { 86_400_000 } else { 1_000 };
    let beyond = if evidence.at_least { bound.saturating_sub(unit) } else { bound + unit };
    vec![example(bound, true), example(beyond, false)]
}

fn departure_examples(departure: &Departure) -> Found {
    let gone = |ms: u64, holds| {
        let shown = say("annex.departure", &[("span", &span(ms.cast_signed()))]);
        (Subject::Gone(Some(ms)), holds, shown)
    };
    match departure.after_ms {
        0 => vec![gone(1_000, true), (Subject::Gone(None), false, say("annex.departure-none", &[]))],
        after => vec![gone(after, true), gone(after.saturating_sub(1_000), false)],
    }
}

fn issuance_examples(issuance: &Issuance) -> Found {
    match issuance {
        Issuance::Audiences(known) => {
            let example = |audience: &str, holds| {
                let shown = say("annex.audience", &[("audience", audience)]);
                (Subject::Audience(audience.to_owned()), holds, shown)
            };
            let other = format!("{}.another", known.first().map_or("", String::as_str));
            known.first().map(|one| example(one, true)).into_iter().chain([example(&other, false)]).collect()
        }
        Issuance::RenewAt(most) => {
            let example = |percent: u8, holds| {
                let shown = say("annex.renewal", &[("percent", &percent.to_string())]);
                (Subject::Renewed(percent), holds, shown)
            };
            vec![example(*most, true), example(most.saturating_add(1), false)]
        }
    }
}

fn cap_examples(cap: &Cap) -> Found {
    let example = |claim: u64, holds| {
        (Subject::Claim(claim), holds, say("annex.cap", &[("claim", &cap.money.with_amount(claim).words())]))
    };
    vec![example(cap.amount, true), example(cap.amount + 1, false)]
}

/// Words name values people can keep to: an address for notices, a forum.
fn value_examples(words: &Words) -> Found {
    let named = ["address", "forum"].iter().find_map(|key| words.values.get_key_value(key));
    let Some((key, value)) = named else { return Vec::new() };
    let (yes, no) = match *key {
        "address" => (format!("a notice to {value}"), "a notice to another address".to_owned()),
        _ => (format!("a suit before the courts of {value}"), "a suit before other courts".to_owned()),
    };
    let example = |value: String, holds, text: &str| {
        (Subject::Value(key, value), holds, say("annex.value", &[("value", text)]))
    };
    vec![example(value.clone(), true, &yes), example(String::new(), false, &no)]
}

/// Of a promise in words: what it names, and what it does not.
fn liability_examples(liability: &Liability, words: &Words) -> Found {
    let Some(text) = words.values.get("text") else { return Vec::new() };
    let is = |promise: Option<String>| promise.as_ref() == Some(text);
    let (yes, no) = if is(liability.insurance.map(Money::words)) {
        let less = liability.insurance.map(|sum| sum.with_amount(sum.amount.saturating_sub(1)).words());
        (format!("insurance of {text}"), format!("insurance of {}", less.unwrap_or_default()))
    } else if is(liability.indemnity.as_ref().map(ToString::to_string)) {
        (format!("to indemnify against {text}"), "to indemnify against nothing".to_owned())
    } else {
        (format!("that {text}"), "that this is not so".to_owned())
    };
    let example = |value: String, holds, text: &str| {
        (Subject::Value("text", value), holds, say("annex.value", &[("value", text)]))
    };
    vec![example(text.clone(), true, &yes), example(String::new(), false, &no)]
}

/// Of a change: signed as it must be, and by one person less.
fn signing_examples(instrument: &Instrument) -> Found {
    let setting = Setting { instrument, number: Number::READING };
    let enough: Vec<(Side, u32)> =
        instrument.body.sides().iter().map(|side| (*side, instrument.signing.quorum_of(*side))).collect();
    let mut fewer = enough.clone();
    if let Some((_, people)) = fewer.last_mut() {
        *people = people.saturating_sub(1);
    }
    let example = |people: Vec<(Side, u32)>, holds| {
        let signed: Vec<String> = people
            .iter()
            .map(|(side, people)| match people {
                0 => format!("nobody for {}", setting.side(*side)),
                1 => format!("1 person for {}", setting.side(*side)),
                several => format!("{several} people for {}", setting.side(*side)),
            })
            .collect();
        let text = format!("a new version signed by {}", join(&signed, "and"));
        (Subject::Signed(people), holds, say("annex.value", &[("value", &text)]))
    };
    vec![example(enough, true), example(fewer, false)]
}
