//! What the registry has and the folder has not, of the parties the folder is about: machines and instruments
//! end; what no command of this version ends is told.

use super::rows::Tables;
use super::steps::{Affected, Planner, Verb};
use crate::error::ApiError;
use registry::{Command, Instrument, InstrumentStatus, Lifecycle, PartyId};
use std::collections::{BTreeMap, BTreeSet};

/// The names in a folder: of what stays.
pub(super) struct Folder {
    pub(super) parties: BTreeSet<String>,
    people: BTreeSet<(String, String)>,
    authorities: BTreeMap<(String, String), Vec<String>>,
    services: BTreeSet<String>,
    identities: BTreeSet<(String, String)>,
}

impl Tables {
    pub(super) fn folder(&self) -> Folder {
        let pair = |party: &str, name: &str| (party.to_owned(), name.to_owned());
        let authorities = self.authority.iter().map(|row| &row.says);
        Folder {
            parties: self.party.iter().map(|row| row.says.name.clone()).collect(),
            people: self.person.iter().map(|row| pair(&row.says.party, &row.says.name)).collect(),
            authorities: authorities
                .map(|says| (pair(&says.party, &says.person), says.kinds.clone()))
                .collect(),
            services: self.service.iter().map(|row| row.says.name.clone()).collect(),
            identities: self.identity.iter().map(|row| pair(&row.says.party, &row.says.name)).collect(),
        }
    }
}

impl Planner {
    /// Ends or tells what is left over.
    pub(super) fn left(
        &mut self,
        folder: &Folder,
        documents: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let ours = self.named(&folder.parties);
        self.instruments_left(&ours, documents)?;
        self.machines_left(&ours, folder)?;
        self.people_left(&ours, folder);
        self.services_left(&ours, folder);
        Ok(())
    }

    /// What stands of the folder's parties: what a wrong folder could end.
    pub(super) fn standing(&self, ours: &BTreeSet<PartyId>) -> Vec<String> {
        let instruments = self.state.instruments.values().filter(|i| stands(i) && among(i, ours) == 2);
        let machines = self.state.identities.values();
        let machines = machines.filter(|i| ours.contains(&i.party) && !is_over(i.state));
        instruments
            .map(|i| format!("{}@{}", i.name, i.version))
            .chain(machines.map(|i| self.state.identity_label(i.id)))
            .collect()
    }

    fn instruments_left(
        &mut self,
        ours: &BTreeSet<PartyId>,
        documents: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let standing = self.state.instruments.values().filter(|i| stands(i));
        let left: Vec<Instrument> =
            standing.filter(|i| !documents.contains_key(i.name.as_str())).cloned().collect();
        for found in left {
            match among(&found, ours) {
                0 => {}
                1 => self.plan.outside += 1,
                _ => {
                    let before =
                        self.binding(&found.name).filter(|(version, _, _)| *version == found.version);
                    let reason = "no longer in the estate's files".to_owned();
                    self.step(Command::EndInstrument { instrument: found.id, reason })?;
                    let name = format!("{}@{}", found.name, found.version);
                    self.note(Verb::Remove, "instrument", name.clone(), "ends");
                    self.plan.affected.push(Affected { name, before, after: None });
                }
            }
        }
        Ok(())
    }

    fn machines_left(&mut self, ours: &BTreeSet<PartyId>, folder: &Folder) -> Result<(), ApiError> {
        let machines = self.state.identities.values();
        let left: Vec<_> = machines
            .filter(|i| ours.contains(&i.party) && !is_over(i.state))
            .filter(|i| !folder.identities.contains(&self.pair(i.party, i.name.as_str())))
            .map(|i| (i.id, self.state.identity_label(i.id)))
            .collect();
        for (identity, name) in left {
            self.step(Command::RetireIdentity { identity })?;
            self.note(Verb::Remove, "identity", name, "is retired");
        }
        Ok(())
    }

    fn people_left(&mut self, ours: &BTreeSet<PartyId>, folder: &Folder) {
        let mut told = Vec::new();
        for person in self.state.people.values().filter(|p| p.is_active() && ours.contains(&p.party)) {
            let pair = self.pair(person.party, person.name.as_str());
            let label = format!("{}/{}", pair.0, pair.1);
            if !folder.people.contains(&pair) {
                let detail = format!("is not in the folder: add the row, or `writ person leave {label}`");
                told.push(("person", label.clone(), detail));
            }
            let said = folder.authorities.get(&pair).cloned().unwrap_or_default();
            let granted =
                self.state.signatories.iter().filter(|((of, _), until)| {
                    *of == person.id && until.is_none_or(|until| until > self.now_ms)
                });
            let more: Vec<&str> = granted
                .map(|((_, kind), _)| kind.as_str())
                .filter(|kind| !said.iter().any(|s| s == kind))
                .collect();
            if !more.is_empty() {
                let detail = format!(
                    "may sign {} and the folder does not say so: add an [[authority]] row, or `writ person withdraw {label}`",
                    more.join(", ")
                );
                told.push(("authority", label, detail));
            }
        }
        told.into_iter().for_each(|(what, name, detail)| self.note(Verb::Drift, what, name, detail));
    }

    fn services_left(&mut self, ours: &BTreeSet<PartyId>, folder: &Folder) {
        let services = self.state.services.values();
        let left: Vec<String> = services
            .filter(|service| {
                ours.contains(&service.party) && !folder.services.contains(service.name.as_str())
            })
            .map(|service| service.name.to_string())
            .collect();
        for name in left {
            let detail = "is not in the folder: add its row; no command of this version ends a service";
            self.note(Verb::Drift, "service", name, detail);
        }
    }

    fn pair(&self, party: PartyId, name: &str) -> (String, String) {
        let party = self.state.parties.get(&party).map(|party| party.name.to_string());
        (party.unwrap_or_default(), name.to_owned())
    }
}

fn stands(instrument: &Instrument) -> bool {
    instrument.status != InstrumentStatus::Ended
}

fn is_over(state: Lifecycle) -> bool {
    matches!(state, Lifecycle::Retired | Lifecycle::Revoked)
}

/// How many of its two sides are the folder's; both are, if it has but one.
fn among(instrument: &Instrument, ours: &BTreeSet<PartyId>) -> usize {
    usize::from(ours.contains(&instrument.consumer)) + usize::from(ours.contains(&instrument.provider))
}
