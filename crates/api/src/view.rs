//! How things look in JSON. The registry's own types never leave this crate: they may change.

use registry::admit::signatories;
use registry::{Identity, Instrument, Person, Seat, Service, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something was done and is on record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// The id of what was made or changed.
    pub id: String,
    /// The entry's index in the control ledger.
    pub index: u64,
}

impl Done {
    /// The answer to a command: what its first event is about.
    pub(crate) fn of(admitted: &authority::Admitted) -> Self {
        let id = admitted.events.first().map(registry::Event::subject).unwrap_or_default();
        Self { id, index: admitted.index }
    }
}

/// A legal person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PartyView {
    /// Its id.
    pub id: String,
    /// Its short name.
    pub name: String,
    /// Its name in law.
    pub legal_name: String,
    /// Where it is established.
    pub jurisdiction: String,
}

/// A natural person, without what is kept beside the ledger.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// Their id.
    pub id: String,
    /// Their handle.
    pub name: String,
    /// Their party.
    pub party: String,
    /// The fingerprint of the key they sign with.
    pub key: String,
    /// When they left, milliseconds since 1970.
    pub left_ms: Option<u64>,
}

/// A service.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ServiceView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who provides it.
    pub party: String,
    /// Who signs for it.
    pub owner: String,
    /// The host name machines use.
    pub host: String,
    /// Where the gateway reaches it.
    pub upstream: String,
    /// Its resources with their actions.
    pub resources: Vec<ResourceView>,
}

/// A resource and what can be done with it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ResourceView {
    /// Its name.
    pub name: String,
    /// Its actions.
    pub actions: Vec<String>,
}

/// A machine identity.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IdentityView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its party.
    pub party: String,
    /// What kind of machine it is.
    pub kind: String,
    /// What it is for.
    pub purpose: String,
    /// Where it runs.
    pub environment: String,
    /// Who answers for it.
    pub owner: SeatView,
    /// Who answers for it when the owner cannot.
    pub deputy: SeatView,
    /// When it must be reviewed, milliseconds since 1970.
    pub review_ms: u64,
    /// Its roles.
    pub roles: Vec<String>,
    /// Where it is in its life.
    pub state: String,
    /// When it will be suspended unless somebody takes over.
    pub grace_until_ms: Option<u64>,
    /// Certificates that have not expired or been revoked.
    pub live_credentials: usize,
}

/// An office and its holder.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SeatView {
    /// Their handle.
    pub person: String,
    /// When they accepted, milliseconds since 1970.
    pub accepted_ms: Option<u64>,
    /// What they sign to accept (namespace `writ.ownership`).
    pub statement: String,
}

/// An instrument.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InstrumentView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Who provides.
    pub provider: String,
    /// What.
    pub service: String,
    /// Who uses it.
    pub consumer: String,
    /// With which machines.
    pub machines: Vec<String>,
    /// Where it stands.
    pub status: String,
    /// Who has signed and who has yet to.
    pub signatures: Vec<SignatureView>,
    /// What is signed (namespace `writ.instrument`).
    pub envelope: String,
}

/// A signature that is there or missing.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignatureView {
    /// `party/person`.
    pub person: String,
    /// When they signed, milliseconds since 1970; absent when they have yet to.
    pub signed_ms: Option<u64>,
}

/// A decision or its outcome.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecisionView {
    /// Its index in the decision log.
    pub index: u64,
    /// When, milliseconds since 1970.
    pub time_ms: u64,
    /// `permitted`, `denied` or `outcome`.
    pub kind: String,
    /// Who asked (`party/name`).
    pub machine: Option<String>,
    /// The service.
    pub service: Option<String>,
    /// The act.
    pub action: Option<String>,
    /// On what.
    pub resource: Option<String>,
    /// The reason's code, or how the exchange ended.
    pub reason: String,
    /// The contract and clause it rests on: `name@version`, numbers.
    pub contract: Option<String>,
    /// The clauses.
    pub clauses: Vec<String>,
    /// How the request looked, unless that was erased.
    pub request: Option<String>,
    /// For an outcome: the index of its verdict.
    pub verdict: Option<u64>,
    /// For an outcome: the upstream's status.
    pub status: Option<u16>,
    /// For an outcome: bytes up and down.
    pub bytes: Option<(u64, u64)>,
    /// The control ledger's size it was decided under.
    pub as_of: Option<u64>,
}

/// A certificate with everything needed to use it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CredentialView {
    /// Leaf and intermediate, PEM.
    pub chain: String,
    /// The trust bundle, PEM.
    pub bundle: String,
    /// The SPIFFE ID.
    pub spiffe_id: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// When it expires, milliseconds since 1970.
    pub not_after_ms: u64,
    /// The issuance's index in the control ledger.
    pub index: u64,
}

/// A decision explained.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The record.
    pub decision: DecisionView,
    /// The instrument's title.
    pub title: Option<String>,
    /// The sentences of the clauses it rests on, as signed.
    pub sentences: Vec<ClauseView>,
    /// The verdict in words, as the machine was told.
    pub detail: Option<String>,
}

/// A clause and its sentence.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClauseView {
    /// Its number.
    pub number: String,
    /// Its sentence.
    pub sentence: String,
}

/// `party/name` of a person.
pub(crate) fn person_label(state: &State, person: registry::PersonId) -> String {
    match state.people.get(&person) {
        Some(found) => format!("{}/{}", party_name(state, found.party), found.name),
        None => person.to_string(),
    }
}

pub(crate) fn party_name(state: &State, party: registry::PartyId) -> String {
    state.parties.get(&party).map_or_else(|| party.to_string(), |party| party.name.to_string())
}

pub(crate) fn person(state: &State, person: &Person) -> PersonView {
    PersonView {
        id: person.id.to_string(),
        name: person.name.to_string(),
        party: party_name(state, person.party),
        key: person.key.fingerprint(),
        left_ms: person.left_ms,
    }
}

pub(crate) fn service(state: &State, service: &Service) -> ServiceView {
    let resources = service.resources.iter().map(|resource| {
        let mut actions: Vec<String> = resource.operations.iter().map(|o| o.action.to_string()).collect();
        actions.dedup();
        ResourceView { name: resource.name.to_string(), actions }
    });
    ServiceView {
        id: service.id.to_string(),
        name: service.name.to_string(),
        party: party_name(state, service.party),
        owner: person_label(state, service.owner),
        host: service.host.clone(),
        upstream: service.upstream.clone(),
        resources: resources.collect(),
    }
}

pub(crate) fn identity(state: &State, identity: &Identity, now_ms: u64) -> IdentityView {
    let party = party_name(state, identity.party);
    let seat = |seat: &Seat, office| SeatView {
        person: person_label(state, seat.person),
        accepted_ms: seat.accepted_ms,
        statement: identity.statement(office, &party),
    };
    let live = |credential: &&registry::Credential| {
        credential.identity == identity.id && credential.revoked.is_none() && credential.not_after_ms > now_ms
    };
    IdentityView {
        id: identity.id.to_string(),
        name: identity.name.to_string(),
        kind: identity.kind.to_string(),
        purpose: identity.purpose.clone(),
        environment: identity.environment.to_string(),
        owner: seat(&identity.owner, registry::Office::Owner),
        deputy: seat(&identity.deputy, registry::Office::Deputy),
        review_ms: identity.review_ms,
        roles: identity.roles.iter().map(ToString::to_string).collect(),
        state: identity.state.to_string(),
        grace_until_ms: identity.grace_until_ms,
        live_credentials: state.credentials.values().filter(live).count(),
        party,
    }
}

pub(crate) fn instrument(state: &State, instrument: &Instrument) -> InstrumentView {
    let signed = |person| instrument.signatures.iter().find(|s| s.person == person).map(|s| s.time_ms);
    let signatures = signatories(state, instrument)
        .into_iter()
        .map(|person| SignatureView { person: person_label(state, person), signed_ms: signed(person) });
    InstrumentView {
        id: instrument.id.to_string(),
        name: instrument.name.to_string(),
        version: instrument.version,
        title: instrument.title.clone(),
        provider: party_name(state, instrument.provider),
        service: state.services.get(&instrument.service).map_or_else(String::new, |s| s.name.to_string()),
        consumer: party_name(state, instrument.consumer),
        machines: instrument.machines.iter().map(|machine| state.identity_label(*machine)).collect(),
        status: instrument.status.to_string(),
        signatures: signatures.collect(),
        envelope: instrument.envelope.clone(),
    }
}
