//! Reading a presented X.509-SVID (SPIFFE X.509-SVID §5.2). The chain and the times are checked by
//! TLS; here is what TLS does not look at.

use crate::spiffe::{SpiffeId, SpiffeIdError};
use crate::terms::KeyAlgorithm;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

/// A leaf certificate that follows the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svid {
    /// Whose it is.
    pub id: SpiffeId,
    /// Its serial number.
    pub serial: [u8; 16],
    /// When it expires, milliseconds since 1970.
    pub not_after_ms: u64,
    /// SHA-256 of its public key (SPKI, DER).
    pub public_key: [u8; 32],
    /// The algorithm of its key, as clauses spell it; empty if it is none of those.
    pub key_algorithm: &'static str,
}

/// Whose a leaf (DER) of any trust domain is, if it follows the profile.
pub fn spiffe_id(der: &[u8]) -> Result<SpiffeId, SvidError> {
    id(&certificate(der)?)
}

fn certificate(der: &[u8]) -> Result<X509Certificate<'_>, SvidError> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| SvidError::Malformed)?;
    if rest.is_empty() { Ok(certificate) } else { Err(SvidError::Malformed) }
}

fn id(certificate: &X509Certificate<'_>) -> Result<SpiffeId, SvidError> {
    let mut id = None;
    let mut may_sign = false;
    for extension in certificate.extensions() {
        let parsed = extension.parsed_extension();
        if let ParsedExtension::SubjectAlternativeName(names) = parsed {
            for name in &names.general_names {
                if let GeneralName::URI(uri) = name {
                    if id.is_some() {
                        return Err(SvidError::SeveralIds);
                    }
                    id = Some(uri.parse()?);
                }
            }
        } else if let ParsedExtension::BasicConstraints(constraints) = parsed {
            if constraints.ca {
                return Err(SvidError::Authority);
            }
        } else if let ParsedExtension::KeyUsage(usage) = parsed {
            if usage.key_cert_sign() || usage.crl_sign() {
                return Err(SvidError::Authority);
            }
            may_sign = usage.digital_signature();
        } else if let ParsedExtension::ParseError { .. } = parsed {
            return Err(SvidError::Malformed);
        }
    }
    if !may_sign {
        return Err(SvidError::KeyUsage);
    }
    id.ok_or(SvidError::NoId)
}

impl Svid {
    /// Reads a leaf of this trust domain from DER.
    pub fn parse(der: &[u8]) -> Result<Self, SvidError> {
        let certificate = certificate(der)?;
        Ok(Self {
            id: id(&certificate)?,
            serial: serial(certificate.raw_serial()).ok_or(SvidError::Serial)?,
            not_after_ms: u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0) * 1000,
            public_key: Sha256::digest(certificate.public_key().raw).into(),
            key_algorithm: key_algorithm(certificate.public_key()).map_or("", KeyAlgorithm::as_str),
        })
    }
}

/// A key's algorithm by its object identifiers (RFC 5480, RFC 8410, RFC 3279, FIPS 204).
pub(crate) fn key_algorithm(key: &SubjectPublicKeyInfo<'_>) -> Option<KeyAlgorithm> {
    let algorithm = &key.algorithm;
    let curve = algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let curve = curve.map(|oid| oid.to_id_string());
    match (algorithm.algorithm.to_id_string().as_str(), curve.as_deref()) {
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => Some(KeyAlgorithm::EcdsaP256),
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => Some(KeyAlgorithm::EcdsaP384),
        ("1.3.101.112", _) => Some(KeyAlgorithm::Ed25519),
        ("1.2.840.113549.1.1.1", _) => Some(KeyAlgorithm::Rsa),
        ("2.16.840.1.101.3.4.3.18", _) => Some(KeyAlgorithm::MlDsa65),
        _ => None,
    }
}

/// A serial number of at most 16 bytes, without the sign byte DER may put in front.
fn serial(raw: &[u8]) -> Option<[u8; 16]> {
    let digits = match raw {
        [0, rest @ ..] if rest.len() == 16 => rest,
        other => other,
    };
    let mut serial = [0; 16];
    serial.get_mut(16usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    Some(serial)
}

/// Why a certificate is not an X.509-SVID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// It is an authority's.
    #[error("an authority's certificate is not a credential")]
    Authority,
    /// Its URI is not a SPIFFE ID.
    #[error("its URI is not acceptable")]
    Id(#[from] SpiffeIdError),
    /// It may not sign, so it cannot authenticate.
    #[error("its key usage lacks digitalSignature")]
    KeyUsage,
    /// Not a certificate.
    #[error("not an X.509 certificate")]
    Malformed,
    /// It names nobody.
    #[error("it has no URI subject alternative name")]
    NoId,
    /// Its serial number is too long to be one of ours.
    #[error("its serial number is not one Writ would give")]
    Serial,
    /// It names more than one workload.
    #[error("it has more than one URI subject alternative name")]
    SeveralIds,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, SanType};

    /// A leaf that names these.
    fn leaf(uris: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    /// Each was somebody's CVE.
    #[test]
    fn certificates_that_only_look_like_credentials() {
        const BOT: &str = "spiffe://acme.example/acme/bot";
        let nothing = |_: &mut CertificateParams| {};
        assert_eq!(spiffe_id(&leaf(&[BOT], nothing)).map(|id| id.to_string()), Ok(BOT.to_owned()));
        assert_eq!(spiffe_id(&leaf(&[], nothing)), Err(SvidError::NoId));
        let two = [BOT, "spiffe://acme.example/acme/admin"];
        assert_eq!(spiffe_id(&leaf(&two, nothing)), Err(SvidError::SeveralIds), "two URI SANs");
        let with_dns = leaf(&[BOT], |params| {
            params.subject_alt_names.push(SanType::DnsName("bot.acme.example".try_into().unwrap()));
        });
        assert!(spiffe_id(&with_dns).is_ok(), "a host name beside it is none");
        let authority =
            |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        assert_eq!(spiffe_id(&leaf(&[BOT], authority)), Err(SvidError::Authority), "a CA as a leaf");
        for usage in [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign] {
            let signs = leaf(&[BOT], |params| params.key_usages.push(usage));
            assert_eq!(spiffe_id(&signs), Err(SvidError::Authority));
        }
        let silent = leaf(&[BOT], |params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
        assert_eq!(spiffe_id(&silent), Err(SvidError::KeyUsage));
        for other in [
            "spiffe://acme.example",
            "spiffe://acme.example/",
            "spiffe://acme.example/a%2Fb",
            "spiffe://acme.example/../b",
            "https://acme.example/a",
        ] {
            assert!(matches!(spiffe_id(&leaf(&[other], nothing)), Err(SvidError::Id(_))), "{other}");
        }
        let whole = leaf(&[BOT], nothing);
        assert_eq!(
            spiffe_id(&[whole.as_slice(), &[0]].concat()),
            Err(SvidError::Malformed),
            "a byte behind it"
        );
        for cut in 0..whole.len() {
            assert!(spiffe_id(&whole[..cut]).is_err());
        }
    }
}
