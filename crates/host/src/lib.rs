//! The node side: workloads on this machine get their credentials here, over a unix socket.
//!
//! In scope: the SPIFFE Workload API (X.509, JWT and bundle profiles), recognising who calls, keys of workloads,
//! rotation before expiry, ending streams when the right ends; Envoy's SDS; gRPC health and reflection.
//! Out of scope: whether a machine may have a credential, and signing (the port [`Issuer`]).
//!
//! ```text
//! connect ─▶ caller (pid without a race) ─▶ attest (what the process is) ─▶ recognise (which machines)
//!                                              │ at every call and change        │
//!                                              ▼                                 ▼
//!                                       the process ends: so does the stream   svids ─▶ stream, renewed
//! ```

pub mod attest;
pub mod caller;
mod codec;
pub mod endpoint;
mod refuse;
mod sds;
mod svids;
mod workload_api;

pub use attest::attest;
pub use endpoint::{Endpoint, EndpointError};

use credential::{KeyAlgorithm, ProcessEvidence, SpiffeId, TrustDomain, Unrecognised};
use registry::{IdentityId, Millis};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

/// The generated messages and services.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated from the protocol files"
)]
pub(crate) mod proto {
    tonic::include_proto!("_");

    /// Envoy's secret discovery service.
    pub(crate) mod sds {
        tonic::include_proto!("envoy.service.secret.v3");
    }
}

/// A value computed elsewhere.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Where the time comes from: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Who issues. Everything it gives is on record before it is given.
pub trait Issuer: Send + Sync {
    /// The machines a process is, its default identity first; with the hint of each.
    fn recognise(&self, evidence: &ProcessEvidence) -> Result<Vec<Entitlement>, Unrecognised>;
    /// Whether any rule asks for the digest of an executable: hashing takes time.
    fn wants_digest(&self) -> bool;
    /// What a certificate of this machine must be now.
    fn terms(&self, identity: IdentityId) -> Result<CertificateTerms, IssuerError>;
    /// When a certificate must be replaced for another reason than its life: at 0 when it counts no more, in a slot of
    /// its machine's own when the root it rests on is to be got away from.
    fn replaced_ms(&self, identity: IdentityId, certificate: &Certificate) -> Option<Millis>;
    /// Certifies a key (SPKI, DER) that this host made.
    fn certify(
        &self,
        identity: IdentityId,
        spki: Vec<u8>,
        evidence: ProcessEvidence,
    ) -> Pending<Result<Certificate, IssuerError>>;
    /// Signs a JWT-SVID.
    fn sign_jwt(
        &self,
        identity: IdentityId,
        audiences: Vec<String>,
        evidence: ProcessEvidence,
    ) -> Pending<Result<String, IssuerError>>;
    /// Verifies a JWT-SVID for machines that ask. Gives its subject and all its claims.
    fn validate_jwt(
        &self,
        asking: &[IdentityId],
        audience: &str,
        token: &str,
    ) -> Result<(SpiffeId, prost_types::Struct), String>;
    /// What this trust domain is recognised by.
    fn bundle(&self) -> Bundle;
    /// What the trust domains are recognised by that these machines may recognise beside their own.
    fn federated(&self, machines: &[IdentityId]) -> Vec<Bundle>;
    /// Counts up whenever something changed that can change any of this.
    fn entitlements(&self) -> watch::Receiver<u64>;
}

/// A machine that a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Which.
    pub identity: IdentityId,
    /// Its SPIFFE ID.
    pub spiffe_id: SpiffeId,
    /// What its credential is for, among several; empty if nothing is said.
    pub hint: String,
}

/// What a certificate must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateTerms {
    /// The longest life.
    pub life_max_ms: Millis,
    /// Which key.
    pub algorithm: KeyAlgorithm,
    /// It is renewed when this much of its life is over, in percent.
    pub renew_at_percent: u8,
}

/// A certificate for a key of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Leaf first, DER.
    pub chain: Vec<Vec<u8>>,
    /// Its serial number.
    pub serial: [u8; 16],
    /// The root it rests on: SHA-256 of its certificate.
    pub root: [u8; 32],
    /// From when it is valid.
    pub not_before_ms: Millis,
    /// When it expires.
    pub not_after_ms: Millis,
}

/// What a trust domain is recognised by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// Its root certificates, DER; none when it took all of them back.
    pub roots: Vec<Vec<u8>>,
    /// Its keys for JWT-SVIDs: a JWK Set.
    pub jwks: String,
}

/// Why nothing was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The machine may not have it.
    #[error("no identity issued: {0}")]
    Refused(String),
    /// It cannot be issued now.
    #[error("{0}")]
    Unavailable(String),
}
