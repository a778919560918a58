//! The facts of a request as attributes of Cedar's context: their names, types and how tests on them read.

use cedar_policy::RestrictedExpression;
use contract::norm::{Facts, Flag, Label, Measure, Rule, Test};
use std::fmt::Write as _;

/// A fact a rule asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// A number.
    Measure(Measure),
    /// A word.
    Label(Label),
    /// A yes or no.
    Flag(Flag),
    /// The roles the machine holds.
    Roles,
}

impl Attribute {
    /// Every fact the rules ask for in a gateway's policies, once, in order. Machine, act and resource are
    /// the request's own there.
    pub fn of<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Vec<Self> {
        let mut found = Vec::new();
        for rule in rules {
            if rule.resources.iter().any(|on| on.resource.is_none()) {
                found.push(Self::Label(Label::Service));
            }
            Self::asked(&rule.when, &mut found);
        }
        found.sort();
        found.dedup();
        found
    }

    /// Adds every fact a test asks for.
    pub fn asked(test: &Test, found: &mut Vec<Self>) {
        test.visit(&mut |test| match test {
            Test::AtLeast(measure, _) | Test::MoreThan(measure, _) => {
                found.push(Self::Measure(measure.clone()));
            }
            Test::OneOf(label, _) => found.push(Self::Label(*label)),
            Test::Is(flag) => found.push(Self::Flag(*flag)),
            Test::HasRole(_) => found.push(Self::Roles),
            Test::All(_) | Test::Any(_) | Test::Not(_) => {}
        });
    }

    /// Its name in the context. What belongs to one instrument carries that instrument's name, so that
    /// one context serves several instruments.
    pub fn name(&self, instrument: &str) -> String {
        match self {
            Self::Measure(measure) => match measure {
                Measure::Now => "now".to_owned(),
                Measure::CredentialLife => "credential_life".to_owned(),
                Measure::CredentialAge => "credential_age".to_owned(),
                Measure::DelegationDepth => "delegation_depth".to_owned(),
                Measure::ResourceClass => "resource_class".to_owned(),
                Measure::AddressHigh => "address_high".to_owned(),
                Measure::AddressLow => "address_low".to_owned(),
                Measure::ReviewOverdue => "review_overdue".to_owned(),
                Measure::Silence => "silence".to_owned(),
                Measure::OwnerlessFor => "ownerless_for".to_owned(),
                Measure::RenewedUntil => format!("{instrument} renewed_until"),
                Measure::BoundFor => format!("{instrument} bound_for"),
                Measure::WeekMinute(zone) => format!("week_minute {zone}"),
                Measure::Counted(meter) => {
                    // The acts that count are part of the name: another way of counting is another number.
                    let mut acts: String = meter.actions.iter().map(|action| format!(" {action}")).collect();
                    for on in &meter.resources {
                        acts.push_str(&format!(" on {}", on.service));
                        acts.extend(on.resource.iter().map(|resource| format!("/{resource}")));
                    }
                    acts.push_str(match meter.changes {
                        None => "",
                        Some(true) => " that change",
                        Some(false) => " that read",
                    });
                    let window = meter.window.as_ms();
                    format!("{instrument}/{} {}{acts} in {window} ms", meter.clause, meter.unit)
                }
                Measure::Approvals(approvers) => {
                    // Whose approvals count, and for how long, is part of the name for the same reason.
                    let role = approvers.role.as_ref().map(|role| format!(" by {role}")).unwrap_or_default();
                    let valid = approvers.valid_for.map(|span| format!(" valid for {} ms", span.as_ms()));
                    format!("{instrument}/{} approvals{role}{}", approvers.clause, valid.unwrap_or_default())
                }
            },
            Self::Label(label) => label.as_str().to_owned(),
            Self::Flag(Flag::Suspended) => format!("{instrument} suspended"),
            Self::Flag(flag) => flag.as_str().to_owned(),
            Self::Roles => "roles".to_owned(),
        }
    }

    /// Its Cedar type.
    pub fn cedar_type(&self) -> &'static str {
        match self {
            Self::Measure(_) => "Long",
            Self::Label(_) => "String",
            Self::Flag(_) => "Bool",
            Self::Roles => "Set<String>",
        }
    }

    /// Its value among the facts of an example.
    pub fn value(&self, facts: &Facts) -> RestrictedExpression {
        match self {
            Self::Measure(measure) => RestrictedExpression::new_long(facts.measure(measure)),
            Self::Label(label) => RestrictedExpression::new_string(facts.label(*label)),
            Self::Flag(flag) => RestrictedExpression::new_bool(facts.flag(*flag)),
            Self::Roles => {
                let roles = facts.roles.iter().map(|role| RestrictedExpression::new_string(role.to_string()));
                RestrictedExpression::new_set(roles)
            }
        }
    }

    /// How the context is asked for it.
    fn access(&self, instrument: &str) -> String {
        let name = self.name(instrument);
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain { format!("context.{name}") } else { format!("context[{name:?}]") }
    }
}

/// A test as a Cedar expression. No operation in it can fail.
pub fn expression(test: &Test, instrument: &str) -> String {
    let join = |tests: &[Test], operator: &str, none: &str| match tests {
        [] => none.to_owned(),
        [only] => expression(only, instrument),
        several => {
            let parts: Vec<String> = several.iter().map(|test| expression(test, instrument)).collect();
            format!("({})", parts.join(operator))
        }
    };
    let measure = |measure: &Measure| Attribute::Measure(measure.clone()).access(instrument);
    match test {
        Test::All(tests) => join(tests, " && ", "true"),
        Test::Any(tests) => join(tests, " || ", "false"),
        Test::Not(inner) => format!("!({})", expression(inner, instrument)),
        Test::AtLeast(of, bound) => format!("{} >= {bound}", measure(of)),
        Test::MoreThan(of, bound) => format!("{} > {bound}", measure(of)),
        Test::OneOf(label, words) => one_of(&Attribute::Label(*label).access(instrument), words),
        Test::Is(flag) => Attribute::Flag(*flag).access(instrument),
        Test::HasRole(role) => {
            format!("{}.contains({:?})", Attribute::Roles.access(instrument), role.as_str())
        }
    }
}

fn one_of(access: &str, words: &[String]) -> String {
    match words {
        [] => "false".to_owned(),
        [only] => format!("{access} == {only:?}"),
        several => {
            let list: Vec<String> = several.iter().map(|word| format!("{word:?}")).collect();
            format!("[{}].contains({access})", list.join(", "))
        }
    }
}

/// The condition on the resource; none means any.
fn objects(rule: &Rule) -> Option<String> {
    let mut named = Vec::new();
    let mut services = Vec::new();
    for on in &rule.resources {
        match &on.resource {
            Some(resource) => named.push(format!("Resource::\"{}/{resource}\"", on.service)),
            None => services.push(on.service.to_string()),
        }
    }
    let mut parts = Vec::new();
    match named.as_slice() {
        [] => {}
        [only] => parts.push(format!("resource == {only}")),
        several => parts.push(format!("[{}].contains(resource)", several.join(", "))),
    }
    if !services.is_empty() {
        parts.push(one_of("context.service", &services));
    }
    match parts.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(format!("({})", several.join(" || "))),
    }
}

/// A rule as a static policy. Its scope pins what it can; the rest are conditions.
pub(crate) fn policy(rule: &Rule, instrument: &str, annotations: &[(&str, String)]) -> String {
    let mut conditions = Vec::new();
    let principal = match rule.machines.as_slice() {
        [] => "principal is Machine".to_owned(),
        [only] => format!("principal == Machine::{only:?}"),
        several => {
            let list: Vec<String> = several.iter().map(|id| format!("Machine::{id:?}")).collect();
            conditions.push(format!("[{}].contains(principal)", list.join(", ")));
            "principal is Machine".to_owned()
        }
    };
    let action = match rule.actions.as_slice() {
        [] => "action".to_owned(),
        [only] => format!("action == Action::\"{only}\""),
        several => {
            let list: Vec<String> = several.iter().map(|id| format!("Action::\"{id}\"")).collect();
            format!("action in [{}]", list.join(", "))
        }
    };
    let resource = match rule.resources.as_slice() {
        [contract::norm::On { service, resource: Some(resource) }] => {
            format!("resource == Resource::\"{service}/{resource}\"")
        }
        _ => {
            conditions.extend(objects(rule));
            "resource is Resource".to_owned()
        }
    };
    if rule.when != Test::always() {
        conditions.push(expression(&rule.when, instrument));
    }
    let mut text = String::new();
    for (name, value) in annotations {
        let _ = writeln!(text, "@{name}({value:?})");
    }
    let effect = if rule.permits { "permit" } else { "forbid" };
    let _ = write!(text, "{effect}({principal}, {action}, {resource})");
    if !conditions.is_empty() {
        let _ = write!(text, " when {{ {} }}", conditions.join(" && "));
    }
    text.push_str(";\n");
    text
}
