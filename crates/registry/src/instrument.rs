//! What the registry keeps of an instrument: who is bound, which hashes were signed, what stands.
//! The words themselves lie in the object store under `document`.

use crate::identity::named_enum;
use crate::{IdentityId, InstrumentId, Millis, Name, PartyId, PersonId, ServiceId};
use minicbor::{Decode, Encode};

/// A contract between the machines of two parties.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Instrument {
    /// Its id.
    #[n(0)]
    pub id: InstrumentId,
    /// Its short name, unique; versions share it.
    #[n(1)]
    pub name: Name,
    /// Its version, counting from 1.
    #[n(2)]
    pub version: u32,
    /// Its title.
    #[n(3)]
    pub title: String,
    /// The party that provides the service.
    #[n(4)]
    pub provider: PartyId,
    /// The service.
    #[n(5)]
    pub service: ServiceId,
    /// The party whose machines use it.
    #[n(6)]
    pub consumer: PartyId,
    /// The machines.
    #[n(7)]
    pub machines: Vec<IdentityId>,
    /// SHA-256 of the document.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub document: [u8; 32],
    /// SHA-256 of the policy bundle.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub bundle: [u8; 32],
    /// The envelope both parties sign: canonical JSON naming all the hashes.
    #[n(10)]
    pub envelope: String,
    /// The longest life a credential used under it may have.
    #[n(11)]
    pub credential_ttl_max_ms: Option<Millis>,
    /// From when it is in force.
    #[n(12)]
    pub start_ms: Option<Millis>,
    /// Until when (exclusive).
    #[n(13)]
    pub end_ms: Option<Millis>,
    /// The signatures so far.
    #[n(14)]
    pub signatures: Vec<InstrumentSignature>,
    /// Where it stands.
    #[n(15)]
    pub status: InstrumentStatus,
    /// The longest window of its quotas: how far back a restarting gateway must count.
    #[n(16)]
    pub quota_window_max_ms: Option<Millis>,
}

/// A person's signature over the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InstrumentSignature {
    /// Who signed.
    #[n(0)]
    pub person: PersonId,
    /// When it reached the registry.
    #[n(1)]
    pub time_ms: Millis,
    /// The SSH signature (armored).
    #[n(2)]
    pub signature: String,
}

named_enum! {
    /// Where an instrument stands.
    InstrumentStatus {
        /// Written; at least one signature is missing.
        Drafted = 0 "drafted";
        /// Over.
        Ended = 3 "ended";
        /// Signed by everybody it needs.
        InForce = 1 "in-force";
        /// Held for now.
        Suspended = 2 "suspended";
    }
}
