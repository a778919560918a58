//! One question: is there a request for which a test holds? Every fact of the request, its machine, act and
//! resource included, is an attribute of the context, so that one question is one script.

use crate::solver::Solver;
use crate::{Answer, Scripts};
use cedar_policy::{PolicySet, Schema};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, CompiledSchema, Env};
use contract::Number;
use contract::norm::{Facts, Flag, Label, Measure, Test};
use policy::attribute::{Attribute, expression};
use registry::Name;
use std::collections::BTreeMap;

/// A test over the facts of one instrument, by that instrument's name.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) instrument: String,
    pub(crate) test: Test,
}

/// Collects attributes and writes tests as Cedar.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// Each with the instrument it was asked for.
    attributes: BTreeMap<String, (Attribute, String)>,
    conditions: Vec<String>,
}

/// 1 January 2100: requests are asked about before it.
const NOW_MAX_MS: i64 = 4_102_444_800_000;

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

    /// Requires that any of these holds.
    pub(crate) fn any(&mut self, parts: &[Vec<Part>]) -> &mut Self {
        let all = |parts: &Vec<Part>| {
            let texts: Vec<String> =
                parts.iter().map(|part| self.write(&part.test, &part.instrument)).collect();
            if texts.is_empty() { "true".to_owned() } else { format!("({})", texts.join(" && ")) }
        };
        let texts: Vec<String> = parts.iter().map(all).collect();
        self.conditions.push(if texts.is_empty() {
            "false".to_owned()
        } else {
            format!("({})", texts.join(" || "))
        });
        self
    }

    fn write(&mut self, test: &Test, instrument: &str) -> String {
        let mut asked = Vec::new();
        Attribute::asked(test, &mut asked);
        for attribute in asked {
            self.attributes.insert(attribute.name(instrument), (attribute, instrument.to_owned()));
        }
        expression(test, instrument)
    }

    /// What every request keeps to: times that are times, counts that are counts.
    fn guards(&self) -> Vec<String> {
        let access = |name: &str| format!("context[{name:?}]");
        let mut guards = Vec::new();
        for (name, (attribute, _)) in &self.attributes {
            let Attribute::Measure(measure) = attribute else { continue };
            let (least, most) = match measure {
                Measure::Now | Measure::RenewedUntil => (0, NOW_MAX_MS),
                Measure::CredentialLife | Measure::CredentialAge => (0, 10_000 * 86_400_000),
                Measure::DelegationDepth => (0, 16),
                Measure::ResourceClass => (0, 3),
                Measure::WeekMinute(_) => (0, 10_079),
                Measure::Counted(_) => (0, i64::from(u32::MAX)),
                Measure::Approvals(_) => (0, 100),
                Measure::ReviewOverdue => (-NOW_MAX_MS, NOW_MAX_MS),
                Measure::AddressHigh | Measure::AddressLow => continue,
            };
            guards.push(format!("{0} >= {least} && {0} <= {most}", access(name)));
        }
        guards
    }

    /// Asks the solver whether no request meets all conditions.
    pub(crate) async fn never(&self, solver: &Solver, scripts: &mut Scripts) -> Answer<Case> {
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
        let attributes: Vec<(String, &str)> = self
            .attributes
            .iter()
            .map(|(name, (attribute, _))| (name.clone(), attribute.cedar_type()))
            .collect();
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
        for (name, (attribute, instrument)) in &self.attributes {
            let value = context.get(name).ok_or_else(|| format!("no {name}"))?;
            let known = Known {
                attribute: attribute.clone(),
                instrument: instrument.clone(),
                value: Value::read(&value, attribute)?,
            };
            values.insert(name.clone(), known);
        }
        Ok(Case { values })
    }
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
    instrument: String,
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
        for (known, Known { attribute, value, .. }) in &self.values {
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

    /// What the quotas of other instruments than this one counted.
    pub(crate) fn counted_elsewhere(&self, instrument: &str) -> Vec<(&str, Number, i64)> {
        let counted = |known: &'_ Known| match (&known.attribute, &known.value) {
            (Attribute::Measure(Measure::Counted(meter)), Value::Long(count)) => Some((meter.clause, *count)),
            _ => None,
        };
        self.values
            .values()
            .filter(|known| known.instrument != instrument)
            .filter_map(|known| {
                counted(known).map(|(clause, count)| (known.instrument.as_str(), clause, count))
            })
            .collect()
    }

    fn text(&self, label: Label) -> Option<&str> {
        match self.values.get(label.as_str()) {
            Some(Known { value: Value::Text(text), .. }) => Some(text),
            _ => None,
        }
    }
}

/// The test that a flag stands as it stands when all is in order.
pub(crate) fn in_order(flag: Flag) -> bool {
    match flag {
        Flag::Changes | Flag::Suspended => false,
        Flag::Chartered | Flag::Owned => true,
    }
}
