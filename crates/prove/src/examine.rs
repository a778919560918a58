//! Questions about one instrument: asked when it is drafted, and before somebody signs it.

use crate::domain::{circumstances, domain};
use crate::known::{acts, machine_facts, service_facts};
use crate::query::{Choice, Part, Query};
use crate::scene::Scene;
use crate::solver::Solver;
use crate::{Answer, Scripts, Version};
use cedar_policy::{PolicySet, Schema};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy};
use contract::example::explain;
use contract::norm::{Duty, Evidence, Facts, Happening, Level, Norm, Rule, Test};
use contract::{Body, Instrument, Kind, Number};
use policy::{Bundle, Verdict};
use registry::{Identity, Service, State};

/// Rules of one instrument that are asked about one by one; beyond that the questions would take too long.
pub const CLAUSE_BY_CLAUSE_MAX: usize = 150;
/// Acts in a question about one instrument under another.
const ACTS_MAX: usize = 5_000;

/// What was asked. The text forms are stable: the ledger keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A guardrail refuses nothing that a standing instrument permits.
    Bounds,
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
            Self::Bounds => "bounds",
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
    /// The scripts behind it; none if no solver was asked.
    pub scripts: Scripts,
}

/// All answers about an instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// The solver and its version.
    pub solver: String,
    /// The answers, in the order of the document.
    pub findings: Vec<Finding>,
}

/// Examines an instrument by itself and beside others: a charter or contract under the guardrails it will
/// stand under, a guardrail over the charters and contracts that stand. With a registry, for the machines
/// and services it knows.
pub async fn examine(
    solver: &Solver,
    version: &Version,
    others: &[Version],
    registry: Option<&State>,
) -> Examination {
    let mut findings = vec![never_errs(solver, version).await];
    let rules = version.rules();
    if rules.len() > CLAUSE_BY_CLAUSE_MAX {
        let why = format!(
            "it has more than {CLAUSE_BY_CLAUSE_MAX} rules, and was not asked about clause by clause"
        );
        findings.push(Finding::plain(Question::NotDead, String::new(), Answer::Unknown(why)));
    } else {
        for (number, at, rule) in rules {
            if number != Number::READING {
                findings.push(not_dead(solver, version, (number, at), &rule).await);
            }
        }
    }
    let guardrail = matches!(version.body, Body::Guardrail { .. });
    for other in others {
        let (subject, above, question) = match guardrail {
            true => (other, version, Question::Bounds),
            false => (version, other, Question::WithinGuardrail),
        };
        let mut scripts = Scripts::default();
        let answer = within(solver, subject, above, registry, &mut scripts).await;
        // Of one instrument several versions may be signed: only then its name does not say which is meant.
        let several = others.iter().filter(|known| known.name == other.name).count() > 1;
        let about =
            if several { format!("{}@{}", other.name, other.version) } else { other.name.to_string() };
        findings.push(Finding { question, about, answer, scripts });
    }
    findings.push(no_contradiction(solver, version).await);
    Examination { solver: solver.version().to_owned(), findings }
}

impl Finding {
    /// A finding that no solver was asked for.
    pub fn plain(question: Question, about: String, answer: Answer<String>) -> Self {
        Self { question, about, answer, scripts: Scripts::default() }
    }
}

fn part(instrument: &Instrument, test: Test) -> Part {
    Part { instrument: instrument.name.to_string(), test }
}

/// The machines and services of an instrument, as the registry knows them.
struct Bound<'s> {
    state: &'s State,
    machines: Vec<&'s Identity>,
    services: Vec<&'s Service>,
}

impl<'s> Bound<'s> {
    /// None if the registry does not know all of them.
    fn of(state: &'s State, instrument: &Instrument) -> Option<Self> {
        let party = state.party_named(instrument.body.machine_side().party.as_str())?;
        let machine = |name| state.identity_named(party.id, name);
        let machines: Vec<&Identity> =
            instrument.body.machines().iter().map(machine).collect::<Option<_>>()?;
        let services = match instrument.body.service() {
            Some(name) => vec![state.service_named(name.as_str())?],
            None => state.services.values().collect(),
        };
        (!machines.is_empty()).then_some(Self { state, machines, services })
    }

    /// Requires a request of one of the machines to one of the services.
    fn require(&self, query: &mut Query, subject: &Instrument, above: &Instrument) -> Result<(), String> {
        let mut count = 0;
        let mut any = Vec::new();
        for service in &self.services {
            let acts = acts(service);
            count += acts.len();
            any.push(service_facts(self.state, service, &acts));
        }
        if count > ACTS_MAX {
            return Err(format!("the services have more than {ACTS_MAX} acts"));
        }
        query.require(&part(subject, Test::Any(any)));
        query.require(&part(subject, circumstances(&[subject, above])));
        let choices: Vec<Choice> = self
            .machines
            .iter()
            .map(|machine| Choice {
                parts: vec![part(subject, machine_facts(self.state, machine, &[subject, above]))],
                review_ms: machine.review_ms,
            })
            .collect();
        query.any(&choices);
        Ok(())
    }
}

/// Whether all that `subject` permits is permitted by a guardrail.
async fn within(
    solver: &Solver,
    subject: &Version,
    guardrail: &Version,
    registry: Option<&State>,
    scripts: &mut Scripts,
) -> Answer<String> {
    let mut query = Query::default();
    query.require(&part(subject, subject.permitted())).visible();
    query.exclude(&part(guardrail, guardrail.permitted()));
    let charter = matches!(subject.body, Body::Charter { .. });
    match registry.and_then(|state| Bound::of(state, subject)) {
        Some(bound) => {
            // What a charter permits, it permits while it is in force.
            let test = if charter { Test::Is(contract::norm::Flag::Chartered) } else { Test::always() };
            query.require(&part(subject, test));
            if let Err(why) = bound.require(&mut query, subject, guardrail) {
                return Answer::Unknown(why);
            }
        }
        None => {
            query.require(&part(subject, domain(&[subject, guardrail])));
        }
    }
    let case = match query.never(solver, scripts).await {
        Answer::NoneFound | Answer::Proven => return Answer::Proven,
        Answer::Unknown(why) => return Answer::Unknown(why),
        Answer::Refuted(case) => case,
    };
    let (alone, together) = (Scene::of(&[subject]), Scene::of(&[subject, guardrail]));
    let tried = || {
        let (own, theirs) = (case.facts(subject.name.as_str())?, case.facts(guardrail.name.as_str())?);
        let beside = [(guardrail.name.as_str(), &theirs)];
        let breaks = |facts: &Facts| -> Result<(), String> {
            match alone.decide(facts, &[])? {
                Verdict::Permit(_) => {}
                Verdict::Denial(denial) => return Err(denial.detail),
            }
            let both = together.decide(facts, &beside)?;
            match &both {
                Verdict::Denial(_) if together.refuses(&both) => Ok(()),
                Verdict::Denial(denial) => Err(denial.detail.clone()),
                Verdict::Permit(_) => Err("the guardrail permits it".to_owned()),
            }
        };
        breaks(&own)?;
        Ok::<String, String>(explain(guardrail, &own, |fewer| breaks(fewer).is_ok()))
    };
    match tried() {
        Ok(sentence) => Answer::Refuted(sentence),
        Err(why) => Answer::Unknown(format!(
            "a counterexample did not hold when it was tried on the real decision: {why}"
        )),
    }
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
        Answer::NoneFound | Answer::Proven if rule.permits => {
            Answer::Refuted("it permits nothing: other clauses prohibit all of it".to_owned())
        }
        Answer::NoneFound | Answer::Proven => {
            Answer::Refuted("it is precaution only: no clause permits what it prohibits".to_owned())
        }
    };
    let about = format!("{}/{}", place.0, place.1);
    Finding { question: Question::NotDead, about, answer, scripts }
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
    Finding { question: Question::NeverErrs, about: String::new(), answer, scripts }
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

/// Duties that cannot both be kept. What concerns requests is asked of the solver; spans and targets are
/// compared, which finds contradictions but does not prove that there are none.
async fn no_contradiction(solver: &Solver, instrument: &Instrument) -> Finding {
    let mut scripts = Scripts::default();
    let mut sentences = compared(instrument);
    let mut doubt = None;
    let mut asked: Option<Answer<()>> = None;
    for (number, _, said) in instrument.statements() {
        let (test, what) = match &said.norm {
            Norm::Duty(Duty { act: Happening::RequestPermitted, .. }) => (None, "asks for a request"),
            Norm::Level(_) => (None, "promises answers"),
            Norm::Masking(masking) => (Some(masking.rule.reach()), "masks answers"),
            Norm::Statement(bound) => (Some(bound.rule.reach()), "limits statements"),
            Norm::Rule(_)
            | Norm::Duty(_)
            | Norm::Power(_)
            | Norm::Departure(_)
            | Norm::Evidence(_)
            | Norm::Issuance(_)
            | Norm::Cap(_)
            | Norm::Words(_) => continue,
        };
        let answer = match (&test, &asked) {
            (None, Some(known)) => known.clone(),
            (Some(_), _) | (None, None) => ever(solver, instrument, test.as_ref(), &mut scripts).await,
        };
        if test.is_none() {
            asked = Some(answer.clone());
        }
        match answer {
            Answer::NoneFound | Answer::Refuted(()) => {}
            Answer::Proven => {
                let which = if test.is_some() { "of those requests nothing is" } else { "nothing is" };
                sentences.push(format!("clause {number} {what}, but {which} permitted"));
            }
            Answer::Unknown(why) => doubt = Some(why),
        }
    }
    let answer = match (sentences.is_empty(), doubt) {
        (false, _) => Answer::Refuted(sentences.join("; ")),
        (true, Some(why)) => Answer::Unknown(why),
        (true, None) => Answer::NoneFound,
    };
    Finding { question: Question::NoContradiction, about: String::new(), answer, scripts }
}

/// Proven if nothing is ever permitted, of what a test describes.
async fn ever(
    solver: &Solver,
    instrument: &Instrument,
    test: Option<&Test>,
    scripts: &mut Scripts,
) -> Answer<()> {
    let mut query = Query::default();
    query.require(&part(instrument, instrument.permitted()));
    query.require(&part(instrument, test.cloned().unwrap_or_else(Test::always)));
    match query.never(solver, scripts).await {
        Answer::NoneFound => Answer::NoneFound,
        Answer::Proven => Answer::Proven,
        Answer::Refuted(_) => Answer::Refuted(()),
        Answer::Unknown(why) => Answer::Unknown(why),
    }
}

/// What a comparison of spans and targets finds.
fn compared(instrument: &Instrument) -> Vec<String> {
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
    let said = instrument.statements();
    for (at, (first, _, one)) in said.iter().enumerate() {
        for (second, _, other) in said.iter().skip(at + 1) {
            sentences.extend(
                conflict(&one.norm, &other.norm)
                    .map(|what| format!("clauses {first} and {second} say {what}")),
            );
        }
    }
    sentences
}

/// How two norms ask for different things of the same kind.
fn conflict(one: &Norm, other: &Norm) -> Option<String> {
    match (one, other) {
        (Norm::Duty(one), Norm::Duty(other)) => {
            let what = |duty: &Duty| (duty.bearer, duty.act, duty.after, duty.detail.clone());
            let when = |duty: &Duty| (duty.within.as_ms(), duty.calendar);
            (what(one) == what(other) && when(one) != when(other)).then(|| {
                let span = |duty: &Duty| format!("{} ({})", duty.within, duty.calendar.words());
                let act = one.act.words();
                format!("differently in what time there must be {act}: {} and {}", span(one), span(other))
            })
        }
        (Norm::Level(one), Norm::Level(other)) => {
            let what = |level: &Level| (level.bearer, level.metric.clone(), level.period.as_ms());
            (what(one) == what(other) && one.target != other.target)
                .then(|| format!("differently which share of {} there must be", one.metric))
        }
        (Norm::Evidence(one), Norm::Evidence(other)) => {
            let (least, most) = match (one.at_least, other.at_least) {
                (true, false) => (one, other),
                (false, true) => (other, one),
                (true, true) | (false, false) => return None,
            };
            let impossible = |least: &Evidence, most: &Evidence| {
                least.subject == most.subject && least.span.as_ms() > most.span.as_ms()
            };
            impossible(least, most).then(|| {
                format!(
                    "that the {} must be at least {} and at most {}",
                    least.subject, least.span, most.span
                )
            })
        }
        (
            Norm::Rule(_)
            | Norm::Duty(_)
            | Norm::Level(_)
            | Norm::Power(_)
            | Norm::Masking(_)
            | Norm::Statement(_)
            | Norm::Departure(_)
            | Norm::Evidence(_)
            | Norm::Issuance(_)
            | Norm::Cap(_)
            | Norm::Words(_),
            _,
        ) => None,
    }
}
