//! Upstream secrets at rest: AES-256-GCM under a key that lies in another directory.
//! The name is authenticated with the bytes, so that one secret cannot be passed off as another.

use crate::directory::{create_dir, read_optional, remove_durably, write_durably};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use ledger::StoreError;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 16 * 1024;

/// The sealed store of a data directory.
pub struct SealedSecrets {
    directory: PathBuf,
    key: RandomizedNonceKey,
}

impl SealedSecrets {
    /// Opens the store in `directory` under `key`.
    pub fn open(directory: &Path, key: &[u8; 32]) -> Result<Self, StoreError> {
        create_dir(directory)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, key)
            .map_err(|_| damaged("the sealing key", "not a key for AES-256-GCM"))?;
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// Seals and keeps a secret, replacing an earlier one of the name.
    pub fn put(&self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(damaged(name, "the secret is too long"));
        }
        let mut sealed = secret.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .map_err(|_| damaged(name, "it could not be sealed"))?;
        let bytes = [nonce.as_ref().as_slice(), &sealed].concat();
        write_durably(&self.path(name)?, &bytes)
    }

    /// Opens a secret; `None` when there is none of the name. The bytes are wiped when dropped.
    pub fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let Some(bytes) = read_optional(&self.path(name)?)? else { return Ok(None) };
        let (nonce, sealed) =
            bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(|| damaged(name, "cut short"))?;
        let mut secret = Zeroizing::new(sealed.to_vec());
        let length = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(name.as_bytes()), &mut secret)
            .map_err(|_| damaged(name, "it was not sealed under this key and name"))?
            .len();
        secret.truncate(length);
        Ok(Some(secret))
    }

    /// Forgets a secret, durably. That there is none is no error.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        remove_durably(&self.path(name)?)
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let plain = !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if plain { Ok(self.directory.join(name)) } else { Err(damaged(name, "not a name for a secret")) }
    }
}

fn damaged(path: &str, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}
