//! The port to the keys that are made while the authority runs: of roots, and of JWT-SVIDs.

use credential::Signer;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Keeps private keys under names, readable by nobody else.
pub trait KeyStore: Send + Sync {
    /// Keeps a key durably. A name is used once.
    fn keep(&self, name: &str, key: &[u8]) -> Result<(), String>;
    /// The key of this name; `None` if there is none.
    fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String>;
    /// Makes the key of a root where such keys are to lie. Blocks while a token works.
    fn make_root(&self) -> Result<RootKey, String>;
    /// Opens the key of a root by what is kept of it ([`RootKey::kept`]). Blocks while a token works.
    fn open_root(&self, kept: &str) -> Result<Arc<dyn Signer>, String>;
}

/// A root key that was made.
pub struct RootKey {
    /// The key.
    pub signer: Arc<dyn Signer>,
    /// What is kept of it beside its certificate: the key itself (PKCS#8, PEM), or where it lies (RFC 7512).
    pub kept: Zeroizing<String>,
}
