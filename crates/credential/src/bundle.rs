//! SPIFFE bundles as documents (SPIFFE Trust Domain and Bundle §4): what a trust domain publishes of its keys, read and
//! written. A document is taken whole or not at all, and belongs to the trust domain it was asked of and to no other.
//!
//! Out of scope: where it comes from, and whether it may follow the one before (`registry::federation`).

use crate::foreign::{IssuerKey, IssuerKeys, JWKS_BYTES_MAX, JWT_SVID};
use crate::jwt::JwtPublicKey;
use crate::spiffe::TrustDomain;
use crate::svid::key_algorithm;
use crate::terms::KeyAlgorithm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry::TrustBundle;
use registry::admit::is_invisible;
use registry::federation::BUNDLE_BYTES_MAX;
use rustls_pki_types::CertificateDer;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The largest document that is read, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = BUNDLE_BYTES_MAX;
/// Keys of one document at most.
pub const KEYS_MAX: usize = 64;
/// The longest name of a key, in bytes.
const KID_BYTES_MAX: usize = 256;
/// How often others are to ask for ours, in seconds: what is new must have been asked for some times before anything
/// rests on it (SPIFFE Federation §4.1).
pub const REFRESH_HINT_S: u64 = registry::root::PREPARED_MIN_MS / 1_000 / 5;
/// The `use` of roots of X.509-SVIDs (X509-SVID §6.2).
const X509_SVID: &str = "x509-svid";

/// Reads the bundle of a trust domain.
pub fn parse(text: &str, of: &TrustDomain) -> Result<TrustBundle, BundleError> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(BundleError::TooLarge);
    }
    let document: Map<String, Value> = serde_json::from_str(text).map_err(|_| BundleError::Malformed)?;
    let keys = document.get("keys").and_then(Value::as_array).ok_or(BundleError::Malformed)?;
    if keys.len() > KEYS_MAX {
        return Err(BundleError::TooLarge);
    }
    let number = |name: &'static str| match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(BundleError::Number(name)),
    };
    let mut roots = BTreeSet::new();
    let (mut jwt, mut kids) = (Vec::new(), BTreeSet::new());
    for (index, key) in keys.iter().enumerate() {
        let bad = |why: String| BundleError::Key { index, why };
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        if ["d", "k", "p", "q", "priv"].iter().any(|private| key.get(private).is_some()) {
            return Err(bad("it holds a private key, which is private no more".into()));
        }
        if text("kty").is_none() {
            return Err(bad("it has no `kty`".into()));
        }
        match text("use") {
            Some(X509_SVID) => drop(roots.insert(root(key, of).map_err(bad)?)),
            Some(JWT_SVID) => {
                let kid = text("kid").ok_or_else(|| bad("a key for JWT-SVIDs has no `kid`".into()))?;
                if kid.len() > KID_BYTES_MAX || kid.chars().any(is_invisible) {
                    return Err(bad("its `kid` is too long, or not one line".into()));
                }
                if !kids.insert(kid) {
                    return Err(bad(format!("the `kid` `{kid}` stands twice")));
                }
                jwt.push(key);
            }
            // §4.2.2: other uses are for others.
            Some(_) | None => {}
        }
    }
    let jwks = IssuerKeys::normal_of(jwt, JWT_SVID);
    if jwks.len() > JWKS_BYTES_MAX {
        return Err(BundleError::TooLarge);
    }
    Ok(TrustBundle {
        roots: roots.into_iter().map(Into::into).collect(),
        jwks,
        sequence: number("spiffe_sequence")?,
        refresh_hint_s: number("spiffe_refresh_hint")?,
    })
}

/// The names of a bundle's keys for JWT-SVIDs.
pub fn kids(bundle: &TrustBundle) -> Vec<String> {
    let document: Value = serde_json::from_str(&bundle.jwks).unwrap_or_default();
    let keys = document.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    keys.iter().filter_map(|key| key.get("kid")?.as_str()).map(str::to_owned).collect()
}

/// The one certificate of an element (X509-SVID §6.2).
fn root(key: &Value, of: &TrustDomain) -> Result<Vec<u8>, String> {
    let chain = key.get("x5c").and_then(Value::as_array).map(Vec::as_slice);
    let Some([Value::String(only)]) = chain else {
        return Err("`x5c` is not one certificate".into());
    };
    let der = STANDARD.decode(only).map_err(|_| "`x5c` is not base64")?;
    let malformed = || "`x5c` is not a certificate".to_owned();
    let (rest, certificate) = X509Certificate::from_der(&der).map_err(|_| malformed())?;
    if !rest.is_empty() {
        return Err(malformed());
    }
    let signs = certificate.key_usage().map_err(|_| malformed())?;
    if !certificate.is_ca() || !signs.is_some_and(|usage| usage.value.key_cert_sign()) {
        return Err("its certificate is not an authority's".into());
    }
    // What a strict reader refuses must not come to workloads: it would refuse all else that comes with it.
    let strict = webpki::anchor_from_trusted_cert(&CertificateDer::from(der.as_slice())).is_ok();
    if !strict || certificate.raw_serial().first().is_none_or(|first| first & 0x80 != 0) {
        return Err(malformed());
    }
    match key_algorithm(certificate.public_key()) {
        Some(KeyAlgorithm::Ed25519 | KeyAlgorithm::MlDsa65) => {}
        Some(KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::Rsa)
            if IssuerKey::of_spki(certificate.public_key()).is_some() => {}
        Some(KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::Rsa) | None => {
            return Err("its certificate has a key of a kind that is not known here, or none".into());
        }
    }
    // A root may say nothing about where it belongs; one that belongs elsewhere is not this trust domain's.
    let names = certificate.subject_alternative_name().map_err(|_| malformed())?;
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    for name in names {
        if let GeneralName::URI(uri) = name
            && let Some(other) = uri.strip_prefix("spiffe://")
            && other.trim_end_matches('/') != of.as_str()
        {
            return Err(format!("its certificate is of `{}`, not of `{}`", uri.escape_debug(), of.uri()));
        }
    }
    Ok(der)
}

/// The bundle of our own trust domain as it is published. `sequence` grows whenever the rest changes.
pub fn document(roots: &[Vec<u8>], jwt_keys: &[JwtPublicKey], sequence: u64) -> String {
    let root = |der: &Vec<u8>| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut key = IssuerKey::of_spki(certificate.public_key())?.members();
        key.insert("use".into(), X509_SVID.into());
        key.insert("x5c".into(), json!([STANDARD.encode(der)]));
        Some(Value::Object(key))
    };
    let keys = roots.iter().filter_map(root).chain(jwt_keys.iter().map(JwtPublicKey::jwk));
    json!({
        "spiffe_sequence": sequence,
        "spiffe_refresh_hint": REFRESH_HINT_S,
        "keys": keys.collect::<Vec<_>>(),
    })
    .to_string()
}

/// Why a document is not the bundle of a trust domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// One of its keys is at fault.
    #[error("key {index} of the bundle: {why}", index = index + 1)]
    Key {
        /// Which, from 0.
        index: usize,
        /// Why.
        why: String,
    },
    /// Not a bundle.
    #[error("this is no SPIFFE bundle: a JSON object with a list `keys`")]
    Malformed,
    /// A number is none.
    #[error("`{0}` is not a whole number from 0 to 2^64-1")]
    Number(&'static str),
    /// More than is read.
    #[error(
        "the bundle is larger than {DOCUMENT_BYTES_MAX} bytes, has more than {KEYS_MAX} keys, or more than {JWKS_BYTES_MAX} bytes of those for JWT-SVIDs"
    )]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::{IssuingKey, Terms, root_params};
    use crate::signer::MemoryKey;
    use std::sync::Arc;

    fn domain(name: &str) -> TrustDomain {
        name.parse().unwrap()
    }

    fn certificate(of: &str) -> Vec<u8> {
        let key = Arc::new(MemoryKey::new(rcgen::KeyPair::generate().unwrap()).unwrap());
        let terms = Terms { serial: [1; 16], not_before_ms: 0, not_after_ms: 4_000_000_000_000 };
        IssuingKey::new(key, root_params(&domain(of), terms).unwrap()).self_signed().unwrap().der
    }

    fn jwt_key() -> JwtPublicKey {
        let spki = rcgen::PublicKeyData::subject_public_key_info(&rcgen::KeyPair::generate().unwrap());
        JwtPublicKey::from_spki(&spki).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let (roots, keys) = (vec![certificate("acme.example"), certificate("acme.example")], [jwt_key()]);
        let text = document(&roots, &keys, u64::MAX);
        let read = parse(&text, &domain("acme.example")).unwrap();
        let mut sorted = roots;
        sorted.sort();
        assert_eq!(read.roots.iter().map(|root| root.to_vec()).collect::<Vec<_>>(), sorted);
        assert_eq!((read.sequence, read.refresh_hint_s), (Some(u64::MAX), Some(120)));
        assert!(read.jwks.contains(keys[0].kid()) && read.jwks.contains("jwt-svid"), "{}", read.jwks);
        let other = parse(&text, &domain("partner.example")).unwrap_err();
        assert!(other.to_string().contains("is of `spiffe://acme.example`"), "{other}");
    }

    #[test]
    fn what_others_publish_beside_is_passed_over() {
        let text = json!({ "spiffe_refresh_hint": null, "later": 1, "keys": [
            { "kty": "EC", "use": "wit-svid", "kid": "a" },
            { "kty": "OKP", "use": "jwt-svid", "kid": "b", "crv": "Ed25519", "x": "AA" },
            { "kty": "EC" },
        ]});
        let read = parse(&text.to_string(), &domain("acme.example")).unwrap();
        assert_eq!(read, TrustBundle { jwks: r#"{"keys":[]}"#.into(), ..TrustBundle::default() });
    }

    /// An empty list takes everything back; no list is no bundle.
    #[test]
    fn nothing_is_not_the_same_as_no_keys() {
        let of = domain("acme.example");
        assert!(parse(r#"{"keys":[]}"#, &of).unwrap().roots.is_empty());
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#] {
            assert_eq!(parse(text, &of), Err(BundleError::Malformed), "{text}");
        }
        let text = r#"{"keys":[],"spiffe_sequence":-1}"#;
        assert_eq!(parse(text, &of), Err(BundleError::Number("spiffe_sequence")));
        assert_eq!(parse(&" ".repeat(DOCUMENT_BYTES_MAX + 1), &of), Err(BundleError::TooLarge));
    }

    #[test]
    fn one_bad_key_spoils_the_document() {
        let of = domain("acme.example");
        let good = || json!({ "kty": "EC", "use": "x509-svid", "x5c": [STANDARD.encode(certificate("acme.example"))] });
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["x".to_owned()]).unwrap().self_signed(&key).unwrap();
        // A serial number below zero: Go, for one, reads nothing that comes with it.
        let mut negative = certificate("acme.example");
        let serial = negative.windows(18).position(|at| at == [&[2, 16][..], &[1; 16]].concat()).unwrap();
        negative[serial + 2] = 0x81;
        let x5c = |list: Value| json!({ "kty": "EC", "use": "x509-svid", "x5c": list });
        let jwt = |kid: Value| json!({ "kty": "EC", "use": "jwt-svid", "kid": kid });
        for (bad, why) in [
            (x5c(json!([])), "not one certificate"),
            (x5c(json!(["AA==", "AA=="])), "not one certificate"),
            (x5c(json!(["AA=="])), "not a certificate"),
            (x5c(json!(["!"])), "not base64"),
            (x5c(json!([STANDARD.encode(leaf.der())])), "not an authority's"),
            (x5c(json!([STANDARD.encode(certificate("other.example"))])), "spiffe://other.example"),
            (x5c(json!([STANDARD.encode(negative)])), "not a certificate"),
            (jwt(json!("a\u{1b}[2J")), "not one line"),
            (jwt(json!("k".repeat(257))), "too long"),
            (json!({ "use": "x509-svid" }), "no `kty`"),
            (jwt(Value::Null), "no `kid`"),
            (json!({ "kty": "EC", "use": "jwt-svid", "kid": "x", "d": "AA" }), "private no more"),
        ] {
            let text = json!({ "keys": [good(), bad] }).to_string();
            let said = parse(&text, &of).unwrap_err().to_string();
            assert!(said.starts_with("key 2 of the bundle: ") && said.contains(why), "{said}");
        }
        let twice = json!({ "keys": [jwt(json!("a")), jwt(json!("a"))] }).to_string();
        assert!(parse(&twice, &of).unwrap_err().to_string().contains("stands twice"));
    }
}
