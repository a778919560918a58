//! The profile of the certificates we make. Validity, serial number and key come in as arguments:
//! the defaults of the library suit none of them.

use crate::spiffe::{SpiffeId, TrustDomain};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SigningKey,
    SubjectPublicKeyInfo, date_time_ymd,
};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Clocks differ: certificates begin this long before they are issued.
pub const BACKDATE_MS: u64 = 60_000;
/// The life of a machine's certificate when no contract asks for a shorter one.
pub const DEFAULT_LIFE_MS: u64 = 3_600_000;
/// The largest signing request, in bytes.
pub const CSR_BYTES_MAX: usize = 16 * 1024;

/// From when until when, under which serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The serial number, random.
    pub serial: [u8; 16],
    /// From when it is valid.
    pub not_before_ms: u64,
    /// Until when.
    pub not_after_ms: u64,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// DER.
    pub der: Vec<u8>,
    /// PEM.
    pub pem: String,
}

/// A signing request whose signature was checked.
pub struct SigningRequest(CertificateSigningRequestParams);

impl SigningRequest {
    /// Reads a PEM signing request. Everything but its public key is ignored: what a certificate
    /// says is decided here, not by who asks.
    pub fn parse(pem: &str) -> Result<Self, IssueError> {
        if pem.len() > CSR_BYTES_MAX {
            return Err(IssueError::BadRequest("it is too large".into()));
        }
        CertificateSigningRequestParams::from_pem(pem)
            .map(Self)
            .map_err(|error| IssueError::BadRequest(error.to_string()))
    }

    /// The key to certify.
    pub fn into_key(self) -> CertifiedKey {
        CertifiedKey::Requested(self.0.public_key)
    }
}

/// A public key that is to be certified.
pub enum CertifiedKey {
    /// From a signing request, whose signature showed that the private key is there.
    Requested(rcgen::PublicKey),
    /// From whoever made the key and holds it: a host for its workloads.
    Held(SubjectPublicKeyInfo),
}

impl CertifiedKey {
    /// A key the caller made (SPKI, DER).
    pub fn held(spki: &[u8]) -> Result<Self, IssueError> {
        SubjectPublicKeyInfo::from_der(spki)
            .map(Self::Held)
            .map_err(|error| IssueError::BadRequest(error.to_string()))
    }

    /// SHA-256 of the key (SPKI, DER).
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(match self {
            Self::Requested(key) => key.subject_public_key_info(),
            Self::Held(key) => key.subject_public_key_info(),
        })
        .into()
    }

    /// The X.509-SVID of a machine.
    pub fn certify<S: SigningKey>(
        &self,
        id: &SpiffeId,
        terms: Terms,
        issuer: &Issuer<'_, S>,
    ) -> Result<Certified, IssueError> {
        let mut params = base(terms);
        params.subject_alt_names = vec![uri(&id.to_string())?];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        certified(match self {
            Self::Requested(key) => params.signed_by(key, issuer),
            Self::Held(key) => params.signed_by(key, issuer),
        })
    }
}

/// What a root certificate says.
pub fn root_params(trust_domain: &TrustDomain, terms: Terms) -> Result<CertificateParams, IssueError> {
    authority_params(trust_domain, "Writ root", terms, 1)
}

/// What an intermediate certificate says.
pub fn intermediate_params(
    trust_domain: &TrustDomain,
    terms: Terms,
) -> Result<CertificateParams, IssueError> {
    authority_params(trust_domain, "Writ issuing authority", terms, 0)
}

/// The server certificate of a gateway: the host names of the services behind it.
pub fn server_params(hosts: &[String], terms: Terms) -> Result<CertificateParams, IssueError> {
    let mut params = base(terms);
    params.subject_alt_names = hosts
        .iter()
        .map(|host| match host.parse() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => host.as_str().try_into().map(SanType::DnsName).map_err(|e: rcgen::Error| bad(&e)),
        })
        .collect::<Result<_, _>>()?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn authority_params(
    trust_domain: &TrustDomain,
    name: &str,
    terms: Terms,
    path: u8,
) -> Result<CertificateParams, IssueError> {
    let mut params = base(terms);
    params.distinguished_name.push(DnType::OrganizationName, trust_domain.as_str());
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![uri(&trust_domain.uri())?];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn base(terms: Terms) -> CertificateParams {
    let at = |ms: u64| date_time_ymd(1970, 1, 1) + Duration::from_millis(ms - ms % 1000);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.serial_number = Some(SerialNumber::from_slice(&terms.serial));
    params.not_before = at(terms.not_before_ms);
    params.not_after = at(terms.not_after_ms);
    params.use_authority_key_identifier_extension = true;
    params
}

fn uri(text: &str) -> Result<SanType, IssueError> {
    text.try_into().map(SanType::URI).map_err(|error: rcgen::Error| bad(&error))
}

fn bad(error: &rcgen::Error) -> IssueError {
    IssueError::Failed(error.to_string())
}

/// Turns the library's answer into ours.
pub fn certified(result: Result<rcgen::Certificate, rcgen::Error>) -> Result<Certified, IssueError> {
    let certificate = result.map_err(|error| bad(&error))?;
    Ok(Certified { der: certificate.der().to_vec(), pem: certificate.pem() })
}

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The signing request is at fault.
    #[error("not a usable certificate signing request: {0}")]
    BadRequest(String),
    /// We are at fault.
    #[error("the certificate could not be made: {0}")]
    Failed(String),
}
