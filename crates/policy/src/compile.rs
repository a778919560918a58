//! Clauses to static Cedar policies. One set per contract; numbers from the words are literals in
//! the policies; limits are forbids, and only a permit clause permits.

use cedar_policy::{PolicyId, PolicySet, Schema, ValidationMode, Validator};
use contract::{Clause, Contract, Kind, Number, Recording};
use registry::Name;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;

/// The compiler's name in envelopes: changes whenever a bundle could change.
pub const COMPILER: &str = "writ-policy/1";

/// What a contract compiles to: text that the counterparty can rebuild byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The Cedar schema.
    pub schema: String,
    /// The Cedar policies.
    pub policies: String,
}

impl Bundle {
    /// Compiles and strictly validates.
    pub fn compile(contract: &Contract) -> Result<Self, CompileError> {
        let bundle = Self::unchecked(contract);
        bundle.validate()?;
        Ok(bundle)
    }

    /// Compiles what was validated before: when a contract that was signed is read again.
    pub fn unchecked(contract: &Contract) -> Self {
        Self { schema: schema(contract), policies: policies(contract) }
    }

    /// SHA-256 over schema and policies.
    pub fn hash(&self) -> [u8; 32] {
        let length = (self.schema.len() as u64).to_be_bytes();
        Sha256::new()
            .chain_update(length)
            .chain_update(&self.schema)
            .chain_update(&self.policies)
            .finalize()
            .into()
    }

    fn validate(&self) -> Result<(), CompileError> {
        let invalid = |what: String| CompileError(what);
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

/// A contract that cannot be compiled; it must not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the contract does not compile to a valid policy: {0}")]
pub struct CompileError(pub String);

/// A contract ready to decide.
pub(crate) struct Compiled {
    pub(crate) contract: Contract,
    pub(crate) policies: PolicySet,
    pub(crate) bundle: [u8; 32],
    pub(crate) numbers: HashMap<PolicyId, Number>,
    pub(crate) quotas: Vec<Quota>,
}

/// A quota clause as the counters see it.
pub(crate) struct Quota {
    pub(crate) number: Number,
    pub(crate) attribute: String,
    pub(crate) window_ms: u64,
    actions: Vec<Name>,
    resources: Vec<Name>,
}

impl Quota {
    pub(crate) fn covers(&self, action: &Name, resource: &Name) -> bool {
        (self.actions.is_empty() || self.actions.contains(action))
            && (self.resources.is_empty() || self.resources.contains(resource))
    }
}

impl Compiled {
    /// Compiles a document whose digest was checked, for deciding. The bundle must hash to what was signed.
    pub(crate) fn load(source: &str, signed: &[u8; 32]) -> Result<Self, String> {
        let contract = contract::check(source)
            .map_err(|found| found.first().map_or_else(String::new, |finding| finding.message.clone()))?;
        let bundle = Bundle::unchecked(&contract);
        if bundle.hash() != *signed {
            return Err(
                "this version of Writ compiles it to another rule than the one that was signed".into()
            );
        }
        let policies: PolicySet = bundle.policies.parse().map_err(|error| format!("{error}"))?;
        let numbers = policies
            .policies()
            .filter_map(|policy| Some((policy.id().clone(), Number::parse(policy.annotation("clause")?)?)))
            .collect();
        let quotas = contract
            .clauses
            .iter()
            .filter_map(|clause| match &clause.kind {
                Kind::Quota { window, actions, resources, .. } => Some(Quota {
                    number: clause.number,
                    attribute: count_attribute(clause.number),
                    window_ms: window.as_ms(),
                    actions: actions.clone(),
                    resources: resources.clone(),
                }),
                Kind::Credential { .. }
                | Kind::Permit { .. }
                | Kind::Prohibit { .. }
                | Kind::Term { .. }
                | Kind::Words { .. } => None,
            })
            .collect();
        Ok(Self { contract, policies, bundle: bundle.hash(), numbers, quotas })
    }

    /// The strictest recording any of these clauses asks for.
    pub(crate) fn recording(&self, clauses: &[Number]) -> Recording {
        let asked = clauses.iter().filter_map(|number| self.contract.clause(*number)).map(|clause| {
            match &clause.kind {
                Kind::Permit { recording: Recording::Within(span), .. } => Some(*span),
                Kind::Permit { recording: Recording::Strict, .. }
                | Kind::Credential { .. }
                | Kind::Prohibit { .. }
                | Kind::Quota { .. }
                | Kind::Term { .. }
                | Kind::Words { .. } => None,
            }
        });
        let spans: Option<Vec<_>> = asked.collect();
        spans.and_then(|spans| spans.into_iter().min()).map_or(Recording::Strict, Recording::Within)
    }
}

pub(crate) fn count_attribute(number: Number) -> String {
    format!("count_{}_{}", number.section, number.item)
}

fn schema(contract: &Contract) -> String {
    let mut actions: Vec<&str> = contract
        .clauses
        .iter()
        .flat_map(|clause| match &clause.kind {
            Kind::Permit { actions, .. } | Kind::Prohibit { actions, .. } | Kind::Quota { actions, .. } => {
                actions.as_slice()
            }
            Kind::Credential { .. } | Kind::Term { .. } | Kind::Words { .. } => &[],
        })
        .map(Name::as_str)
        .collect();
    actions.sort_unstable();
    actions.dedup();
    let mut context = String::from("now: Long, credential_life: Long");
    for clause in &contract.clauses {
        if matches!(clause.kind, Kind::Quota { .. }) {
            let _ = write!(context, ", {}: Long", count_attribute(clause.number));
        }
    }
    let list: Vec<String> = actions.iter().map(|action| format!("\"{action}\"")).collect();
    let list = if list.is_empty() { "\"nothing\"".to_owned() } else { list.join(", ") };
    format!(
        "entity Machine;\nentity Resource;\naction {list} appliesTo {{\n  principal: [Machine],\n  \
         resource: [Resource],\n  context: {{ {context} }}\n}};\n"
    )
}

fn policies(contract: &Contract) -> String {
    contract.clauses.iter().filter_map(|clause| policy(contract, clause)).collect()
}

fn policy(contract: &Contract, clause: &Clause) -> Option<String> {
    let (effect, actions, resources, condition) = match &clause.kind {
        Kind::Credential { max_ttl } => {
            ("forbid", &[][..], &[][..], format!("context.credential_life > {}", max_ttl.as_ms()))
        }
        Kind::Permit { actions, resources, .. } => {
            ("permit", actions.as_slice(), resources.as_slice(), String::new())
        }
        Kind::Prohibit { actions, resources } => {
            ("forbid", actions.as_slice(), resources.as_slice(), String::new())
        }
        Kind::Quota { limit, actions, resources, .. } => (
            "forbid",
            actions.as_slice(),
            resources.as_slice(),
            format!("context.{} >= {limit}", count_attribute(clause.number)),
        ),
        Kind::Term { start_ms, end_ms } => {
            ("forbid", &[][..], &[][..], format!("context.now < {start_ms} || context.now >= {end_ms}"))
        }
        Kind::Words { .. } => return None,
    };
    let machines: Vec<String> = contract
        .machines
        .iter()
        .map(|name| format!("Machine::\"{}\"", contract.machine_label(name)))
        .collect();
    let action = match actions {
        [] => "action".to_owned(),
        [single] => format!("action == Action::\"{single}\""),
        several => {
            let list: Vec<String> = several.iter().map(|action| format!("Action::\"{action}\"")).collect();
            format!("action in [{}]", list.join(", "))
        }
    };
    let (principal, bearer) = match machines.as_slice() {
        [single] => (format!("principal == {single}"), String::new()),
        several => {
            ("principal is Machine".to_owned(), format!("[{}].contains(principal)", several.join(", ")))
        }
    };
    let resource_ids: Vec<String> =
        resources.iter().map(|name| format!("Resource::\"{}/{name}\"", contract.service)).collect();
    let (resource, object) = match resource_ids.as_slice() {
        [] => ("resource is Resource".to_owned(), String::new()),
        [single] => (format!("resource == {single}"), String::new()),
        several => {
            ("resource is Resource".to_owned(), format!("[{}].contains(resource)", several.join(", ")))
        }
    };
    let mut conditions: Vec<String> = [bearer, object].into_iter().filter(|text| !text.is_empty()).collect();
    if !condition.is_empty() {
        conditions.push(format!("({condition})"));
    }
    let when = if conditions.is_empty() {
        String::new()
    } else {
        format!(" when {{ {} }}", conditions.join(" && "))
    };
    Some(format!(
        "@id(\"{name}@{version}/{number}\")\n@clause(\"{number}\")\n{effect}({principal}, {action}, {resource}){when};\n",
        name = contract.name,
        version = contract.version,
        number = clause.number,
    ))
}
