//! Who and what exists: parties, people, machine identities, services, instruments, credentials.
//!
//! In scope: the commands people give, the rules that admit or refuse them, the events that follow,
//! the state that events fold into, and SSH signatures over statements.
//! Out of scope: the words of instruments (`contract`), decisions (`policy`), storage and time
//! (`now` and entropy are arguments).
//!
//! ```text
//! Command ─▶ admit(&State, Command, &Context) ─▶ Ok(events) ─▶ State::apply ─▶ State
//!                                             └▶ Err(Refusal): a value, with what to do instead
//! ```
//! State depends on events alone; nothing personal is in an event (see [`Person`]).

pub mod address;
pub mod admit;
pub mod command;
pub mod database;
pub mod departure;
pub mod event;
pub mod federation;
pub mod id;
pub mod identity;
pub mod instrument;
pub mod issuer;
pub mod name;
pub mod party;
pub mod root;
pub mod scope;
pub mod secret;
pub mod service;
pub mod signature;
pub mod state;
pub mod stop;
pub mod workload;

pub use admit::{Context, Refusal, RefusalKind, admit};
pub use command::Command;
pub use database::{DatabaseAddress, Fit, Objects, Verb};
pub use event::{Actor, Apart, Event, Recorded};
pub use federation::{
    BundleEndpoint, BundleFrom, EndpointProfile, Federation, FederationRelationship, TrustBundle,
};
pub use id::{IdentityId, InstrumentId, PartyId, PersonId, ServiceId};
pub use identity::{DepartureStep, Environment, Identity, IdentityKind, Lifecycle, Office, Seat, Standing};
pub use instrument::{
    CredentialClause, DepartureRung, Instrument, InstrumentKind, InstrumentSignature, InstrumentStatus,
    InstrumentTerms, NoticeKind, ProofRecord, Side,
};
pub use issuer::{Claim, IssuerKind, JoinRule, KeysAt, TrustedIssuer};
pub use name::{Name, NameError};
pub use party::{Party, Person};
pub use root::{Root, RootStatus, RootStep};
pub use scope::{Scope, ScopedOn};
pub use secret::{
    Former, Rotating, SecretChange, SecretDue, SecretSource, SecretStep, Sourced, Vault, Version,
};
pub use service::{Classification, Injection, Operation, Resource, Service};
pub use signature::{PublicKey, SignatureError};
pub use state::{Credential, CredentialKind, DATABASE_AUDIENCE, JoinToken, JwtKey, State, token_digest};
pub use stop::StopTarget;
pub use workload::{Attestation, Attested, Selector, SelectorError, WorkloadRule, unhex};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;
