//! Signed tokens of others: of CI services and Kubernetes clusters (OpenID Connect Core §2, identity tokens), and of
//! identity providers (security event tokens, RFC 8417). Which algorithms are accepted is fixed before anything is
//! parsed; keys are those somebody trusted by name, never those a token brings along.
//!
//! Out of scope: our own tokens (`jwt`), fetching keys, and what a token entitles to (`registry::admit`).

use crate::jwt::{LEEWAY_MS, TOKEN_BYTES_MAX};
use crate::svid::key_algorithm;
use crate::terms::KeyAlgorithm;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, EcdsaVerificationAlgorithm,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The largest JWK Set that is read, in bytes.
pub const JWKS_BYTES_MAX: usize = 32 * 1024;
/// The `use` of keys for JWT-SVIDs (JWT-SVID §5).
pub(crate) const JWT_SVID: &str = "jwt-svid";
/// The `use` of keys for other tokens (RFC 7517 §4.2); may be left out.
const SIG: &str = "sig";
/// Keys of one issuer at most.
pub const KEYS_MAX: usize = 64;
/// The longest RSA modulus, in bytes: longer ones only cost time.
const MODULUS_BYTES_MAX: usize = 1_024;
/// The shortest.
const MODULUS_BYTES_MIN: usize = 256;
/// The longest RSA exponent, in bytes. Every key in use has 65537; a giant one is an attack on whoever verifies.
const EXPONENT_BYTES_MAX: usize = 4;

/// The keys of an issuer (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerKeys(Vec<IssuerKey>);

/// A key that somebody signs tokens with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuerKey {
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
    P384(Vec<u8>),
    P521(Vec<u8>),
}

impl Material {
    /// An RSA key of a sane size.
    fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Option<Self> {
        let sized = (MODULUS_BYTES_MIN..=MODULUS_BYTES_MAX).contains(&modulus.len())
            && (1..=EXPONENT_BYTES_MAX).contains(&exponent.len());
        sized.then_some(Self::Rsa { modulus, exponent })
    }

    /// Whether it is one: a point must lie on its curve.
    fn is_key(&self) -> bool {
        let on = |curve: &'static EcdsaVerificationAlgorithm, point: &[u8]| {
            ParsedPublicKey::new(curve, point).is_ok()
        };
        match self {
            Self::Rsa { .. } => true,
            Self::P256(point) => on(&ECDSA_P256_SHA256_FIXED, point),
            Self::P384(point) => on(&ECDSA_P384_SHA384_FIXED, point),
            Self::P521(point) => on(&ECDSA_P521_SHA512_FIXED, point),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Es256,
    Es384,
    Es512,
    Ps256,
    Ps384,
    Ps512,
    Rs256,
    Rs384,
    Rs512,
}

impl Algorithm {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            _ => return None,
        })
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Es256 | Self::Es384 | Self::Es512 => None,
            Self::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
            Self::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        }
    }
}

impl IssuerKeys {
    /// Reads a JWK Set. Keys for other uses, or of kinds that are not accepted, are passed over; none left is an
    /// error.
    pub fn parse(jwks: &str) -> Result<Self, KeysError> {
        Self::of_use(jwks, SIG)
    }

    /// Reads the keys of another trust domain for its JWT-SVIDs, as [`crate::bundle::parse`] gives them.
    pub fn of_bundle(jwks: &str) -> Result<Self, KeysError> {
        Self::of_use(jwks, JWT_SVID)
    }

    fn of_use(jwks: &str, used: &str) -> Result<Self, KeysError> {
        if jwks.len() > JWKS_BYTES_MAX {
            return Err(KeysError::TooLarge);
        }
        let set: Value = serde_json::from_str(jwks).map_err(|_| KeysError::Malformed)?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(KeysError::Malformed)?;
        if listed.len() > KEYS_MAX {
            return Err(KeysError::TooLarge);
        }
        let keys: Vec<IssuerKey> = listed.iter().filter_map(|key| IssuerKey::read(key, used)).collect();
        if keys.is_empty() { Err(KeysError::None) } else { Ok(Self(keys)) }
    }

    /// The same keys in an order of their own, with what is used of them: who publishes in another order, or says more,
    /// has published nothing else.
    pub fn normal(jwks: &str) -> Result<String, KeysError> {
        drop(Self::parse(jwks)?);
        let set: Value = serde_json::from_str(jwks).map_err(|_| KeysError::Malformed)?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(KeysError::Malformed)?;
        Ok(Self::normal_of(listed, SIG))
    }

    /// The same of keys for one use; there may be none.
    pub(crate) fn normal_of<'k>(listed: impl IntoIterator<Item = &'k Value>, used: &str) -> String {
        let public = |key: &Value| {
            let members = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"];
            let member = |name: &str| Some((name.to_owned(), key.get(name)?.clone()));
            members.into_iter().filter_map(member).collect::<Map<String, Value>>()
        };
        let accepted = listed.into_iter().filter(|key| IssuerKey::read(key, used).is_some());
        let mut keys: Vec<Value> = accepted.map(public).map(Value::Object).collect();
        keys.sort_by_cached_key(Value::to_string);
        serde_json::json!({ "keys": keys }).to_string()
    }

    /// Whether the key a token names, or the only one, made its signature in this way.
    pub(crate) fn signed(
        &self,
        kid: Option<&str>,
        algorithm: &str,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        self.named(kid).is_some_and(|key| key.verifies(algorithm, message, signature))
    }

    /// The key a token names, or the only one when it names none.
    fn named(&self, kid: Option<&str>) -> Option<&IssuerKey> {
        match (kid, self.0.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl IssuerKey {
    /// Reads a key for one use, which is [`SIG`] where it does not say.
    fn read(jwk: &Value, used: &str) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        if text("use").unwrap_or(SIG) != used {
            return None;
        }
        let point = |size: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == size && y.len() == size).then(|| [&[4], &x[..], &y[..]].concat())
        };
        let material = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("EC", Some("P-521")) => Material::P521(point(66)?),
            ("RSA", _) => Material::rsa(bytes("n")?, bytes("e")?)?,
            _ => return None,
        };
        material.is_key().then_some(())?;
        let algorithm = match text("alg") {
            Some(named) => Some(Algorithm::parse(named)?),
            None => None,
        };
        Some(Self { kid: text("kid").map(str::to_owned), algorithm, material })
    }

    /// The key in a certificate, if it is of an accepted kind and of a sane size.
    pub(crate) fn of_spki(key: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        let material = match (key_algorithm(key)?, key.parsed().ok()?) {
            (KeyAlgorithm::EcdsaP256, PublicKey::EC(point)) if point.data().len() == 65 => {
                Material::P256(point.data().to_vec())
            }
            (KeyAlgorithm::EcdsaP384, PublicKey::EC(point)) if point.data().len() == 97 => {
                Material::P384(point.data().to_vec())
            }
            (KeyAlgorithm::Rsa, PublicKey::RSA(key)) => {
                let bare = |number: &[u8]| {
                    number.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<u8>>()
                };
                Material::rsa(bare(key.modulus), bare(key.exponent))?
            }
            _ => return None,
        };
        material.is_key().then_some(Self { kid: None, algorithm: None, material })
    }

    /// Its members as a JWK (RFC 7518 §6).
    pub(crate) fn members(&self) -> Map<String, Value> {
        let curve = |name: &str, point: &[u8]| {
            let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
            vec![
                ("kty", "EC".to_owned()),
                ("crv", name.to_owned()),
                ("x", URL_SAFE_NO_PAD.encode(x)),
                ("y", URL_SAFE_NO_PAD.encode(y)),
            ]
        };
        let members = match &self.material {
            Material::Rsa { modulus, exponent } => vec![
                ("kty", "RSA".to_owned()),
                ("n", URL_SAFE_NO_PAD.encode(modulus)),
                ("e", URL_SAFE_NO_PAD.encode(exponent)),
            ],
            Material::P256(point) => curve("P-256", point),
            Material::P384(point) => curve("P-384", point),
            Material::P521(point) => curve("P-521", point),
        };
        members.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect()
    }

    /// The same by the algorithm's name.
    pub(crate) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        Algorithm::parse(algorithm).is_some_and(|algorithm| self.verify(algorithm, message, signature))
    }

    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.is_some_and(|only| only != algorithm) {
            return false;
        }
        match (&self.material, algorithm.rsa(), algorithm) {
            (Material::P256(point), _, Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (Material::P384(point), _, Algorithm::Es384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature).is_ok()
            }
            (Material::P521(point), _, Algorithm::Es512) => {
                UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point).verify(message, signature).is_ok()
            }
            (Material::Rsa { modulus, exponent }, Some(parameters), _) => {
                let key = PublicKeyComponents { n: modulus, e: exponent };
                key.verify(parameters, message, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// What kind of token is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identity token: it expires.
    Identity,
    /// A security event (RFC 8417): it has the type `secevent+jwt`, and need not expire.
    SecurityEvent,
}

/// Whose token is expected, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer: the claim `iss`, exactly.
    pub issuer: &'a str,
    /// Us: one of the claim `aud`.
    pub audience: &'a str,
    /// What kind.
    pub kind: Kind,
}

/// Why keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// Not a JWK Set.
    #[error("this is no JWK Set (RFC 7517): an object with a list `keys`")]
    Malformed,
    /// None of them can be used.
    #[error("no key of the set can be used: RSA from 2048 bits, P-256, P-384 or P-521, for signatures")]
    None,
    /// More than is read.
    #[error("the set is larger than {JWKS_BYTES_MAX} bytes or has more than {KEYS_MAX} keys")]
    TooLarge,
}

/// Why a token of somebody else is worth nothing here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// It is signed in a way that is not accepted, or not at all.
    #[error("the token is not signed in an accepted way (RS, PS or ES with SHA-256 to SHA-512)")]
    Algorithm,
    /// It is for somebody else.
    #[error("the token is not for `{0}`")]
    Audience(String),
    /// A claim that it must have is missing or malformed.
    #[error("the token's claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It is from a time to come.
    #[error("the token is from the future")]
    Future,
    /// Somebody else issued it.
    #[error("the token is not of `{0}`")]
    Issuer(String),
    /// Not a compact JWS, or of another type.
    #[error("not a signed token of the expected form")]
    Malformed,
    /// Nobody knows the key, or the signature does not fit.
    #[error("the token is not signed with a key of `{0}`")]
    Signature(String),
}

/// The issuer a token claims to be of, unverified: to look up who could have issued it.
pub fn claimed_issuer(token: &str) -> Option<String> {
    parts(token)?.claims.get("iss")?.as_str().map(str::to_owned)
}

/// Whether a text has the form of a token.
pub fn is_token(text: &str) -> bool {
    text.len() <= TOKEN_BYTES_MAX && text.split('.').count() == 3
}

/// A token taken apart; nothing of it is verified.
pub(crate) struct Parts {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) signature: Vec<u8>,
}

/// Whether a signature of this name is accepted.
pub(crate) fn is_algorithm(name: &str) -> bool {
    Algorithm::parse(name).is_some()
}

pub(crate) fn parts(token: &str) -> Option<Parts> {
    if !is_token(token) {
        return None;
    }
    let mut three = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let (header, claims, signature) = (three.next()??, three.next()??, three.next()??);
    Some(Parts { header: object(&header)?, claims: object(&claims)?, signature })
}

/// SHA-256 of what is signed of a token: the same for every signature that could stand under it.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.rsplit_once('.').map_or(token, |(signed, _)| signed)).into()
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

/// Verifies a token. Gives its claims.
pub fn verify(
    token: &str,
    keys: &IssuerKeys,
    expected: Expected<'_>,
    now_ms: u64,
) -> Result<Map<String, Value>, ForeignError> {
    let Parts { header, claims, signature } = parts(token).ok_or(ForeignError::Malformed)?;
    let text = |of: &Map<String, Value>, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let algorithm = text(&header, "alg").as_deref().and_then(Algorithm::parse);
    let algorithm = algorithm.ok_or(ForeignError::Algorithm)?;
    // RFC 7515 §4.1.11: what must be understood and is not.
    if header.contains_key("crit") {
        return Err(ForeignError::Malformed);
    }
    let kind = text(&header, "typ").map(|kind| kind.to_ascii_lowercase());
    let kind = kind.as_deref().map(|kind| kind.strip_prefix("application/").unwrap_or(kind));
    let fits = match expected.kind {
        // One is never taken for the other (RFC 8417 §4.1).
        Kind::Identity => {
            !matches!(kind, Some("secevent+jwt" | "logout+jwt")) && !claims.contains_key("events")
        }
        Kind::SecurityEvent => kind == Some("secevent+jwt"),
    };
    if !fits {
        return Err(ForeignError::Malformed);
    }
    if text(&claims, "iss").as_deref() != Some(expected.issuer) {
        return Err(ForeignError::Issuer(expected.issuer.to_owned()));
    }
    let unsigned = || ForeignError::Signature(expected.issuer.to_owned());
    let key = keys.named(text(&header, "kid").as_deref()).ok_or_else(unsigned)?;
    let (signed, _) = token.rsplit_once('.').ok_or(ForeignError::Malformed)?;
    if !key.verify(algorithm, signed.as_bytes(), &signature) {
        return Err(unsigned());
    }
    let ours = match claims.get("aud") {
        Some(Value::String(one)) => one == expected.audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(expected.audience)),
        _ => return Err(ForeignError::Claim("aud")),
    };
    if !ours {
        return Err(ForeignError::Audience(expected.audience.to_owned()));
    }
    let expires = time(&claims, "exp")?;
    match (expires, expected.kind) {
        (None, Kind::Identity) => return Err(ForeignError::Claim("exp")),
        (Some(expires), _) if expires.saturating_add(LEEWAY_MS) <= now_ms => {
            return Err(ForeignError::Expired);
        }
        (None, Kind::SecurityEvent) | (Some(_), _) => {}
    }
    let latest = time(&claims, "nbf")?.max(time(&claims, "iat")?);
    if latest.is_some_and(|latest| latest > now_ms.saturating_add(LEEWAY_MS)) {
        return Err(ForeignError::Future);
    }
    Ok(claims)
}

/// A claim that is a time, in milliseconds since 1970.
pub fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, ForeignError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let seconds = value.as_u64().or_else(|| value.as_f64().filter(|s| *s >= 0.0).map(|s| s as u64));
            let seconds = seconds.ok_or(ForeignError::Claim(name))?;
            Ok(Some(seconds.saturating_mul(1_000)))
        }
    }
}

/// A claim as text, by its path: `repository_id`, or `/kubernetes.io/namespace` (RFC 6901). Numbers and booleans
/// are written as JSON writes them; there is no text for lists and objects.
pub fn claim(claims: &Map<String, Value>, path: &str) -> Option<String> {
    let mut found: Option<&Value> = None;
    if let Some(inner) = path.strip_prefix('/') {
        for step in inner.split('/') {
            let step = step.replace("~1", "/").replace("~0", "~");
            found = match found {
                None => claims.get(&step),
                Some(Value::Object(members)) => members.get(&step),
                Some(_) => None,
            };
            found?;
        }
    } else {
        found = claims.get(path);
    }
    match found? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA512,
        RsaKeyPair,
    };
    use serde_json::json;

    const NOW: u64 = 1_800_000_000_000;
    const US: &str = "https://writ.example";
    const THEM: &str = "https://token.ci.example";

    fn part(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    struct Issuer {
        rsa: RsaKeyPair,
        ec: EcdsaKeyPair,
    }

    impl Issuer {
        fn new() -> Self {
            Self {
                rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
                ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            }
        }

        fn jwks(&self) -> Value {
            let rsa = self.rsa.public_key();
            let point = self.ec.public_key().as_ref();
            json!({ "keys": [
                { "kty": "RSA", "kid": "r", "n": part(rsa.modulus().big_endian_without_leading_zero()),
                  "e": part(rsa.exponent().big_endian_without_leading_zero()) },
                { "kty": "EC", "crv": "P-256", "kid": "e", "alg": "ES256", "use": "sig",
                  "x": part(&point[1..33]), "y": part(&point[33..]) },
                { "kty": "oct", "kid": "h", "k": "c2VjcmV0" },
            ]})
        }

        fn keys(&self) -> IssuerKeys {
            IssuerKeys::parse(&self.jwks().to_string()).unwrap()
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let signed = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
            let random = SystemRandom::new();
            let mut rsa = vec![0; self.rsa.public_modulus_len()];
            let signature = match header["alg"].as_str() {
                Some("ES256") => self.ec.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
                Some("PS512") => {
                    self.rsa.sign(&RSA_PSS_SHA512, &random, signed.as_bytes(), &mut rsa).unwrap();
                    rsa
                }
                _ => {
                    self.rsa.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut rsa).unwrap();
                    rsa
                }
            };
            format!("{signed}.{}", part(signature))
        }
    }

    fn claims() -> Value {
        json!({ "iss": THEM, "aud": US, "exp": NOW / 1_000 + 300, "iat": NOW / 1_000, "sub": "repo:acme/shop",
                "repository_id": "42", "run_attempt": 1, "kubernetes.io": { "namespace": "shop", "a/b": "c" } })
    }

    fn identity() -> Expected<'static> {
        Expected { issuer: THEM, audience: US, kind: Kind::Identity }
    }

    fn rs() -> Value {
        json!({ "alg": "RS256", "kid": "r", "typ": "JWT" })
    }

    #[test]
    fn tokens_of_every_accepted_kind_are_read() {
        let issuer = Issuer::new();
        for header in [rs(), json!({ "alg": "PS512", "kid": "r" }), json!({ "alg": "ES256", "kid": "e" })] {
            let token = issuer.sign(&header, &claims());
            let read = verify(&token, &issuer.keys(), identity(), NOW).unwrap();
            assert_eq!(claim(&read, "repository_id").as_deref(), Some("42"));
            assert_eq!(claim(&read, "run_attempt").as_deref(), Some("1"));
            assert_eq!(claim(&read, "/kubernetes.io/namespace").as_deref(), Some("shop"));
            assert_eq!(claim(&read, "/kubernetes.io/a~1b").as_deref(), Some("c"));
            for nothing in ["kubernetes.io", "/kubernetes.io", "/kubernetes.io/pod", "/sub/x", "none", "/"] {
                assert_eq!(claim(&read, nothing), None, "{nothing}");
            }
            for at in 0..token.len() {
                let mut other = token.clone().into_bytes();
                other[at] = if other[at] == b'A' { b'B' } else { b'A' };
                let other = String::from_utf8(other).unwrap();
                assert!(verify(&other, &issuer.keys(), identity(), NOW).is_err(), "byte {at}");
            }
        }
        assert_eq!(claimed_issuer(&issuer.sign(&rs(), &claims())).as_deref(), Some(THEM));
    }

    #[test]
    fn what_only_looks_like_one_is_refused() {
        let issuer = Issuer::new();
        let check = |header: &Value, claims: &Value, now_ms| {
            verify(&issuer.sign(header, claims), &issuer.keys(), identity(), now_ms).unwrap_err()
        };
        for alg in ["none", "HS256", "EdDSA", "RS1", "ES256K", "rs256"] {
            let header = json!({ "alg": alg, "kid": "r" });
            assert_eq!(check(&header, &claims(), NOW), ForeignError::Algorithm, "{alg}");
        }
        let unsigned = ForeignError::Signature(THEM.into());
        // The key's own kind, its own algorithm, and its name.
        for header in [
            json!({ "alg": "ES256", "kid": "r" }),
            json!({ "alg": "RS256", "kid": "e" }),
            json!({ "alg": "RS256", "kid": "h" }),
            json!({ "alg": "RS256", "kid": "x" }),
            json!({ "alg": "RS256" }),
        ] {
            assert_eq!(check(&header, &claims(), NOW), unsigned, "{header}");
        }
        for header in [
            json!({ "alg": "RS256", "kid": "r", "crit": ["b64"] }),
            json!({ "alg": "RS256", "kid": "r", "typ": "secevent+jwt" }),
        ] {
            assert_eq!(check(&header, &claims(), NOW), ForeignError::Malformed, "{header}");
        }
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            check(&rs(), &claims, NOW)
        };
        assert_eq!(with("iss", json!("https://token.ci.example/")), ForeignError::Issuer(THEM.into()));
        assert_eq!(with("aud", json!("https://other.example")), ForeignError::Audience(US.into()));
        assert_eq!(with("aud", json!(5)), ForeignError::Claim("aud"));
        assert_eq!(with("exp", Value::Null), ForeignError::Claim("exp"));
        assert_eq!(with("exp", json!(NOW / 1_000 - 120)), ForeignError::Expired, "two minutes ago");
        assert_eq!(with("nbf", json!(NOW / 1_000 + 120)), ForeignError::Future, "in two minutes");
        assert_eq!(with("iat", json!(NOW / 1_000 + 120)), ForeignError::Future);
        assert_eq!(
            with("events", json!({})),
            ForeignError::Malformed,
            "a security event is no identity token"
        );
        let mut without = claims();
        without.as_object_mut().unwrap().remove("exp");
        assert_eq!(check(&rs(), &without, NOW), ForeignError::Claim("exp"));
        assert_eq!(
            verify(&issuer.sign(&rs(), &claims()), &Issuer::new().keys(), identity(), NOW).unwrap_err(),
            unsigned,
            "another issuer's key under the same name"
        );
    }

    /// ECDSA: (r, n − s) is a signature as well. It is the same token.
    #[test]
    fn a_token_is_one_whatever_its_signature() {
        let issuer = Issuer::new();
        let token = issuer.sign(&json!({ "alg": "ES256", "kid": "e" }), &claims());
        let again = issuer.sign(&json!({ "alg": "ES256", "kid": "e" }), &claims());
        assert_ne!(token, again);
        assert_eq!(digest(&token), digest(&again));
        let mut other = claims();
        other["n"] = json!(1);
        assert_ne!(digest(&token), digest(&issuer.sign(&rs(), &other)));
    }

    #[test]
    fn a_security_event_is_one_by_its_type() {
        let issuer = Issuer::new();
        let expected = Expected { kind: Kind::SecurityEvent, ..identity() };
        let event = json!({ "iss": THEM, "aud": [US], "iat": NOW / 1_000, "jti": "1", "events": {} });
        let header = |kind: &str| json!({ "alg": "RS256", "kid": "r", "typ": kind });
        for kind in ["secevent+jwt", "application/secevent+jwt", "SecEvent+JWT"] {
            assert!(
                verify(&issuer.sign(&header(kind), &event), &issuer.keys(), expected, NOW).is_ok(),
                "{kind}"
            );
        }
        let plain = verify(&issuer.sign(&header("JWT"), &event), &issuer.keys(), expected, NOW);
        assert_eq!(plain, Err(ForeignError::Malformed));
    }

    #[test]
    fn keys_that_only_cost_time_are_passed_over() {
        let issuer = Issuer::new();
        let mut jwks = issuer.jwks();
        jwks["keys"].as_array_mut().unwrap().drain(1..);
        let with = |name: &str, value: String| {
            let mut jwks = jwks.clone();
            jwks["keys"][0][name] = json!(value);
            IssuerKeys::parse(&jwks.to_string())
        };
        assert!(IssuerKeys::parse(&jwks.to_string()).is_ok());
        assert_eq!(with("e", part([1; 300])), Err(KeysError::None), "a giant exponent");
        assert_eq!(with("n", part([255; 4_096])), Err(KeysError::None), "a giant modulus");
        assert_eq!(with("n", part([255; 128])), Err(KeysError::None), "1024 bits");
        assert_eq!(with("use", "enc".into()), Err(KeysError::None));
        assert_eq!(with("alg", "HS256".into()), Err(KeysError::None));
        assert_eq!(IssuerKeys::parse("{\"keys\":[]}"), Err(KeysError::None));
        assert_eq!(IssuerKeys::parse("[]"), Err(KeysError::Malformed));
        assert_eq!(IssuerKeys::parse(&" ".repeat(JWKS_BYTES_MAX + 1)), Err(KeysError::TooLarge));
    }

    #[test]
    fn a_set_in_another_order_or_with_more_beside_it_is_the_same() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (part(&point[1..33]), part(&point[33..]));
        let key = |kid: &str, more: &str| {
            format!(r#"{{ "kid": "{kid}", "kty": "EC", "crv": "P-256", "x": "{x}", "y": "{y}"{more} }}"#)
        };
        let (a, b) = (key("a", ""), key("b", ""));
        let normal = |keys: &[&str]| IssuerKeys::normal(&format!(r#"{{ "keys": [{}] }}"#, keys.join(",")));
        let once = normal(&[&a, &b]).unwrap();
        assert_eq!(IssuerKeys::parse(&once).unwrap().0.len(), 2);
        assert_eq!(normal(&[&b, &a]).unwrap(), once);
        let (told, other) =
            (key("a", r#", "x5c": ["MII"], "n_": 1"#), r#"{ "kty": "oct", "k": "c2VjcmV0" }"#);
        assert_eq!(normal(&[other, &b, &told]).unwrap(), once);
        assert_ne!(normal(&[&a]).unwrap(), once);
        assert_eq!(normal(&[other]), Err(KeysError::None));
        let off = format!(r#"{{ "kty": "EC", "crv": "P-256", "x": "{x}", "y": "{x}" }}"#);
        assert_eq!(normal(&[&off]), Err(KeysError::None), "a point that is not on the curve");
    }
}
