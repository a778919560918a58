//! C2SP signed-note v1.0.0 with Ed25519 keys (type 0x01).
//! Out of scope: other signature types; a verifier meets them as unknown keys and ignores them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256, Sha512};
use std::fmt;
use zeroize::Zeroizing;

/// The largest note that is parsed, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// How many signature lines are read at most (the specification asks for 16 or more).
pub const NOTE_SIGNATURES_MAX: usize = 64;
const ED25519: u8 = 0x01;
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// A text and the signatures under it, of which none has been checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

impl Note {
    /// Reads a note: its text, and the signature lines behind the last blank line.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Malformed("a control character"));
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Malformed("no blank line before the signatures"))?;
        let (text, lines) = note.split_at(split + 1);
        let lines = lines.strip_prefix('\n').unwrap_or(lines);
        if !lines.ends_with('\n') {
            return Err(NoteError::Malformed("the last signature line does not end with a newline"));
        }
        let mut signatures = Vec::new();
        for line in lines.lines() {
            if signatures.len() == NOTE_SIGNATURES_MAX {
                return Err(NoteError::Malformed("too many signatures"));
            }
            signatures.push(NoteSignature::parse(line).ok_or(NoteError::Malformed("a signature line"))?);
        }
        if signatures.is_empty() {
            return Err(NoteError::Malformed("no signature"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, if at least one of `keys` signed it and none of them signed wrongly.
    /// Signatures by other keys are ignored.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<&str, NoteError> {
        let mut verified = false;
        for line in &self.signatures {
            let Some(key) = keys.iter().find(|key| key.name == line.name && key.id() == line.key_id) else {
                continue;
            };
            let signature = Signature::from_slice(&line.signature)
                .map_err(|_| NoteError::BadSignature(line.name.clone()))?;
            key.public
                .verify_strict(self.text.as_bytes(), &signature)
                .map_err(|_| NoteError::BadSignature(line.name.clone()))?;
            verified = true;
        }
        if verified { Ok(&self.text) } else { Err(NoteError::NoKnownKey) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            let bytes = [&line.key_id[..], &line.signature].concat();
            writeln!(f, "{SIGNATURE_PREFIX}{} {}", line.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        (is_key_name(name) && !signature.is_empty()).then(|| Self {
            name: name.to_owned(),
            key_id: *key_id,
            signature: signature.to_vec(),
        })
    }
}

/// The public half of a note key, with the name it signs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: VerifyingKey,
}

impl VerifierKey {
    /// Reads a vkey: `name+hex8(key id)+base64(type ‖ public key)`.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let bad = || NoteError::BadKey(vkey.to_owned());
        let mut parts = vkey.splitn(3, '+');
        let (name, id, encoded) =
            (parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?);
        let bytes = STANDARD.decode(encoded).map_err(|_| bad())?;
        let (kind, public) = bytes.split_first().ok_or_else(bad)?;
        let public: &[u8; 32] = public.try_into().map_err(|_| bad())?;
        if *kind != ED25519 || !is_key_name(name) {
            return Err(bad());
        }
        let key =
            Self { name: name.to_owned(), public: VerifyingKey::from_bytes(public).map_err(|_| bad())? };
        if hex(&key.id()) == id { Ok(key) } else { Err(bad()) }
    }

    /// The name the key signs under; for a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`.
    pub fn id(&self) -> [u8; 4] {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.public.as_bytes())
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        [a, b, c, d]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[ED25519][..], self.public.as_bytes()].concat();
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), STANDARD.encode(bytes))
    }
}

/// The private half of a note key. The seed is wiped when it is dropped.
pub struct NoteSigner {
    name: String,
    key: SigningKey,
}

impl NoteSigner {
    /// A signer under `name` from 32 secret bytes.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::BadKey(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// A secret for another use of the same log, told apart by `label`.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut hash = Sha512::new();
        hash.update(b"writ derived key");
        hash.update((label.len() as u64).to_be_bytes());
        hash.update(label);
        hash.update(self.key.as_bytes());
        let digest = Zeroizing::new(<[u8; 64]>::from(hash.finalize()));
        Zeroizing::new(digest.first_chunk::<32>().copied().unwrap_or_default())
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), public: self.key.verifying_key() }
    }

    /// Signs `text`, which must end with a newline and hold no other control character.
    pub fn sign(&self, text: &str) -> Result<Note, NoteError> {
        if !text.ends_with('\n') || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Malformed(
                "a text without a newline at its end, or with control characters",
            ));
        }
        let signature = NoteSignature {
            name: self.name.clone(),
            key_id: self.verifier().id(),
            signature: self.key.sign(text.as_bytes()).to_bytes().to_vec(),
        };
        Ok(Note { text: text.to_owned(), signatures: vec![signature] })
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier())
    }
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// What is wrong with a note or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a vkey of type Ed25519, or a name a key cannot have.
    #[error("not an Ed25519 note key: `{0}`")]
    BadKey(String),
    /// A known key's signature does not fit the text.
    #[error("the signature by `{0}` does not fit the text")]
    BadSignature(String),
    /// The note does not follow the format; says where.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// None of the signatures is by a key that was given.
    #[error("no signature by a known key")]
    NoKnownKey,
    /// Larger than [`NOTE_BYTES_MAX`].
    #[error("the note is larger than {NOTE_BYTES_MAX} bytes")]
    TooLarge,
}
