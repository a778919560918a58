//! The keys that JWT-SVIDs are signed with: other ones than those of certificates. Each signs for a month; its successor
//! is published before it signs, and it stays published until its last token has expired.

use crate::{Authority, SubmitError};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use credential::{IssueError, JwtClaims, JwtPublicKey, jwt};
use registry::{Actor, Command, JwtKey, Millis};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// How long a key is published.
const LIFE_MS: Millis = 365 * 86_400_000;
/// After this another takes its place.
const USE_MS: Millis = 30 * 86_400_000;
/// How long a key is published before it signs: whoever keeps keys for a while has it by then.
const KNOWN_MS: Millis = 3_600_000;

/// The key that JWT-SVIDs are signed with; another one than those of certificates.
pub struct JwtSigner {
    pair: EcdsaKeyPair,
    public: JwtPublicKey,
    spki: Vec<u8>,
}

impl JwtSigner {
    /// Its id.
    pub(crate) fn kid(&self) -> &str {
        self.public.kid()
    }

    /// A fresh private key (PKCS#8, PEM).
    pub fn create() -> Result<Zeroizing<String>, IssueError> {
        Ok(Zeroizing::new(crate::ca::key_pair()?.serialize_pem()))
    }

    /// From a private key (PKCS#8, PEM).
    pub fn open(pem: &str) -> Result<Self, IssueError> {
        let failed = |what: String| IssueError::Failed(format!("the JWT signing key: {what}"));
        let key = rcgen::KeyPair::from_pem(pem).map_err(|error| failed(error.to_string()))?;
        let der = Zeroizing::new(key.serialize_der());
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map_err(|error| failed(error.to_string()))?;
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        let public = JwtPublicKey::from_spki(&spki).map_err(|error| failed(error.to_string()))?;
        Ok(Self { pair, public, spki })
    }

    pub(crate) fn sign(&self, claims: &JwtClaims) -> Result<String, IssueError> {
        let input = claims.signing_input(self.public.kid());
        let signature = self
            .pair
            .sign(&SystemRandom::new(), input.as_bytes())
            .map_err(|_| IssueError::Failed("the token could not be signed".into()))?;
        Ok(jwt::compact(&input, signature.as_ref()))
    }
}

/// The key that signs now.
pub(crate) struct JwtKeys(RwLock<Arc<JwtSigner>>);

impl JwtKeys {
    pub(crate) fn new(signer: JwtSigner) -> Self {
        Self(RwLock::new(Arc::new(signer)))
    }

    pub(crate) fn signer(&self) -> Arc<JwtSigner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sign_with(&self, signer: JwtSigner) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signer);
    }
}

/// What is to be done about the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    /// Nothing.
    Nothing,
    /// A successor is to be made and published.
    Make,
    /// A key that was published for long enough is to sign.
    Sign(String),
}

/// Decides it, from what is published and from which of it signs.
fn due(published: &BTreeMap<String, JwtKey>, signing: &str, now_ms: Millis) -> Due {
    let age_ms = |key: &JwtKey| now_ms.saturating_sub(key.expires_ms.saturating_sub(LIFE_MS));
    let alive = |key: &JwtKey| key.expires_ms > now_ms.saturating_add(KNOWN_MS);
    let Some((newest, newest_key)) = published.iter().max_by_key(|(_, key)| key.expires_ms) else {
        return Due::Make;
    };
    // The newest that everybody knows signs, whichever this process began with.
    let known = published.iter().filter(|(_, key)| alive(key) && age_ms(key) >= KNOWN_MS);
    match known.max_by_key(|(_, key)| key.expires_ms) {
        Some((known, _)) if known != signing => return Due::Sign(known.clone()),
        Some(_) => {}
        // One that does not sign, because nothing it signed could be verified any more, is replaced at once.
        None if newest != signing && !published.get(signing).is_some_and(alive) => {
            return Due::Sign(newest.clone());
        }
        None => {}
    }
    if age_ms(newest_key) >= USE_MS { Due::Make } else { Due::Nothing }
}

impl Authority {
    /// Makes and publishes the next key in time, and signs with it once it is known.
    pub async fn succeed_jwt_key(&self) -> Result<(), SubmitError> {
        let internal = |error: IssueError| SubmitError::Internal(error.to_string());
        let signing = self.jwt.signer();
        let step = due(&self.rules().state().jwt_keys, signing.kid(), self.now_ms());
        match step {
            Due::Nothing => Ok(()),
            Due::Make => {
                let pem = JwtSigner::create().map_err(internal)?;
                let made = JwtSigner::open(&pem).map_err(internal)?;
                // The key first: nobody hears of one that could be lost.
                self.keys.keep(&file(made.kid()), pem.as_bytes()).map_err(SubmitError::Internal)?;
                self.publish(&made).await
            }
            Due::Sign(kid) => {
                let lost = || {
                    SubmitError::Internal(format!("the key `{kid}` of JWT-SVIDs is not in the key directory"))
                };
                let pem = self.keys.load(&file(&kid)).map_err(SubmitError::Internal)?.ok_or_else(lost)?;
                let pem =
                    std::str::from_utf8(&pem).map_err(|error| SubmitError::Internal(error.to_string()))?;
                self.jwt.sign_with(JwtSigner::open(pem).map_err(internal)?);
                tracing::info!(%kid, "another key signs JWT-SVIDs");
                Ok(())
            }
        }
    }

    /// Makes the first key known, unless one is; and signs with the one whose turn it is.
    pub(crate) async fn publish_jwt_key(&self) -> Result<(), SubmitError> {
        if self.rules().state().jwt_keys.is_empty() {
            return self.publish(&self.jwt.signer()).await;
        }
        self.succeed_jwt_key().await
    }

    async fn publish(&self, signer: &JwtSigner) -> Result<(), SubmitError> {
        let command = Command::PublishJwtKey {
            kid: signer.kid().to_owned(),
            public_key: signer.spki.clone(),
            expires_ms: self.now_ms().saturating_add(LIFE_MS),
        };
        self.submit(Actor::System, command).await.map(drop)
    }
}

/// Where a key lies in the key directory.
fn file(kid: &str) -> String {
    format!("jwt-{kid}.pem")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_each_other_with_overlap() {
        let start = 1_800_000_000_000;
        let key =
            |published_ms: Millis| JwtKey { public_key: Vec::new(), expires_ms: published_ms + LIFE_MS };
        let mut published = BTreeMap::new();
        assert_eq!(due(&published, "a", start), Due::Make);
        published.insert("a".to_owned(), key(start));
        assert_eq!(due(&published, "a", start), Due::Nothing);
        assert_eq!(due(&published, "a", start + USE_MS - 1), Due::Nothing);
        assert_eq!(due(&published, "a", start + USE_MS), Due::Make);
        let next = start + USE_MS;
        published.insert("b".to_owned(), key(next));
        assert_eq!(due(&published, "a", next + KNOWN_MS - 1), Due::Nothing, "not everybody knows it");
        assert_eq!(due(&published, "a", next + KNOWN_MS), Due::Sign("b".into()));
        assert_eq!(due(&published, "b", next + KNOWN_MS), Due::Nothing);
        // A process that starts anew begins with the first: the newest that is known signs, not one of before.
        published.insert("c".to_owned(), key(next + USE_MS));
        assert_eq!(due(&published, "a", next + USE_MS + 1), Due::Sign("b".into()));
        assert_eq!(due(&published, "b", next + USE_MS + 1), Due::Nothing);
        assert_eq!(due(&published, "b", next + USE_MS + KNOWN_MS), Due::Sign("c".into()));
        published.remove("c");
        // A year later nothing is left of the first; without it the second signs at once.
        published.remove("a");
        assert_eq!(due(&published, "a", next + 1), Due::Sign("b".into()));
    }
}
