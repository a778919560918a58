//! One question: is there a request for which a test holds? Every fact of the request, its machine, act and
//! resource included, is an attribute of the context, so that one question is one script.

use crate::clock::{EARLIEST_MS, LATEST_MS, WEEK_MINUTES, offsets, zone_of};
use crate::solver::Solver;
use crate::{Answer, Scripts};
use cedar_policy::{PolicySet, Schema};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, CompiledSchema, Env};
use contract::norm::{Approvers, Facts, Label, Measure, Meter, On, Test};
use contract::terms::Zone;
use policy::attribute::{Attribute, expression};
use registry::{Millis, Name};
use std::collections::BTreeMap;

/// A test over the facts of one instrument, by that instrument's name.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) instrument: String,
    pub(crate) test: Test,
}

/// One of several that may hold: all its parts, for a machine whose review is due then.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) parts: Vec<Part>,
    pub(crate) review_ms: Millis,
}

/// Collects attributes and writes tests as Cedar.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// Each with the instrument it was asked for.
    attributes: BTreeMap<String, (Attribute, String)>,
    conditions: Vec<String>,
    /// What measures were compared with.
    bounds: Vec<(Measure, i64)>,
    /// The quotas and approvals that were met, by instrument: those that count the same are one number.
    met: Vec<(String, Measure)>,
    visible: bool,
}

/// The minute of the week in UTC, when local times of several zones must belong to one instant.
const UTC_MINUTE: &str = "utc_minute";
/// The most that is asked about of counts that have no bound of their own.
const COUNTED_MAX: i64 = u32::MAX as i64;
/// The most machines between two, and the most approvals, that are asked about.
const DEPTH_MAX: i64 = 16;
const APPROVALS_MAX: i64 = 100;

/// Between which values a measure is asked about.
struct Bounds {
    least: i64,
    most: i64,
    /// Whether values beyond these can occur: then nothing may change beyond them.
    open_below: bool,
    open_above: bool,
}

impl Bounds {
    /// None for what takes any value.
    fn of(measure: &Measure) -> Option<Self> {
        let closed = |least, most| Some(Self { least, most, open_below: false, open_above: false });
        let until = |least, most| Some(Self { least, most, open_below: false, open_above: true });
        match measure {
            Measure::Now => until(EARLIEST_MS, LATEST_MS),
            Measure::RenewedUntil | Measure::BoundFor | Measure::OwnerlessFor => until(0, LATEST_MS),
            // After that a gateway refuses whatever clauses say.
            Measure::Silence => closed(0, policy::decide::SILENCE_MAX_MS.cast_signed()),
            // The ledger admits no certificate that lives longer, and none is good beyond its life.
            Measure::CredentialLife => closed(1, registry::admit::CREDENTIAL_LIFE_MAX_MS.cast_signed()),
            Measure::CredentialAge => closed(0, registry::admit::CREDENTIAL_LIFE_MAX_MS.cast_signed()),
            Measure::DelegationDepth => until(0, DEPTH_MAX),
            Measure::ResourceClass => closed(0, 3),
            Measure::WeekMinute(_) => closed(0, WEEK_MINUTES - 1),
            Measure::Counted(_) => until(0, COUNTED_MAX),
            Measure::Approvals(_) => until(0, APPROVALS_MAX),
            Measure::ReviewOverdue => {
                Some(Self { least: -LATEST_MS, most: LATEST_MS, open_below: true, open_above: true })
            }
            Measure::AddressHigh | Measure::AddressLow => None,
        }
    }

    /// Whether all that changes at `bound` changes between these.
    fn hold(&self, bound: i64) -> bool {
        (!self.open_above || bound < self.most) && (!self.open_below || bound > self.least)
    }
}

impl Query {
    /// Requires that a test of an instrument holds.
    pub(crate) fn require(&mut self, part: &Part) -> &mut Self {
        let text = self.write(&part.test, &part.instrument);
        self.conditions.push(text);
        self
    }

    /// Requires that it does not hold.
    pub(crate) fn exclude(&mut self, part: &Part) -> &mut Self {
        let text = self.write(&part.test, &part.instrument);
        self.conditions.push(format!("!({text})"));
        self
    }

    /// Requires facts that gateways of this version can see.
    pub(crate) fn visible(&mut self) -> &mut Self {
        self.visible = true;
        self
    }

    /// Requires that any of these holds. Comes last: it looks at what was asked before.
    pub(crate) fn any(&mut self, choices: &[Choice]) -> &mut Self {
        let written: Vec<Vec<String>> = choices
            .iter()
            .map(|choice| choice.parts.iter().map(|part| self.write(&part.test, &part.instrument)).collect())
            .collect();
        // How long a review is overdue and what time it is are one fact.
        let overdue = Attribute::Measure(Measure::ReviewOverdue).name("");
        let reviewed = self.attributes.contains_key(&overdue);
        if reviewed {
            let now = Attribute::Measure(Measure::Now);
            self.attributes.entry(now.name("")).or_insert((now, String::new()));
        }
        let texts: Vec<String> = written
            .into_iter()
            .zip(choices)
            .map(|(mut texts, choice)| {
                if reviewed {
                    let now = access(&Attribute::Measure(Measure::Now).name(""));
                    texts.push(format!("{now} - {} == {}", access(&overdue), choice.review_ms));
                }
                if texts.is_empty() { "true".to_owned() } else { format!("({})", texts.join(" && ")) }
            })
            .collect();
        self.conditions.push(if texts.is_empty() {
            "false".to_owned()
        } else {
            format!("({})", texts.join(" || "))
        });
        self
    }

    fn write(&mut self, test: &Test, instrument: &str) -> String {
        let test = self.aligned(test, instrument);
        let mut asked = Vec::new();
        Attribute::asked(&test, &mut asked);
        for attribute in asked {
            self.attributes.insert(attribute.name(instrument), (attribute, instrument.to_owned()));
        }
        test.visit(&mut |test| match test {
            Test::AtLeast(measure, bound) | Test::MoreThan(measure, bound) => {
                self.bounds.push((measure.clone(), *bound));
            }
            Test::All(_) | Test::Any(_) | Test::Not(_) | Test::OneOf(..) | Test::Is(_) | Test::HasRole(_) => {
            }
        });
        expression(&test, instrument)
    }

    /// The test with one measure for all that is counted alike: a quota that moved to another clause, or
    /// stands in two, counts the same calls.
    fn aligned(&mut self, test: &Test, instrument: &str) -> Test {
        let mut each = |tests: &[Test]| -> Vec<Test> {
            tests.iter().map(|test| self.aligned(test, instrument)).collect()
        };
        match test {
            Test::All(tests) => Test::All(each(tests)),
            Test::Any(tests) => Test::Any(each(tests)),
            Test::Not(inner) => Test::Not(Box::new(self.aligned(inner, instrument))),
            Test::AtLeast(measure, bound) => Test::AtLeast(self.one_of(measure, instrument), *bound),
            Test::MoreThan(measure, bound) => Test::MoreThan(self.one_of(measure, instrument), *bound),
            Test::OneOf(..) | Test::Is(_) | Test::HasRole(_) => test.clone(),
        }
    }

    fn one_of(&mut self, measure: &Measure, instrument: &str) -> Measure {
        let met = self.met.iter().find(|(of, known)| of == instrument && is_same(known, measure));
        if let Some((_, known)) = met {
            return known.clone();
        }
        self.met.push((instrument.to_owned(), measure.clone()));
        measure.clone()
    }

    /// Why an answer would not hold everywhere, if it would not.
    fn out_of_bounds(&self) -> Option<String> {
        let beyond = |(measure, bound): &&(Measure, i64)| {
            Bounds::of(measure).is_some_and(|bounds| !bounds.hold(*bound))
        };
        self.bounds.iter().find(beyond).map(|(measure, bound)| {
            format!(
                "a clause compares `{}` with {bound}, and proofs do not look that far",
                Attribute::Measure(measure.clone()).name("the instrument")
            )
        })
    }

    /// What every request keeps to: times that are times and belong together, counts that are counts.
    fn guards(&self) -> Vec<String> {
        let mut guards = Vec::new();
        for (name, (attribute, _)) in &self.attributes {
            let Attribute::Measure(measure) = attribute else { continue };
            if let Some(Bounds { least, most, .. }) = Bounds::of(measure) {
                guards.push(format!("{0} >= {least} && {0} <= {most}", access(name)));
            }
        }
        let named = |measure: Measure| {
            let name = Attribute::Measure(measure).name("");
            self.attributes.contains_key(&name).then(|| access(&name))
        };
        if let (Some(age), Some(life)) = (named(Measure::CredentialAge), named(Measure::CredentialLife)) {
            guards.push(format!("{age} < {life}"));
        }
        guards.extend(self.counts());
        guards.extend(self.local_times());
        if self.visible {
            guards.extend(self.seen());
        }
        guards
    }

    /// Of two counts of one instrument, the one that counts more acts over longer is not smaller.
    fn counts(&self) -> Vec<String> {
        let meters: Vec<(&String, &String, &Meter)> = self
            .attributes
            .iter()
            .filter_map(|(name, (attribute, instrument))| match attribute {
                Attribute::Measure(Measure::Counted(meter)) => Some((name, instrument, meter)),
                Attribute::Measure(_) | Attribute::Label(_) | Attribute::Flag(_) | Attribute::Roles => None,
            })
            .collect();
        let mut guards = Vec::new();
        for (name, instrument, meter) in &meters {
            let larger = meters
                .iter()
                .filter(|(other, of, more)| other != name && of == instrument && is_within(meter, more));
            guards.extend(larger.map(|(other, _, _)| format!("{} <= {}", access(name), access(other))));
        }
        guards
    }

    fn zones(&self) -> Vec<(String, &Zone)> {
        let mut found = Vec::new();
        for (name, (attribute, _)) in &self.attributes {
            if let Attribute::Measure(measure) = attribute {
                found.extend(zone_of(measure).map(|zone| (access(name), zone)));
            }
        }
        found
    }

    /// Local times in several zones are times of one instant.
    fn local_times(&self) -> Option<String> {
        let zones = self.zones();
        if zones.len() < 2 {
            return None;
        }
        let apart = offsets(&zones.iter().map(|(_, zone)| *zone).collect::<Vec<_>>())?;
        let utc = access(UTC_MINUTE);
        let shown = |(name, ahead): (&String, &i64)| {
            let at = |minutes: i64| format!("{name} == {utc} + ({minutes})");
            format!("({} || {} || {})", at(*ahead), at(ahead - WEEK_MINUTES), at(ahead + WEEK_MINUTES))
        };
        let together = |ahead: &Vec<i64>| {
            let shown: Vec<String> = zones.iter().map(|(name, _)| name).zip(ahead).map(shown).collect();
            format!("({})", shown.join(" && "))
        };
        let any: Vec<String> = apart.iter().map(together).collect();
        Some(format!("{utc} >= 0 && {utc} < {WEEK_MINUTES} && ({})", any.join(" || ")))
    }

    /// What gateways of this version tell apart.
    fn seen(&self) -> Vec<String> {
        let see = |(name, (attribute, _)): (&String, &(Attribute, String))| {
            let name = access(name);
            match attribute {
                Attribute::Measure(Measure::DelegationDepth | Measure::Approvals(_)) => {
                    Some(format!("{name} == 0"))
                }
                Attribute::Label(Label::Attestation) => {
                    let known = registry::Attestation::ALL.iter().map(|known| format!("\"{known}\""));
                    Some(format!("[{}].contains({name})", known.collect::<Vec<_>>().join(", ")))
                }
                Attribute::Label(Label::Binding) => Some(format!("[\"mtls\", \"bearer\"].contains({name})")),
                Attribute::Label(Label::CredentialKind) => {
                    Some(format!("[\"x509-svid\", \"jwt-svid\"].contains({name})"))
                }
                Attribute::Measure(_) | Attribute::Label(_) | Attribute::Flag(_) | Attribute::Roles => None,
            }
        };
        let mut seen: Vec<String> = self.attributes.iter().filter_map(see).collect();
        // A certificate is bound to its connection, a token is whoever's shows it; a token has no key.
        let of = |label: Label| {
            let found =
                self.attributes.iter().find(|(_, (attribute, _))| *attribute == Attribute::Label(label));
            found.map(|(name, _)| access(name))
        };
        let tokens = [
            of(Label::Binding).map(|name| format!("{name} == \"bearer\"")),
            of(Label::CredentialKind).map(|name| format!("{name} == \"jwt-svid\"")),
        ];
        if let [Some(bearer), Some(jwt)] = &tokens {
            seen.push(format!("(({bearer} && {jwt}) || (!({bearer}) && !({jwt})))"));
        }
        if let (Some(token), Some(key)) = (tokens.iter().flatten().next(), of(Label::KeyAlgorithm)) {
            seen.push(format!("(!({token}) || {key} == \"\")"));
        }
        seen
    }

    /// Asks the solver whether no request meets all conditions.
    pub(crate) async fn never(&self, solver: &Solver, scripts: &mut Scripts) -> Answer<Case> {
        if let Some(why) = self.out_of_bounds() {
            return Answer::Unknown(why);
        }
        match self.ask(solver, scripts).await {
            Ok(None) => Answer::Proven,
            Ok(Some(env)) => match self.facts(&env) {
                Ok(facts) => Answer::Refuted(facts),
                Err(why) => Answer::Unknown(format!("the solver's counterexample cannot be read: {why}")),
            },
            Err(why) => Answer::Unknown(why),
        }
    }

    async fn ask(&self, solver: &Solver, scripts: &mut Scripts) -> Result<Option<Env>, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let mut attributes: Vec<(String, &str)> = self
            .attributes
            .iter()
            .map(|(name, (attribute, _))| (name.clone(), attribute.cedar_type()))
            .collect();
        if self.zones().len() > 1 {
            attributes.push((UTC_MINUTE.to_owned(), "Long"));
        }
        let schema = policy::compile::schema_of(Vec::new(), &attributes);
        let (schema, _) = Schema::from_cedarschema_str(&schema).map_err(|error| words(&error))?;
        let conditions: Vec<String> =
            self.guards().into_iter().chain(self.conditions.iter().cloned()).collect();
        let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" && ") };
        let text = format!("permit(principal, action, resource) when {{ {conditions} }};");
        let set: PolicySet = text.parse().map_err(|error| format!("{error}"))?;
        let environment = schema.request_envs().next().ok_or("the schema has no request")?;
        let symbolic = CompiledSchema::new(&schema).map_err(|error| words(&error))?;
        let symbolic = symbolic.sym_env(&environment).map_err(|error| words(&error))?;
        let compiled = CompiledPolicySet::compile_with_custom_symenv(&set, &environment, &schema, symbolic)
            .map_err(|error| words(&error))?;
        let mut compiler = CedarSymCompiler::new(solver.script()).map_err(|error| words(&error))?;
        let answer = compiler.check_always_denies_with_counterexample_opt(&compiled).await;
        // Without a script the question was decided while it was written down.
        scripts.add(compiler.solver().asked.as_deref().unwrap_or(text.as_bytes()));
        match answer {
            Ok(answer) => Ok(answer),
            Err(Error::SolverUnknown) => Err("the solver does not know".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The facts of a counterexample, each under its name in the context.
    fn facts(&self, env: &Env) -> Result<Case, String> {
        let context = env.request.context().ok_or("no context")?;
        let mut values = BTreeMap::new();
        for (name, (attribute, _)) in &self.attributes {
            let value = context.get(name).ok_or_else(|| format!("no {name}"))?;
            let value = Value::read(&value, attribute)?;
            values.insert(name.clone(), Known { attribute: attribute.clone(), value });
        }
        Ok(Case { values })
    }
}

/// How the context is asked for an attribute.
fn access(name: &str) -> String {
    format!("context[{name:?}]")
}

/// Whether two measures are one number in every request: the same, or counted alike under different clauses.
pub(crate) fn is_same(one: &Measure, other: &Measure) -> bool {
    match (one, other) {
        (Measure::Counted(one), Measure::Counted(other)) => is_within(one, other) && is_within(other, one),
        (Measure::Approvals(one), Measure::Approvals(other)) => {
            let who = |of: &Approvers| (of.role.clone(), of.valid_for.map(|span| span.as_ms()));
            who(one) == who(other)
        }
        (one, other) => one == other,
    }
}

/// Whether all that a meter counts is counted by another.
fn is_within(one: &Meter, other: &Meter) -> bool {
    let covers = |more: &On, less: &On| {
        more.service == less.service && (more.resource.is_none() || more.resource == less.resource)
    };
    let actions = other.actions.is_empty()
        || (!one.actions.is_empty() && one.actions.iter().all(|action| other.actions.contains(action)));
    let resources = other.resources.is_empty()
        || (!one.resources.is_empty()
            && one.resources.iter().all(|less| other.resources.iter().any(|more| covers(more, less))));
    one.unit == other.unit
        && one.window.as_ms() <= other.window.as_ms()
        && actions
        && resources
        && (other.changes.is_none() || one.changes == other.changes)
}

/// A request a solver found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    values: BTreeMap<String, Known>,
}

/// A fact with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    attribute: Attribute,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Long(i64),
    Text(String),
    Flag(bool),
    Set(Vec<String>),
}

impl Value {
    fn read(value: &cedar_policy::EvalResult, attribute: &Attribute) -> Result<Self, String> {
        use cedar_policy::EvalResult;
        let text =
            |value: &EvalResult| if let EvalResult::String(text) = value { Some(text.clone()) } else { None };
        let read = match (attribute, value) {
            (Attribute::Measure(_), EvalResult::Long(number)) => Some(Self::Long(*number)),
            (Attribute::Label(_), value) => text(value).map(Self::Text),
            (Attribute::Flag(_), EvalResult::Bool(flag)) => Some(Self::Flag(*flag)),
            (Attribute::Roles, EvalResult::Set(set)) => {
                set.iter().map(text).collect::<Option<_>>().map(Self::Set)
            }
            _ => None,
        };
        read.ok_or_else(|| "a value of another type".to_owned())
    }
}

impl Case {
    /// The facts as an instrument sees them.
    pub(crate) fn facts(&self, instrument: &str) -> Result<Facts, String> {
        let name = |label| -> Result<Name, String> {
            let text = self.text(label).unwrap_or("any");
            text.parse().map_err(|error| format!("{error}"))
        };
        let mut facts = Facts {
            machine: self.text(Label::Machine).unwrap_or("any/machine").to_owned(),
            action: name(Label::Action)?,
            service: name(Label::Service)?,
            resource: name(Label::Resource)?,
            roles: Vec::new(),
            measures: BTreeMap::new(),
            labels: BTreeMap::new(),
            flags: BTreeMap::new(),
        };
        for (known, Known { attribute, value }) in &self.values {
            // Another instrument's counts are none of its facts.
            if attribute.name(instrument) != *known {
                continue;
            }
            match (attribute, value) {
                (Attribute::Measure(measure), Value::Long(number)) => {
                    facts.measures.insert(measure.clone(), *number);
                }
                (Attribute::Label(label), Value::Text(text)) => {
                    facts.labels.insert(*label, text.clone());
                }
                (Attribute::Flag(flag), Value::Flag(set)) => {
                    facts.flags.insert(*flag, *set);
                }
                (Attribute::Roles, Value::Set(roles)) => {
                    facts.roles = roles.iter().filter_map(|role| role.parse().ok()).collect();
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    fn text(&self, label: Label) -> Option<&str> {
        match self.values.get(label.as_str()) {
            Some(Known { value: Value::Text(text), .. }) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(test: Test) -> Option<String> {
        let mut query = Query::default();
        query.require(&Part { instrument: "deal".into(), test });
        query.out_of_bounds()
    }

    /// A bound of a question that a clause reaches would hide what changes there.
    #[test]
    fn no_clause_is_compared_with_what_lies_outside_the_question() {
        assert_eq!(asked(Test::AtLeast(Measure::Now, LATEST_MS - 1)), None);
        for (test, what) in [
            (Test::AtLeast(Measure::Now, LATEST_MS), "now"),
            (Test::AtLeast(Measure::RenewedUntil, i64::MAX), "renewed_until"),
            (Test::MoreThan(Measure::DelegationDepth, DEPTH_MAX), "delegation_depth"),
            (Test::MoreThan(Measure::ReviewOverdue, -LATEST_MS), "review_overdue"),
        ] {
            let why = asked(Test::Not(Box::new(test))).unwrap_or_default();
            assert!(why.contains(what) && why.contains("do not look that far"), "{why}");
        }
        // What can take no other value may be compared with anything.
        assert_eq!(asked(Test::MoreThan(Measure::ResourceClass, 3)), None);
        assert_eq!(asked(Test::AtLeast(Measure::CredentialAge, 30 * 86_400_000)), None);
    }
}
