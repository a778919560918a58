//! A plan: the steps that make the registry what a folder says, and what is told of them. Every step is tried on
//! a copy of the state before it is part of the plan.

use super::guard::Guard;
use super::rows::{Estate, FAULTY};
use crate::error::{ApiError, Finding};
use authority::entry::{Weight, weigh};
use registry::{Actor, Command, Context, Event, InstrumentStatus, PartyId, Recorded, State, admit};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What a line of a plan is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verb {
    /// Something there becomes otherwise.
    Change,
    /// Something new.
    Create,
    /// A difference that applying leaves: the detail says what removes it.
    Drift,
    /// Something ends.
    Remove,
}

/// One line of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Change {
    /// What happens.
    pub(crate) verb: Verb,
    /// `party`, `person`, `authority`, `service`, `identity` or `instrument`.
    pub(crate) what: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// What is different, or what follows.
    pub(crate) detail: String,
}

/// An instrument whose decisions change.
pub(crate) struct Affected {
    pub(crate) name: String,
    /// The version that binds now: its number, how it stands, its text.
    pub(crate) before: Option<(u32, InstrumentStatus, [u8; 32])>,
    /// The text to come; none when it ends.
    pub(crate) after: Option<String>,
}

/// What is to be done, in order, and why.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) steps: Vec<(Command, [u8; 10])>,
    /// Texts to keep before the steps are taken.
    pub(crate) texts: Vec<String>,
    pub(crate) affected: Vec<Affected>,
    /// The room its entry takes.
    pub(crate) weight: Weight,
    pub(crate) guard: Guard,
    /// Instruments between a party of the folder and one it does not name: not the folder's to say.
    pub(crate) outside: usize,
}

/// Compares an estate with the registry.
pub(crate) fn plan(state: &State, estate: Estate, now_ms: u64) -> Result<Plan, ApiError> {
    let tables = estate.read()?;
    let folder = tables.folder();
    let mut planner = Planner {
        state: state.clone(),
        now_ms,
        plan: Plan::default(),
        events: Vec::new(),
        findings: Vec::new(),
    };
    planner.plan.guard.standing = planner.standing(&planner.named(&folder.parties)).len();
    planner.parties(tables.party)?;
    planner.people(tables.person)?;
    planner.authorities(tables.authority)?;
    planner.services(tables.service)?;
    planner.identities(tables.identity)?;
    let documents = planner.documents(tables.document)?;
    planner.left(&folder, &documents)?;
    planner.finish()
}

/// The state as the steps so far would leave it, and what they are.
pub(super) struct Planner {
    pub(super) state: State,
    pub(super) now_ms: u64,
    pub(super) plan: Plan,
    events: Vec<Event>,
    findings: Vec<Finding>,
}

impl Planner {
    pub(super) fn note(
        &mut self,
        verb: Verb,
        what: &'static str,
        name: impl Into<String>,
        detail: impl Into<String>,
    ) {
        if verb == Verb::Remove {
            self.plan.guard.removals += 1;
        }
        self.plan.changes.push(Change { verb, what, name: name.into(), detail: detail.into() });
    }

    /// Takes a step on the copy; the same ids are made when it is taken for good.
    pub(super) fn step(&mut self, command: Command) -> Result<(), ApiError> {
        let entropy: [u8; 10] = authority::entropy()?;
        let context = Context { actor: Actor::Operator, now_ms: self.now_ms, entropy };
        let events = admit(&self.state, command.clone(), &context)?;
        events.iter().for_each(|event| self.state.apply(event, self.now_ms));
        self.events.extend(events);
        self.plan.steps.push((command, entropy));
        Ok(())
    }

    /// Notes what is wrong with a row.
    pub(super) fn refuse(&mut self, at: &str, error: ApiError) {
        self.findings.push(error.finding(at));
    }

    /// Notes what is wrong with a document.
    pub(super) fn find(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// Stops here if something was wrong: what follows would only say so again.
    pub(super) fn sound(&mut self) -> Result<(), ApiError> {
        let findings = std::mem::take(&mut self.findings);
        if findings.is_empty() { Ok(()) } else { Err(ApiError::findings(FAULTY, findings)) }
    }

    /// The ids of parties that are registered.
    pub(super) fn named(&self, parties: &BTreeSet<String>) -> BTreeSet<PartyId> {
        parties.iter().filter_map(|name| self.state.party_named(name).map(|party| party.id)).collect()
    }

    fn finish(mut self) -> Result<Plan, ApiError> {
        let most = registry::admit::BATCH_COMMANDS_MAX;
        if self.plan.steps.len() > most {
            let what = format!("this is {} steps; at most {most} are one entry", self.plan.steps.len());
            return Err(ApiError::invalid(what).help("keep apart parties that have no instrument in common"));
        }
        if !self.events.is_empty() {
            self.plan.weight = weigh(&Recorded { actor: Actor::Operator, events: self.events })?;
        }
        Ok(self.plan)
    }
}
