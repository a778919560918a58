//! The port to the keys that are made while the authority runs: of roots that follow the first, and of JWT-SVIDs.

use zeroize::Zeroizing;

/// Keeps private keys under names, readable by nobody else.
pub trait KeyStore: Send + Sync {
    /// Keeps a key durably. A name is used once.
    fn keep(&self, name: &str, key: &[u8]) -> Result<(), String>;
    /// The key of this name; `None` if there is none.
    fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String>;
}
