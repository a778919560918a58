//! An estate as files describe it, compared with what the registry has.

use crate::error::{ApiError, Finding};
use crate::identities::propose::NewIdentity;
use crate::parties::register::NewParty;
use crate::people::register::NewPerson;
use crate::services::register::NewService;
use authority::instruments::{compile, resolve};
use contract::Envelope;
use policy::COMPILER;
use registry::{Actor, Command, Context, InstrumentStatus, Lifecycle, Office, PartyId, State, admit};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use utoipa::ToSchema;

/// Steps in one estate at most; beyond that it does not fit one entry anyway.
pub(crate) const STEPS_MAX: usize = 2_000;
/// Documents in one estate at most.
pub(crate) const DOCUMENTS_MAX: usize = 20_000;

/// An estate: the tables of its TOML files together, and its documents.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Estate {
    /// Legal persons.
    #[serde(default)]
    pub(crate) party: Vec<NewParty>,
    /// Natural persons; name and address have no place in a folder of files.
    #[serde(default)]
    pub(crate) person: Vec<NewPerson>,
    /// Services.
    #[serde(default)]
    pub(crate) service: Vec<NewService>,
    /// Machine identities.
    #[serde(default)]
    pub(crate) identity: Vec<NewIdentity>,
    /// Instruments.
    #[serde(default)]
    pub(crate) document: Vec<EstateDocument>,
}

/// A `*.writ.md` file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EstateDocument {
    /// Where it lies, for messages.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// One line of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Change {
    /// `create`, `change`, `remove`, or `drift`: a difference that no command of this version removes.
    pub(crate) verb: &'static str,
    /// `party`, `person`, `service`, `identity` or `instrument`.
    pub(crate) what: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// What is different, or what follows.
    pub(crate) detail: String,
}

/// What is to be done, in order, and why.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) steps: Vec<(Command, [u8; 10])>,
    /// Texts to keep before the steps are taken.
    pub(crate) texts: Vec<String>,
    /// Changed instruments: the text in force and the new one.
    pub(crate) amended: Vec<(String, [u8; 32], String)>,
}

impl Plan {
    pub(crate) fn removals(&self) -> usize {
        self.changes.iter().filter(|change| change.verb == "remove").count()
    }
}

/// Compares; every step is tried on a copy of the state before it is part of the plan.
pub(crate) fn plan(state: &State, estate: Estate, now_ms: u64) -> Result<Plan, ApiError> {
    if estate.document.len() > DOCUMENTS_MAX {
        return Err(ApiError::invalid(format!("an estate has at most {DOCUMENTS_MAX} documents")));
    }
    let mut planner = Planner { state: state.clone(), now_ms, plan: Plan::default() };
    let ours: Vec<String> = estate.party.iter().map(|party| party.name.clone()).collect();
    let identities: BTreeSet<(String, String)> =
        estate.identity.iter().map(|i| (i.party.clone(), i.name.clone())).collect();
    planner.parties(estate.party)?;
    planner.people(estate.person)?;
    planner.services(estate.service)?;
    planner.identities(estate.identity)?;
    let named = planner.documents(&estate.document)?;
    planner.removals(&ours, &identities, &named)?;
    if planner.plan.steps.len() > STEPS_MAX {
        return Err(ApiError::invalid(format!("this is more than {STEPS_MAX} steps: apply it in parts")));
    }
    Ok(planner.plan)
}

struct Planner {
    state: State,
    now_ms: u64,
    plan: Plan,
}

impl Planner {
    fn note(
        &mut self,
        verb: &'static str,
        what: &'static str,
        name: impl Into<String>,
        detail: impl Into<String>,
    ) {
        self.plan.changes.push(Change { verb, what, name: name.into(), detail: detail.into() });
    }

    /// Takes a step on the copy; the same ids are made when it is taken for good.
    fn step(&mut self, command: Command) -> Result<(), ApiError> {
        let entropy: [u8; 10] = authority::entropy()?;
        let context = Context { actor: Actor::Operator, now_ms: self.now_ms, entropy };
        let events = admit(&self.state, command.clone(), &context)?;
        events.iter().for_each(|event| self.state.apply(event, self.now_ms));
        self.plan.steps.push((command, entropy));
        Ok(())
    }

    fn parties(&mut self, parties: Vec<NewParty>) -> Result<(), ApiError> {
        for new in parties {
            let name = new.name.clone();
            let found = self.state.party_named(&name).cloned();
            match found {
                None => {
                    self.step(new.command()?)?;
                    self.note("create", "party", name, "");
                }
                Some(found)
                    if found.legal_name != new.legal_name || found.jurisdiction != new.jurisdiction =>
                {
                    let detail = format!("is registered as {}, {}", found.legal_name, found.jurisdiction);
                    self.note("drift", "party", name, detail);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn people(&mut self, people: Vec<NewPerson>) -> Result<(), ApiError> {
        for new in people {
            let name = format!("{}/{}", new.party, new.name);
            if new.has_personal_data() {
                let what = format!("`{name}`: a full name or address has no place in a folder of files");
                return Err(ApiError::invalid(what));
            }
            let party = self.state.party_named(&new.party).map(|party| party.id);
            let found = party.and_then(|party| self.state.person_named(party, &new.name)).cloned();
            match found {
                None => {
                    let command = new.command(&self.state, contract::canonical::digest_bytes(b""))?;
                    self.step(command)?;
                    self.note("create", "person", name, "");
                }
                Some(found) if new.key.parse().as_ref() != Ok(&found.key) => {
                    self.note("drift", "person", name, "is registered with another key");
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn services(&mut self, services: Vec<NewService>) -> Result<(), ApiError> {
        for new in services {
            let name = new.name.clone();
            let description = new.description(&self.state)?;
            match self.state.service_named(&name).cloned() {
                None => {
                    self.step(Command::RegisterService(Box::new(description)))?;
                    self.note("create", "service", name, "");
                }
                Some(found) => {
                    let same = found.party == description.party
                        && found.owner == description.owner
                        && found.host == description.host
                        && found.upstream == description.upstream
                        && found.resources == description.resources
                        && found.injection == description.injection
                        && found.region == description.region;
                    if !same {
                        let detail = "is registered otherwise; its contracts were signed with what it is";
                        self.note("drift", "service", name, detail);
                    }
                }
            }
        }
        Ok(())
    }

    fn identities(&mut self, identities: Vec<NewIdentity>) -> Result<(), ApiError> {
        for new in identities {
            let name = format!("{}/{}", new.party, new.name);
            let proposal = new.proposal(&self.state)?;
            let found = self.state.identity_named(proposal.party, &proposal.name).cloned();
            let Some(found) = found else {
                self.step(Command::ProposeIdentity(Box::new(proposal)))?;
                self.note("create", "identity", name, "owner and deputy accept next");
                continue;
            };
            let same = found.kind == proposal.kind
                && found.purpose == proposal.purpose
                && found.environment == proposal.environment
                && found.review_ms == proposal.review_ms
                && found.roles == proposal.roles
                && found.region == proposal.region;
            if !same {
                self.note("drift", "identity", name.clone(), "is documented otherwise");
            }
            for (office, wanted) in [(Office::Owner, proposal.owner), (Office::Deputy, proposal.deputy)] {
                if found.seat(office).person == wanted {
                    continue;
                }
                let command = Command::HandOver { identity: found.id, office, to: wanted };
                match self.step(command) {
                    Ok(()) => {
                        let detail =
                            format!("its {} is offered to another person, who accepts next", office.as_str());
                        self.note("change", "identity", name.clone(), detail);
                    }
                    Err(error) => {
                        let detail =
                            format!("another {} cannot be offered now: {}", office.as_str(), error.title());
                        self.note("drift", "identity", name.clone(), detail);
                    }
                }
            }
        }
        Ok(())
    }

    /// Drafts what is new or amended; gives the names of all.
    fn documents(&mut self, documents: &[EstateDocument]) -> Result<BTreeSet<String>, ApiError> {
        let mut named = BTreeSet::new();
        let mut findings = Vec::new();
        let standing = self.state.instruments.values().filter(|i| i.status != InstrumentStatus::Ended);
        let known: HashMap<[u8; 32], String> = standing.map(|i| (i.document, i.name.to_string())).collect();
        for document in documents {
            let text = &document.text;
            // What is there byte for byte was checked when it was drafted.
            if let Some(name) = known.get(&contract::canonical::digest(text)) {
                named.insert(name.clone());
                continue;
            }
            match self.document(text, &mut named) {
                Ok(()) => {}
                Err(found) => findings.extend(found.into_iter().map(|mut finding| {
                    finding.message = format!("{}: {}", document.path, finding.message);
                    finding
                })),
            }
        }
        if findings.is_empty() { Ok(named) } else { Err(ApiError::documents(findings)) }
    }

    fn document(&mut self, text: &str, named: &mut BTreeSet<String>) -> Result<(), Vec<Finding>> {
        let plain = |message: String, help: &str| {
            vec![Finding {
                code: "writ::estate".into(),
                message,
                start: 0,
                end: 0,
                label: String::new(),
                help: help.into(),
            }]
        };
        let told =
            |found: Vec<contract::Diagnostic>| found.into_iter().map(Finding::from).collect::<Vec<_>>();
        let instrument = contract::check(text).map_err(told)?;
        let name = instrument.name.to_string();
        if !named.insert(name.clone()) {
            return Err(plain(format!("a second document of the name `{name}`"), "one file per instrument"));
        }
        let newest = self.state.instrument_versions(&instrument.name).last().cloned();
        if let Some(newest) = newest.as_ref().filter(|newest| newest.version >= instrument.version) {
            let next = newest.version + 1;
            let message = format!("`{name}` version {} has another text in the registry", instrument.version);
            return Err(plain(message, &format!("write `version = {next}`")));
        }
        let bundle = compile(&instrument, text).map_err(told)?;
        let envelope = Envelope::of(&instrument, text, bundle.hash(), COMPILER);
        let draft = resolve(&self.state, &instrument, text, envelope).map_err(told)?;
        self.step(Command::DraftInstrument(Box::new(draft)))
            .map_err(|error| plain(error.title().to_owned(), "see `writ instrument list`"))?;
        self.plan.texts.push(text.to_owned());
        let verb = if newest.is_some() { "change" } else { "create" };
        self.note(
            verb,
            "instrument",
            format!("{name}@{}", instrument.version),
            "is drafted; its signatories sign next",
        );
        if let Some(newest) = newest.filter(|newest| newest.status == InstrumentStatus::InForce) {
            self.plan.amended.push((name, newest.document, text.to_owned()));
        }
        Ok(())
    }

    /// What the registry has and the folder has not, of the parties the folder is about.
    fn removals(
        &mut self,
        ours: &[String],
        identities: &BTreeSet<(String, String)>,
        named: &BTreeSet<String>,
    ) -> Result<(), ApiError> {
        let parties: BTreeSet<PartyId> =
            ours.iter().filter_map(|name| self.state.party_named(name).map(|party| party.id)).collect();
        let instruments: Vec<_> = self
            .state
            .instruments
            .values()
            .filter(|i| i.status != InstrumentStatus::Ended && !named.contains(i.name.as_str()))
            .filter(|i| parties.contains(&i.consumer) && parties.contains(&i.provider))
            .map(|i| (i.id, format!("{}@{}", i.name, i.version)))
            .collect();
        for (instrument, name) in instruments {
            let reason = "no longer in the estate's files".to_owned();
            self.step(Command::EndInstrument { instrument, reason })?;
            self.note("remove", "instrument", name, "ends");
        }
        let machines: Vec<_> = self
            .state
            .identities
            .values()
            .filter(|i| {
                !matches!(i.state, Lifecycle::Retired | Lifecycle::Revoked) && parties.contains(&i.party)
            })
            .filter_map(|i| {
                let party = self.state.parties.get(&i.party)?.name.to_string();
                let key = (party, i.name.to_string());
                (!identities.contains(&key)).then(|| (i.id, format!("{}/{}", key.0, key.1)))
            })
            .collect();
        for (identity, name) in machines {
            self.step(Command::RetireIdentity { identity })?;
            self.note("remove", "identity", name, "is retired");
        }
        Ok(())
    }
}
