//! SSH signatures over statements: what `ssh-keygen -Y sign` makes, checked here.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minicbor::{Decode, Encode};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, SshSig};
use std::fmt;
use std::str::FromStr;

/// Namespace of a signature that accepts an office.
pub const OWNERSHIP: &str = "writ.ownership";
/// Namespace of a signature under an instrument.
pub const INSTRUMENT: &str = "writ.instrument";

/// Namespace of a signature under a notice.
pub const NOTICE: &str = "writ.notice";

/// A person's public key in OpenSSH form, without the comment (comments name people).
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct PublicKey(#[n(0)] String);

impl PublicKey {
    /// Checks an armored SSH signature over `message` in `namespace`.
    pub fn verify(&self, namespace: &str, message: &[u8], armored: &str) -> Result<(), SignatureError> {
        let signature = SshSig::from_pem(armored.trim()).map_err(|_| SignatureError::Malformed)?;
        // One signature has one spelling. The reader overlooks a wrong length of the key, and versions before the first.
        let bare: String = armored.split_whitespace().collect();
        if signature.version() != SshSig::VERSION || Some(bare) != spelled(&signature) {
            return Err(SignatureError::Malformed);
        }
        if signature.namespace() != namespace {
            return Err(SignatureError::Namespace {
                found: signature.namespace().to_owned(),
                expected: namespace.to_owned(),
            });
        }
        let key = ssh_key::PublicKey::from_openssh(&self.0).map_err(|_| SignatureError::Malformed)?;
        if signature.public_key() != key.key_data() {
            return Err(SignatureError::OtherKey {
                found: signature.public_key().fingerprint(HashAlg::Sha256).to_string(),
                expected: self.fingerprint(),
            });
        }
        key.verify(namespace, message, &signature).map_err(|_| SignatureError::DoesNotFit)?;
        // What a security key signs names its flags; they are covered by the signature that was just checked.
        if trailer_bytes(&key.algorithm()) > 0 && !was_touched(signature.signature_bytes()) {
            return Err(SignatureError::NobodyPresent);
        }
        Ok(())
    }

    /// The key's SHA-256 fingerprint, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        ssh_key::PublicKey::from_openssh(&self.0)
            .map(|key| key.fingerprint(HashAlg::Sha256).to_string())
            .unwrap_or_default()
    }
}

/// Bytes behind the signature of a security key: its flags, and a counter of 4 bytes (PROTOCOL.u2f).
const SECURITY_KEY_TRAILER_BYTES: usize = 5;
/// The flag that somebody touched the key.
const USER_PRESENT: u8 = 0x01;

/// How many bytes follow the signature itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "only security keys say more than their signature")]
fn trailer_bytes(algorithm: &Algorithm) -> usize {
    match algorithm {
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => SECURITY_KEY_TRAILER_BYTES,
        _ => 0,
    }
}

/// The one way to write a signature (OpenSSH's PROTOCOL.sshsig, PROTOCOL.u2f), without the breaks of its lines. The
/// library writes the ECDSA form of security keys otherwise: with their flags inside the signature.
fn spelled(signature: &SshSig) -> Option<String> {
    let string = |bytes: &[u8]| Some([&u32::try_from(bytes.len()).ok()?.to_be_bytes()[..], bytes].concat());
    let algorithm = signature.algorithm();
    let told = signature.signature_bytes();
    let (alone, trailer) = told.split_at_checked(told.len().checked_sub(trailer_bytes(&algorithm))?)?;
    let key = ssh_key::PublicKey::from(signature.public_key().clone()).to_bytes().ok()?;
    let blob = [
        b"SSHSIG".to_vec(),
        SshSig::VERSION.to_be_bytes().to_vec(),
        string(&key)?,
        string(signature.namespace().as_bytes())?,
        string(signature.reserved())?,
        string(signature.hash_alg().as_str().as_bytes())?,
        string(&[string(algorithm.as_str().as_bytes())?, string(alone)?, trailer.to_vec()].concat())?,
    ];
    let text = BASE64_STANDARD.encode(blob.concat());
    Some(format!("-----BEGINSSHSIGNATURE-----{text}-----ENDSSHSIGNATURE-----"))
}

/// Whether a security key says that somebody was there when it signed.
fn was_touched(signature: &[u8]) -> bool {
    let flags = signature.len().checked_sub(SECURITY_KEY_TRAILER_BYTES).and_then(|at| signature.get(at));
    flags.is_some_and(|flags| flags & USER_PRESENT != 0)
}

impl FromStr for PublicKey {
    type Err = SignatureError;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever other kinds of key there will be, they are refused"
    )]
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let mut key = ssh_key::PublicKey::from_openssh(text.trim()).map_err(|_| SignatureError::NotAKey)?;
        match key.algorithm() {
            Algorithm::Ed25519
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256
            | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 } => {
                key.set_comment("");
                key.to_openssh().map(Self).map_err(|_| SignatureError::NotAKey)
            }
            other => Err(SignatureError::KeyKind(other.to_string())),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Right key, other text.
    #[error("the signature does not fit the statement: sign exactly the text Writ shows, byte for byte")]
    DoesNotFit,
    /// A kind of key that is not accepted.
    #[error("keys of kind `{0}` are not accepted: use ssh-ed25519, ecdsa-sha2-nistp256 or their sk- forms")]
    KeyKind(String),
    /// Not an SSH signature.
    #[error("not an SSH signature: make one with `ssh-keygen -Y sign`")]
    Malformed,
    /// Signed for another use.
    #[error(
        "the signature is for the namespace `{found}`, not `{expected}`: sign with `ssh-keygen -Y sign -n {expected}`"
    )]
    Namespace {
        /// What it was signed for.
        found: String,
        /// What it must be signed for.
        expected: String,
    },
    /// A security key that signed by itself.
    #[error(
        "the security key signed without a touch: use a key that asks for presence (made without `no-touch-required`)"
    )]
    NobodyPresent,
    /// Not an SSH public key.
    #[error("not an SSH public key: give the line of a `.pub` file")]
    NotAKey,
    /// Signed by somebody else.
    #[error("signed with the key {found}, but the person's key is {expected}")]
    OtherKey {
        /// The key that signed.
        found: String,
        /// The person's key.
        expected: String,
    },
}
