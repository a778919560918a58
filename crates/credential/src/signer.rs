//! The port to private keys: they may lie in memory, in a file, on a token (PKCS#11). Signing is synchronous; who
//! calls it from a task leaves the task first when the key is slow.

use crate::terms::KeyAlgorithm;
use rcgen::{PublicKeyData, SigningKey};
use std::sync::{Mutex, PoisonError};

/// A private key that signs, and its public half.
pub trait Signer: Send + Sync {
    /// What kind of key it is.
    fn algorithm(&self) -> KeyAlgorithm;
    /// The public key: the content of the bit string of its SPKI.
    fn public_key(&self) -> &[u8];
    /// Signs a message as certificates are signed: the hash is the algorithm's own, ECDSA is in DER (RFC 3279).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The key did not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key did not sign: {0}")]
pub struct SignError(pub String);

/// A key in memory.
pub struct MemoryKey {
    algorithm: KeyAlgorithm,
    pair: rcgen::KeyPair,
}

impl MemoryKey {
    /// A key that was read or made, if it is of a kind that can be certified.
    pub fn new(pair: rcgen::KeyPair) -> Result<Self, SignError> {
        let known = KeyAlgorithm::ALL.into_iter().find(|known| pair.algorithm() == known.generator());
        let algorithm = known.ok_or_else(|| SignError("its kind is not known here".into()))?;
        Ok(Self { algorithm, pair })
    }
}

impl Signer for MemoryKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &[u8] {
        self.pair.der_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        SigningKey::sign(&self.pair, message).map_err(|error| SignError(error.to_string()))
    }
}

/// A key as the certificate library takes it.
pub(crate) struct Signing<'a>(pub(crate) &'a dyn Signer);

impl PublicKeyData for Signing<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm().generator()
    }
}

impl SigningKey for Signing<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// Stands for a key and signs nothing: keeps what it was to sign.
pub(crate) struct Drafting<'a> {
    signer: &'a dyn Signer,
    message: Mutex<Vec<u8>>,
}

impl<'a> Drafting<'a> {
    pub(crate) fn new(signer: &'a dyn Signer) -> Self {
        Self { signer, message: Mutex::default() }
    }

    /// What was to be signed last.
    pub(crate) fn into_message(self) -> Vec<u8> {
        self.message.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PublicKeyData for &Drafting<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.signer.public_key()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.signer.algorithm().generator()
    }
}

impl SigningKey for &Drafting<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        *self.message.lock().unwrap_or_else(PoisonError::into_inner) = message.to_vec();
        Ok(vec![0])
    }
}
