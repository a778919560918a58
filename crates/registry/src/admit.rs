//! The rules: whether a command is admitted, and which events follow. The only place that decides.

mod instrument;
mod signing;
mod trial;

pub use signing::{Signatories, is_signed, signatories};
pub use trial::{TRIAL_MAX_MS, TRIALS_MAX};

use crate::command::{IdentityProposal, IssueGround, IssueRequest, JwtRequest, ServiceDescription};
use crate::departure::DEPARTURE_GRACE_MS;
use crate::issuer::{ISSUERS_MAX, JOIN_RULES_MAX};
use crate::signature::OWNERSHIP;
use crate::workload::{Attestation, RULES_MAX};
use crate::{
    Actor, Attested, Command, Event, Identity, IdentityId, Instrument, InstrumentId, JoinRule, Lifecycle,
    Millis, Office, Party, PartyId, Person, PersonId, Scope, Seat, Service, ServiceId, Standing, State,
    TrustedIssuer, WorkloadRule,
};
use sha2::{Digest as _, Sha256};

/// The longest text in a field people write, in characters.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// The longest life of a join token.
pub const TOKEN_LIFE_MAX_MS: Millis = 24 * 3_600_000;
/// The longest life of a certificate.
pub const CREDENTIAL_LIFE_MAX_MS: Millis = 24 * 3_600_000;
/// The longest life of a JWT-SVID.
pub const JWT_LIFE_MAX_MS: Millis = 3_600_000;
/// Audiences of one JWT-SVID at most.
pub const AUDIENCES_MAX: usize = 32;
/// The longest grace after an owner left.
pub const GRACE_MAX_MS: Millis = 90 * 24 * 3_600_000;
/// Machines in one instrument at most.
pub const MACHINES_MAX: usize = 1_000;
/// Commands in one batch at most.
pub const BATCH_COMMANDS_MAX: usize = 20_000;

/// What admission needs to know besides the state.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Who asks.
    pub actor: Actor,
    /// The time.
    pub now_ms: Millis,
    /// Ten random bytes for the id of what is created.
    pub entropy: [u8; 10],
}

/// A command that was not admitted: why, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What kind of refusal.
    pub kind: RefusalKind,
    /// Why, as a sentence without its full stop.
    pub reason: String,
    /// What would be admitted; may be empty.
    pub help: String,
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It contradicts what is.
    Conflict,
    /// It is malformed.
    Invalid,
    /// It names something that does not exist.
    NotFound,
    /// A signature or a standing is missing.
    NotEntitled,
}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), help: help.into() }
    }
}

type Admission = Result<Vec<Event>, Refusal>;

/// Decides on a command. `Ok` holds the events to write, in order; the state is not changed.
pub fn admit(state: &State, command: Command, context: &Context) -> Admission {
    match command {
        Command::AcceptOwnership { identity, office, signature } => {
            accept_ownership(state, identity, office, signature, context)
        }
        Command::ActivateIdentity { identity } => activate(state, identity),
        Command::AnchorLog { origin, key, size, root } => {
            if state.anchors.get(&origin).is_some_and(|(before, _)| *before >= size) {
                return Err(conflict(format!("log `{origin}` is anchored at this size or beyond"), ""));
            }
            Ok(vec![Event::LogAnchored { origin, key, size, root }])
        }
        Command::Batch(commands) => batch(state, commands, context),
        Command::CertifyServer { hosts, serial, public_key, not_after_ms } => {
            Ok(vec![Event::ServerCertified { hosts, serial, public_key, not_after_ms }])
        }
        Command::CreateJoinToken { identity, digest, expires_ms, scope } => {
            create_token(state, identity, digest, expires_ms, scope, context)
        }
        Command::DraftInstrument(draft) => instrument::draft(state, *draft, context),
        Command::DropIssuer { name, reason } => match state.issuers.get(&name) {
            None => Err(not_found(format!("no issuer `{name}`"))),
            Some(_) => Ok(vec![Event::IssuerDropped { name, reason: line(reason)? }]),
        },
        Command::EndFederation { trust_domain, reason } => {
            crate::federation::end(state, trust_domain, reason)
        }
        Command::EndInstrument { instrument, reason } => instrument::end(state, instrument, reason),
        Command::EndTrial { instrument } => trial::end(state, instrument, context),
        Command::Establish { trust_domain, log_key, root_certificate } => match &state.trust_domain {
            Some(there) => Err(conflict(format!("this ledger speaks for `{there}` already"), "")),
            None => Ok(vec![Event::Established { trust_domain, log_key, root_certificate }]),
        },
        Command::EstablishFederation { relationship, from } => {
            crate::federation::establish(state, *relationship, from)
        }
        Command::GiveNotice { instrument, kind, person, ground, signature } => {
            instrument::notice(state, instrument, kind, person, ground, signature, context)
        }
        Command::GrantAuthority { person, kinds, until_ms } => {
            signing::grant(state, person, kinds, until_ms, context)
        }
        Command::HandOver { identity, office, to } => hand_over(state, identity, office, to, context),
        Command::IssueCredential(request) => issue(state, request, context),
        Command::IssueJwt(request) => issue_jwt(state, request, context),
        Command::LinkAccount { person, account } => {
            active_person(state, person)?;
            match state.accounts.get(&account) {
                Some(other) if *other == person => Err(conflict("this account is linked already", "")),
                // Who left and comes back is somebody new here, with the account of before.
                Some(other) if state.people.get(other).is_some_and(Person::is_active) => {
                    Err(conflict("this account is somebody else's", ""))
                }
                Some(_) | None => Ok(vec![Event::AccountLinked { person, account }]),
            }
        }
        Command::UnlinkAccount { person, account } => match state.accounts.get(&account) {
            Some(of) if *of == person => Ok(vec![Event::AccountUnlinked { person, account }]),
            Some(_) | None => Err(conflict(
                "this account is not linked to this person",
                "write it exactly as it was linked: only a digest of it is kept",
            )),
        },
        Command::PersonLeaves { person, grace_ms } => person_leaves(state, person, grace_ms, context),
        Command::ProposeIdentity(proposal) => propose(state, *proposal, context),
        Command::RegisterParty { name, legal_name, jurisdiction } => {
            if state.party_named(name.as_str()).is_some() {
                return Err(conflict(format!("a party named `{name}` exists"), "choose another name"));
            }
            let id = PartyId::from_entropy(context.entropy);
            let (legal_name, jurisdiction) = (text(legal_name)?, text(jurisdiction)?);
            Ok(vec![Event::PartyRegistered(Party { id, name, legal_name, jurisdiction })])
        }
        Command::RegisterPerson { name, party, key, profile } => {
            party_of(state, party)?;
            if state.person_named(party, name.as_str()).is_some() {
                return Err(conflict(
                    format!("the party has a person named `{name}`"),
                    "choose another name; the name of somebody who left is not given again",
                ));
            }
            if let Some(other) = state.people.values().find(|other| other.is_active() && other.key == key) {
                return Err(conflict(
                    format!("`{}` signs with this key already", other.name),
                    "everybody signs with a key of their own, and is registered once",
                ));
            }
            let id = PersonId::from_entropy(context.entropy);
            Ok(vec![Event::PersonRegistered(Person { id, name, party, key, profile, left_ms: None })])
        }
        Command::RegisterService(description) => register_service(state, *description, context),
        Command::PublishJwtKey { kid, public_key, expires_ms } => match state.jwt_keys.contains_key(&kid) {
            true => Err(conflict(format!("the key `{kid}` is published already"), "")),
            false => Ok(vec![Event::JwtKeyPublished { kid, public_key, expires_ms }]),
        },
        Command::ReadFederatedBundle { asked, read } => crate::federation::read(state, *asked, read, context),
        Command::ReadIssuerKeys { name, read } => read_keys(state, name, read, context),
        Command::ReadmitInstances { identity, reason } => {
            identity_of(state, identity)?;
            if !state.barred.values().any(|of| *of == identity) {
                return Err(conflict(
                    "no instance of it is stopped",
                    "`writ why PARTY/NAME` says what it is issued",
                ));
            }
            Ok(vec![Event::InstancesReadmitted { identity, reason: text(reason)? }])
        }
        Command::RecognizeWorkload { identity, rules } => recognize(state, identity, rules),
        Command::ReceiveSecurityEvent { issuer, token, kind, person, until_ms, departs } => {
            only_writ(context)?;
            if state.spent.contains_key(&token) {
                return Err(conflict("this event was received before", ""));
            }
            let kind = line(kind)?;
            let mut events = vec![Event::SecurityEventReceived { issuer, token, kind, person, until_ms }];
            let leaving = person.and_then(|id| state.people.get(&id)).filter(|person| person.is_active());
            if let (Some(leaving), true) = (leaving, departs) {
                events.extend(person_leaves(state, leaving.id, DEPARTURE_GRACE_MS, context)?);
            }
            Ok(events)
        }
        Command::RecordProofs { instrument, proofs, narrows } => {
            instrument::examined(state, instrument, proofs, narrows, context)
        }
        Command::RecordRuling { proof, as_of_size, as_of_root } => {
            Ok(vec![Event::EstateExamined { proof, as_of_size, as_of_root }])
        }
        Command::RenewInstrument { instrument } => instrument::renew(state, instrument, context),
        Command::ResumeIdentity { identity } => {
            let found = identity_of(state, identity)?;
            expect_state(found, &[Lifecycle::Suspended], "resumed")?;
            answered_for(state, found)?;
            Ok(vec![Event::IdentityResumed { identity }])
        }
        Command::RetireIdentity { identity } => {
            let found = identity_of(state, identity)?;
            expect_state(found, &[Lifecycle::Proposed, Lifecycle::Active, Lifecycle::Suspended], "retired")?;
            Ok(vec![Event::IdentityRetired { identity }])
        }
        Command::RevokeCredential { serial, reason } => match state.credentials.get(&serial) {
            None => Err(not_found("no live certificate has this serial number".into())),
            Some(credential) if credential.revoked.is_some() => Err(conflict("it is revoked already", "")),
            Some(_) => Ok(vec![Event::CredentialRevoked { serial, reason: text(reason)? }]),
        },
        Command::RevokeIdentity { identity, reason } => {
            let found = identity_of(state, identity)?;
            expect_state(found, &[Lifecycle::Proposed, Lifecycle::Active, Lifecycle::Suspended], "killed")?;
            Ok(vec![Event::IdentityRevoked { identity, reason: text(reason)? }])
        }
        Command::SealSecret { name } if state.rotating.contains_key(&name) => Err(conflict(
            format!("the secret `{name}` renews itself"),
            "`writ secret rotate` brings its next value; `writ secret by-hand` ends that",
        )),
        Command::SealSecret { name } => Ok(vec![Event::SecretSealed { name }]),
        Command::Secret { name, step, reason } => {
            crate::secret::step(state, name, step, line(reason)?, context)
        }
        Command::SignInstrument { instrument, person, signature } => {
            signing::sign(state, instrument, person, signature, context)
        }
        Command::Root { step, reason, hurried } => {
            crate::root::step(state, step, line(reason)?, hurried, context)
        }
        Command::RuleJoin { identity, rules } => rule_join(state, identity, rules),
        Command::Stop { target, reason, for_good } => {
            crate::stop::stop(state, target, &text(reason)?, for_good, context)
        }
        Command::SuspendIdentity { identity, reason } => {
            let found = identity_of(state, identity)?;
            expect_state(found, &[Lifecycle::Active], "suspended")?;
            Ok(vec![Event::IdentitySuspended { identity, reason: text(reason)? }])
        }
        Command::SuspendOwnerless { identity } => {
            if !state.ownerless(context.now_ms).contains(&identity) {
                return Err(conflict("its grace has not run out", ""));
            }
            let reason = "an accountable person left and nobody took over within the grace".into();
            Ok(vec![Event::IdentitySuspended { identity, reason }])
        }
        Command::TakeStep { identity, step } => {
            only_writ(context)?;
            let found = identity_of(state, identity)?;
            let taken = state.step(found, step, context.now_ms);
            taken.map(|event| vec![event]).ok_or_else(|| conflict("this step is not due, or was taken", ""))
        }
        Command::TrustIssuer(issuer) => trust(state, *issuer),
        Command::TryInstrument { instrument, until_ms } => trial::begin(state, instrument, until_ms, context),
        Command::WithdrawAuthority { person, reason } => {
            if !state.signatories.keys().any(|(of, _)| *of == person) {
                return Err(conflict("this person has no authority to sign", ""));
            }
            Ok(vec![Event::AuthorityWithdrawn { person, reason: text(reason)? }])
        }
    }
}

/// Admits each command on what those before it would leave.
fn batch(state: &State, commands: Vec<(Command, [u8; 10])>, context: &Context) -> Admission {
    if commands.len() > BATCH_COMMANDS_MAX {
        let count = commands.len();
        return Err(invalid(
            format!("a batch of {count} commands; at most {BATCH_COMMANDS_MAX} are one"),
            "",
        ));
    }
    let mut state = state.clone();
    let mut events = Vec::new();
    for (command, entropy) in commands {
        if matches!(command, Command::Batch(_)) {
            return Err(invalid("a batch within a batch", "put all commands into one"));
        }
        let context = Context { entropy, ..*context };
        for event in admit(&state, command, &context)? {
            state.apply(&event, context.now_ms);
            events.push(event);
        }
    }
    if events.is_empty() {
        return Err(invalid("the batch is empty", ""));
    }
    Ok(events)
}

fn propose(state: &State, proposal: IdentityProposal, context: &Context) -> Admission {
    let party = party_of(state, proposal.party)?;
    if state.identity_named(party.id, &proposal.name).is_some() {
        return Err(conflict(format!("`{}/{}` exists", party.name, proposal.name), "choose another name"));
    }
    if proposal.owner == proposal.deputy {
        return Err(invalid("owner and deputy are the same person", "name two people"));
    }
    for person in [proposal.owner, proposal.deputy] {
        let person = active_person(state, person)?;
        if person.party != party.id {
            return Err(invalid(
                format!("`{}` does not act for `{}`", person.name, party.name),
                "owner and deputy belong to the party the machine acts for",
            ));
        }
    }
    if proposal.review_ms <= context.now_ms {
        return Err(invalid("the review date lies in the past", "choose a date to come"));
    }
    Ok(vec![Event::IdentityProposed(Identity {
        id: IdentityId::from_entropy(context.entropy),
        name: proposal.name,
        party: proposal.party,
        kind: proposal.kind,
        purpose: line(proposal.purpose)?,
        environment: proposal.environment,
        owner: Seat::offered(proposal.owner, context.entropy),
        deputy: Seat::offered(proposal.deputy, context.entropy),
        review_ms: proposal.review_ms,
        roles: proposal.roles,
        state: Lifecycle::Proposed,
        grace_until_ms: None,
        region: proposal.region,
        departed_ms: None,
        steps: Vec::new(),
    })])
}

fn accept_ownership(
    state: &State,
    identity: IdentityId,
    office: Office,
    signature: String,
    context: &Context,
) -> Admission {
    let found = identity_of(state, identity)?;
    expect_state(found, &[Lifecycle::Proposed, Lifecycle::Active, Lifecycle::Suspended], "accepted")?;
    let seat = found.seat(office);
    if seat.accepted_ms.is_some() {
        return Err(conflict(format!("the {} has accepted already", office.as_str()), ""));
    }
    let person = active_person(state, seat.person)?;
    let party = party_of(state, found.party)?;
    person
        .key
        .verify(OWNERSHIP, found.statement(office, party.name.as_str()).as_bytes(), &signature)
        .map_err(|error| {
            not_entitled(error.to_string(), "the person who was offered the office signs the statement")
        })?;
    Ok(vec![Event::OwnershipAccepted {
        identity,
        office,
        person: person.id,
        time_ms: context.now_ms,
        signature,
    }])
}

fn activate(state: &State, identity: IdentityId) -> Admission {
    let found = identity_of(state, identity)?;
    expect_state(found, &[Lifecycle::Proposed], "activated")?;
    answered_for(state, found)?;
    Ok(vec![Event::IdentityActivated { identity }])
}

fn hand_over(
    state: &State,
    identity: IdentityId,
    office: Office,
    to: PersonId,
    context: &Context,
) -> Admission {
    let found = identity_of(state, identity)?;
    expect_state(found, &[Lifecycle::Proposed, Lifecycle::Active, Lifecycle::Suspended], "handed over")?;
    let person = active_person(state, to)?;
    if person.party != found.party {
        return Err(invalid("the person does not act for the machine's party", "choose somebody who does"));
    }
    let other = match office {
        Office::Deputy => Office::Owner,
        Office::Owner => Office::Deputy,
    };
    if found.seat(other).person == to {
        return Err(invalid("owner and deputy would be the same person", "name two people"));
    }
    let holder = found.seat(office).person;
    if found.state == Lifecycle::Active && state.people.get(&holder).is_some_and(Person::is_active) {
        return Err(conflict(
            "an active machine would be without an accepted office holder until the new one signs",
            "suspend it first, or hand over after `person leave`, whose grace covers the gap",
        ));
    }
    Ok(vec![Event::OfficeOffered { identity, office, to, offer: context.entropy }])
}

fn person_leaves(state: &State, person: PersonId, grace_ms: Millis, context: &Context) -> Admission {
    let leaving = active_person(state, person)?;
    if grace_ms > GRACE_MAX_MS {
        return Err(invalid("the grace is longer than 90 days", "state a shorter one"));
    }
    Ok(vec![Event::PersonLeft {
        person: leaving.id,
        time_ms: context.now_ms,
        grace_until_ms: context.now_ms.saturating_add(grace_ms),
    }])
}

fn register_service(state: &State, description: ServiceDescription, context: &Context) -> Admission {
    let party = party_of(state, description.party)?;
    let owner = active_person(state, description.owner)?;
    if owner.party != party.id {
        return Err(invalid(
            format!("`{}` does not act for `{}`", owner.name, party.name),
            "the person who signs for a service belongs to the party that provides it",
        ));
    }
    if state.service_named(description.name.as_str()).is_some() {
        return Err(conflict(
            format!("a service named `{}` exists", description.name),
            "choose another name",
        ));
    }
    if state.services.values().any(|service| service.host == description.host) {
        return Err(conflict(
            format!("the host `{}` is taken", description.host),
            "choose another host name",
        ));
    }
    let service = Service {
        id: ServiceId::from_entropy(context.entropy),
        name: description.name,
        party: description.party,
        owner: description.owner,
        host: description.host,
        upstream: description.upstream,
        resources: description.resources,
        injection: description.injection,
        region: description.region,
        login: description.login,
    };
    match service.problem() {
        Some(problem) => Err(invalid(problem, "")),
        None => Ok(vec![Event::ServiceRegistered(service)]),
    }
}

fn create_token(
    state: &State,
    identity: IdentityId,
    digest: [u8; 32],
    expires_ms: Millis,
    scope: Option<Scope>,
    context: &Context,
) -> Admission {
    let found = identity_of(state, identity)?;
    standing(found, context.now_ms)?;
    if let Some(problem) = scope.as_ref().and_then(Scope::problem) {
        return Err(invalid(problem, "name acts, services or resources; or leave the scope out"));
    }
    if expires_ms <= context.now_ms || expires_ms - context.now_ms > TOKEN_LIFE_MAX_MS {
        return Err(invalid("a join token lives between a moment and 24 hours", ""));
    }
    Ok(vec![Event::JoinTokenCreated { identity, digest, expires_ms, scope }])
}

/// Whether a machine may be issued a credential: it may act, and somebody answers for it. While nobody has taken
/// over from one who left, the other is enough; when both are gone there is nothing more, grace or not.
pub fn may_be_issued(state: &State, identity: IdentityId, now_ms: Millis) -> Result<&Identity, Refusal> {
    let found = identity_of(state, identity)?;
    standing(found, now_ms)?;
    if found.departed_ms.is_none() || state.accountable(found).is_empty() {
        answered_for(state, found)?;
    }
    Ok(found)
}

/// Whether nobody stopped this very instance of a machine.
fn not_barred(state: &State, attested: &Attested) -> Result<(), Refusal> {
    if attested.instance.is_some_and(|instance| state.barred.contains_key(&instance)) {
        let help = "`writ identity readmit` lets the stopped instances of a machine come back";
        return Err(not_entitled("this instance of the machine was stopped", help));
    }
    Ok(())
}

fn issue(state: &State, request: IssueRequest, context: &Context) -> Admission {
    may_be_issued(state, request.identity, context.now_ms)?;
    if state.barred_keys.contains(&request.public_key) {
        return Err(not_entitled("this key was stopped", "make a new one"));
    }
    let life = request.not_after_ms.saturating_sub(request.not_before_ms);
    if life == 0 || life > CREDENTIAL_LIFE_MAX_MS || request.not_after_ms <= context.now_ms {
        return Err(invalid("a certificate lives between a moment and 24 hours", ""));
    }
    // A scope is handed on: nobody gets a wider certificate by renewing a narrow one.
    let (token, scope, attested) = match request.ground {
        IssueGround::Attested(attested) => {
            only_writ(context)?;
            not_barred(state, &attested)?;
            (None, None, Some(attested))
        }
        IssueGround::Once { attested, digest, until_ms } => {
            only_writ(context)?;
            not_barred(state, &attested)?;
            if state.spent.contains_key(&digest) {
                return Err(not_entitled("the token was used before", "ask its issuer for a new one"));
            }
            return issued(state, request, Some(digest), None, Some(attested), Some(until_ms));
        }
        IssueGround::Renewal { serial } => {
            let live = state
                .credentials
                .get(&serial)
                .filter(|credential| credential.identity == request.identity)
                .filter(|credential| {
                    credential.revoked.is_none() && credential.not_after_ms > context.now_ms
                });
            let Some(live) = live else {
                return Err(not_entitled("the certificate is not live", "join again with a token"));
            };
            // So is what it was issued to: who was stopped does not come back by renewing.
            let attested = live.instance.map(|instance| Attested {
                by: Attestation::Renewal,
                evidence: Sha256::new_with_prefix(b"writ/renewal/1").chain_update(serial).finalize().into(),
                instance: Some(instance),
            });
            attested.as_ref().map_or(Ok(()), |attested| not_barred(state, attested))?;
            (None, live.scope.clone(), attested)
        }
        IssueGround::Token { digest } => {
            let token = state.tokens.get(&digest).filter(|token| token.identity == request.identity);
            let Some(token) = token.filter(|token| token.expires_ms > context.now_ms) else {
                return Err(not_entitled(
                    "the join token is unknown, used or expired",
                    "ask for a new one: `writ token create`",
                ));
            };
            (Some(digest), token.scope.clone(), None)
        }
    };
    issued(state, request, token, scope, attested, None)
}

fn issued(
    state: &State,
    request: IssueRequest,
    token: Option<[u8; 32]>,
    scope: Option<Scope>,
    attested: Option<Attested>,
    token_until_ms: Option<Millis>,
) -> Admission {
    if state.credentials.contains_key(&request.serial) {
        return Err(conflict("the serial number is taken", "try again"));
    }
    Ok(vec![Event::CredentialIssued {
        identity: request.identity,
        serial: request.serial,
        public_key: request.public_key,
        not_before_ms: request.not_before_ms,
        not_after_ms: request.not_after_ms,
        token,
        scope,
        attested,
        tbs: Some(request.tbs),
        token_until_ms,
        root: request.root,
    }])
}

/// Only the authority itself recognises machines, and acts by itself.
pub(crate) fn only_writ(context: &Context) -> Result<(), Refusal> {
    match context.actor {
        Actor::System => Ok(()),
        Actor::Identity(_) | Actor::Operator | Actor::Person(_) => {
            Err(not_entitled("only Writ itself says this", ""))
        }
    }
}

fn issue_jwt(state: &State, request: JwtRequest, context: &Context) -> Admission {
    may_be_issued(state, request.identity, context.now_ms)?;
    only_writ(context)?;
    not_barred(state, &request.attested)?;
    if request.audiences.is_empty() || request.audiences.len() > AUDIENCES_MAX {
        return Err(invalid(format!("a token is for between 1 and {AUDIENCES_MAX} audiences"), ""));
    }
    for audience in &request.audiences {
        line(audience.clone())?;
    }
    let life = request.not_after_ms.saturating_sub(context.now_ms);
    if life == 0 || life > JWT_LIFE_MAX_MS {
        return Err(invalid("a JWT-SVID lives between a moment and an hour", ""));
    }
    if state.jwt_keys.get(&request.kid).is_none_or(|key| key.expires_ms < request.not_after_ms) {
        return Err(conflict("the signing key is not published for that long", ""));
    }
    if state.credentials.contains_key(&request.jti) {
        return Err(conflict("the token's id is taken", ""));
    }
    Ok(vec![Event::JwtIssued {
        identity: request.identity,
        jti: request.jti,
        audiences: request.audiences,
        kid: request.kid,
        not_after_ms: request.not_after_ms,
        attested: request.attested,
    }])
}

fn recognize(state: &State, identity: IdentityId, rules: Vec<WorkloadRule>) -> Admission {
    let found = identity_of(state, identity)?;
    expect_state(found, &[Lifecycle::Proposed, Lifecycle::Active, Lifecycle::Suspended], "recognised")?;
    if rules.len() > RULES_MAX {
        return Err(invalid(format!("a machine is recognised by {RULES_MAX} rules at most"), ""));
    }
    if let Some(problem) = rules.iter().find_map(WorkloadRule::problem) {
        return Err(invalid(problem, "for example `uid:1000` and `path:/usr/bin/app`"));
    }
    Ok(vec![Event::WorkloadRecognized { identity, rules }])
}

fn trust(state: &State, issuer: TrustedIssuer) -> Admission {
    if let Some(problem) = issuer.problem() {
        return Err(invalid(problem, ""));
    }
    if state.issuers.len() >= ISSUERS_MAX && !state.issuers.contains_key(&issuer.name) {
        return Err(conflict(format!("there are {ISSUERS_MAX} issuers already"), "drop one first"));
    }
    let before = state.issuers.get(&issuer.name);
    let other = before.is_some_and(|known| (&known.issuer, known.kind) != (&issuer.issuer, issuer.kind));
    if other && state.joins.values().flatten().any(|rule| rule.issuer == issuer.name) {
        let help = format!("`writ issuer drop {}` first: its rules go with it", issuer.name);
        return Err(conflict("machines join by rules about the issuer that has this name now", help));
    }
    // Of a token it must be clear whose it is.
    let same = |other: &&TrustedIssuer| other.name != issuer.name && other.issuer == issuer.issuer;
    if let Some(other) = state.issuers.values().find(same) {
        return Err(conflict(format!("`{}` is `{}` already", other.name, issuer.issuer), "drop it first"));
    }
    Ok(vec![Event::IssuerTrusted(issuer)])
}

/// Only what changed is on record: the keys, or that they cannot be read.
fn read_keys(state: &State, name: crate::Name, read: Result<String, String>, context: &Context) -> Admission {
    only_writ(context)?;
    let known = state.issuers.get(&name).filter(|issuer| issuer.keys_at.is_some());
    let known = known.ok_or_else(|| not_found(format!("the keys of `{name}` are not read anywhere")))?;
    let unread = state.unread.get(&name);
    match read {
        Ok(jwks) if jwks == known.jwks && unread.is_none() => Ok(Vec::new()),
        Ok(jwks) => Ok(vec![Event::IssuerKeysRead { name, jwks }]),
        Err(_) if unread.is_some() => Ok(Vec::new()),
        Err(reason) => {
            let reason = reason.chars().take(crate::secret::FAILURE_CHARS_MAX).collect();
            Ok(vec![Event::IssuerKeysUnread { name, reason }])
        }
    }
}

fn rule_join(state: &State, identity: IdentityId, rules: Vec<JoinRule>) -> Admission {
    let found = identity_of(state, identity)?;
    expect_state(found, &[Lifecycle::Proposed, Lifecycle::Active, Lifecycle::Suspended], "recognised")?;
    if rules.len() > JOIN_RULES_MAX {
        return Err(invalid(format!("a machine joins by {JOIN_RULES_MAX} rules at most"), ""));
    }
    for rule in &rules {
        let Some(issuer) = state.issuers.get(&rule.issuer) else {
            return Err(not_found(format!("no issuer `{}`", rule.issuer)));
        };
        if let Some(problem) = rule.problem(issuer.kind) {
            return Err(invalid(problem, "write ISSUER,claim=value,… with each value exactly"));
        }
    }
    Ok(vec![Event::JoinRuled { identity, rules }])
}

fn answered_for(state: &State, identity: &Identity) -> Result<(), Refusal> {
    if state.is_answered_for(identity) {
        return Ok(());
    }
    let missing: Vec<&str> = [Office::Owner, Office::Deputy]
        .into_iter()
        .filter(|office| {
            let seat = identity.seat(*office);
            seat.accepted_ms.is_none() || !state.people.get(&seat.person).is_some_and(Person::is_active)
        })
        .map(Office::as_str)
        .collect();
    Err(not_entitled(
        format!("`{}` has no {} who accepted by signature", identity.name, missing.join(" and no ")),
        "each signs the statement that `writ identity statement` shows; then `writ identity accept`",
    ))
}

fn standing(identity: &Identity, now_ms: Millis) -> Result<(), Refusal> {
    match identity.standing(now_ms) {
        Standing::Good => Ok(()),
        Standing::Refused(why) => Err(not_entitled(format!("`{}` {why}", identity.name), "")),
    }
}

fn expect_state(identity: &Identity, allowed: &[Lifecycle], participle: &str) -> Result<(), Refusal> {
    if allowed.contains(&identity.state) {
        return Ok(());
    }
    let states: Vec<&str> = allowed.iter().map(|state| state.as_str()).collect();
    Err(conflict(
        format!("`{}` is {} and cannot be {participle}", identity.name, identity.state),
        format!("only an identity that is {} can be", states.join(" or ")),
    ))
}

fn identity_of(state: &State, id: IdentityId) -> Result<&Identity, Refusal> {
    state.identities.get(&id).ok_or_else(|| not_found(format!("no identity `{id}`")))
}

fn instrument_of(state: &State, id: InstrumentId) -> Result<&Instrument, Refusal> {
    state.instruments.get(&id).ok_or_else(|| not_found(format!("no instrument `{id}`")))
}

pub(crate) fn party_of(state: &State, id: PartyId) -> Result<&Party, Refusal> {
    state.parties.get(&id).ok_or_else(|| not_found(format!("no party `{id}`")))
}

fn active_person(state: &State, id: PersonId) -> Result<&Person, Refusal> {
    let person = state.people.get(&id).ok_or_else(|| not_found(format!("no person `{id}`")))?;
    if person.is_active() {
        Ok(person)
    } else {
        Err(not_entitled(format!("`{}` has left", person.name), "name somebody who is still there"))
    }
}

fn text(text: String) -> Result<String, Refusal> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > TEXT_CHARS_MAX {
        return Err(invalid(
            format!("a text has between 1 and {TEXT_CHARS_MAX} characters, not {length}"),
            "",
        ));
    }
    Ok(text)
}

pub(crate) fn line(value: String) -> Result<String, Refusal> {
    if value.chars().any(is_invisible) {
        return Err(invalid(
            "a one-line text holds a line break or control character",
            "write it on one line",
        ));
    }
    text(value)
}

/// Characters that are not seen, or that change how what is beside them is seen.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn conflict(reason: impl Into<String>, help: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::Conflict, reason, help)
}

fn invalid(reason: impl Into<String>, help: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::Invalid, reason, help)
}

fn not_entitled(reason: impl Into<String>, help: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::NotEntitled, reason, help)
}

fn not_found(reason: String) -> Refusal {
    Refusal::new(RefusalKind::NotFound, reason, "list what there is with the `list` command")
}
