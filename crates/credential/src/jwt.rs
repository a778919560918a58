//! JWT-SVIDs (SPIFFE JWT-SVID): making the text that is signed, reading and verifying a token, and the JWK Set
//! of a trust domain. One algorithm, ES256: the list of what is accepted is fixed before anything is parsed.
//!
//! Out of scope: private keys (`authority`), and whether somebody may have a token (`registry::admit`).

use crate::foreign::{self, IssuerKeys, JWT_SVID};
use crate::spiffe::{SpiffeId, TrustDomain};
use crate::terms::{self, ClauseRef};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use registry::State;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The one algorithm.
const ALGORITHM: &str = "ES256";
/// The longest token that is read, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// How far clocks may be apart.
pub const LEEWAY_MS: u64 = 60_000;
/// The life of a token when no instrument asks for a shorter one.
pub const DEFAULT_LIFE_MS: u64 = 300_000;

/// The keys by which a trust domain's own tokens are verified now.
pub fn live_keys(state: &State, now_ms: u64) -> Vec<JwtPublicKey> {
    let live = state.jwt_keys.values().filter(|key| key.expires_ms > now_ms);
    live.filter_map(|key| JwtPublicKey::from_spki(&key.public_key).ok()).collect()
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtClaims {
    /// Whose it is.
    pub subject: SpiffeId,
    /// For whom it is; at least one.
    pub audiences: Vec<String>,
    /// When it was issued, milliseconds since 1970; whole seconds are written.
    pub issued_ms: u64,
    /// Before this it is not to be accepted: the claim `nbf`, which our own do not have.
    pub begins_ms: u64,
    /// When it expires.
    pub expires_ms: u64,
    /// Its id.
    pub jti: String,
    /// Under which clauses it was issued; not read from tokens.
    pub clauses: Vec<ClauseRef>,
}

impl JwtClaims {
    /// Its id, where it is one of this trust domain's: 16 bytes, hexadecimal.
    pub fn id(&self) -> Option<[u8; 16]> {
        let digit = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
        let (pairs, []) = self.jti.as_bytes().as_chunks::<2>() else { return None };
        let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes?.try_into().ok()
    }

    /// What is signed: header and claims. The signature (r and s, 32 bytes each) follows after a dot.
    pub fn signing_input(&self, kid: &str) -> String {
        let header = json!({ "alg": ALGORITHM, "kid": kid, "typ": "JWT" });
        let mut claims = json!({
            "sub": self.subject.to_string(), "aud": self.audiences, "exp": self.expires_ms / 1_000,
            "iat": self.issued_ms / 1_000, "jti": self.jti,
        });
        if let (Value::Object(members), false) = (&mut claims, self.clauses.is_empty()) {
            members.insert(terms::CLAIM.to_owned(), terms::to_json(&self.clauses));
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&header), part(&claims))
    }
}

/// A signed token.
pub fn compact(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A key by which tokens of a trust domain are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtPublicKey {
    kid: String,
    /// The point on P-256, uncompressed: 0x04, x, y.
    point: [u8; 65],
}

impl JwtPublicKey {
    /// From SPKI (DER) of a P-256 key. Its id is its thumbprint (RFC 7638).
    pub fn from_spki(der: &[u8]) -> Result<Self, JwtError> {
        let (rest, spki) = SubjectPublicKeyInfo::from_der(der).map_err(|_| JwtError::Key)?;
        let point: [u8; 65] = spki.subject_public_key.data.as_ref().try_into().map_err(|_| JwtError::Key)?;
        if !rest.is_empty() || point[0] != 4 {
            return Err(JwtError::Key);
        }
        let mut key = Self { kid: String::new(), point };
        let (x, y) = key.coordinates();
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        key.kid = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        Ok(key)
    }

    /// Its id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    fn coordinates(&self) -> (String, String) {
        let (x, y) = self.point.get(1..).unwrap_or_default().split_at(32);
        (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
    }

    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.coordinates();
        json!({ "kty": "EC", "use": JWT_SVID, "kid": self.kid, "crv": "P-256", "x": x, "y": y })
    }
}

/// The JWK Set of a trust domain's keys (SPIFFE Trust Domain and Bundle §4).
pub fn jwks(keys: &[JwtPublicKey]) -> String {
    json!({ "keys": keys.iter().map(JwtPublicKey::jwk).collect::<Vec<_>>() }).to_string()
}

/// Why a token is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is signed in another way, or in none.
    #[error("the token is not signed in a way that its trust domain's tokens are")]
    Algorithm,
    /// It is for somebody else.
    #[error("the token is not for the audience `{0}`")]
    Audience(String),
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It is from a time to come.
    #[error("the token was issued in the future")]
    Future,
    /// A claim that it must have is missing or malformed.
    #[error("the token's claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// Not a P-256 key.
    #[error("not a P-256 public key")]
    Key,
    /// Not a compact JWS.
    #[error("not a signed token of the form header.claims.signature")]
    Malformed,
    /// Nobody knows the key, or the signature does not fit.
    #[error("the token is not signed with a key of the trust domain `{0}`")]
    Signature(TrustDomain),
    /// Its machine may not act.
    #[error("the token's machine may not act: {0}")]
    Subject(String),
    /// It is from elsewhere.
    #[error("the token's subject is not of the trust domain `{0}`")]
    TrustDomain(TrustDomain),
}

/// The keys of one trust domain.
#[derive(Clone, Copy, Debug)]
pub enum SvidKeys<'k> {
    /// Of this trust domain, which signs in one way only.
    Own(&'k [JwtPublicKey]),
    /// Of another one, which signs in any of the ways of JWT-SVID §2.1.
    Federated(&'k IssuerKeys),
}

impl SvidKeys<'_> {
    fn accepts(self, algorithm: &str) -> bool {
        match self {
            Self::Own(_) => algorithm == ALGORITHM,
            Self::Federated(_) => foreign::is_algorithm(algorithm),
        }
    }

    fn signed(self, kid: Option<&str>, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Own(keys) => keys.iter().find(|key| kid == Some(&key.kid)).is_some_and(|key| {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point).verify(message, signature).is_ok()
            }),
            Self::Federated(keys) => keys.signed(kid, algorithm, message, signature),
        }
    }
}

/// The trust domain a token claims its subject to be of, unverified: to look up by which keys it must be signed.
pub fn claimed_trust_domain(token: &str) -> Option<TrustDomain> {
    let subject: SpiffeId = foreign::parts(token)?.claims.get("sub")?.as_str()?.parse().ok()?;
    Some(subject.trust_domain().clone())
}

/// Reads and verifies a token of a trust domain. Gives what it says, and all its claims.
pub fn verify(
    token: &str,
    trust_domain: &TrustDomain,
    keys: SvidKeys<'_>,
    audience: &str,
    now_ms: u64,
) -> Result<(JwtClaims, Map<String, Value>), JwtError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(JwtError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
    if claims.contains('.') {
        return Err(JwtError::Malformed);
    }
    let header = object(header)?;
    let text = |key: &str| header.get(key).and_then(Value::as_str);
    let algorithm = text("alg").filter(|named| keys.accepts(named)).ok_or(JwtError::Algorithm)?;
    // JWT-SVID §2: nothing but these, and `typ` only with these values.
    let known = header.keys().all(|key| matches!(key.as_str(), "alg" | "kid" | "typ"));
    if !known || header.get("typ").is_some_and(|kind| !matches!(kind.as_str(), Some("JWT" | "JOSE"))) {
        return Err(JwtError::Malformed);
    }
    let claims = object(claims)?;
    let subject: SpiffeId = claims
        .get("sub")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or(JwtError::Claim("sub"))?;
    // The keys of one trust domain say nothing about another's subjects.
    if subject.trust_domain() != trust_domain {
        return Err(JwtError::TrustDomain(trust_domain.clone()));
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Malformed)?;
    if !keys.signed(text("kid"), algorithm, signed.as_bytes(), &signature) {
        return Err(JwtError::Signature(trust_domain.clone()));
    }
    let read = claims_of(&claims, subject)?;
    if read.expires_ms.saturating_add(LEEWAY_MS) <= now_ms {
        return Err(JwtError::Expired);
    }
    if read.issued_ms.max(read.begins_ms) > now_ms.saturating_add(LEEWAY_MS) {
        return Err(JwtError::Future);
    }
    if !read.audiences.iter().any(|known| known == audience) {
        return Err(JwtError::Audience(audience.to_owned()));
    }
    Ok((read, claims))
}

fn claims_of(claims: &Map<String, Value>, subject: SpiffeId) -> Result<JwtClaims, JwtError> {
    let seconds = |key: &'static str| match claims.get(key) {
        None => Ok(None),
        Some(value) => {
            let seconds = value.as_u64().or_else(|| value.as_f64().filter(|s| *s >= 0.0).map(|s| s as u64));
            seconds.map(|seconds| Some(seconds.saturating_mul(1_000))).ok_or(JwtError::Claim(key))
        }
    };
    let audiences = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            let texts: Option<Vec<String>> =
                several.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            texts.filter(|texts| !texts.is_empty()).ok_or(JwtError::Claim("aud"))?
        }
        _ => return Err(JwtError::Claim("aud")),
    };
    Ok(JwtClaims {
        subject,
        audiences,
        issued_ms: seconds("iat")?.unwrap_or(0),
        begins_ms: seconds("nbf")?.unwrap_or(0),
        expires_ms: seconds("exp")?.ok_or(JwtError::Claim("exp"))?,
        jti: claims.get("jti").and_then(Value::as_str).unwrap_or_default().to_owned(),
        clauses: Vec::new(),
    })
}

fn object(part: &str) -> Result<Map<String, Value>, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(JwtError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    const NOW: u64 = 1_800_000_000_000;

    struct Signer(EcdsaKeyPair, JwtPublicKey);

    impl Signer {
        fn new() -> Self {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            // The SPKI of P-256 is a fixed head and the point.
            let mut spki = vec![
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
                0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
            ];
            spki.extend(pair.public_key().as_ref());
            let key = JwtPublicKey::from_spki(&spki).unwrap();
            Self(pair, key)
        }

        fn sign(&self, input: &str) -> String {
            let signature = self.0.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
            compact(input, signature.as_ref())
        }

        fn raw(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            self.sign(&format!("{}.{}", part(header), part(claims)))
        }
    }

    fn domain() -> TrustDomain {
        "acme.example".parse().unwrap()
    }

    fn claims() -> JwtClaims {
        JwtClaims {
            subject: "spiffe://acme.example/acme/bot".parse().unwrap(),
            audiences: vec!["payments".into(), "mail".into()],
            issued_ms: NOW,
            begins_ms: 0,
            expires_ms: NOW + 300_000,
            jti: "7".into(),
            clauses: Vec::new(),
        }
    }

    fn check(token: &str, keys: &[JwtPublicKey], now_ms: u64) -> Result<JwtClaims, JwtError> {
        verify(token, &domain(), SvidKeys::Own(keys), "mail", now_ms).map(|(claims, _)| claims)
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_expires() {
        let signer = Signer::new();
        let token = signer.sign(&claims().signing_input(signer.1.kid()));
        let keys = [Signer::new().1, signer.1.clone()];
        assert_eq!(check(&token, &keys, NOW), Ok(claims()));
        let last = claims().expires_ms + LEEWAY_MS;
        assert!(check(&token, &keys, last - 1).is_ok());
        assert_eq!(check(&token, &keys, last), Err(JwtError::Expired));
        assert_eq!(check(&token, &keys, NOW - LEEWAY_MS - 1), Err(JwtError::Future));
        assert!(check(&token, &keys, NOW - LEEWAY_MS).is_ok());
        let other = verify(&token, &domain(), SvidKeys::Own(&keys), "elsewhere", NOW).unwrap_err();
        assert_eq!(other, JwtError::Audience("elsewhere".into()));
        assert_eq!(check(&token, &keys[..1], NOW), Err(JwtError::Signature(domain())));
    }

    #[test]
    fn every_byte_of_a_token_is_held() {
        let signer = Signer::new();
        let token = signer.sign(&claims().signing_input(signer.1.kid()));
        let keys = [signer.1];
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            // The last symbol holds four bits that mean nothing; the decoder refuses them unless they are zero.
            assert!(check(&other, &keys, NOW).is_err(), "byte {at}");
        }
        for cut in 0..token.len() {
            assert!(check(&token[..cut], &keys, NOW).is_err());
        }
    }

    /// Each was somebody's CVE.
    #[test]
    fn tokens_that_only_look_signed() {
        let signer = Signer::new();
        let kid = signer.1.kid().to_owned();
        let keys = [signer.1.clone()];
        let good =
            json!({ "sub": "spiffe://acme.example/acme/bot", "aud": ["mail"], "exp": NOW / 1_000 + 60 });
        let header = |alg: &str| json!({ "alg": alg, "kid": kid, "typ": "JWT" });
        assert!(check(&signer.raw(&header("ES256"), &good), &keys, NOW).is_ok());
        for alg in ["none", "None", "HS256", "EdDSA", "RS256", "ES384", "ML-DSA-65"] {
            assert_eq!(
                check(&signer.raw(&header(alg), &good), &keys, NOW),
                Err(JwtError::Algorithm),
                "{alg}"
            );
        }
        let with = |key: &str, value: Value| {
            let mut claims = good.clone();
            let members = claims.as_object_mut().unwrap();
            if value.is_null() {
                members.remove(key);
            } else {
                members.insert(key.into(), value);
            }
            check(&signer.raw(&header("ES256"), &claims), &keys, NOW)
        };
        assert_eq!(with("exp", Value::Null), Err(JwtError::Claim("exp")), "a token without an end");
        assert_eq!(with("exp", json!("soon")), Err(JwtError::Claim("exp")));
        assert_eq!(with("aud", Value::Null), Err(JwtError::Claim("aud")));
        assert_eq!(with("aud", json!([])), Err(JwtError::Claim("aud")));
        assert_eq!(with("aud", json!(["mail", 5])), Err(JwtError::Claim("aud")));
        assert_eq!(with("sub", json!("acme/bot")), Err(JwtError::Claim("sub")));
        assert_eq!(
            with("sub", json!("spiffe://other.example/acme/bot")),
            Err(JwtError::TrustDomain(domain())),
            "another trust domain's subject under our key"
        );
        for extra in [
            json!({ "alg": "ES256", "kid": kid, "jwk": {} }),
            json!({ "alg": "ES256", "kid": kid, "crit": [] }),
        ] {
            assert_eq!(check(&signer.raw(&extra, &good), &keys, NOW), Err(JwtError::Malformed), "{extra}");
        }
        let stranger = Signer::new();
        let forged = stranger.raw(&header("ES256"), &good);
        assert_eq!(
            check(&forged, &keys, NOW),
            Err(JwtError::Signature(domain())),
            "our key id, another's key"
        );
        assert_eq!(check(&"a".repeat(TOKEN_BYTES_MAX + 1), &keys, NOW), Err(JwtError::Malformed));
    }

    /// Of another trust domain: by its own keys, in any of the ways of JWT-SVID, and never for one of ours.
    #[test]
    fn a_token_of_another_trust_domain_counts_under_its_own_keys_only() {
        use aws_lc_rs::rsa::KeySize;
        use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED_SIGNING, RSA_PSS_SHA384, RsaKeyPair};
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (rsa, ec) = (
            RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap(),
        );
        let point = ec.public_key().as_ref();
        let keys = json!({ "keys": [
            { "kty": "RSA", "use": "jwt-svid", "kid": "r",
              "n": encode(rsa.public_key().modulus().big_endian_without_leading_zero()),
              "e": encode(rsa.public_key().exponent().big_endian_without_leading_zero()) },
            { "kty": "EC", "crv": "P-521", "use": "jwt-svid", "kid": "e",
              "x": encode(&point[1..67]), "y": encode(&point[67..]) },
        ]});
        let keys = IssuerKeys::of_bundle(&keys.to_string()).unwrap();
        let partner: TrustDomain = "partner.example".parse().unwrap();
        let part = |value: &Value| encode(value.to_string().as_bytes());
        let token = |kid: &str, alg: &str, subject: &str| {
            let claims = json!({ "sub": subject, "aud": "mail", "exp": NOW / 1_000 + 60 });
            let input = format!("{}.{}", part(&json!({ "alg": alg, "kid": kid })), part(&claims));
            let signature = if kid == "r" {
                let mut signature = vec![0; rsa.public_modulus_len()];
                rsa.sign(&RSA_PSS_SHA384, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
                signature
            } else {
                ec.sign(&SystemRandom::new(), input.as_bytes()).unwrap().as_ref().to_vec()
            };
            compact(&input, &signature)
        };
        let check = |token: &str, domain: &TrustDomain, keys| {
            verify(token, domain, keys, "mail", NOW).map(|(claims, _)| claims.subject.to_string())
        };
        let (theirs, ours) = ("spiffe://partner.example/billing", "spiffe://acme.example/acme/bot");
        for (kid, alg) in [("r", "PS384"), ("e", "ES512")] {
            let good = token(kid, alg, theirs);
            assert_eq!(claimed_trust_domain(&good), Some(partner.clone()));
            assert_eq!(check(&good, &partner, SvidKeys::Federated(&keys)), Ok(theirs.to_owned()));
            assert_eq!(check(&good, &domain(), SvidKeys::Own(&[])), Err(JwtError::Algorithm));
            let forged = token(kid, alg, ours);
            assert_eq!(
                check(&forged, &partner, SvidKeys::Federated(&keys)),
                Err(JwtError::TrustDomain(partner.clone())),
                "their key speaks of our machine"
            );
        }
        for (kid, alg) in [("r", "HS256"), ("r", "none"), ("e", "EdDSA")] {
            let refused = check(&token(kid, alg, theirs), &partner, SvidKeys::Federated(&keys));
            assert_eq!(refused, Err(JwtError::Algorithm), "{alg}");
        }
        for (kid, alg) in [("r", "ES512"), ("r", "RS384"), ("e", "PS384"), ("x", "ES512")] {
            let refused = check(&token(kid, alg, theirs), &partner, SvidKeys::Federated(&keys));
            assert_eq!(refused, Err(JwtError::Signature(partner.clone())), "{kid} {alg}");
        }
        // Keys for other uses are none for these tokens.
        let other = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"e","use":"sig","x":"AA","y":"AA"}]}"#;
        assert!(IssuerKeys::of_bundle(other).is_err());
    }

    /// RFC 7638 names the members and their order; the id does not depend on anything else.
    #[test]
    fn keys_are_named_by_their_thumbprint() {
        let key = Signer::new().1;
        let set: Value = serde_json::from_str(&jwks(std::slice::from_ref(&key))).unwrap();
        let jwk = &set["keys"][0];
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        assert_eq!(jwk["kid"], URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)));
        assert_eq!(jwk["use"], "jwt-svid");
        assert_eq!(JwtPublicKey::from_spki(&[0; 91]), Err(JwtError::Key));
    }
}
