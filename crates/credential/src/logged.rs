//! Certificates that show they are in the ledger: an extension carries a C2SP tlog-proof whose `extra` is the entry
//! of the issuance, and the entry commits to everything else the certificate says. Checked with the log's key alone.
//!
//! Out of scope: whether the certificate still counts (revocation is in the registry), and its chain.

use crate::svid::{Svid, SvidError};
use crate::tbs::{self, NotDer};
use ledger::entry::decode_canonical;
use ledger::proof_file::{ProofFile, ProofFileError};
use ledger::{Entry, EntryError, VerifierKey};
use registry::{Event, IdentityId, Millis, Recorded};
use sha2::{Digest as _, Sha256};

/// The content of the object identifier 2.25.73963787718090611498734756327793859558.1: the proof.
pub const PROOF: &[u8] = &[
    0x69, 0xef, 0xa4, 0xf4, 0x92, 0x90, 0xea, 0x82, 0xb0, 0x95, 0xa4, 0xc6, 0x9e, 0xad, 0x8b, 0xe8, 0x9e,
    0xb7, 0x66, 0x01,
];
/// The longest proof that is read, in bytes: 63 hashes, a checkpoint with cosignatures, an entry.
pub const PROOF_BYTES_MAX: usize = 16 * 1024;

/// What the ledger says about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The issuance's index in the control ledger.
    pub index: u64,
    /// When it was recorded.
    pub time_ms: Millis,
    /// For which identity.
    pub identity: IdentityId,
    /// The ledger's origin.
    pub origin: String,
    /// The size of the ledger the proof leads to.
    pub size: u64,
}

/// Why a certificate does not show that it is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLogged {
    /// Its form is at fault.
    #[error(transparent)]
    Form(#[from] NotDer),
    /// It is no credential at all.
    #[error(transparent)]
    Profile(#[from] SvidError),
    /// It carries none.
    #[error("it carries no proof that its issuance is in the ledger")]
    NoProof,
    /// What it carries cannot be read.
    #[error("the proof it carries cannot be read")]
    Malformed,
    /// The proof leads nowhere, or to another log.
    #[error("the proof it carries does not hold: {0}")]
    Unproven(#[from] ProofFileError),
    /// The entry is in the ledger, but is of no issuance.
    #[error("the entry it points to cannot be read: {0}")]
    Entry(#[from] EntryError),
    /// The entry is in the ledger, but of another certificate.
    #[error("the entry it points to is not of this certificate: another {0}")]
    Other(&'static str),
}

/// Checks that the issuance of a certificate is in the log of `key`, and was of exactly this certificate.
pub fn verify(der: &[u8], key: &VerifierKey) -> Result<Logged, NotLogged> {
    let svid = Svid::parse(der)?;
    let bare = tbs::without_extension(tbs::of_certificate(der)?, PROOF)?.ok_or(NotLogged::NoProof)?;
    let proof = Some(bare.value).filter(|proof| proof.len() <= PROOF_BYTES_MAX);
    let proof = proof.and_then(|proof| std::str::from_utf8(proof).ok()).and_then(ProofFile::parse);
    let proof = proof.ok_or(NotLogged::Malformed)?;
    let checkpoint = proof.verify(&proof.extra, key)?;
    let entry = Entry::decode(&proof.extra)?;
    if entry.kind != registry::event::EVENT {
        return Err(NotLogged::Other("kind of entry"));
    }
    let recorded: Recorded = decode_canonical(&entry.body)?;
    let [Event::CredentialIssued { identity, serial, public_key, tbs, .. }] = recorded.events.as_slice()
    else {
        return Err(NotLogged::Other("kind of event"));
    };
    let said: [u8; 32] = Sha256::digest(&bare.tbs).into();
    if *serial != svid.serial {
        return Err(NotLogged::Other("serial number"));
    }
    if *public_key != svid.public_key {
        return Err(NotLogged::Other("key"));
    }
    if *tbs != Some(said) {
        return Err(NotLogged::Other("content"));
    }
    Ok(Logged {
        index: proof.index,
        time_ms: entry.time_ms,
        identity: *identity,
        origin: checkpoint.origin,
        size: checkpoint.size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9562 and X.667: a UUID is one arc below 2.25, here with one more below it.
    #[test]
    fn the_identifier_is_of_our_uuid() {
        let mut uuid = 0x37a4_e848_86a0_4c0a_a48c_7968_bd07_9be6_u128;
        assert_eq!(uuid.to_string(), "73963787718090611498734756327793859558");
        let mut arc = vec![uuid as u8 & 0x7f];
        while uuid > 0x7f {
            uuid >>= 7;
            arc.insert(0, uuid as u8 & 0x7f | 0x80);
        }
        assert_eq!(PROOF, [&[2 * 40 + 25], &arc[..], &[1]].concat());
        assert_eq!(crate::terms::TERMS, [&PROOF[..PROOF.len() - 1], &[2]].concat());
    }
}
