//! The rows of a folder, compared with what the registry has under their names.

use super::rows::{EstateAuthority, Row};
use super::steps::{Planner, Verb};
use crate::error::ApiError;
use crate::identities::propose::NewIdentity;
use crate::parties::register::NewParty;
use crate::people::register::NewPerson;
use crate::reference::{party, person};
use crate::services::register::NewService;
use registry::{Command, Identity, InstrumentKind, Lifecycle, Millis, Office, PersonId, Service};

impl Planner {
    pub(super) fn parties(&mut self, rows: Vec<Row<NewParty>>) -> Result<(), ApiError> {
        for Row { says, at } in rows {
            let name = says.name.clone();
            match self.state.party_named(&name) {
                Some(found) => {
                    let fields = [
                        ("legal_name", found.legal_name != says.legal_name),
                        ("jurisdiction", found.jurisdiction != says.jurisdiction),
                    ];
                    let otherwise = otherwise(&fields);
                    let detail = format!("is registered as {}, {}", found.legal_name, found.jurisdiction);
                    if !otherwise.is_empty() {
                        self.note(Verb::Drift, "party", name, detail);
                    }
                }
                None => match says.command().and_then(|command| self.step(command)) {
                    Ok(()) => self.note(Verb::Create, "party", name, ""),
                    Err(error) => self.refuse(&at, error),
                },
            }
        }
        self.sound()
    }

    pub(super) fn people(&mut self, rows: Vec<Row<NewPerson>>) -> Result<(), ApiError> {
        for Row { says, at } in rows {
            let name = format!("{}/{}", says.party, says.name);
            if let Some(key) = says.personal_data() {
                let what = format!("`{name}`: a full name or address has no place in a folder of files");
                let help = "leave it out: what a folder says cannot be erased";
                self.refuse(&at, ApiError::invalid(what).at(key).help(help));
                continue;
            }
            let party = self.state.party_named(&says.party).map(|party| party.id);
            let found = party.and_then(|party| self.state.person_named(party, &says.name));
            match found {
                Some(found) => {
                    let (left, key) = (found.left_ms.is_some(), says.key.parse().as_ref() != Ok(&found.key));
                    if left {
                        self.note(Verb::Drift, "person", name, "has left: take their row out");
                    } else if key {
                        self.note(Verb::Drift, "person", name, "is registered with another key");
                    }
                }
                None => {
                    let command = says.command(&self.state, contract::canonical::digest_bytes(b""));
                    match command.and_then(|command| self.step(command)) {
                        Ok(()) => self.note(Verb::Create, "person", name, ""),
                        Err(error) => self.refuse(&at, error),
                    }
                }
            }
        }
        self.sound()
    }

    pub(super) fn authorities(&mut self, rows: Vec<Row<EstateAuthority>>) -> Result<(), ApiError> {
        for Row { says, at } in rows {
            if let Err(error) = self.authority(&says) {
                self.refuse(&at, error);
            }
        }
        self.sound()
    }

    fn authority(&mut self, says: &EstateAuthority) -> Result<(), ApiError> {
        let (person, kinds, until_ms) = says.read(&self.state)?;
        let there = |kind: &InstrumentKind| self.state.signatories.get(&(person, *kind)).copied();
        let granted: Vec<_> = kinds.iter().filter_map(there).collect();
        if granted.len() == kinds.len() && granted.iter().all(|until| *until == until_ms) {
            return Ok(());
        }
        let verb = if granted.is_empty() { Verb::Create } else { Verb::Change };
        self.step(Command::GrantAuthority { person, kinds, until_ms })?;
        let detail = format!("may sign: {}", says.kinds.join(", "));
        self.note(verb, "authority", format!("{}/{}", says.party, says.person), detail);
        Ok(())
    }

    pub(super) fn services(&mut self, rows: Vec<Row<NewService>>) -> Result<(), ApiError> {
        for Row { says, at } in rows {
            let name = says.name.clone();
            let description = match says.description(&self.state) {
                Ok(description) => description,
                Err(error) => {
                    self.refuse(&at, error);
                    continue;
                }
            };
            let Some(found) = self.state.service_named(&name) else {
                match self.step(Command::RegisterService(Box::new(description))) {
                    Ok(()) => self.note(Verb::Create, "service", name, ""),
                    Err(error) => self.refuse(&at, error),
                }
                continue;
            };
            let Service { id: _, name: _, party, owner, host, upstream, resources, injection, region, login } =
                found;
            let otherwise = otherwise(&[
                ("party", *party != description.party),
                ("owner", *owner != description.owner),
                ("host", *host != description.host),
                ("upstream", *upstream != description.upstream),
                ("resources", *resources != description.resources),
                ("inject", *injection != description.injection),
                ("region", *region != description.region),
                ("login", *login != description.login),
            ]);
            if !otherwise.is_empty() {
                let detail = format!(
                    "is registered with another {otherwise}; its contracts were signed with what it is"
                );
                self.note(Verb::Drift, "service", name, detail);
            }
        }
        self.sound()
    }

    pub(super) fn identities(&mut self, rows: Vec<Row<NewIdentity>>) -> Result<(), ApiError> {
        for Row { says, at } in rows {
            let name = format!("{}/{}", says.party, says.name);
            let proposal = match says.proposal(&self.state) {
                Ok(proposal) => proposal,
                Err(error) => {
                    self.refuse(&at, error);
                    continue;
                }
            };
            let Some(found) = self.state.identity_named(proposal.party, &proposal.name).cloned() else {
                match self.step(Command::ProposeIdentity(Box::new(proposal))) {
                    Ok(()) => self.note(Verb::Create, "identity", name, "owner and deputy accept next"),
                    Err(error) => self.refuse(&at, error),
                }
                continue;
            };
            let otherwise = otherwise(&[
                ("kind", found.kind != proposal.kind),
                ("purpose", found.purpose != proposal.purpose),
                ("environment", found.environment != proposal.environment),
                ("review", found.review_ms != proposal.review_ms),
                ("roles", found.roles != proposal.roles),
                ("region", found.region != proposal.region),
            ]);
            if !otherwise.is_empty() {
                self.note(
                    Verb::Drift,
                    "identity",
                    name.clone(),
                    format!("is documented with another {otherwise}"),
                );
            }
            if let Some(over) = over(&found, &name) {
                self.note(Verb::Drift, "identity", name.clone(), over);
            }
            if matches!(found.state, Lifecycle::Retired | Lifecycle::Revoked) {
                continue;
            }
            for (office, wanted) in [(Office::Owner, proposal.owner), (Office::Deputy, proposal.deputy)] {
                self.hand_over(&found, &name, office, wanted);
            }
        }
        self.sound()
    }

    fn hand_over(&mut self, found: &Identity, name: &str, office: Office, wanted: PersonId) {
        if found.seat(office).person == wanted {
            return;
        }
        let what = office.as_str();
        match self.step(Command::HandOver { identity: found.id, office, to: wanted }) {
            Ok(()) => {
                let detail = format!("its {what} is offered to another person, who accepts next");
                self.note(Verb::Change, "identity", name, detail);
            }
            Err(error) => {
                let detail = format!("another {what} cannot be offered now: {}", error.title());
                self.note(Verb::Drift, "identity", name, detail);
            }
        }
    }
}

impl EstateAuthority {
    fn read(
        &self,
        state: &registry::State,
    ) -> Result<(PersonId, Vec<InstrumentKind>, Option<Millis>), ApiError> {
        party(state, &self.party).map_err(|error| error.at("party"))?;
        let person = person(state, &self.party, &self.person).map_err(|error| error.at("person"))?;
        let kind = |text: &String| {
            InstrumentKind::parse(text).ok_or_else(|| {
                let known = InstrumentKind::spellings();
                ApiError::invalid(format!("there is no kind of instrument `{text}`; one of: {known}"))
                    .at("kinds")
            })
        };
        let until = self.until.as_ref().map(|text| {
            contract::value::parse_instant(text).ok_or_else(|| {
                ApiError::invalid(format!("`{text}` is not a date such as 2027-01-31")).at("until")
            })
        });
        Ok((person, self.kinds.iter().map(kind).collect::<Result<_, _>>()?, until.transpose()?))
    }
}

/// Why a machine the folder names does not act, if something outside the folder stopped it.
fn over(identity: &Identity, name: &str) -> Option<String> {
    let last = "take its row out, or propose it under another name and name that in its instruments";
    match identity.state {
        Lifecycle::Active | Lifecycle::Proposed => None,
        Lifecycle::Retired => Some(format!("is retired, which is final: {last}")),
        Lifecycle::Revoked => Some(format!("was killed, which is final: {last}")),
        Lifecycle::Suspended => Some(format!("is suspended: `writ identity resume {name}`")),
    }
}

/// The names of fields that differ.
fn otherwise(fields: &[(&str, bool)]) -> String {
    let different: Vec<&str> = fields.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    different.join(", ")
}
