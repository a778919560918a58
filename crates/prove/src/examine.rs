//! Questions about one instrument: asked when it is drafted, and when a new version is compared with an old.

use crate::query::{Part, Query, in_order};
use crate::solver::Solver;
use crate::{Answer, Scripts};
use cedar_policy::{PolicySet, Schema};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy};
use contract::canonical::norms;
use contract::example::explain;
use contract::norm::{Facts, Flag, Label, Rule, Test};
use contract::{Body, Instrument, Kind, Number};
use policy::Bundle;
use std::collections::{BTreeMap, BTreeSet};

/// What was asked. The text forms are stable: the ledger keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// No policy can fail to be evaluated.
    NeverErrs,
    /// A permit permits something; a prohibition prohibits something that is otherwise permitted.
    NotDead,
    /// All it permits is within a guardrail.
    WithinGuardrail,
    /// No duty contradicts another.
    NoContradiction,
    /// It permits nothing that an earlier version refuses.
    Narrower,
    /// It permits everything that an earlier version permits.
    Wider,
}

impl Question {
    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverErrs => "never-errs",
            Self::NotDead => "not-dead",
            Self::WithinGuardrail => "within-guardrail",
            Self::NoContradiction => "no-contradiction",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
        }
    }
}

/// An answer to a question about an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was asked.
    pub question: Question,
    /// About which clause or other instrument; empty for the whole.
    pub about: String,
    /// The answer; a counterexample is a sentence.
    pub answer: Answer<String>,
    /// SHA-256 over the scripts.
    pub script: [u8; 32],
}

/// All answers about an instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// The solver and its version.
    pub solver: String,
    /// The answers, in the order of the document.
    pub findings: Vec<Finding>,
}

/// Examines an instrument by itself and against the guardrails it will stand under.
pub async fn examine(solver: &Solver, instrument: &Instrument, guardrails: &[Instrument]) -> Examination {
    let mut findings = vec![never_errs(solver, instrument).await];
    for (number, at, rule) in instrument.rules() {
        if number != Number::READING {
            findings.push(not_dead(solver, instrument, (number, at), &rule).await);
        }
    }
    if matches!(instrument.body, Body::Contract { .. }) {
        for guardrail in guardrails {
            findings.push(within(solver, instrument, guardrail).await);
        }
    }
    findings.push(no_contradiction(instrument));
    Examination { solver: solver.version().to_owned(), findings }
}

/// The decision difference between two versions of an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The solver and its version.
    pub solver: String,
    /// Whether the new version permits nothing the old one refuses; else what it permits anew, in sentences.
    pub narrower: Answer<Vec<String>>,
    /// Whether it permits all the old one permits; else what it refuses anew.
    pub wider: Answer<Vec<String>>,
    /// Whether duties, powers, levels, masking, values and recording are as before or stricter.
    pub beside: Result<(), String>,
    /// SHA-256 over the scripts.
    pub script: [u8; 32],
}

impl Difference {
    /// Whether the new version is proven to take nothing away from anybody but machines.
    pub fn only_narrows(&self) -> bool {
        self.narrower == Answer::Proven && self.beside.is_ok()
    }
}

/// Compares two versions of an instrument.
pub async fn compare(solver: &Solver, old: &Instrument, new: &Instrument) -> Difference {
    let mut scripts = Scripts::default();
    let narrower = beyond(solver, new, old, &mut scripts).await;
    let wider = beyond(solver, old, new, &mut scripts).await;
    let solver = solver.version().to_owned();
    Difference { solver, narrower, wider, beside: beside(old, new), script: scripts.digest() }
}

/// What is not a decision about requests must stay as it was; recording may only become stricter.
fn beside(old: &Instrument, new: &Instrument) -> Result<(), String> {
    let body = |of: &Instrument| {
        let sides: Vec<_> = of.body.sides().iter().map(|side| of.body.organisation(*side).clone()).collect();
        (of.body.noun(), sides, of.body.service().cloned())
    };
    if body(old) != body(new) {
        return Err("it is between others, or for another service".into());
    }
    if old.title != new.title || old.headings != new.headings {
        return Err("its title or its headings are others".into());
    }
    if old.signing != new.signing {
        return Err("other people sign it".into());
    }
    if norms(old) != norms(new) {
        return Err("its duties, powers or words are others".into());
    }
    let spans = |of: &Instrument| -> Vec<Option<u64>> {
        let permits =
            of.rules().into_iter().filter(|(number, _, rule)| rule.permits && *number != Number::READING);
        permits.map(|(_, _, rule)| rule.recorded_within.map(|span| span.as_ms())).collect()
    };
    let strictest = spans(old).into_iter().map(Option::unwrap_or_default).min().unwrap_or(0);
    if spans(new).into_iter().map(Option::unwrap_or_default).any(|span| span > strictest) {
        return Err("acts may be recorded later than before".into());
    }
    Ok(())
}

fn part(instrument: &Instrument, test: Test) -> Part {
    Part { instrument: instrument.name.to_string(), test }
}

/// Whether `first` permits something `second` refuses: one sentence for each permit of `first` that does.
async fn beyond(
    solver: &Solver,
    first: &Instrument,
    second: &Instrument,
    scripts: &mut Scripts,
) -> Answer<Vec<String>> {
    let mut query = Query::default();
    query.require(&part(first, first.permitted())).exclude(&part(second, second.permitted()));
    query.require(&part(first, domain(&[first, second])));
    match query.never(solver, scripts).await {
        Answer::Proven => return Answer::Proven,
        Answer::Unknown(why) => return Answer::Unknown(why),
        Answer::Refuted(_) => {}
    }
    let mut sentences = Vec::new();
    for (_, _, rule) in first.rules().iter().filter(|(_, _, rule)| rule.permits) {
        let mut query = Query::default();
        query.require(&part(first, rule.reach()));
        query.require(&part(first, first.permitted())).exclude(&part(second, second.permitted()));
        query.require(&part(first, domain(&[first, second])));
        match query.never(solver, scripts).await {
            Answer::Proven => {}
            Answer::Unknown(why) => return Answer::Unknown(why),
            Answer::Refuted(case) => {
                let differs = |facts: &Facts| {
                    policy::compile::says(first, facts) == Ok(true)
                        && policy::compile::says(second, facts) == Ok(false)
                };
                match case.facts(first.name.as_str()) {
                    // Tried on the compiled policies of both before anybody sees it.
                    Ok(facts) if differs(&facts) => {
                        let sentence = explain(first, &facts, differs);
                        if !sentences.contains(&sentence) {
                            sentences.push(sentence);
                        }
                    }
                    Ok(_) => {
                        return Answer::Unknown("a counterexample did not hold when it was tried".into());
                    }
                    Err(why) => return Answer::Unknown(why),
                }
            }
        }
    }
    if sentences.is_empty() {
        return Answer::Unknown("the solver contradicts itself".into());
    }
    Answer::Refuted(sentences)
}

async fn within(solver: &Solver, instrument: &Instrument, guardrail: &Instrument) -> Finding {
    let mut scripts = Scripts::default();
    let mut query = Query::default();
    query.require(&part(instrument, instrument.permitted()));
    query.exclude(&part(guardrail, guardrail.permitted()));
    query.require(&part(instrument, domain(&[instrument, guardrail])));
    let answer = match query.never(solver, &mut scripts).await {
        Answer::Proven => Answer::Proven,
        Answer::Unknown(why) => Answer::Unknown(why),
        Answer::Refuted(case) => {
            let both = case.facts(instrument.name.as_str()).and_then(|own| {
                let theirs = case.facts(guardrail.name.as_str())?;
                let permits = policy::compile::says(instrument, &own)?;
                Ok((permits && !policy::compile::says(guardrail, &theirs)?).then_some(theirs))
            });
            match both {
                Ok(Some(facts)) => {
                    let refused = |facts: &Facts| policy::compile::says(guardrail, facts) == Ok(false);
                    Answer::Refuted(explain(guardrail, &facts, refused))
                }
                Ok(None) => Answer::Unknown("a counterexample did not hold when it was tried".into()),
                Err(why) => Answer::Unknown(why),
            }
        }
    };
    let about = guardrail.name.to_string();
    Finding { question: Question::WithinGuardrail, about, answer, script: scripts.digest() }
}

/// Whether a rule ever makes a difference: a permit that is always overruled, or a prohibition of what
/// nothing permits, is dead. The counterexample of "dead" is what makes it alive.
async fn not_dead(solver: &Solver, instrument: &Instrument, place: (Number, usize), rule: &Rule) -> Finding {
    let mut scripts = Scripts::default();
    let rules = instrument.rules();
    let reaches = |permits: bool| -> Test {
        let of_effect = rules.iter().filter(|(_, _, other)| other.permits == permits);
        Test::Any(of_effect.map(|(_, _, other)| other.reach()).collect())
    };
    let mut query = Query::default();
    query.require(&part(instrument, rule.reach())).require(&part(instrument, domain(&[instrument])));
    if rule.permits {
        query.exclude(&part(instrument, reaches(false)));
    } else {
        query.require(&part(instrument, reaches(true)));
    }
    let answer = match query.never(solver, &mut scripts).await {
        Answer::Refuted(_) => Answer::Proven,
        Answer::Unknown(why) => Answer::Unknown(why),
        Answer::Proven if rule.permits => {
            Answer::Refuted("it permits nothing: other clauses prohibit all of it".to_owned())
        }
        Answer::Proven => {
            Answer::Refuted("it is precaution only: no clause permits what it prohibits".to_owned())
        }
    };
    let about = format!("{}/{}", place.0, place.1);
    Finding { question: Question::NotDead, about, answer, script: scripts.digest() }
}

/// Every compiled policy under its own schema, for every kind of request.
async fn never_errs(solver: &Solver, instrument: &Instrument) -> Finding {
    let mut scripts = Scripts::default();
    let bundle = Bundle::unchecked(instrument);
    let answer = match errs(solver, &bundle, &mut scripts).await {
        Ok(None) => Answer::Proven,
        Ok(Some(sentence)) => Answer::Refuted(sentence),
        Err(why) => Answer::Unknown(why),
    };
    Finding { question: Question::NeverErrs, about: String::new(), answer, script: scripts.digest() }
}

async fn errs(solver: &Solver, bundle: &Bundle, scripts: &mut Scripts) -> Result<Option<String>, String> {
    let (schema, _) = Schema::from_cedarschema_str(&bundle.schema).map_err(|error| error.to_string())?;
    let set: PolicySet = bundle.policies.parse().map_err(|error| format!("{error}"))?;
    let mut environments: Vec<_> = schema.request_envs().collect();
    environments.sort();
    let mut policies: Vec<_> = set.policies().collect();
    policies.sort_by_key(|policy| policy.id().to_string());
    for policy in policies {
        for environment in &environments {
            let compiled =
                CompiledPolicy::compile(policy, environment, &schema).map_err(|error| error.to_string())?;
            let mut compiler = CedarSymCompiler::new(solver.script()).map_err(|error| error.to_string())?;
            let answer = compiler.check_never_errors_opt(&compiled).await;
            scripts.add(compiler.solver().asked.as_deref().unwrap_or(policy.to_string().as_bytes()));
            match answer {
                Ok(true) => {}
                Ok(false) => return Ok(Some(format!("the policy {} can fail to be evaluated", policy.id()))),
                Err(Error::SolverUnknown) => return Err("the solver does not know".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    Ok(None)
}

/// Duties that cannot both be kept. Found by comparing spans, without a solver.
fn no_contradiction(instrument: &Instrument) -> Finding {
    let mut sentences = Vec::new();
    for first in &instrument.clauses {
        let Kind::Retention(retention) = &first.kind else { continue };
        for second in &instrument.clauses {
            let Kind::Audit(audit) = &second.kind else { continue };
            if audit.audited == retention.bearer && audit.keep_records.as_ms() > retention.max_age.as_ms() {
                sentences.push(format!(
                    "clause {} deletes after {} what clause {} keeps for {}, as far as records are such data",
                    first.number, retention.max_age, second.number, audit.keep_records
                ));
            }
        }
    }
    for clause in &instrument.clauses {
        let duty = matches!(clause.kind, Kind::Availability(_));
        let nothing = !instrument.rules().iter().any(|(_, _, rule)| rule.permits);
        if duty && nothing {
            sentences
                .push(format!("clause {} promises answers, but nothing is permitted to ask", clause.number));
        }
    }
    let answer = if sentences.is_empty() { Answer::Proven } else { Answer::Refuted(sentences.join("; ")) };
    let script = Scripts::default().digest();
    Finding { question: Question::NoContradiction, about: String::new(), answer, script }
}

/// The requests that are asked about: every name the instruments mention, and one other of each kind.
pub(crate) fn domain(instruments: &[&Instrument]) -> Test {
    let mut words: BTreeMap<Label, BTreeSet<String>> = BTreeMap::new();
    let mut flags: BTreeSet<Flag> = BTreeSet::new();
    for instrument in instruments {
        for (_, _, rule) in instrument.rules() {
            rule.reach().visit(&mut |test| {
                if let Test::OneOf(label, list) = test {
                    words.entry(*label).or_default().extend(list.iter().cloned());
                }
                if let Test::Is(flag) = test {
                    flags.insert(*flag);
                }
            });
        }
    }
    // A request always has these four, whatever the clauses mention.
    for label in [Label::Machine, Label::Action, Label::Service, Label::Resource] {
        words.entry(label).or_default();
    }
    let contracts: Vec<String> = instruments
        .iter()
        .filter_map(|instrument| instrument.body.service().map(ToString::to_string))
        .collect();
    let mut tests = Vec::new();
    for (label, mut words) in words {
        if label == Label::Service && !contracts.is_empty() {
            words = contracts.iter().cloned().collect();
        } else {
            words.extend(others(label).iter().map(|other| (*other).to_owned()));
        }
        tests.push(Test::OneOf(label, words.into_iter().collect()));
    }
    // The instrument is not suspended: while it is, it permits nothing.
    for flag in flags.into_iter().filter(|flag| *flag == Flag::Suspended) {
        let test = Test::Is(flag);
        tests.push(if in_order(flag) { test } else { test.negated() });
    }
    Test::and(tests)
}

/// What a label can be beside the words that are mentioned.
fn others(label: Label) -> &'static [&'static str] {
    match label {
        Label::Action => &["other-act"],
        Label::Attestation => &["join-token", "ci-oidc", "kubernetes", "process", "renewal"],
        Label::Binding => &["mtls", "dpop"],
        Label::CallerRegion | Label::ServiceRegion => &["", "elsewhere"],
        Label::Consumer | Label::Provider => &["another-party"],
        Label::CredentialKind => &["x509-svid", "jwt-svid"],
        Label::Environment => &["production", "staging", "test", "development"],
        Label::KeyAlgorithm => &["ed25519", "ecdsa-p256", "rsa", "ecdsa-p384", "ml-dsa-65"],
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
