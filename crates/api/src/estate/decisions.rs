//! What a plan changes of what machines may do: an amendment is compared by a solver with the version that binds;
//! of what is new or ends, its permits are told. What was not compared is told with the reason.

use super::steps::{Affected, Plan};
use crate::Shared;
use contract::norm::Rule;
use contract::{Instrument, Number};
use prove::{Answer, Solver, Version};
use registry::InstrumentStatus;
use serde::Serialize;
use utoipa::ToSchema;

/// Amendments a solver compares in one plan; beyond that it would take too long.
const COMPARED_MAX: usize = 50;

/// What machines may do under the instruments of a plan.
#[derive(Default)]
pub(crate) struct Decisions {
    /// For each instrument: what changes, in sentences.
    pub(crate) told: Vec<(String, Vec<String>)>,
    pub(crate) not_compared: Vec<NotCompared>,
}

/// An amendment of which nobody said what it changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotCompared {
    /// The instrument.
    pub(crate) name: String,
    /// Why not.
    pub(crate) why: String,
}

pub(crate) async fn decisions(ports: &Shared, plan: Plan) -> (Plan, Decisions) {
    let mut decisions = Decisions::default();
    let mut amended = Vec::new();
    for affected in &plan.affected {
        match pair(ports, affected) {
            Err(why) => decisions.skip(&affected.name, why),
            Ok((None, None)) => {}
            Ok((None, Some(new))) => {
                decisions.told.push((affected.name.clone(), permits("once it is signed, permits", &new)));
            }
            Ok((Some(old), None)) => {
                decisions.told.push((affected.name.clone(), permits("no longer permits", &old)));
            }
            Ok((Some(old), Some(new))) => amended.push((affected, old, new)),
        }
    }
    if amended.is_empty() {
        return (plan, decisions);
    }
    let solver = Solver::find(ports.authority.solver()).await;
    for (at, (affected, old, new)) in amended.iter().enumerate() {
        match &solver {
            Err(why) => decisions.skip(&affected.name, why.to_string()),
            Ok(_) if at >= COMPARED_MAX => {
                let why = format!(
                    "at most {COMPARED_MAX} are compared in one plan: `writ redline OLD NEW` compares one"
                );
                decisions.skip(&affected.name, why);
            }
            Ok(solver) => {
                let mut told = compared(solver, old, new).await;
                told.splice(0..0, beside(affected));
                decisions.told.push((affected.name.clone(), told));
            }
        }
    }
    (plan, decisions)
}

impl Decisions {
    fn skip(&mut self, name: &str, why: String) {
        self.not_compared.push(NotCompared { name: name.to_owned(), why });
    }
}

/// The version that binds and the one to come, read.
fn pair(ports: &Shared, affected: &Affected) -> Result<(Option<Version>, Option<Version>), String> {
    let old = match affected.before {
        None => None,
        Some((version, _, digest)) => {
            let unread = |why: String| format!("the text of version {version} cannot be read: {why}");
            let text = authority::documents::read(ports.authority.objects(), &digest)
                .map_err(|error| unread(error.to_string()))?
                .ok_or_else(|| unread("it is missing".to_owned()))?;
            let read = Version::read(&text);
            Some(read.map_err(|_| unread("this version of Writ does not know its clauses".to_owned()))?)
        }
    };
    // It was checked when it was planned.
    let new = affected.after.as_ref().and_then(|text| Version::read(text).ok());
    Ok((old, new))
}

async fn compared(solver: &Solver, old: &Version, new: &Version) -> Vec<String> {
    let difference = prove::compare(solver, old, new).await;
    let mut told = Vec::new();
    let mut tell = |what: &str, answer: Answer<Vec<String>>| match answer {
        Answer::NoneFound | Answer::Proven => {}
        Answer::Refuted(sentences) => told.extend(sentences.into_iter().map(|s| format!("{what}: {s}"))),
        Answer::Unknown(why) => told.push(format!("not proven: {why}")),
    };
    tell("gained", difference.narrower);
    tell("lost", difference.wider);
    if told.is_empty() {
        told.push("proven equal: machines may do exactly what they may do now".to_owned());
    }
    told
}

/// What to know of the version it was compared with.
fn beside(affected: &Affected) -> Option<String> {
    let (version, status, _) = affected.before?;
    (status == InstrumentStatus::Suspended)
        .then(|| format!("compared with version {version}, which is suspended and permits nothing now"))
}

/// The permits of an instrument, one in a sentence.
fn permits(how: &str, instrument: &Instrument) -> Vec<String> {
    let sentence = |(number, _, rule): &(Number, usize, Rule)| {
        let list =
            |items: Vec<String>, any: &str| if items.is_empty() { any.to_owned() } else { items.join(", ") };
        let machines = list(rule.machines.iter().map(|name| format!("`{name}`")).collect(), "any machine");
        let acts = list(rule.actions.iter().map(|name| format!("**{name}**")).collect(), "do anything");
        let on = rule.resources.iter().map(|on| match &on.resource {
            Some(resource) => format!("`{}/{resource}`", on.service),
            None => format!("`{}`", on.service),
        });
        let service =
            instrument.body.service().map_or("any service".to_owned(), |name| format!("all of `{name}`"));
        format!("{how} {machines} to {acts}: {} (clause {number})", list(on.collect(), &service))
    };
    let rules = instrument.rules();
    let permits = rules.iter().filter(|(number, _, rule)| rule.permits && *number != Number::READING);
    let told: Vec<String> = permits.map(sentence).collect();
    if told.is_empty() {
        return vec![format!(
            "permits nothing itself: a {} bounds what others permit",
            instrument.body.noun()
        )];
    }
    told
}
