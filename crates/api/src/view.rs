//! How things look in JSON. The registry's own types never leave this crate: they may change.

use authority::proofs::{Examined, ProofError};
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
    /// What was done since somebody accountable left and nobody took over.
    #[serde(default)]
    pub steps: Vec<String>,
    /// Certificates that have not expired or been revoked.
    pub live_credentials: usize,
    /// How it is recognised among processes.
    pub workloads: Vec<WorkloadRuleView>,
    /// With which tokens of others it may join: `ISSUER,claim=value,…`.
    #[serde(default)]
    pub joins: Vec<String>,
}

/// Why somebody gets a credential, or does not.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExplainedView {
    /// What was asked about.
    pub about: String,
    /// The answer.
    pub answer: String,
    /// What it rests on, in the order in which it is looked at.
    pub found: Vec<FoundView>,
}

/// One thing an explanation rests on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FoundView {
    /// `for`, `against`, or `beside`: what shapes it, or is good to know.
    pub bearing: String,
    /// What, as a sentence without its full stop.
    pub what: String,
}

/// A root of the trust domain.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RootView {
    /// The SHA-256 of its certificate.
    pub root: String,
    /// `prepared`, `active`, `retiring` or `retired`.
    pub status: String,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
    /// When it was tainted.
    pub tainted_ms: Option<u64>,
    /// Live certificates of machines that rest on it.
    pub certificates: usize,
}

/// A step in the life of a root was taken.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RootDone {
    /// The SHA-256 of its certificate.
    pub root: String,
    /// The entry's index in the control ledger.
    pub index: u64,
}

/// What was stopped.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Stopped {
    /// The entry's index in the control ledger.
    pub index: u64,
    /// Whether the machines are revoked; else they are suspended.
    pub for_good: bool,
    /// Machines that may not act any more.
    pub machines: Vec<String>,
    /// Certificates that count no more, by their serial numbers.
    pub certificates: Vec<String>,
    /// Instruments that ended.
    pub instruments: Vec<String>,
}

/// Somebody whose signed tokens count.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IssuerView {
    /// Its name here.
    pub name: String,
    /// What its tokens say.
    pub kind: String,
    /// Who it is: the claim `iss`.
    pub issuer: String,
    /// Who we are to it: the claim `aud`.
    pub audience: String,
    /// Its keys: a JWK Set; of a manufacturer, its roots (PEM).
    pub keys: String,
    /// Of an identity provider: of which party's people it speaks.
    pub party: Option<String>,
    /// Where its keys are read; none when they were given by hand.
    pub keys_at: Option<String>,
    /// Why they could not be read the last time.
    pub unread: Option<String>,
}

/// Another trust domain, and by what its machines are recognised.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FederationView {
    /// Its name.
    pub trust_domain: String,
    /// Whose machines recognise its machines.
    pub parties: Vec<String>,
    /// Where its bundle is read; none when it was given by hand.
    pub url: Option<String>,
    /// By what the server there is recognised: `https_web` or `https_spiffe`.
    pub profile: Option<String>,
    /// The SPIFFE ID of that server, with `https_spiffe`.
    pub endpoint_id: Option<String>,
    /// Its roots: the SHA-256 of each certificate.
    pub roots: Vec<String>,
    /// The names of its keys for JWT-SVIDs.
    pub jwt_keys: Vec<String>,
    /// The number of its bundle.
    pub sequence: Option<u64>,
    /// How often it wants to be asked, in seconds.
    pub refresh_hint_s: Option<u64>,
    /// How often it is asked, in seconds, if it is.
    pub refresh_s: Option<u64>,
    /// Since when this bundle counts, milliseconds since 1970.
    pub since_ms: u64,
    /// Why the bundle could not be read the last time, or does not follow the one before.
    pub unread: Option<String>,
    /// Since when.
    pub unread_since_ms: Option<u64>,
}

/// An upstream secret; never its value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// Since when its value is in use; none before the first.
    pub sealed_ms: Option<u64>,
    /// How it stands, if it renews itself.
    pub rotating: Option<RotatingView>,
}

/// How a secret stands that renews itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RotatingView {
    /// The kind of its source.
    pub source: String,
    /// The number of the value in use.
    pub rotation: Option<u64>,
    /// What its source calls it: a role, a lease, a version.
    pub handle: Option<String>,
    /// Since when it is in use.
    pub since_ms: Option<u64>,
    /// When the next is due.
    pub next_ms: Option<u64>,
    /// What its source calls the value before, while it goes on.
    pub retiring: Option<String>,
    /// When that ends.
    pub retires_ms: Option<u64>,
    /// Why the last attempt failed.
    pub failing: Option<String>,
}

/// A process is the machine when every selector fits.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadRuleView {
    /// `uid:1000`, `gid:1000`, `path:/usr/bin/app`, `sha256:…`, `unit:app.service`, `cgroup:/system.slice`.
    pub selectors: Vec<String>,
    /// Of several machines one process may be, the one with the highest is its default identity.
    #[serde(default)]
    pub priority: u32,
    /// What the credential is for, among several.
    #[serde(default)]
    pub hint: Option<String>,
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
    /// `charter`, `contract` or `guardrail`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Who provides the service; of a charter or guardrail, who sets it.
    pub provider: String,
    /// The service of a contract.
    pub service: Option<String>,
    /// Whose machines act.
    pub consumer: String,
    /// With which machines.
    pub machines: Vec<String>,
    /// Where it stands.
    pub status: String,
    /// How many people sign for each side, and whether that side is to sign first.
    pub sides: Vec<SideView>,
    /// Who has signed and who may.
    pub signatures: Vec<SignatureView>,
    /// From when it rests, milliseconds since 1970.
    pub suspended_from_ms: Option<u64>,
    /// When notice ends it, milliseconds since 1970.
    pub ends_by_notice_ms: Option<u64>,
    /// Until when renewals carry it, milliseconds since 1970.
    pub renewed_until_ms: Option<u64>,
    /// Until when this draft is tried, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_until_ms: Option<u64>,
    /// The version it was proven to only narrow.
    pub narrows: Option<u32>,
    /// What a solver last said about it.
    pub proofs: Vec<ProofView>,
    /// What is signed (namespace `writ.instrument`).
    pub envelope: String,
}

/// An answer of a solver.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProofView {
    /// What was asked: `never-errs`, `not-dead`, `within-guardrail`, `bounds`, `no-contradiction`, `narrower`, `wider`.
    pub question: String,
    /// About which clause, guardrail or version.
    pub about: String,
    /// `proven`, `refuted`, `unknown`, or `none-found` by a comparison that proves nothing.
    pub verdict: String,
    /// The solver and its version; `writ` where clauses were only compared.
    pub solver: String,
    /// SHA-256 over the SMT-LIB scripts, each with its length before it, hexadecimal: `/v1/proofs/{script}`.
    pub script: String,
}

/// What is known about an instrument before it is signed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExaminationView {
    /// The solver that was asked, or why none was.
    pub solver: String,
    /// Whether a solver was asked.
    pub examined: bool,
    /// What nobody should sign without having read it.
    pub warnings: Vec<String>,
    /// What else people should know.
    pub notes: Vec<String>,
    /// Everything that was asked, in order.
    pub findings: Vec<FindingView>,
}

/// A question and its answer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// As it is recorded.
    #[serde(flatten)]
    pub proof: ProofView,
    /// The counterexample, or why there is no answer.
    pub sentence: Option<String>,
}

/// An examination, or what holds without one.
pub(crate) fn examination(examined: &Result<Examined, ProofError>) -> ExaminationView {
    match examined {
        Ok(examined) => ExaminationView {
            solver: examined.examination.solver.clone(),
            examined: true,
            warnings: examined.warnings(),
            notes: examined.notes(),
            findings: examined
                .findings()
                .iter()
                .map(|(proof, sentence)| FindingView { proof: proof.into(), sentence: sentence.clone() })
                .collect(),
        },
        Err(error) => ExaminationView {
            solver: error.to_string(),
            examined: false,
            warnings: vec![error.warning()],
            notes: Vec::new(),
            findings: Vec::new(),
        },
    }
}

impl From<&registry::ProofRecord> for ProofView {
    fn from(proof: &registry::ProofRecord) -> Self {
        Self {
            question: proof.question.clone(),
            about: proof.about.clone(),
            verdict: proof.verdict.clone(),
            solver: proof.solver.clone(),
            script: contract::canonical::hex(&proof.script),
        }
    }
}

/// A side that signs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SideView {
    /// `provider`, `consumer` or `party`.
    pub side: String,
    /// Its party.
    pub party: String,
    /// How many people sign for it at least.
    pub quorum: u32,
    /// Whether it is to sign before the other.
    pub first: bool,
}

/// A signature that is there or can be given.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignatureView {
    /// For which side.
    pub side: String,
    /// Whether all owners sign, of whom this is one; else one of those whose authority is on record.
    pub owner: bool,
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
    /// The instrument it rests on: `name@version`.
    pub contract: Option<String>,
    /// The charter and guardrails that permitted it too: `name@version`.
    pub above: Vec<String>,
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
    /// For a statement to a database: the verdict that opened its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u64>,
    /// For a statement: what else it does, as `act resource`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// For an outcome of a statement: rows that were returned or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// For an outcome of a statement: what was masked in its rows, and how often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<MaskedView>,
    /// For an outcome of a statement that failed: the server's SQLSTATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// For an outcome: from permit to end, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// For a statement of a service with `trace=on`: which text it was, `SESSION.NUMBER`; what went up has it in a comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// For a statement, where they were asked for: what was bound to its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<ParametersView>,
    /// For a statement, where it was asked for: what `action` touches, and then each of `beside`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<TouchView>,
    /// What drafts on trial would have said of what was permitted; it had no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedView>,
}

/// What was masked in the rows of a statement.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MaskedView {
    /// What was found, as clauses spell it; `field` for fields that were masked whole.
    pub what: String,
    /// How many fields of rows were masked whole; of what was found in others, how often it was masked.
    pub count: u64,
}

/// What a draft on trial would have said.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TriedView {
    /// Which: `name@version`.
    pub instrument: String,
    /// Whether it would have permitted it.
    pub permitted: bool,
    /// `permitted`, or the code of the reason it would have been denied for.
    pub reason: String,
    /// The clauses that would have permitted or denied it.
    pub clauses: Vec<String>,
    /// For a statement: how many rows it would have had at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_max: Option<u64>,
    /// And by which clause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_clause: Option<String>,
}

/// What an act of a statement touches.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TouchView {
    /// Each column as `schema.table.column`; `null` where they can be any.
    pub columns: Option<Vec<String>>,
    /// Whether what it changes or removes is certain rows; also where it does neither.
    pub which_rows: bool,
}

/// What was bound to the parameters of a statement.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ParametersView {
    /// Each as it prints, as far as they were kept: `null` for NULL, `\x…` for bytes of a type that is not known.
    pub values: Vec<Option<String>>,
    /// Where not all were kept: SHA-256 of all, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
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
        credential.is_certificate()
            && credential.identity == identity.id
            && credential.revoked.is_none()
            && credential.not_after_ms > now_ms
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
        steps: identity.steps.iter().map(ToString::to_string).collect(),
        workloads: state.workloads.get(&identity.id).into_iter().flatten().map(workload).collect(),
        joins: state.joins.get(&identity.id).into_iter().flatten().map(ToString::to_string).collect(),
        party,
    }
}

fn workload(rule: &registry::WorkloadRule) -> WorkloadRuleView {
    WorkloadRuleView {
        selectors: rule.selectors.iter().map(ToString::to_string).collect(),
        priority: rule.priority,
        hint: rule.hint.clone(),
    }
}

pub(crate) fn instrument(state: &State, instrument: &Instrument, now_ms: u64) -> InstrumentView {
    let signed = |person| instrument.signatures.iter().find(|s| s.person == person).map(|s| s.time_ms);
    let of_side = |side: &registry::Side| {
        let may = signatories(state, instrument, *side, now_ms);
        let gone = instrument.signatures.iter().filter(|s| s.sides.contains(side)).map(|s| s.person);
        let mut people: Vec<_> = may.all().chain(gone).collect();
        people.sort();
        people.dedup();
        let view = |person| SignatureView {
            side: side.to_string(),
            owner: may.owners.contains(&person),
            person: person_label(state, person),
            signed_ms: signed(person),
        };
        people.into_iter().map(view).collect::<Vec<_>>()
    };
    let signatures = instrument.sides().iter().flat_map(of_side);
    let sides = instrument.sides().iter().map(|side| SideView {
        side: side.to_string(),
        party: party_name(state, instrument.party(*side)),
        quorum: instrument.quorum(*side),
        first: instrument.terms.first == Some(*side),
    });
    InstrumentView {
        id: instrument.id.to_string(),
        kind: instrument.kind.to_string(),
        name: instrument.name.to_string(),
        version: instrument.version,
        title: instrument.title.clone(),
        provider: party_name(state, instrument.provider),
        service: instrument.service.and_then(|id| state.services.get(&id)).map(|s| s.name.to_string()),
        consumer: party_name(state, instrument.consumer),
        machines: instrument.machines.iter().map(|machine| state.identity_label(*machine)).collect(),
        status: instrument.status.to_string(),
        sides: sides.collect(),
        signatures: signatures.collect(),
        suspended_from_ms: instrument.suspended_from_ms,
        ends_by_notice_ms: instrument.ends_by_notice_ms,
        renewed_until_ms: instrument.renewed_until_ms,
        tried_until_ms: instrument.tried_until_ms.filter(|_| instrument.is_tried(now_ms)),
        narrows: instrument.narrows,
        proofs: state.proofs.get(&instrument.id).into_iter().flatten().map(ProofView::from).collect(),
        envelope: instrument.envelope.clone(),
    }
}
