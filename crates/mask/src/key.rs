//! The key stand-ins are made with.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Makes stand-ins: HMAC-SHA-256 (RFC 2104), so that nobody without it can try values until one fits.
///
/// What the key does to the first block is kept, so that a stand-in costs two blocks and not four.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// From 32 random bytes.
    pub fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        Self::of_bytes(&secret)
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 2)")]
    fn of_bytes(secret: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("a key of 32 bytes"))
    }

    /// The key of one contract among those of the same secret.
    pub fn of(&self, contract: &[u8]) -> Self {
        Self::of_bytes(&Zeroizing::new(self.digest("contract", contract)))
    }

    /// What stands for a value.
    pub(crate) fn digest(&self, purpose: &str, value: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}
