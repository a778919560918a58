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

/// The content of the object identifier 1.2.840.113556.1.8000.2554.14244.59464.34464.19466.42124.7956669.498662.1: the proof. It is of a UUID in small arcs,
/// as Microsoft lets everybody make them; one arc below 2.25 is more than GnuTLS reads.
pub const PROOF: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0xbe, 0x40, 0x93, 0x7a, 0xef, 0x24, 0x83, 0xd0, 0x48, 0x82,
    0x8d, 0x20, 0x81, 0x98, 0x0a, 0x82, 0xc9, 0x0c, 0x83, 0xe5, 0xd1, 0x3d, 0x9e, 0xb7, 0x66, 0x01,
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

    /// Seven arcs of 16 or 24 bits below 1.2.840.113556.1.8000.2554.
    #[test]
    fn the_identifier_is_of_our_uuid() {
        let uuid = "37a4e848-86a0-4c0a-a48c-7968bd079be6".replace('-', "");
        let cuts = [(0, 4), (4, 8), (8, 12), (12, 16), (16, 20), (20, 26), (26, 32)];
        let mut id = vec![0x2a];
        let arcs = cuts.map(|(from, to)| u32::from_str_radix(&uuid[from..to], 16).unwrap());
        for arc in [840, 113_556, 1, 8_000, 2_554].into_iter().chain(arcs).chain([1]) {
            let digits = (0..5).rev().map(|n| arc >> (7 * n) & 0x7f).skip_while(|digit| *digit == 0);
            let digits: Vec<u32> = digits.collect();
            let (last, first) = digits.split_last().unwrap();
            id.extend(first.iter().map(|digit| *digit as u8 | 0x80));
            id.push(*last as u8);
        }
        assert_eq!(PROOF, id);
        assert_eq!(crate::terms::TERMS, [&PROOF[..PROOF.len() - 1], &[2]].concat());
    }
}
