//! What happened: the eternal bytes of the control ledger. Variants and fields may be added under
//! new numbers; none is ever renumbered, reused or removed. Golden vectors in `testdata/` hold that.

use crate::{
    Attested, DepartureStep, FederationRelationship, Identity, IdentityId, Instrument, InstrumentId,
    InstrumentKind, InstrumentSignature, JoinRule, Millis, Name, NoticeKind, Office, Party, Person, PersonId,
    ProofRecord, Scope, SecretChange, Service, TrustBundle, TrustedIssuer, WorkloadRule,
};
use minicbor::{Decode, Encode};

/// The kind of control-ledger entries that hold a [`Recorded`].
pub const EVENT: &str = "registry/event";

/// What one command caused, and who gave it: the body of a control-ledger entry of kind
/// `registry/event`. One command is one entry, so that it happens whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Recorded {
    /// Who caused it.
    #[n(0)]
    pub actor: Actor,
    /// What happened, in order; at least one.
    #[n(1)]
    pub events: Vec<Event>,
}

/// What stands in the leaf for a [`Recorded`] that is too long for one: the body of a control-ledger entry of
/// kind `registry/apart`. The bytes of the `Recorded` lie among the objects, durable before the entry is;
/// a reader that has them not, or others, has not read the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Apart {
    /// SHA-256 of the bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// How many bytes.
    #[n(1)]
    pub bytes: u64,
    /// How many events they hold.
    #[n(2)]
    pub events: u64,
}

/// Who causes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Actor {
    /// A machine, by its credential.
    #[n(2)]
    Identity(#[n(0)] IdentityId),
    /// The operator of this installation, by the API token.
    #[n(0)]
    Operator,
    /// A person, by their signature.
    #[n(1)]
    Person(#[n(0)] PersonId),
    /// Writ itself: a reconciler.
    #[n(3)]
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::Person(id) => id.fmt(f),
            Self::System => f.write_str("system"),
        }
    }
}

/// What happened. Times are in the entry's envelope; those here are part of the fact.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    /// This ledger speaks for a trust domain.
    #[n(0)]
    Established {
        /// The SPIFFE trust domain.
        #[n(0)]
        trust_domain: String,
        /// The control ledger's verifier key.
        #[n(1)]
        log_key: String,
        /// SHA-256 of the root certificate (DER).
        #[cbor(n(2), with = "minicbor::bytes")]
        root_certificate: [u8; 32],
    },
    /// A legal person is known.
    #[n(1)]
    PartyRegistered(#[n(0)] Party),
    /// A natural person is known.
    #[n(2)]
    PersonRegistered(#[n(0)] Person),
    /// A person left.
    #[n(3)]
    PersonLeft {
        /// Who.
        #[n(0)]
        person: PersonId,
        /// When.
        #[n(1)]
        time_ms: Millis,
        /// Until when somebody must have taken over what they answered for.
        #[n(2)]
        grace_until_ms: Millis,
    },
    /// A service is known.
    #[n(4)]
    ServiceRegistered(#[n(0)] Service),
    /// An identity is documented.
    #[n(5)]
    IdentityProposed(#[n(0)] Identity),
    /// A person accepted an office.
    #[n(6)]
    OwnershipAccepted {
        /// For which identity.
        #[n(0)]
        identity: IdentityId,
        /// Which office.
        #[n(1)]
        office: Office,
        /// Who.
        #[n(2)]
        person: PersonId,
        /// When.
        #[n(3)]
        time_ms: Millis,
        /// Their SSH signature over the statement.
        #[n(4)]
        signature: String,
    },
    /// An identity may act.
    #[n(7)]
    IdentityActivated {
        /// Which.
        #[n(0)]
        identity: IdentityId,
    },
    /// An identity is stopped for now.
    #[n(8)]
    IdentitySuspended {
        /// Which.
        #[n(0)]
        identity: IdentityId,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// An identity may act again.
    #[n(9)]
    IdentityResumed {
        /// Which.
        #[n(0)]
        identity: IdentityId,
    },
    /// An identity was killed.
    #[n(10)]
    IdentityRevoked {
        /// Which.
        #[n(0)]
        identity: IdentityId,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// An identity ended by plan.
    #[n(11)]
    IdentityRetired {
        /// Which.
        #[n(0)]
        identity: IdentityId,
    },
    /// An office was offered to another person.
    #[n(12)]
    OfficeOffered {
        /// Of which identity.
        #[n(0)]
        identity: IdentityId,
        /// Which office.
        #[n(1)]
        office: Office,
        /// To whom.
        #[n(2)]
        to: PersonId,
        /// Random: names this offer in the statement that accepts it.
        #[cbor(n(3), with = "minicbor::bytes")]
        offer: [u8; 10],
    },
    /// A contract is written.
    #[n(13)]
    InstrumentDrafted(#[n(0)] Box<Instrument>),
    /// A person signed it.
    #[n(14)]
    InstrumentSigned {
        /// Which.
        #[n(0)]
        instrument: InstrumentId,
        /// The signature.
        #[n(1)]
        signature: InstrumentSignature,
    },
    /// Everybody it needs has signed.
    #[n(15)]
    InstrumentInForce {
        /// Which.
        #[n(0)]
        instrument: InstrumentId,
    },
    /// It is over.
    #[n(16)]
    InstrumentEnded {
        /// Which.
        #[n(0)]
        instrument: InstrumentId,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// A one-time token was handed out.
    #[n(17)]
    JoinTokenCreated {
        /// For which identity.
        #[n(0)]
        identity: IdentityId,
        /// SHA-256 of the token.
        #[cbor(n(1), with = "minicbor::bytes")]
        digest: [u8; 32],
        /// Until when it can be used.
        #[n(2)]
        expires_ms: Millis,
        /// What the certificates issued on it are good for, if for less than all.
        #[n(3)]
        scope: Option<Scope>,
    },
    /// A certificate is about to leave.
    #[n(18)]
    CredentialIssued {
        /// For which identity.
        #[n(0)]
        identity: IdentityId,
        /// Its serial number.
        #[cbor(n(1), with = "minicbor::bytes")]
        serial: [u8; 16],
        /// SHA-256 of the certified public key (SPKI, DER).
        #[cbor(n(2), with = "minicbor::bytes")]
        public_key: [u8; 32],
        /// From when it is valid.
        #[n(3)]
        not_before_ms: Millis,
        /// Until when.
        #[n(4)]
        not_after_ms: Millis,
        /// The digest of the token that was used up, if it was the first certificate.
        #[cbor(n(5), with = "minicbor::bytes")]
        token: Option<[u8; 32]>,
        /// What it is good for, if for less than all its machine may do.
        #[n(6)]
        scope: Option<Scope>,
        /// By what the machine was recognised, if neither by a token nor by its certificate.
        #[n(7)]
        attested: Option<Attested>,
        /// SHA-256 of all the certificate says but for its proof that this entry is in the ledger.
        #[cbor(n(8), with = "minicbor::bytes")]
        tbs: Option<[u8; 32]>,
        /// Until when the token that was used up could be used again, if it is somebody else's.
        #[n(9)]
        token_until_ms: Option<Millis>,
        /// The root it rests on: SHA-256 of its certificate.
        #[cbor(n(10), with = "minicbor::bytes")]
        root: Option<[u8; 32]>,
    },
    /// A certificate is worthless.
    #[n(19)]
    CredentialRevoked {
        /// Its serial number.
        #[cbor(n(0), with = "minicbor::bytes")]
        serial: [u8; 16],
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// A decision log's checkpoint is part of the control ledger from here on.
    #[n(20)]
    LogAnchored {
        /// The log's origin.
        #[n(0)]
        origin: String,
        /// Its verifier key.
        #[n(1)]
        key: String,
        /// Its size.
        #[n(2)]
        size: u64,
        /// Its root.
        #[cbor(n(3), with = "minicbor::bytes")]
        root: [u8; 32],
    },
    /// A gateway is about to be given the certificate it shows to machines.
    #[n(21)]
    ServerCertified {
        /// The host names in it.
        #[n(0)]
        hosts: Vec<String>,
        /// Its serial number.
        #[cbor(n(1), with = "minicbor::bytes")]
        serial: [u8; 16],
        /// SHA-256 of the certified public key (SPKI, DER).
        #[cbor(n(2), with = "minicbor::bytes")]
        public_key: [u8; 32],
        /// Until when it is valid.
        #[n(3)]
        not_after_ms: Millis,
    },
    /// An upstream secret is about to be set or replaced.
    #[n(22)]
    SecretSealed {
        /// Its name; never its value.
        #[n(0)]
        name: Name,
    },
    /// A person may sign instruments for their party.
    #[n(23)]
    AuthorityGranted {
        /// Who.
        #[n(0)]
        person: PersonId,
        /// Which kinds of instrument.
        #[n(1)]
        kinds: Vec<InstrumentKind>,
        /// Until when, if not without end.
        #[n(2)]
        until_ms: Option<Millis>,
    },
    /// A person may no longer sign for their party.
    #[n(24)]
    AuthorityWithdrawn {
        /// Who.
        #[n(0)]
        person: PersonId,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// Somebody gave notice under an instrument.
    #[n(25)]
    NoticeGiven {
        /// Under which.
        #[n(0)]
        instrument: InstrumentId,
        /// Of what.
        #[n(1)]
        kind: NoticeKind,
        /// Who.
        #[n(2)]
        person: PersonId,
        /// On which ground; may be empty.
        #[n(3)]
        ground: String,
        /// From when it has effect.
        #[n(4)]
        effective_ms: Millis,
        /// Their SSH signature over the notice.
        #[n(5)]
        signature: String,
    },
    /// Nobody objected: an instrument goes on beyond its end.
    #[n(26)]
    InstrumentRenewed {
        /// Which.
        #[n(0)]
        instrument: InstrumentId,
        /// Until when.
        #[n(1)]
        until_ms: Millis,
    },
    /// A solver was asked about an instrument.
    #[n(27)]
    InstrumentExamined {
        /// Which.
        #[n(0)]
        instrument: InstrumentId,
        /// What was asked and answered.
        #[n(1)]
        proofs: Vec<ProofRecord>,
        /// The version it was proven to only narrow.
        #[n(2)]
        narrows: Option<u32>,
    },
    /// A solver was asked about all instruments in force.
    #[n(28)]
    EstateExamined {
        /// What was asked and answered.
        #[n(0)]
        proof: ProofRecord,
        /// The size of this ledger the answer is about.
        #[n(1)]
        as_of_size: u64,
        /// Its root at that size.
        #[cbor(n(2), with = "minicbor::bytes")]
        as_of_root: [u8; 32],
    },
    /// A machine is recognised among processes in these ways, and in no others.
    #[n(40)]
    WorkloadRecognized {
        /// Which machine.
        #[n(0)]
        identity: IdentityId,
        /// How.
        #[n(1)]
        rules: Vec<WorkloadRule>,
    },
    /// A JWT-SVID is about to leave.
    #[n(41)]
    JwtIssued {
        /// For which identity.
        #[n(0)]
        identity: IdentityId,
        /// Its id: the claim `jti`.
        #[cbor(n(1), with = "minicbor::bytes")]
        jti: [u8; 16],
        /// For whom it is.
        #[n(2)]
        audiences: Vec<String>,
        /// The key it is signed with.
        #[n(3)]
        kid: String,
        /// Until when it is valid.
        #[n(4)]
        not_after_ms: Millis,
        /// By what the machine was recognised.
        #[n(5)]
        attested: Attested,
    },
    /// A public key is known by which JWT-SVIDs are verified.
    #[n(42)]
    JwtKeyPublished {
        /// Its id: the SHA-256 thumbprint (RFC 7638).
        #[n(0)]
        kid: String,
        /// The key (SPKI, DER).
        #[cbor(n(1), with = "minicbor::bytes")]
        public_key: Vec<u8>,
        /// After this no token signed with it is valid any more.
        #[n(2)]
        expires_ms: Millis,
    },
    /// Somebody's tokens count from here on, under these keys and no others.
    #[n(43)]
    IssuerTrusted(#[n(0)] TrustedIssuer),
    /// Somebody's tokens count no more.
    #[n(44)]
    IssuerDropped {
        /// Whose.
        #[n(0)]
        name: Name,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// Somebody who answered for a machine has left, nobody has taken over, and this was done.
    #[n(46)]
    DepartureStepTaken {
        /// Which machine.
        #[n(0)]
        identity: IdentityId,
        /// What was done.
        #[n(1)]
        step: DepartureStep,
        /// When they left.
        #[n(2)]
        departed_ms: Millis,
        /// Under which instrument.
        #[n(3)]
        instrument: InstrumentId,
        /// And which of its clauses.
        #[n(4)]
        clause: String,
        /// The longest life of its credentials from now on, where that is the step.
        #[n(5)]
        life_ms: Option<Millis>,
        /// Who is given notice of it.
        #[n(6)]
        to: Vec<PersonId>,
    },
    /// An account elsewhere is a person's.
    #[n(47)]
    AccountLinked {
        /// Whose.
        #[n(0)]
        person: PersonId,
        /// Which: a digest under a key of this installation, so that the account cannot be read from it.
        #[cbor(n(1), with = "minicbor::bytes")]
        account: [u8; 32],
    },
    /// An account elsewhere is not this person's, or no longer.
    #[n(59)]
    AccountUnlinked {
        /// Whose it was.
        #[n(0)]
        person: PersonId,
        /// Which, by its digest.
        #[cbor(n(1), with = "minicbor::bytes")]
        account: [u8; 32],
    },
    /// An identity provider said what became of somebody (security event token, RFC 8417).
    #[n(48)]
    SecurityEventReceived {
        /// Which provider.
        #[n(0)]
        issuer: Name,
        /// SHA-256 of the token.
        #[cbor(n(1), with = "minicbor::bytes")]
        token: [u8; 32],
        /// The type of event.
        #[n(2)]
        kind: String,
        /// Of whom, if it is somebody here.
        #[n(3)]
        person: Option<PersonId>,
        /// Until when the token could be received again.
        #[n(4)]
        until_ms: Millis,
    },
    /// What a certificate was issued to is stopped: nothing more is issued to it, until the machine's stopped instances
    /// are readmitted.
    #[n(49)]
    InstanceBarred {
        /// Which machine.
        #[n(0)]
        identity: IdentityId,
        /// The digest of what it was issued to.
        #[cbor(n(1), with = "minicbor::bytes")]
        instance: [u8; 32],
        /// Why.
        #[n(2)]
        reason: String,
    },
    /// A key is certified no more.
    #[n(50)]
    KeyBarred {
        /// SHA-256 of the key (SPKI, DER).
        #[cbor(n(0), with = "minicbor::bytes")]
        key: [u8; 32],
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// A root of the trust domain is known.
    #[n(51)]
    RootPrepared {
        /// Its certificate (DER).
        #[cbor(n(0), with = "minicbor::bytes")]
        certificate: Vec<u8>,
    },
    /// What is issued rests on this root from now on.
    #[n(52)]
    RootActivated {
        /// SHA-256 of its certificate.
        #[cbor(n(0), with = "minicbor::bytes")]
        root: [u8; 32],
    },
    /// What rests on this root is issued anew.
    #[n(53)]
    RootTainted {
        /// SHA-256 of its certificate.
        #[cbor(n(0), with = "minicbor::bytes")]
        root: [u8; 32],
        /// Over how long, so that nobody comes all at once.
        #[n(1)]
        spread_ms: Millis,
        /// Why.
        #[n(2)]
        reason: String,
    },
    /// What rests on this root counts no more.
    #[n(54)]
    RootRetired {
        /// SHA-256 of its certificate.
        #[cbor(n(0), with = "minicbor::bytes")]
        root: [u8; 32],
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// The stopped instances of a machine may come back.
    #[n(55)]
    InstancesReadmitted {
        /// Which machine.
        #[n(0)]
        identity: IdentityId,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// Something happened to a secret that renews itself.
    #[n(56)]
    SecretChanged {
        /// Its name; never its value.
        #[n(0)]
        name: Name,
        /// What.
        #[n(1)]
        change: SecretChange,
    },
    /// An issuer publishes these keys now: they count, and no others.
    #[n(57)]
    IssuerKeysRead {
        /// Its name.
        #[n(0)]
        name: Name,
        /// Its keys (a JWK Set).
        #[n(1)]
        jwks: String,
    },
    /// What an issuer publishes could not be read: the keys of before go on.
    #[n(58)]
    IssuerKeysUnread {
        /// Its name.
        #[n(0)]
        name: Name,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// Another trust domain's machines are recognised from here on, by this bundle and no other.
    #[n(60)]
    FederationEstablished(#[n(0)] Box<FederationRelationship>),
    /// They are recognised no more.
    #[n(61)]
    FederationEnded {
        /// The trust domain.
        #[n(0)]
        trust_domain: String,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// Another trust domain publishes this bundle now: it counts, and nothing of the one before.
    #[n(62)]
    FederatedBundleRead {
        /// The trust domain.
        #[n(0)]
        trust_domain: String,
        /// Its bundle, unless it is the one of before, which could not be read for a while.
        #[n(1)]
        bundle: Option<TrustBundle>,
    },
    /// What another trust domain publishes could not be read or does not follow: the bundle of before goes on.
    #[n(63)]
    FederatedBundleUnread {
        /// The trust domain.
        #[n(0)]
        trust_domain: String,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// A machine may join with tokens like these, and with no others.
    #[n(45)]
    JoinRuled {
        /// Which machine.
        #[n(0)]
        identity: IdentityId,
        /// How.
        #[n(1)]
        rules: Vec<JoinRule>,
    },
    /// A draft is tried: gateways say what it would have refused, and refuse nothing for it.
    #[n(64)]
    TrialBegun {
        /// Which.
        #[n(0)]
        instrument: InstrumentId,
        /// Until when; anew if it is tried already.
        #[n(1)]
        until_ms: Millis,
    },
    /// A draft is not tried any more.
    #[n(65)]
    TrialEnded {
        /// Which.
        #[n(0)]
        instrument: InstrumentId,
    },
}

impl Event {
    /// The id of what it is about, for answers and logs.
    pub fn subject(&self) -> String {
        match self {
            Self::CredentialIssued { identity, .. }
            | Self::DepartureStepTaken { identity, .. }
            | Self::InstanceBarred { identity, .. }
            | Self::InstancesReadmitted { identity, .. }
            | Self::JoinRuled { identity, .. }
            | Self::JwtIssued { identity, .. }
            | Self::WorkloadRecognized { identity, .. }
            | Self::IdentityActivated { identity }
            | Self::IdentityResumed { identity }
            | Self::IdentityRetired { identity }
            | Self::IdentityRevoked { identity, .. }
            | Self::IdentitySuspended { identity, .. }
            | Self::JoinTokenCreated { identity, .. }
            | Self::OfficeOffered { identity, .. }
            | Self::OwnershipAccepted { identity, .. } => identity.to_string(),
            Self::CredentialRevoked { serial, .. } | Self::ServerCertified { serial, .. } => {
                serial.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Self::RootPrepared { certificate } => {
                crate::root::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Self::RootActivated { root }
            | Self::RootTainted { root, .. }
            | Self::RootRetired { root, .. } => root.iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::KeyBarred { key, .. } => key.iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::Established { trust_domain, .. }
            | Self::FederatedBundleRead { trust_domain, .. }
            | Self::FederatedBundleUnread { trust_domain, .. }
            | Self::FederationEnded { trust_domain, .. } => trust_domain.clone(),
            Self::FederationEstablished(relationship) => relationship.trust_domain.clone(),
            Self::EstateExamined { proof, .. } => proof.question.clone(),
            Self::IdentityProposed(identity) => identity.id.to_string(),
            Self::InstrumentDrafted(instrument) => instrument.id.to_string(),
            Self::InstrumentEnded { instrument, .. }
            | Self::InstrumentExamined { instrument, .. }
            | Self::InstrumentInForce { instrument }
            | Self::TrialBegun { instrument, .. }
            | Self::TrialEnded { instrument }
            | Self::InstrumentRenewed { instrument, .. }
            | Self::NoticeGiven { instrument, .. }
            | Self::InstrumentSigned { instrument, .. } => instrument.to_string(),
            Self::IssuerDropped { name, .. }
            | Self::IssuerKeysRead { name, .. }
            | Self::IssuerKeysUnread { name, .. } => name.to_string(),
            Self::IssuerTrusted(issuer) => issuer.name.to_string(),
            Self::JwtKeyPublished { kid, .. } => kid.clone(),
            Self::LogAnchored { origin, .. } => origin.clone(),
            Self::PartyRegistered(party) => party.id.to_string(),
            Self::SecurityEventReceived { issuer, .. } => issuer.to_string(),
            Self::AccountLinked { person, .. }
            | Self::AccountUnlinked { person, .. }
            | Self::AuthorityGranted { person, .. }
            | Self::AuthorityWithdrawn { person, .. }
            | Self::PersonLeft { person, .. } => person.to_string(),
            Self::PersonRegistered(person) => person.id.to_string(),
            Self::SecretChanged { name, .. } | Self::SecretSealed { name } => name.to_string(),
            Self::ServiceRegistered(service) => service.id.to_string(),
        }
    }

    /// A short name for tables and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AccountLinked { .. } => "account linked",
            Self::AccountUnlinked { .. } => "account unlinked",
            Self::AuthorityGranted { .. } => "authority granted",
            Self::AuthorityWithdrawn { .. } => "authority withdrawn",
            Self::CredentialIssued { .. } => "credential issued",
            Self::CredentialRevoked { .. } => "credential revoked",
            Self::DepartureStepTaken { .. } => "departure step taken",
            Self::Established { .. } => "established",
            Self::EstateExamined { .. } => "estate examined",
            Self::FederatedBundleRead { .. } => "federated bundle read",
            Self::FederatedBundleUnread { .. } => "federated bundle unread",
            Self::FederationEnded { .. } => "federation ended",
            Self::FederationEstablished(_) => "federation established",
            Self::InstanceBarred { .. } => "instance stopped",
            Self::InstancesReadmitted { .. } => "stopped instances readmitted",
            Self::KeyBarred { .. } => "key stopped",
            Self::IdentityActivated { .. } => "identity activated",
            Self::IdentityProposed(_) => "identity proposed",
            Self::IdentityResumed { .. } => "identity resumed",
            Self::IdentityRetired { .. } => "identity retired",
            Self::IdentityRevoked { .. } => "identity revoked",
            Self::IdentitySuspended { .. } => "identity suspended",
            Self::InstrumentDrafted(_) => "instrument drafted",
            Self::InstrumentEnded { .. } => "instrument ended",
            Self::InstrumentExamined { .. } => "instrument examined",
            Self::InstrumentInForce { .. } => "instrument in force",
            Self::InstrumentRenewed { .. } => "instrument renewed",
            Self::InstrumentSigned { .. } => "instrument signed",
            Self::TrialBegun { .. } => "trial begun",
            Self::TrialEnded { .. } => "trial ended",
            Self::IssuerDropped { .. } => "issuer dropped",
            Self::IssuerKeysRead { .. } => "issuer keys read",
            Self::IssuerKeysUnread { .. } => "issuer keys unread",
            Self::IssuerTrusted(_) => "issuer trusted",
            Self::JoinRuled { .. } => "join ruled",
            Self::JoinTokenCreated { .. } => "join token created",
            Self::JwtIssued { .. } => "JWT issued",
            Self::JwtKeyPublished { .. } => "JWT key published",
            Self::LogAnchored { .. } => "log anchored",
            Self::NoticeGiven { .. } => "notice given",
            Self::OfficeOffered { .. } => "office offered",
            Self::OwnershipAccepted { .. } => "ownership accepted",
            Self::PartyRegistered(_) => "party registered",
            Self::PersonLeft { .. } => "person left",
            Self::PersonRegistered(_) => "person registered",
            Self::RootActivated { .. } => "root activated",
            Self::RootPrepared { .. } => "root prepared",
            Self::RootRetired { .. } => "root retired",
            Self::RootTainted { .. } => "root tainted",
            Self::SecretChanged { change, .. } => change.name(),
            Self::SecretSealed { .. } => "secret sealed",
            Self::SecurityEventReceived { .. } => "security event received",
            Self::ServerCertified { .. } => "server certified",
            Self::ServiceRegistered(_) => "service registered",
            Self::WorkloadRecognized { .. } => "workload recognized",
        }
    }
}
