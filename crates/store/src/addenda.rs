//! What is kept beside a log and not for everybody who can read that: sealed with AES-256-GCM under a key of the
//! installation. Keys of one use are derived from it, so that no nonce is drawn too often under one of them.
//!
//! ```text
//! salt (16) | nonce (12) | ciphertext and tag        key = HKDF-SHA-256(installation's key, salt)
//! ```

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, rand};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

const SALT_BYTES: usize = 16;
/// What the sealed bytes are for.
const PURPOSE: &[u8] = b"writ addenda/1";
/// How much is sealed under one derived key: far fewer than nonces can be drawn at random (NIST SP 800-38D, 8.3).
const SEALED_MAX: u64 = 1 << 24;

/// Seals, and opens what was sealed with the same key.
pub struct AddendumKey {
    key: Zeroizing<[u8; 32]>,
    current: Mutex<Option<Current>>,
}

struct Current {
    salt: [u8; SALT_BYTES],
    key: RandomizedNonceKey,
    sealed: u64,
}

impl AddendumKey {
    /// From the installation's key.
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { key, current: Mutex::default() }
    }

    /// Seals; `None` when the system has no randomness.
    pub fn seal(&self, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_none_or(|current| current.sealed >= SEALED_MAX) {
            let mut salt = [0; SALT_BYTES];
            rand::fill(&mut salt).ok()?;
            *current = Some(Current { salt, key: self.derived(&salt)?, sealed: 0 });
        }
        let current = current.as_mut()?;
        current.sealed += 1;
        let nonce = current.key.seal_in_place_append_tag(Aad::from(PURPOSE), &mut bytes).ok()?;
        Some([current.salt.as_slice(), nonce.as_ref(), &bytes].concat())
    }

    /// Opens; `None` for what was not sealed with this key.
    pub fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, rest) = sealed.split_first_chunk::<SALT_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let key = self.derived(salt)?;
        let length =
            key.open_in_place(Nonce::from(nonce), Aad::from(PURPOSE), bytes.as_mut_slice()).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }

    fn derived(&self, salt: &[u8; SALT_BYTES]) -> Option<RandomizedNonceKey> {
        let mut key = Zeroizing::new([0; 32]);
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(self.key.as_slice());
        extracted.expand(&[PURPOSE], hkdf::HKDF_SHA256).ok()?.fill(key.as_mut_slice()).ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> AddendumKey {
        AddendumKey::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_is_opened_with_the_same_key_alone() {
        let sealed = key(1).seal(b"ada@example.org".to_vec()).unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"ada"));
        // Another process of the same installation.
        assert_eq!(key(1).open(&sealed).unwrap().as_slice(), b"ada@example.org");
        assert!(key(2).open(&sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key(1).open(&changed).is_none(), "byte {at}");
            assert!(key(1).open(&sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn nothing_is_sealed_twice_the_same() {
        let key = key(1);
        assert_ne!(key.seal(b"x".to_vec()), key.seal(b"x".to_vec()));
    }
}
