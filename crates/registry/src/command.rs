//! What can be asked of the registry. One variant is one intention; [`crate::admit`] decides.

use crate::{
    Attested, BundleFrom, CredentialClause, DepartureRung, DepartureStep, Environment,
    FederationRelationship, IdentityId, IdentityKind, Injection, InstrumentId, InstrumentKind,
    InstrumentTerms, JoinRule, Millis, Name, NoticeKind, Office, PartyId, PersonId, ProofRecord, PublicKey,
    Resource, RootStep, Scope, SecretStep, ServiceId, StopTarget, TrustBundle, TrustedIssuer, WorkloadRule,
};

/// A command. The id of what it creates comes from the context's entropy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named as in the events, which document them")]
pub enum Command {
    /// A person accepts an office they were offered, by signature.
    AcceptOwnership { identity: IdentityId, office: Office, signature: String },
    /// Lets an accepted identity act.
    ActivateIdentity { identity: IdentityId },
    /// Writes a decision log's checkpoint into the control ledger.
    AnchorLog { origin: String, key: String, size: u64, root: [u8; 32] },
    /// Several commands as one: all are admitted, in order, or none. Each brings the entropy of its ids.
    Batch(Vec<(Command, [u8; 10])>),
    /// Records a gateway's own certificate before it is used.
    CertifyServer { hosts: Vec<String>, serial: [u8; 16], public_key: [u8; 32], not_after_ms: Millis },
    /// A one-time token for the first certificate of an identity.
    CreateJoinToken { identity: IdentityId, digest: [u8; 32], expires_ms: Millis, scope: Option<Scope> },
    /// An instrument with the hashes that are to be signed.
    DraftInstrument(Box<InstrumentDraft>),
    /// No longer counts somebody's tokens.
    DropIssuer { name: Name, reason: String },
    /// Recognises another trust domain's machines no more.
    EndFederation { trust_domain: String, reason: String },
    /// Ends an instrument for good.
    EndInstrument { instrument: InstrumentId, reason: String },
    /// The first command: which trust domain this ledger speaks for, and its keys.
    Establish { trust_domain: String, log_key: String, root_certificate: [u8; 32] },
    /// Recognises another trust domain's machines; replaces what was said of it before.
    EstablishFederation { relationship: Box<FederationRelationship>, from: BundleFrom },
    /// Offers an office to another person.
    HandOver { identity: IdentityId, office: Office, to: PersonId },
    /// Records a certificate before it leaves.
    IssueCredential(IssueRequest),
    /// Records a JWT-SVID before it leaves.
    IssueJwt(JwtRequest),
    /// Lets a person sign instruments for their party.
    GrantAuthority { person: PersonId, kinds: Vec<InstrumentKind>, until_ms: Option<Millis> },
    /// Gives notice under an instrument, by signature.
    GiveNotice {
        instrument: InstrumentId,
        kind: NoticeKind,
        person: PersonId,
        ground: String,
        signature: String,
    },
    /// Says that an account elsewhere is a person's.
    LinkAccount { person: PersonId, account: [u8; 32] },
    /// Says that an account elsewhere is not, or no longer, a person's.
    UnlinkAccount { person: PersonId, account: [u8; 32] },
    /// A person leaves; their machines are suspended after the grace unless handed over.
    PersonLeaves { person: PersonId, grace_ms: Millis },
    /// Documents a machine identity.
    ProposeIdentity(Box<IdentityProposal>),
    /// Makes a public key known by which JWT-SVIDs are verified (given by the authority).
    PublishJwtKey { kid: String, public_key: Vec<u8>, expires_ms: Millis },
    /// Says what another trust domain publishes, or why that could not be read (Writ itself); `asked` is what was known
    /// of it when it was asked.
    ReadFederatedBundle { asked: Box<FederationRelationship>, read: Result<TrustBundle, String> },
    /// Says what an issuer publishes, or why that could not be read (Writ itself).
    ReadIssuerKeys { name: Name, read: Result<String, String> },
    /// Lets the stopped instances of a machine come back, whatever state it is in.
    ReadmitInstances { identity: IdentityId, reason: String },
    /// Says how a machine is recognised among processes; replaces what was said before.
    RecognizeWorkload { identity: IdentityId, rules: Vec<WorkloadRule> },
    /// Registers a legal person.
    RegisterParty { name: Name, legal_name: String, jurisdiction: String },
    /// Registers a natural person.
    RegisterPerson { name: Name, party: PartyId, key: PublicKey, profile: [u8; 32] },
    /// Registers a service.
    RegisterService(Box<ServiceDescription>),
    /// Records what an identity provider said, and that its person left if that is what it says.
    ReceiveSecurityEvent {
        issuer: Name,
        token: [u8; 32],
        kind: String,
        person: Option<PersonId>,
        until_ms: Millis,
        departs: bool,
    },
    /// Records what a solver said about an instrument (given by the authority).
    RecordProofs { instrument: InstrumentId, proofs: Vec<ProofRecord>, narrows: Option<u32> },
    /// Records what a solver said about all instruments in force (given by the authority).
    RecordRuling { proof: ProofRecord, as_of_size: u64, as_of_root: [u8; 32] },
    /// Renews an instrument to which nobody objected (given by the reconciler).
    RenewInstrument { instrument: InstrumentId },
    /// Lets a suspended identity act again.
    ResumeIdentity { identity: IdentityId },
    /// Ends an identity by plan.
    RetireIdentity { identity: IdentityId },
    /// Makes one certificate worthless.
    RevokeCredential { serial: [u8; 16], reason: String },
    /// Kills an identity.
    RevokeIdentity { identity: IdentityId, reason: String },
    /// Records that an upstream secret is set or replaced.
    SealSecret { name: Name },
    /// A step with a secret that renews itself.
    Secret { name: Name, step: SecretStep, reason: String },
    /// Signs an instrument.
    SignInstrument { instrument: InstrumentId, person: PersonId, signature: String },
    /// A step in the life of a root.
    Root { step: RootStep, reason: String, hurried: bool },
    /// Says with which tokens of others a machine may join; replaces what was said before.
    RuleJoin { identity: IdentityId, rules: Vec<JoinRule> },
    /// Stops whatever is meant, at once: machines for now or for good.
    Stop { target: StopTarget, reason: String, for_good: bool },
    /// Stops an identity for now.
    SuspendIdentity { identity: IdentityId, reason: String },
    /// Suspends an identity whose grace ran out (given by the reconciler).
    SuspendOwnerless { identity: IdentityId },
    /// Takes the next step after a departure (given by the reconciler).
    TakeStep { identity: IdentityId, step: DepartureStep },
    /// Counts somebody's tokens; replaces what was said before under the same name.
    TrustIssuer(Box<TrustedIssuer>),
    /// Tries a draft until then: gateways say what it would have refused. It refuses nothing, so nobody signs for that.
    TryInstrument { instrument: InstrumentId, until_ms: Millis },
    /// Tries it no more.
    EndTrial { instrument: InstrumentId },
    /// A person may no longer sign for their party.
    WithdrawAuthority { person: PersonId, reason: String },
}

impl Command {
    /// Whether it issues a credential: such commands do not depend on each other, but for what each uses up.
    pub fn is_issuance(&self) -> bool {
        matches!(self, Self::IssueCredential(_) | Self::IssueJwt(_))
    }
}

/// The documentation of a new identity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are those of `Identity`, which documents them")]
pub struct IdentityProposal {
    pub name: Name,
    pub party: PartyId,
    pub kind: IdentityKind,
    pub purpose: String,
    pub environment: Environment,
    pub owner: PersonId,
    pub deputy: PersonId,
    pub review_ms: Millis,
    pub roles: Vec<Name>,
    pub region: Option<Name>,
}

/// The description of a new service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are those of `Service`, which documents them")]
pub struct ServiceDescription {
    pub name: Name,
    pub party: PartyId,
    pub owner: PersonId,
    pub host: String,
    pub upstream: String,
    pub resources: Vec<Resource>,
    pub injection: Option<Injection>,
    pub region: Option<Name>,
    pub login: Option<String>,
}

/// An instrument ready to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are those of `Instrument`, which documents them")]
pub struct InstrumentDraft {
    pub kind: InstrumentKind,
    pub name: Name,
    pub version: u32,
    pub title: String,
    pub provider: PartyId,
    pub service: Option<ServiceId>,
    pub consumer: PartyId,
    pub machines: Vec<IdentityId>,
    pub document: [u8; 32],
    pub bundle: [u8; 32],
    pub envelope: String,
    pub start_ms: Option<Millis>,
    pub end_ms: Option<Millis>,
    pub quota_window_max_ms: Option<Millis>,
    pub terms: InstrumentTerms,
    pub credentials: Vec<CredentialClause>,
    pub departure: Vec<DepartureRung>,
}

/// What is to be certified, and on what ground.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are those of the `CredentialIssued` event, which documents them")]
pub struct IssueRequest {
    pub identity: IdentityId,
    pub ground: IssueGround,
    pub serial: [u8; 16],
    pub public_key: [u8; 32],
    pub not_before_ms: Millis,
    pub not_after_ms: Millis,
    pub tbs: [u8; 32],
    pub root: Option<[u8; 32]>,
}

/// A JWT-SVID that is to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are those of the `JwtIssued` event, which documents them")]
pub struct JwtRequest {
    pub identity: IdentityId,
    pub jti: [u8; 16],
    pub audiences: Vec<String>,
    pub kid: String,
    pub not_after_ms: Millis,
    pub attested: Attested,
}

/// Why a certificate may be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueGround {
    /// The machine was recognised by a token of somebody else, which can be used once.
    Once {
        /// By what.
        attested: Attested,
        /// SHA-256 of the token.
        digest: [u8; 32],
        /// When it expires.
        until_ms: Millis,
    },
    /// The machine was recognised, not by a token or certificate of its own.
    Attested(Attested),
    /// The holder of a live certificate asks for the next one.
    Renewal {
        /// The serial of the live certificate.
        serial: [u8; 16],
    },
    /// Somebody has the one-time token with this digest.
    Token {
        /// SHA-256 of the token.
        digest: [u8; 32],
    },
}
