//! What is known now: a fold of events. `apply` cannot fail; everything that could go wrong was
//! refused before the event was written.

use crate::{
    Attestation, DepartureStep, Event, Federation, Former, Identity, IdentityId, Instrument, InstrumentId,
    InstrumentKind, InstrumentStatus, JoinRule, Lifecycle, Millis, Name, NoticeKind, Party, PartyId, Person,
    PersonId, ProofRecord, Root, RootStatus, Rotating, Scope, Seat, Service, ServiceId, TrustedIssuer,
    WorkloadRule,
};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Used tokens of others are remembered for this long after they expired: clocks differ.
const SPENT_KEPT_MS: Millis = 600_000;

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
    /// How machines are recognised among processes.
    pub workloads: BTreeMap<IdentityId, Vec<WorkloadRule>>,
    /// Public keys by which JWT-SVIDs are verified, by their ids, until they expire.
    pub jwt_keys: BTreeMap<String, JwtKey>,
    /// Whose authority to sign was withdrawn and not recorded anew, and when.
    pub withdrawn: BTreeMap<(PersonId, InstrumentKind), Millis>,
    /// The roots of the trust domain, by the SHA-256 of their certificates.
    pub roots: BTreeMap<[u8; 32], Root>,
    /// What was stopped and gets nothing more, and as which machine it was.
    pub barred: BTreeMap<[u8; 32], IdentityId>,
    /// Keys that were stopped (SHA-256 of their SPKI).
    pub barred_keys: BTreeSet<[u8; 32]>,
    /// Whose tokens count, by their names.
    pub issuers: BTreeMap<Name, TrustedIssuer>,
    /// Whose keys cannot be read where they are published, since when, and why.
    pub unread: BTreeMap<Name, (Millis, String)>,
    /// Other trust domains whose machines ours can recognise, by their names.
    pub federations: BTreeMap<String, Federation>,
    /// The number of this trust domain's own bundle (SPIFFE Trust Domain and Bundle §4.1.1): it grows whenever a root or a
    /// key comes or goes.
    pub bundle_sequence: u64,
    /// With which tokens of others machines may join.
    pub joins: BTreeMap<IdentityId, Vec<JoinRule>>,
    /// Whose accounts elsewhere are, by their digests.
    pub accounts: BTreeMap<[u8; 32], PersonId>,
    /// Digests of tokens of others that were used, until they expire.
    pub spent: BTreeMap<[u8; 32], Millis>,
    /// Upstream secrets that are sealed, and since when.
    pub sealed: BTreeMap<Name, Millis>,
    /// Those that renew themselves.
    pub rotating: BTreeMap<Name, Rotating>,
    /// Those that did, and are set by hand now.
    pub former: BTreeMap<Name, Former>,
    /// What a solver last said about each instrument.
    pub proofs: BTreeMap<InstrumentId, Vec<ProofRecord>>,
    /// When certificates and tokens expire, soonest first.
    credential_ends: BTreeSet<(Millis, [u8; 16])>,
    token_ends: BTreeSet<(Millis, [u8; 32])>,
    spent_ends: BTreeSet<(Millis, [u8; 32])>,
    /// Identities by party and name.
    identity_names: BTreeMap<(PartyId, Name), IdentityId>,
    /// Instruments by name and version.
    instrument_names: BTreeMap<(Name, u32), InstrumentId>,
}

/// A one-time token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinToken {
    /// For which identity.
    pub identity: IdentityId,
    /// Until when.
    pub expires_ms: Millis,
    /// What the certificates issued on it are good for, if for less than all.
    pub scope: Option<Scope>,
}

/// A public key by which JWT-SVIDs are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtKey {
    /// The key (SPKI, DER).
    pub public_key: Vec<u8>,
    /// After this no token signed with it is valid any more.
    pub expires_ms: Millis,
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whose it is.
    pub identity: IdentityId,
    /// Digest of the certified public key; of a token [`token_digest`].
    pub public_key: [u8; 32],
    /// From when it is valid.
    pub not_before_ms: Millis,
    /// Until when.
    pub not_after_ms: Millis,
    /// By what its machine was recognised.
    pub attestation: Attestation,
    /// The root it rests on.
    pub root: Option<[u8; 32]>,
    /// What it was issued to, where a host or a token of somebody else said it.
    pub instance: Option<[u8; 32]>,
    /// Set when it was revoked, with the reason.
    pub revoked: Option<String>,
    /// What it is good for, if for less than all its machine may do.
    pub scope: Option<Scope>,
    /// What kind of credential it is.
    pub kind: CredentialKind,
}

/// What shows who a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A certificate (X.509-SVID).
    Certificate,
    /// A token (JWT-SVID), under its id.
    Token,
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Token => "token",
        })
    }
}

impl Credential {
    /// Whether it is a certificate: it rests on a root, and is shown in a handshake.
    pub fn is_certificate(&self) -> bool {
        match self.kind {
            CredentialKind::Certificate => true,
            CredentialKind::Token => false,
        }
    }
}

/// What the ledger knows of a token beside its id: for whom it is, and until when.
pub fn token_digest(audiences: &[String], not_after_ms: Millis) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix("writ token/1");
    digest.update(not_after_ms.to_be_bytes());
    for audience in audiences {
        digest.update((audience.len() as u64).to_be_bytes());
        digest.update(audience);
    }
    digest.finalize().into()
}

/// Tokens for audiences of this scheme are shown to gateways, which have to know of them.
pub const DATABASE_AUDIENCE: &str = "postgresql://";

impl State {
    /// Folds one event, which was written at `time_ms`, into the state.
    pub fn apply(&mut self, event: &Event, time_ms: Millis) {
        match event {
            Event::AccountLinked { person, account } => {
                self.accounts.insert(*account, *person);
            }
            Event::AccountUnlinked { account, .. } => {
                self.accounts.remove(account);
            }
            Event::SecurityEventReceived { token, until_ms, .. } => self.spend(*token, *until_ms, time_ms),
            Event::AuthorityGranted { person, kinds, until_ms } => {
                self.signatories.extend(kinds.iter().map(|kind| ((*person, *kind), *until_ms)));
                self.withdrawn.retain(|(of, kind), _| of != person || !kinds.contains(kind));
            }
            Event::AuthorityWithdrawn { person, .. } => {
                let of_person = |(of, _): &(PersonId, InstrumentKind)| of == person;
                let kinds = self.signatories.keys().copied().filter(of_person);
                self.withdrawn.extend(kinds.map(|key| (key, time_ms)));
                self.signatories.retain(|key, _| !of_person(key));
            }
            Event::CredentialIssued {
                identity,
                serial,
                public_key,
                not_before_ms,
                not_after_ms,
                token,
                scope,
                attested,
                tbs: _,
                token_until_ms,
                root,
            } => {
                if let Some(token) = token {
                    self.tokens.remove(token);
                }
                if let (Some(token), Some(until_ms)) = (token, token_until_ms) {
                    self.spend(*token, *until_ms, time_ms);
                }
                self.forget_expired(time_ms);
                let credential = Credential {
                    identity: *identity,
                    public_key: *public_key,
                    not_before_ms: *not_before_ms,
                    not_after_ms: *not_after_ms,
                    attestation: match (attested, token) {
                        (Some(attested), _) => attested.by,
                        (None, Some(_)) => Attestation::JoinToken,
                        (None, None) => Attestation::Renewal,
                    },
                    root: *root,
                    instance: attested.and_then(|attested| attested.instance),
                    revoked: None,
                    scope: scope.clone(),
                    kind: CredentialKind::Certificate,
                };
                self.credentials.insert(*serial, credential);
                self.credential_ends.insert((*not_after_ms, *serial));
            }
            Event::CredentialRevoked { serial, reason } => {
                if let Some(credential) = self.credentials.get_mut(serial) {
                    credential.revoked = Some(reason.clone());
                }
            }
            Event::DepartureStepTaken { identity, step, .. } => {
                self.change(*identity, |identity| {
                    identity.steps.push(*step);
                    match step {
                        DepartureStep::Warn | DepartureStep::Deputy | DepartureStep::ShortenLife => {}
                        DepartureStep::Suspend => identity.state = Lifecycle::Suspended,
                        DepartureStep::Kill => identity.state = Lifecycle::Revoked,
                    }
                });
            }
            Event::FederationEstablished(relationship) => {
                let federation = Federation {
                    relationship: relationship.as_ref().clone(),
                    since_ms: time_ms,
                    unread: None,
                };
                self.federations.insert(relationship.trust_domain.clone(), federation);
            }
            Event::FederationEnded { trust_domain, .. } => {
                self.federations.remove(trust_domain);
            }
            Event::FederatedBundleRead { trust_domain, bundle } => {
                if let Some(federation) = self.federations.get_mut(trust_domain) {
                    if let Some(bundle) = bundle {
                        federation.relationship.bundle.clone_from(bundle);
                        federation.since_ms = time_ms;
                    }
                    federation.unread = None;
                }
            }
            Event::FederatedBundleUnread { trust_domain, reason } => {
                if let Some(federation) = self.federations.get_mut(trust_domain) {
                    let since_ms = federation.unread.as_ref().map_or(time_ms, |(since_ms, _)| *since_ms);
                    federation.unread = Some((since_ms, reason.clone()));
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
                let mut instrument = instrument.as_ref().clone();
                instrument.read_as_before();
                self.instruments.insert(instrument.id, instrument);
            }
            Event::InstrumentEnded { instrument, .. } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.status = InstrumentStatus::Ended;
                }
            }
            Event::InstrumentExamined { instrument, proofs, narrows } => {
                self.proofs.insert(*instrument, proofs.clone());
                // An answer that is not given any more must not go on letting one side sign alone.
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.narrows = *narrows;
                }
            }
            Event::InstrumentRenewed { instrument, until_ms } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.renewed_until_ms = Some(*until_ms);
                }
            }
            Event::TrialBegun { instrument, until_ms } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.tried_until_ms = Some(*until_ms);
                }
            }
            Event::TrialEnded { instrument } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.tried_until_ms = None;
                }
            }
            Event::NoticeGiven { instrument, kind, person, effective_ms, .. } => {
                let giver = self.people.get(person).map(|person| person.party);
                if let (Some(instrument), Some(giver)) = (self.instruments.get_mut(instrument), giver) {
                    instrument.notices += 1;
                    match kind {
                        NoticeKind::NoRenewal => instrument.not_renewed = true,
                        NoticeKind::Resumption => {
                            instrument.suspended_from_ms = None;
                            instrument.suspender = None;
                            instrument.status = InstrumentStatus::InForce;
                        }
                        NoticeKind::Suspension => {
                            instrument.suspended_from_ms = Some(*effective_ms);
                            instrument.suspender = Some(giver);
                            instrument.status = InstrumentStatus::Suspended;
                        }
                        NoticeKind::Termination | NoticeKind::TerminationForCause => {
                            instrument.endings.push((giver, *effective_ms));
                        }
                        NoticeKind::Withdrawal => instrument.endings.retain(|(by, _)| *by != giver),
                    }
                    instrument.ends_by_notice_ms = instrument.endings.iter().map(|(_, end)| *end).min();
                }
            }
            Event::InstrumentInForce { instrument } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.status = InstrumentStatus::InForce;
                    instrument.in_force_ms = Some(time_ms);
                }
            }
            Event::InstrumentSigned { instrument, signature } => {
                if let Some(instrument) = self.instruments.get_mut(instrument) {
                    instrument.signatures.push(signature.clone());
                }
            }
            Event::RootPrepared { certificate } => {
                let root = Root {
                    certificate: certificate.clone(),
                    status: RootStatus::Prepared,
                    since_ms: time_ms,
                    tainted: None,
                };
                self.roots.insert(crate::root::digest(certificate), root);
                self.bundle_sequence += 1;
            }
            Event::RootActivated { root } => {
                for (name, known) in &mut self.roots {
                    if name == root {
                        (known.status, known.since_ms) = (RootStatus::Active, time_ms);
                    } else if known.status == RootStatus::Active {
                        (known.status, known.since_ms) = (RootStatus::Retiring, time_ms);
                    }
                }
            }
            Event::RootTainted { root, spread_ms, .. } => {
                if let Some(root) = self.roots.get_mut(root) {
                    root.tainted = Some((time_ms, *spread_ms));
                }
            }
            Event::RootRetired { root, .. } => {
                if let Some(root) = self.roots.get_mut(root) {
                    (root.status, root.since_ms) = (RootStatus::Retired, time_ms);
                }
                self.bundle_sequence += 1;
            }
            Event::InstanceBarred { identity, instance, .. } => {
                self.barred.insert(*instance, *identity);
            }
            Event::InstancesReadmitted { identity, .. } => {
                self.barred.retain(|_, of| of != identity);
            }
            Event::KeyBarred { key, .. } => {
                self.barred_keys.insert(*key);
            }
            Event::IssuerDropped { name, .. } => {
                self.issuers.remove(name);
                self.unread.remove(name);
                // Rules are about this issuer, not about whoever has its name next.
                self.joins.values_mut().for_each(|rules| rules.retain(|rule| rule.issuer != *name));
                self.joins.retain(|_, rules| !rules.is_empty());
            }
            Event::IssuerKeysRead { name, jwks } => {
                self.unread.remove(name);
                if let Some(issuer) = self.issuers.get_mut(name) {
                    issuer.jwks.clone_from(jwks);
                }
            }
            Event::IssuerKeysUnread { name, reason } => {
                self.unread.insert(name.clone(), (time_ms, reason.clone()));
            }
            Event::IssuerTrusted(issuer) => {
                self.unread.remove(&issuer.name);
                self.issuers.insert(issuer.name.clone(), issuer.clone());
            }
            Event::JoinRuled { identity, rules } => {
                if rules.is_empty() {
                    self.joins.remove(identity);
                } else {
                    self.joins.insert(*identity, rules.clone());
                }
            }
            Event::JoinTokenCreated { identity, digest, expires_ms, scope } => {
                let token = JoinToken { identity: *identity, expires_ms: *expires_ms, scope: scope.clone() };
                self.tokens.insert(*digest, token);
                self.token_ends.insert((*expires_ms, *digest));
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
                self.start_grace(*person, *grace_until_ms, *time_ms);
            }
            Event::PersonRegistered(person) => {
                self.people.insert(person.id, person.clone());
            }
            Event::JwtKeyPublished { kid, public_key, expires_ms } => {
                self.jwt_keys.retain(|_, key| key.expires_ms > time_ms);
                self.bundle_sequence += 1;
                let key = JwtKey { public_key: public_key.clone(), expires_ms: *expires_ms };
                self.jwt_keys.insert(kid.clone(), key);
            }
            Event::WorkloadRecognized { identity, rules } => {
                if rules.is_empty() {
                    self.workloads.remove(identity);
                } else {
                    self.workloads.insert(*identity, rules.clone());
                }
            }
            // Nothing later depends on them: they are in the ledger so that every act is.
            Event::EstateExamined { .. } | Event::ServerCertified { .. } => {}
            Event::JwtIssued { identity, jti, audiences, not_after_ms, attested, .. } => {
                // What is shown elsewhere is verified there, by its signature.
                if audiences.iter().any(|audience| audience.starts_with(DATABASE_AUDIENCE)) {
                    self.forget_expired(time_ms);
                    let credential = Credential {
                        identity: *identity,
                        public_key: token_digest(audiences, *not_after_ms),
                        not_before_ms: time_ms,
                        not_after_ms: *not_after_ms,
                        attestation: attested.by,
                        root: None,
                        instance: attested.instance,
                        revoked: None,
                        scope: None,
                        kind: CredentialKind::Token,
                    };
                    self.credentials.insert(*jti, credential);
                    self.credential_ends.insert((*not_after_ms, *jti));
                }
            }
            Event::SecretSealed { name } => {
                self.sealed.insert(name.clone(), time_ms);
            }
            Event::SecretChanged { name, change } => self.change_secret(name, change, time_ms),
            Event::ServiceRegistered(service) => {
                self.services.insert(service.id, service.clone());
            }
        }
    }

    /// What expired can never be used again, so it need not be remembered.
    fn forget_expired(&mut self, now_ms: Millis) {
        while let Some((_, serial)) = self.credential_ends.first().filter(|(ends, _)| *ends <= now_ms) {
            self.credentials.remove(serial);
            self.credential_ends.pop_first();
        }
        while let Some((_, digest)) = self.token_ends.first().filter(|(ends, _)| *ends <= now_ms) {
            self.tokens.remove(digest);
            self.token_ends.pop_first();
        }
    }

    /// A token of somebody else is used up.
    fn spend(&mut self, token: [u8; 32], until_ms: Millis, now_ms: Millis) {
        let gone = |(until_ms, _): &&(Millis, [u8; 32])| until_ms.saturating_add(SPENT_KEPT_MS) <= now_ms;
        while let Some((_, digest)) = self.spent_ends.first().filter(gone) {
            self.spent.remove(digest);
            self.spent_ends.pop_first();
        }
        self.spent.insert(token, until_ms);
        self.spent_ends.insert((until_ms, token));
    }

    fn change(&mut self, identity: IdentityId, change: impl FnOnce(&mut Identity)) {
        if let Some(identity) = self.identities.get_mut(&identity) {
            change(identity);
        }
    }

    /// The clock runs for everything a person answered for; an earlier end stays, and what instruments say about
    /// it goes before.
    fn start_grace(&mut self, person: PersonId, until_ms: Millis, left_ms: Millis) {
        let concerned = |identity: &&Identity| {
            let answered = identity.owner.person == person || identity.deputy.person == person;
            answered && !matches!(identity.state, Lifecycle::Retired | Lifecycle::Revoked)
        };
        let ends: Vec<(IdentityId, Millis)> = self
            .identities
            .values()
            .filter(concerned)
            .map(|identity| {
                let stops = self.stops_after_ms(identity, left_ms).map(|after| left_ms.saturating_add(after));
                (identity.id, stops.map_or(until_ms, |stops| stops.min(until_ms)))
            })
            .collect();
        for (identity, until_ms) in ends {
            self.change(identity, |identity| {
                let until = identity.grace_until_ms.map_or(until_ms, |before| before.min(until_ms));
                identity.grace_until_ms = Some(until);
                identity.departed_ms = identity.departed_ms.or(Some(left_ms));
            });
        }
    }

    /// The grace ends when both offices are held by people who accepted and have not left.
    fn end_grace(&mut self, identity: IdentityId) {
        if let Some(found) = self.identities.get(&identity)
            && self.is_answered_for(found)
        {
            self.change(identity, |identity| {
                (identity.grace_until_ms, identity.departed_ms) = (None, None);
                identity.steps.clear();
            });
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

    /// The identity under the path of a SPIFFE ID: `/party/name`.
    pub fn identity_of_path(&self, path: &str) -> Option<&Identity> {
        let (party, machine) = path.strip_prefix('/')?.split_once('/')?;
        self.identity_named(self.party_named(party)?.id, &machine.parse().ok()?)
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

    /// The version of an instrument that binds at `now_ms`: the newest signed one whose term has begun; before
    /// that, the oldest. A new version takes the place of the one before when its own term begins.
    pub fn binding_version(&self, name: &Name, now_ms: Millis) -> Option<&Instrument> {
        let signed = |instrument: &&Instrument| {
            matches!(instrument.status, InstrumentStatus::InForce | InstrumentStatus::Suspended)
        };
        let begun = |instrument: &&Instrument| signed(instrument) && instrument.has_begun(now_ms);
        let newest = self.instrument_versions(name).filter(begun).last();
        newest.or_else(|| self.instrument_versions(name).find(signed))
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
