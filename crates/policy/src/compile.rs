//! Instruments to static Cedar policies: one set per instrument, numbers from the words as literals, and
//! beside them the norms that are no rules of a gateway. This text is what the counterparty rebuilds.

use crate::attribute::{Attribute, policy};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet,
    Schema, ValidationMode, Validator,
};
use contract::canonical::norms;
use contract::example::{Example, Subject, examples, idle};
use contract::norm::{Facts, Masking, Measure, Meter, Need, Norm, Rule, StatementBound, Test, Unit};
use contract::{Instrument, Number};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::{Arc, LazyLock};

/// The compiler's name in envelopes: changes whenever a bundle could change.
pub const COMPILER: &str = "writ-policy/4";

/// What an instrument compiles to: text that the counterparty can rebuild byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The Cedar schema.
    pub schema: String,
    /// The Cedar policies.
    pub policies: String,
    /// Duties, powers, levels, values, and who signs where that is said; in canonical JSON.
    pub norms: String,
}

impl Bundle {
    /// Compiles, strictly validates, and tries every example of the annex on the compiled policies.
    pub fn compile(instrument: &Instrument) -> Result<Self, CompileError> {
        let bundle = Self::unchecked(instrument);
        bundle.validate()?;
        let compiled = Compiled::new(instrument.clone(), &bundle).map_err(CompileError::Invalid)?;
        let examples = examples(instrument);
        compiled.try_examples(&examples)?;
        match idle(instrument, &examples) {
            Some((clause, why)) => Err(CompileError::Idle { clause, why }),
            None => Ok(bundle),
        }
    }

    /// Compiles what was validated before: when an instrument that was signed is read again.
    pub fn unchecked(instrument: &Instrument) -> Self {
        let rules = instrument.rules();
        Self {
            schema: schema(instrument, &rules),
            policies: policies(instrument, &rules),
            norms: norms(instrument),
        }
    }

    /// SHA-256 over schema, policies and norms, each with its length.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [&self.schema, &self.policies, &self.norms] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn validate(&self) -> Result<(), CompileError> {
        let invalid = |what: String| CompileError::Invalid(what);
        let (schema, warnings) =
            Schema::from_cedarschema_str(&self.schema).map_err(|e| invalid(e.to_string()))?;
        if let Some(warning) = warnings.into_iter().next() {
            return Err(invalid(warning.to_string()));
        }
        let set: PolicySet = self.policies.parse().map_err(|e| invalid(format!("{e}")))?;
        let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
        if result.validation_passed_without_warnings() {
            return Ok(());
        }
        let errors = result.validation_errors().map(ToString::to_string);
        Err(invalid(
            errors
                .chain(result.validation_warnings().map(ToString::to_string))
                .collect::<Vec<_>>()
                .join("; "),
        ))
    }
}

/// An instrument that cannot be compiled; it must not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The document is at fault: a clause has no example on both sides, because it can never matter.
    #[error("clause {clause} can never matter: {why}")]
    Idle {
        /// The clause.
        clause: Number,
        /// What is missing.
        why: String,
    },
    /// The compiler is at fault.
    #[error("the instrument does not compile to a valid policy: {0}")]
    Invalid(String),
}

/// Whether this version's gateway can do what an ENFORCED clause needs.
pub fn can(need: Need) -> bool {
    match need {
        // Of databases; where something else is asked, `decide` refuses.
        Need::Masking | Need::Rows => true,
        Need::Approval | Need::Bytes | Need::Cost | Need::Deadlines => false,
    }
}

/// What an instrument by itself says to a request, by its compiled policies: the same evaluation that
/// decides at a gateway.
pub fn says(instrument: &Instrument, facts: &Facts) -> Result<bool, String> {
    let bundle = Bundle::unchecked(instrument);
    Compiled::new(instrument.clone(), &bundle)?.says(facts).map(|(permits, _)| permits)
}

/// The clauses a gateway of this version cannot enforce, each with the reason.
pub fn unenforceable(instrument: &Instrument) -> Vec<(Number, String)> {
    let mut found: Vec<(Number, String)> = Vec::new();
    for (number, _, said) in instrument.statements() {
        for need in said.norm.needs().into_iter().filter(|need| !can(*need)) {
            let why = format!("its clause {number} needs {}, which this gateway cannot do", need.words());
            if !found.contains(&(number, why.clone())) {
                found.push((number, why));
            }
        }
    }
    found
}

/// An instrument ready to decide.
pub(crate) struct Compiled {
    pub(crate) instrument: Instrument,
    pub(crate) policies: PolicySet,
    pub(crate) bundle: [u8; 32],
    /// Every fact the policies ask for.
    pub(crate) attributes: Vec<Wanted>,
    /// What quotas count.
    pub(crate) meters: Vec<Meter>,
    /// How statements to databases must look.
    pub(crate) bounds: Vec<Held<StatementBound>>,
    /// How many rows may be got in a time.
    pub(crate) row_quotas: Vec<Held<RowQuota>>,
    /// What is masked in answers.
    pub(crate) maskings: Vec<Held<Arc<Masking>>>,
    sources: HashMap<PolicyId, Source>,
}

/// A fact that policies ask for.
pub(crate) struct Wanted {
    /// Its name in the context.
    pub(crate) name: String,
    pub(crate) attribute: Attribute,
    /// Of a number: from which values on a test of it comes out otherwise, ascending.
    pub(crate) bounds: Vec<i64>,
}

impl Wanted {
    fn of(attribute: Attribute, instrument: &str, rules: &[(Number, usize, Rule)]) -> Self {
        let mut bounds = Vec::new();
        if let Attribute::Measure(wanted) = &attribute {
            for (_, _, rule) in rules {
                rule.when.visit(&mut |test| match test {
                    Test::AtLeast(measure, bound) if measure == wanted => bounds.push(*bound),
                    Test::MoreThan(measure, bound) if measure == wanted => {
                        bounds.extend(bound.checked_add(1))
                    }
                    Test::AtLeast(..)
                    | Test::MoreThan(..)
                    | Test::OneOf(..)
                    | Test::Is(_)
                    | Test::HasRole(_)
                    | Test::All(_)
                    | Test::Any(_)
                    | Test::Not(_) => {}
                });
            }
        }
        bounds.sort_unstable();
        bounds.dedup();
        Self { name: attribute.name(instrument), attribute, bounds }
    }
}

/// What is held beside the policies, with the sentence that says so.
pub(crate) struct Held<T> {
    pub(crate) clause: Number,
    pub(crate) sentence: String,
    pub(crate) norm: T,
}

/// How many rows may be got in a time, by whom and how.
pub(crate) struct RowQuota {
    pub(crate) rule: Rule,
    pub(crate) meter: Meter,
    pub(crate) limit: u64,
}

/// Where a policy comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) clause: Number,
    pub(crate) sentence: usize,
    pub(crate) rule: Rule,
}

impl RowQuota {
    /// Of a rule that limits rows.
    fn of(rule: Rule) -> Option<Self> {
        let mut counted = None;
        rule.when.visit(&mut |test| {
            if let Test::AtLeast(Measure::Counted(meter), limit) = test
                && meter.unit == Unit::Rows
            {
                counted = Some((meter.clone(), limit.unsigned_abs()));
            }
        });
        let (meter, limit) = counted.filter(|_| !rule.permits)?;
        Some(Self { rule, meter, limit })
    }
}

impl Compiled {
    /// Compiles a document whose digest was checked. The bundle must hash to what was signed, and this
    /// gateway must be able to enforce every enforced clause.
    pub(crate) fn load(source: &str, signed: &[u8; 32]) -> Result<Self, String> {
        let instrument = contract::read(source)
            .map_err(|found| found.first().map_or_else(String::new, |finding| finding.message.clone()))?;
        let bundle = Bundle::unchecked(&instrument);
        if bundle.hash() != *signed {
            return Err(
                "this version of Writ compiles it to another rule than the one that was signed".into()
            );
        }
        if let Some((_, why)) = unenforceable(&instrument).into_iter().next() {
            return Err(why);
        }
        Self::new(instrument, &bundle)
    }

    fn new(instrument: Instrument, bundle: &Bundle) -> Result<Self, String> {
        let policies: PolicySet = bundle.policies.parse().map_err(|error| format!("{error}"))?;
        let rules = instrument.rules();
        let sources = rules.iter().enumerate().map(|(at, (clause, sentence, rule))| {
            // Cedar names the policies of a text in their order.
            let source = Source { clause: *clause, sentence: *sentence, rule: rule.clone() };
            (PolicyId::new(format!("policy{at}")), source)
        });
        let sources: HashMap<PolicyId, Source> = sources.collect();
        if policies.policies().any(|policy| !sources.contains_key(policy.id())) {
            return Err("a policy has no clause".to_owned());
        }
        let attributes = Attribute::of(rules.iter().map(|(_, _, rule)| rule));
        let meters = attributes
            .iter()
            .filter_map(|attribute| match attribute {
                Attribute::Measure(Measure::Counted(meter)) => Some(meter.clone()),
                Attribute::Measure(_) | Attribute::Label(_) | Attribute::Flag(_) | Attribute::Roles => None,
            })
            .collect();
        let (mut bounds, mut row_quotas, mut maskings) = (Vec::new(), Vec::new(), Vec::new());
        for (clause, _, said) in instrument.statements() {
            let sentence = said.text;
            match said.norm {
                Norm::Statement(norm) => bounds.push(Held { clause, sentence, norm }),
                Norm::Masking(norm) => maskings.push(Held { clause, sentence, norm: Arc::new(norm) }),
                Norm::Rule(rule) => {
                    let held = RowQuota::of(rule).map(|norm| Held { clause, sentence, norm });
                    row_quotas.extend(held);
                }
                Norm::Duty(_)
                | Norm::Level(_)
                | Norm::Power(_)
                | Norm::Evidence(_)
                | Norm::Departure(_)
                | Norm::Issuance(_)
                | Norm::Cap(_)
                | Norm::Words(_) => {}
            }
        }
        let name = instrument.name.as_str();
        let wanted = |attribute| Wanted::of(attribute, name, &rules);
        let attributes = attributes.into_iter().map(wanted).collect();
        Ok(Self {
            policies,
            bundle: bundle.hash(),
            attributes,
            meters,
            bounds,
            row_quotas,
            maskings,
            sources,
            instrument,
        })
    }

    /// The longest window a clause counts in, in milliseconds.
    pub(crate) fn longest_of(&self, clause: Number) -> Option<u64> {
        let of_clause = self.meters.iter().filter(|meter| meter.clause == clause);
        of_clause.map(|meter| meter.window.as_ms()).max()
    }

    /// The sources of policies, in the order of the document.
    pub(crate) fn sources<'i>(&self, ids: impl Iterator<Item = &'i PolicyId>) -> Vec<&Source> {
        let mut found: Vec<&Source> = ids.filter_map(|id| self.sources.get(id)).collect();
        found.sort_by_key(|source| (source.clause, source.sentence));
        found
    }

    /// Whether the policies permit, and the sentences that rests on.
    fn says(&self, facts: &Facts) -> Result<(bool, Vec<(Number, usize)>), String> {
        let wanted = self.attributes.iter();
        let pairs = wanted.map(|wanted| (wanted.name.clone(), wanted.attribute.value(facts)));
        let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
        let request = cedar_request(&facts.machine, facts.action.as_str(), &on(facts), context)?;
        let response = Authorizer::new().is_authorized(&request, &self.policies, &Entities::empty());
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(error.to_string());
        }
        let resting = self.sources(response.diagnostics().reason());
        let resting = resting.into_iter().map(|source| (source.clause, source.sentence)).collect();
        Ok((response.decision() == Decision::Allow, resting))
    }

    /// Check 6 of the seven: every example of the annex decides as it is printed, and a refusal that is
    /// printed under a clause rests on that clause.
    fn try_examples(&self, examples: &[Example]) -> Result<(), CompileError> {
        for example in examples {
            let Subject::Request(facts) = &example.subject else {
                if self.instrument.judge(example) != Some(example.holds) {
                    return Err(CompileError::Invalid(format!(
                        "the example under {} is wrong: {}",
                        example.clause, example.text
                    )));
                }
                continue;
            };
            let (allowed, resting) = self.says(facts).map_err(CompileError::Invalid)?;
            let limit = self.instrument.rules().iter().any(|(clause, at, rule)| {
                (*clause, *at) == (example.clause, example.statement) && !rule.permits
            });
            let cited = !limit || example.holds || resting.contains(&(example.clause, example.statement));
            if allowed != example.holds || !cited {
                return Err(CompileError::Invalid(format!(
                    "the compiled policy decides an example under {} differently: {}",
                    example.clause, example.text
                )));
            }
        }
        Ok(())
    }
}

fn on(facts: &Facts) -> String {
    format!("{}/{}", facts.service, facts.resource)
}

static TYPES: LazyLock<Option<[EntityTypeName; 3]>> = LazyLock::new(|| {
    let of = |name| EntityTypeName::from_str(name).ok();
    Some([of("Machine")?, of("Action")?, of("Resource")?])
});

/// A request as Cedar sees it.
pub(crate) fn cedar_request(
    machine: &str,
    action: &str,
    resource: &str,
    context: Context,
) -> Result<cedar_policy::Request, String> {
    let [machines, actions, resources] = TYPES.as_ref().ok_or("entity types")?;
    let uid =
        |kind: &EntityTypeName, id: &str| EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id));
    let (machine, action, resource) =
        (uid(machines, machine), uid(actions, action), uid(resources, resource));
    cedar_policy::Request::new(machine, action, resource, context, None).map_err(|error| error.to_string())
}

fn schema(instrument: &Instrument, rules: &[(Number, usize, Rule)]) -> String {
    let actions: Vec<&str> =
        rules.iter().flat_map(|(_, _, rule)| rule.actions.iter().map(registry::Name::as_str)).collect();
    let attributes = Attribute::of(rules.iter().map(|(_, _, rule)| rule));
    let attributes: Vec<(String, &str)> = attributes
        .iter()
        .map(|attribute| (attribute.name(instrument.name.as_str()), attribute.cedar_type()))
        .collect();
    schema_of(actions, &attributes)
}

/// A schema with these actions and attributes of the context. Acts no clause names stand together as `any`.
pub fn schema_of(mut actions: Vec<&str>, attributes: &[(String, &str)]) -> String {
    actions.push("any");
    actions.sort_unstable();
    actions.dedup();
    let actions: Vec<String> = actions.iter().map(|action| format!("{action:?}")).collect();
    let context: Vec<String> = attributes.iter().map(|(name, kind)| format!("{name:?}: {kind}")).collect();
    format!(
        "entity Machine;\nentity Resource;\naction {} appliesTo {{\n  principal: [Machine],\n  \
         resource: [Resource],\n  context: {{ {} }}\n}};\n",
        actions.join(", "),
        context.join(", ")
    )
}

fn policies(instrument: &Instrument, rules: &[(Number, usize, Rule)]) -> String {
    let (name, version) = (instrument.name.as_str(), instrument.version);
    let one = |(clause, sentence, rule): &(Number, usize, Rule)| {
        let mut annotations =
            vec![("id", format!("{name}@{version}/{clause}/{sentence}")), ("clause", clause.to_string())];
        if let Some(span) = rule.recorded_within {
            annotations.push(("recorded_within", span.to_string()));
        }
        if rule.puts_off {
            annotations.push(("answer", "later".to_owned()));
        }
        policy(rule, name, &annotations)
    };
    rules.iter().map(one).collect()
}
