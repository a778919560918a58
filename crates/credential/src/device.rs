//! Devices that join with a certificate their manufacturer gave them (IEEE 802.1AR IDevID): a token signed with the
//! certificate's key, the chain in its header (`x5c`, RFC 7515 §4.1.6), for one key that is to be certified.

use crate::foreign::{ForeignError, IssuerKey, Parts, is_algorithm, parts, time};
use crate::jwt::LEEWAY_MS;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Certificates in a chain at most: the device's and those that lead to the root.
pub const CHAIN_MAX: usize = 4;
/// The longest life of such a token: it is made for one use, now.
pub const LIFE_MAX_MS: u64 = 600_000;
/// The claim that names the key to be certified: the hexadecimal SHA-256 of its SPKI.
pub const KEY_CLAIM: &str = "spki_sha256";

/// Reads the roots of a manufacturer (PEM).
pub fn roots(pem: &str) -> Result<Vec<Vec<u8>>, ForeignError> {
    let blocks = pem::parse_many(pem).map_err(|_| ForeignError::Malformed)?;
    let roots: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(pem::Pem::into_contents)
        .collect();
    let readable =
        roots.iter().all(|der| anchor_from_trusted_cert(&CertificateDer::from(der.as_slice())).is_ok());
    if roots.is_empty() || !readable { Err(ForeignError::Malformed) } else { Ok(roots) }
}

/// Verifies a device's token: its chain to a root, its signature, that it is for us, now, and for this key. Gives what
/// its certificate says, as claims: `serial_number`, `common_name`, `fingerprint`.
pub fn verify(
    token: &str,
    roots: &[Vec<u8>],
    (issuer, audience): (&str, &str),
    key: &[u8; 32],
    now_ms: u64,
) -> Result<Map<String, Value>, ForeignError> {
    let Parts { header, claims, signature } = parts(token).ok_or(ForeignError::Malformed)?;
    let listed = header.get("x5c").and_then(Value::as_array).ok_or(ForeignError::Malformed)?;
    if listed.is_empty() || listed.len() > CHAIN_MAX || header.contains_key("crit") {
        return Err(ForeignError::Malformed);
    }
    let decoded: Option<Vec<Vec<u8>>> =
        listed.iter().map(|one| STANDARD.decode(one.as_str()?).ok()).collect();
    let chain: Vec<CertificateDer<'static>> =
        decoded.ok_or(ForeignError::Malformed)?.into_iter().map(CertificateDer::from).collect();
    let (leaf, others) = chain.split_first().ok_or(ForeignError::Malformed)?;
    let unsigned = || ForeignError::Signature(issuer.to_owned());
    // Every key is of a sane size before any of them is used.
    let read: Option<Vec<X509Certificate<'_>>> =
        chain.iter().map(|der| X509Certificate::from_der(der).ok().map(|(_, read)| read)).collect();
    let read = read.ok_or(ForeignError::Malformed)?;
    let keys: Option<Vec<IssuerKey>> = read.iter().map(|one| IssuerKey::of_spki(one.public_key())).collect();
    let keys = keys.ok_or_else(unsigned)?;
    let anchored: Vec<CertificateDer<'_>> =
        roots.iter().map(|root| CertificateDer::from(root.as_slice())).collect();
    let anchors: Result<Vec<_>, _> = anchored.iter().map(anchor_from_trusted_cert).collect();
    let now = UnixTime::since_unix_epoch(Duration::from_millis(now_ms));
    let entity = EndEntityCert::try_from(leaf).map_err(|_| unsigned())?;
    // A device's certificate need not say what it is for; if it does, it is for authenticating.
    let usage = KeyUsage::required_if_present(&[43, 6, 1, 5, 5, 7, 3, 2]);
    entity
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors.map_err(|_| unsigned())?,
            others,
            now,
            usage,
            None,
            None,
        )
        .map_err(|_| unsigned())?;
    let algorithm = header.get("alg").and_then(Value::as_str).filter(|name| is_algorithm(name));
    let algorithm = algorithm.ok_or(ForeignError::Algorithm)?;
    let (signed, _) = token.rsplit_once('.').ok_or(ForeignError::Malformed)?;
    if !keys.first().is_some_and(|key| key.verifies(algorithm, signed.as_bytes(), &signature)) {
        return Err(unsigned());
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(issuer) {
        return Err(ForeignError::Issuer(issuer.to_owned()));
    }
    if text("aud") != Some(audience) {
        return Err(ForeignError::Audience(audience.to_owned()));
    }
    let expires = time(&claims, "exp")?.ok_or(ForeignError::Claim("exp"))?;
    let issued = time(&claims, "iat")?.ok_or(ForeignError::Claim("iat"))?;
    if expires.saturating_add(LEEWAY_MS) <= now_ms || expires.saturating_sub(issued) > LIFE_MAX_MS {
        return Err(ForeignError::Expired);
    }
    if issued > now_ms.saturating_add(LEEWAY_MS) {
        return Err(ForeignError::Future);
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if text(KEY_CLAIM) != Some(hex(key).as_str()) {
        return Err(ForeignError::Claim(KEY_CLAIM));
    }
    let mut said = Map::new();
    if let Some(leaf) = read.first() {
        let subject = leaf.subject();
        let attribute = |name: &str| {
            let mut found = subject.iter_attributes().filter(|one| one.attr_type().to_id_string() == name);
            // Said twice it says nothing.
            let one = found.next().and_then(|one| one.as_str().ok()).map(str::to_owned);
            one.filter(|_| found.next().is_none())
        };
        for (name, id) in [("serial_number", "2.5.4.5"), ("common_name", "2.5.4.3")] {
            said.extend(attribute(id).map(|text| (name.to_owned(), Value::String(text))));
        }
    }
    said.insert("fingerprint".to_owned(), Value::String(hex(&Sha256::digest(leaf))));
    said.insert("exp".to_owned(), Value::from(expires / 1_000));
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
    use serde_json::json;

    const NOW: u64 = 1_800_000_000_000;
    const THEM: (&str, &str) = ("https://maker.example", "writ");

    struct Maker {
        issuer: Issuer<'static, KeyPair>,
        root: Vec<u8>,
    }

    struct Made {
        chain: Vec<Vec<u8>>,
        pair: aws_lc_rs::signature::EcdsaKeyPair,
    }

    impl Maker {
        fn new() -> Self {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            let key = KeyPair::generate().unwrap();
            let root = params.self_signed(&key).unwrap().der().to_vec();
            Self { issuer: Issuer::new(params, key), root }
        }

        fn device(&self, serial: &str, change: impl FnOnce(&mut CertificateParams)) -> Made {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
            change(&mut params);
            let key = KeyPair::generate().unwrap();
            let chain = vec![params.signed_by(&key, &self.issuer).unwrap().der().to_vec()];
            let kind = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            Made {
                chain,
                pair: aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(kind, &key.serialize_der()).unwrap(),
            }
        }
    }

    impl Made {
        fn token(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
            let x5c: Vec<String> = self.chain.iter().map(|der| STANDARD.encode(der)).collect();
            let mut header = json!({ "alg": "ES256", "x5c": x5c });
            let mut claims = json!({
                "iss": THEM.0, "aud": THEM.1, "iat": NOW / 1_000, "exp": NOW / 1_000 + 300, KEY_CLAIM: "07".repeat(32),
            });
            change(&mut header, &mut claims);
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(&header), part(&claims));
            let random = aws_lc_rs::rand::SystemRandom::new();
            let signature = self.pair.sign(&random, signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn check(token: &str, maker: &Maker) -> Result<Map<String, Value>, ForeignError> {
        verify(token, std::slice::from_ref(&maker.root), THEM, &[7; 32], NOW)
    }

    #[test]
    fn a_device_shows_its_certificate_and_its_key() {
        let maker = Maker::new();
        let device = maker.device("SN-42", |_| {});
        let token = device.token(|_, _| {});
        let said = check(&token, &maker).unwrap();
        assert_eq!(said["serial_number"], "SN-42");
        assert_eq!(said["fingerprint"].as_str().unwrap().len(), 64);
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(check(&String::from_utf8(other).unwrap(), &maker).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_is_no_device_of_this_maker_is_refused() {
        let (maker, other) = (Maker::new(), Maker::new());
        let unsigned = Err(ForeignError::Signature(THEM.0.into()));
        let device = maker.device("SN-42", |_| {});
        assert_eq!(check(&device.token(|_, _| {}), &other), unsigned, "another maker's root");
        // A certificate of the maker's, and a key that is not its own.
        let thief = Made { chain: device.chain.clone(), pair: maker.device("SN-1", |_| {}).pair };
        assert_eq!(check(&thief.token(|_, _| {}), &maker), unsigned);
        let authority =
            maker.device("SN-42", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        assert_eq!(check(&authority.token(|_, _| {}), &maker), unsigned, "an authority is no device");
        let past = maker.device("SN-42", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
        assert_eq!(check(&past.token(|_, _| {}), &maker), unsigned, "expired");
        let server = maker.device("SN-42", |params| {
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        });
        assert_eq!(check(&server.token(|_, _| {}), &maker), unsigned, "for something else");
        let claim = |name: &str, value: Value| {
            let token = device.token(|_, claims| claims[name] = value);
            check(&token, &maker).unwrap_err()
        };
        assert_eq!(claim("iss", json!("x")), ForeignError::Issuer(THEM.0.into()));
        assert_eq!(claim("aud", json!(["writ"])), ForeignError::Audience(THEM.1.into()));
        assert_eq!(claim("exp", json!(NOW / 1_000 - 120)), ForeignError::Expired);
        assert_eq!(claim("exp", json!(NOW / 1_000 + 86_400)), ForeignError::Expired, "made to be kept");
        assert_eq!(claim("iat", json!(NOW / 1_000 + 120)), ForeignError::Future);
        // Taken on the way, with another signing request: it is for this key and no other.
        assert_eq!(claim(KEY_CLAIM, json!("08".repeat(32))), ForeignError::Claim(KEY_CLAIM));
        for header in ["x5c", "alg"] {
            let token = device.token(|all, _| drop(all.as_object_mut().unwrap().remove(header)));
            assert!(check(&token, &maker).is_err(), "{header}");
        }
        let token = device.token(|all, _| all["alg"] = json!("none"));
        assert_eq!(check(&token, &maker), Err(ForeignError::Algorithm));
        let long = device.token(|all, _| all["x5c"] = json!(vec!["AA=="; CHAIN_MAX + 1]));
        assert_eq!(check(&long, &maker), Err(ForeignError::Malformed));
    }
}
