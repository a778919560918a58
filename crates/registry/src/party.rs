//! Legal persons and the natural persons who answer for machines.

use crate::{Millis, Name, PartyId, PersonId, PublicKey};
use minicbor::{Decode, Encode};

/// A legal person: somebody who can be bound by an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Party {
    /// Its id.
    #[n(0)]
    pub id: PartyId,
    /// Its short name, unique.
    #[n(1)]
    pub name: Name,
    /// Its name in law, as the words of instruments give it.
    #[n(2)]
    pub legal_name: String,
    /// Where it is established, in words.
    #[n(3)]
    pub jurisdiction: String,
}

/// A natural person. Name and address are kept beside the ledger and can be erased; here is only
/// what signatures and accountability need.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Person {
    /// Their id.
    #[n(0)]
    pub id: PersonId,
    /// A handle without personal data, unique within the party: `ops-lead`, not `jane-doe`.
    #[n(1)]
    pub name: Name,
    /// The party they act for.
    #[n(2)]
    pub party: PartyId,
    /// The SSH key they sign with.
    #[n(3)]
    pub key: PublicKey,
    /// A blinded commitment to their profile (name, address) kept beside the ledger.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub profile: [u8; 32],
    /// When they left, if they did.
    #[n(5)]
    pub left_ms: Option<Millis>,
}

impl Person {
    /// Whether they can sign and answer for machines.
    pub fn is_active(&self) -> bool {
        self.left_ms.is_none()
    }
}
