//! What is known now: a fold of events. `apply` cannot fail; everything that could go wrong was
//! refused before the event was written.

use crate::{
    Event, Identity, IdentityId, Instrument, InstrumentId, InstrumentKind, InstrumentStatus, Lifecycle,
    Millis, Name, NoticeKind, Party, PartyId, Person, PersonId, ProofRecord, Seat, Service, ServiceId,
};
use std::collections::BTreeMap;

/// The registry's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The trust domain, once established.
    pub trust_domain: Option<String>,
    /// Legal persons.
    pub parties: BTreeMap<PartyId, Party>,
    /// Natural persons.
    pub people: BTreeMap<PersonId, Person>,
    /// Services.
    pub services: BTreeMap<ServiceId, Service>,
    /// Machine identities.
    pub identities: BTreeMap<IdentityId, Identity>,
    /// Instruments.
    pub instruments: BTreeMap<InstrumentId, Instrument>,
    /// Join tokens that were handed out and not used, by digest.
    pub tokens: BTreeMap<[u8; 32], JoinToken>,
    /// Certificates that have not expired, by serial.
    pub credentials: BTreeMap<[u8; 16], Credential>,
    /// The newest anchored size and root of each decision log.
    pub anchors: BTreeMap<String, (u64, [u8; 32])>,
    /// Who may sign which kinds of instrument for their party, and until when.
    pub signatories: BTreeMap<(PersonId, InstrumentKind), Option<Millis>>,
    /// What a solver last said about each instrument.
    pub proofs: BTreeMap<InstrumentId, Vec<ProofRecord>>,
    /// Identities by party and name.
    identity_names: BTreeMap<(PartyId, Name), IdentityId>,
    /// Instruments by name and version.
    instrument_names: BTreeMap<(Name, u32), InstrumentId>,
}

/// A one-time token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinToken {
    /// For which identity.
    pub identity: IdentityId,
    /// Until when.
    pub expires_ms: Millis,
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whose it is.
    pub identity: IdentityId,
    /// Digest of the certified public key.
    pub public_key: [u8; 32],
    /// From when it is valid.
    pub not_before_ms: Millis,
    /// Until when.
    pub not_after_ms: Millis,
    /// Whether it was issued on a one-time token; else on a live certificate.
    pub by_token: bool,
    /// Set when it was revoked, with the reason.
    pub revoked: Option<String>,
}

impl State {
    /// Folds one event, which was written at `time_ms`, into the state.
    pub fn apply(&mut self, event: &Event, time_ms: Millis) {
        match event {
            Event::AuthorityGranted { person, kinds, until_ms } => {
                self.signatories.extend(kinds.iter().map(|kind| ((*person, *kind), *until_ms)));
            }
            Event::AuthorityWithdrawn { person, .. } => {
                self.signatories.retain(|(of, _), _| of != person);
            }
            Event::CredentialIssued { identity, serial, public_key, not_before_ms, not_after_ms, token } => {
                if let Some(token) = token {
                    self.tokens.remove(token);
                }
                // What expired can never be used again, so it need not be remembered.
                self.credentials.retain(|_, credential| credential.not_after_ms > time_ms);
                self.tokens.retain(|_, token| token.expires_ms > time_ms);
                let credential = Credential {
                    identity: *identity,
                    public_key: *public_key,
                    not_before_ms: *not_before_ms,
                    not_after_ms: *not_after_ms,
                    by_token: token.is_some(),
                    revoked: None,
                };
                self.credentials.insert(*serial, credential);
            }
            Event::CredentialRevoked { serial, reason } => {
                if let Some(credential) = self.credentials.get_mut(serial) {
                    credential.revoked = Some(reason.clone());
                }
            }
            Event::Established { trust_domain, .. } => self.trust_domain = Some(trust_domain.clone()),
            Event::IdentityActivated { identity } | Event::IdentityResumed { identity } => {
                self.change(*identity, |identity| identity.state = Lifecycle::Active);
            }
            Event::IdentityProposed(identity) => {
                self.identity_names.insert((identity.party, identity.name.clone()), identity.id);
                self.identities.insert(identity.id, identity.clone());
            }
            Event::IdentityRetired { identity } => {
                self.change(*identity, |identity| identity.state = Lifecycle::Retired);
            }
            Event::IdentityRevoked { identity, .. } => {
                self.change(*identity, |identity| identity.state = Lifecycle::Revoked);
            }
            Event::IdentitySuspended { identity, .. } => {
                self.change(*identity, |identity| identity.state = Lifecycle::Suspended);
            }
            Event::InstrumentDrafted(instrument) => {
                self.instrument_names.insert((instrument.name.clone(), instrument.version), instrument.id);
                self.instruments.insert(instrument.id, instrument.as_ref().clone());
            }
            Event::InstrumentEnded { instrument, .. } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.status = InstrumentStatus::Ended;
                }
            }
            Event::InstrumentExamined { instrument, proofs, narrows } => {
                self.proofs.insert(*instrument, proofs.clone());
                if let (Some(instrument), Some(_)) = (self.instruments.get_mut(instrument), narrows) {
                    instrument.narrows = *narrows;
                }
            }
            Event::InstrumentRenewed { instrument, until_ms } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.renewed_until_ms = Some(*until_ms);
                }
            }
            Event::NoticeGiven { instrument, kind, effective_ms, .. } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.notices += 1;
                    match kind {
                        NoticeKind::NoRenewal => instrument.not_renewed = true,
                        NoticeKind::Resumption => {
                            instrument.suspended_from_ms = None;
                            instrument.status = InstrumentStatus::InForce;
                        }
                        NoticeKind::Suspension => {
                            instrument.suspended_from_ms = Some(*effective_ms);
                            instrument.status = InstrumentStatus::Suspended;
                        }
                        NoticeKind::Termination | NoticeKind::TerminationForCause => {
                            let earlier = instrument
                                .ends_by_notice_ms
                                .map_or(*effective_ms, |end| end.min(*effective_ms));
                            instrument.ends_by_notice_ms = Some(earlier);
                        }
                    }
                }
            }
            Event::InstrumentInForce { instrument } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.status = InstrumentStatus::InForce;
                }
            }
            Event::InstrumentSigned { instrument, signature } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.signatures.push(signature.clone());
                }
            }
            Event::JoinTokenCreated { identity, digest, expires_ms } => {
                self.tokens.insert(*digest, JoinToken { identity: *identity, expires_ms: *expires_ms });
            }
            Event::LogAnchored { origin, size, root, .. } => {
                self.anchors.insert(origin.clone(), (*size, *root));
            }
            Event::OfficeOffered { identity, office, to, offer } => {
                self.change(*identity, |identity| *identity.seat_mut(*office) = Seat::offered(*to, *offer));
            }
            Event::OwnershipAccepted { identity, office, time_ms, .. } => {
                self.change(*identity, |identity| identity.seat_mut(*office).accepted_ms = Some(*time_ms));
                self.end_grace(*identity);
            }
            Event::PartyRegistered(party) => {
                self.parties.insert(party.id, party.clone());
            }
            Event::PersonLeft { person, time_ms, grace_until_ms } => {
                if let Some(person) = self.people.get_mut(person) {
                    person.left_ms = Some(*time_ms);
                }
                self.start_grace(*person, *grace_until_ms);
            }
            Event::PersonRegistered(person) => {
                self.people.insert(person.id, person.clone());
            }
            // Nothing later depends on them: they are in the ledger so that every act is.
            Event::EstateExamined { .. } | Event::SecretSealed { .. } | Event::ServerCertified { .. } => {}
            Event::ServiceRegistered(service) => {
                self.services.insert(service.id, service.clone());
            }
        }
    }

    fn change(&mut self, identity: IdentityId, change: impl FnOnce(&mut Identity)) {
        if let Some(identity) = self.identities.get_mut(&identity) {
            change(identity);
        }
    }

    /// The clock runs for everything a person answered for; an earlier end stays.
    fn start_grace(&mut self, person: PersonId, until_ms: Millis) {
        for identity in self.identities.values_mut() {
            let answered = identity.owner.person == person || identity.deputy.person == person;
            let over = matches!(identity.state, Lifecycle::Retired | Lifecycle::Revoked);
            if answered && !over {
                let until = identity.grace_until_ms.map_or(until_ms, |before| before.min(until_ms));
                identity.grace_until_ms = Some(until);
            }
        }
    }

    /// The grace ends when both offices are held by people who accepted and have not left.
    fn end_grace(&mut self, identity: IdentityId) {
        if let Some(found) = self.identities.get(&identity)
            && self.is_answered_for(found)
        {
            self.change(identity, |identity| identity.grace_until_ms = None);
        }
    }

    /// Whether owner and deputy accepted and neither has left.
    pub fn is_answered_for(&self, identity: &Identity) -> bool {
        let active = |seat: &Seat| {
            seat.accepted_ms.is_some() && self.people.get(&seat.person).is_some_and(Person::is_active)
        };
        active(&identity.owner) && active(&identity.deputy)
    }

    /// The party of this name.
    pub fn party_named(&self, name: &str) -> Option<&Party> {
        self.parties.values().find(|party| party.name.as_str() == name)
    }

    /// The person of this name in a party.
    pub fn person_named(&self, party: PartyId, name: &str) -> Option<&Person> {
        self.people.values().find(|person| person.party == party && person.name.as_str() == name)
    }

    /// The service of this name.
    pub fn service_named(&self, name: &str) -> Option<&Service> {
        self.services.values().find(|service| service.name.as_str() == name)
    }

    /// The identity of this name in a party.
    pub fn identity_named(&self, party: PartyId, name: &Name) -> Option<&Identity> {
        self.identity_names.get(&(party, name.clone())).and_then(|id| self.identities.get(id))
    }

    /// The instrument of this name and version.
    pub fn instrument_named(&self, name: &Name, version: u32) -> Option<&Instrument> {
        self.instrument_names.get(&(name.clone(), version)).and_then(|id| self.instruments.get(id))
    }

    /// The versions of an instrument, oldest first.
    pub fn instrument_versions(&self, name: &Name) -> impl Iterator<Item = &Instrument> {
        self.instrument_names
            .range((name.clone(), 0)..=(name.clone(), u32::MAX))
            .filter_map(|(_, id)| self.instruments.get(id))
    }

    /// `party/name` of an identity, for people.
    pub fn identity_label(&self, id: IdentityId) -> String {
        match self.identities.get(&id) {
            Some(identity) => match self.parties.get(&identity.party) {
                Some(party) => format!("{}/{}", party.name, identity.name),
                None => identity.name.to_string(),
            },
            None => id.to_string(),
        }
    }

    /// Active identities whose grace ran out by `now_ms`.
    pub fn ownerless(&self, now_ms: Millis) -> Vec<IdentityId> {
        self.identities
            .values()
            .filter(|identity| identity.state == Lifecycle::Active)
            .filter(|identity| identity.grace_until_ms.is_some_and(|until| until <= now_ms))
            .map(|identity| identity.id)
            .collect()
    }
}
