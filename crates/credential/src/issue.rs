//! The profile of the certificates we make. Validity, serial number and key come in as arguments:
//! the defaults of the library suit none of them.

use crate::logged::PROOF;
use crate::signer::{Drafting, SignError, Signer, Signing};
use crate::spiffe::{SpiffeId, TrustDomain};
use crate::tbs::{self, NotDer};
use crate::terms::{self, ClauseRef, KeyAlgorithm, TERMS};
use ledger::proof_file::ProofFile;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
    date_time_ymd,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::FromDer as _;

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
    Held(HeldKey),
}

/// A public key of a kind that is known here.
pub struct HeldKey {
    algorithm: KeyAlgorithm,
    /// The content of its bit string.
    key: Vec<u8>,
}

impl PublicKeyData for HeldKey {
    fn der_bytes(&self) -> &[u8] {
        &self.key
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.algorithm.generator()
    }
}

impl CertifiedKey {
    /// A key the caller made (SPKI, DER).
    pub fn held(spki: &[u8]) -> Result<Self, IssueError> {
        let bad = |what: &str| IssueError::BadRequest(what.to_owned());
        let (rest, read) =
            x509_parser::x509::SubjectPublicKeyInfo::from_der(spki).map_err(|_| bad("not a public key"))?;
        let algorithm = crate::svid::key_algorithm(&read).filter(|_| rest.is_empty());
        let algorithm = algorithm.ok_or_else(|| bad("a key of a kind that is not known here"))?;
        Ok(Self::Held(HeldKey { algorithm, key: read.subject_public_key.data.to_vec() }))
    }

    /// SHA-256 of the key (SPKI, DER).
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(match self {
            Self::Requested(key) => key.subject_public_key_info(),
            Self::Held(key) => key.subject_public_key_info(),
        })
        .into()
    }

    /// Its kind, if it is one that can be certified.
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        // The key's own kind: a request may be signed with any hash.
        let der = match self {
            Self::Requested(key) => key.subject_public_key_info(),
            Self::Held(key) => key.subject_public_key_info(),
        };
        let (_, key) = x509_parser::x509::SubjectPublicKeyInfo::from_der(&der).ok()?;
        crate::svid::key_algorithm(&key)
    }

    /// What the X.509-SVID of a machine will say, and under which clauses it is issued.
    pub fn draft(
        &self,
        id: &SpiffeId,
        terms: Terms,
        clauses: &[ClauseRef],
        by: &IssuingKey,
    ) -> Result<Draft, IssueError> {
        let mut params = base(terms);
        params.subject_alt_names = vec![uri(&id.to_string())?];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let drafting = Drafting::new(by.signer.as_ref());
        let issuer = Issuer::from_params(&by.params, &drafting);
        match self {
            Self::Requested(key) => params.signed_by(key, &issuer),
            Self::Held(key) => params.signed_by(key, &issuer),
        }
        .map_err(|error| bad(&error))?;
        drop(issuer);
        let mut tbs = drafting.into_message();
        if !clauses.is_empty() {
            tbs = tbs::with_extension(&tbs, TERMS, &terms::to_der(clauses))?;
        }
        Ok(Draft { tbs })
    }
}

/// A certificate that is neither logged nor signed.
pub struct Draft {
    tbs: Vec<u8>,
}

impl Draft {
    /// All it says (TBSCertificate, DER).
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// SHA-256 of all it says: what the entry of its issuance commits to.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.tbs).into()
    }

    /// Adds the proof that it is in the ledger, and signs.
    pub fn finish(self, proof: &ProofFile, by: &IssuingKey) -> Result<Certified, IssueError> {
        let tbs = tbs::with_extension(&self.tbs, PROOF, proof.to_string().as_bytes())?;
        let signature = by.signer.sign(&tbs)?;
        Ok(Certified::of(tbs::certificate(&tbs, &signature)?))
    }
}

/// The key of an authority, and what its certificate says.
pub struct IssuingKey {
    signer: Arc<dyn Signer>,
    params: CertificateParams,
}

impl IssuingKey {
    /// A key with the certificate it has or will have.
    pub fn new(signer: Arc<dyn Signer>, params: CertificateParams) -> Self {
        Self { signer, params }
    }

    /// A key with the name in a certificate (PEM) that was made earlier.
    pub fn of_certificate(signer: Arc<dyn Signer>, pem: &str) -> Result<Self, IssueError> {
        let block = pem::parse(pem).map_err(|error| IssueError::Failed(error.to_string()))?;
        let (_, certificate) = x509_parser::parse_x509_certificate(block.contents())
            .map_err(|error| IssueError::Failed(error.to_string()))?;
        let key = &certificate.public_key().subject_public_key.data;
        if key.as_ref() != signer.public_key() {
            return Err(IssueError::Failed("the key is not the one in the certificate".into()));
        }
        let text = |name: &mut dyn Iterator<Item = &x509_parser::x509::AttributeTypeAndValue<'_>>| {
            name.next().and_then(|value| value.as_str().ok()).unwrap_or_default().to_owned()
        };
        let subject = certificate.subject();
        let organisation = text(&mut subject.iter_organization());
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.distinguished_name.push(DnType::CommonName, text(&mut subject.iter_common_name()));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { signer, params })
    }

    /// Its own certificate, signed with itself.
    pub fn self_signed(&self) -> Result<Certified, IssueError> {
        certified(self.params.self_signed(&Signing(self.signer.as_ref())))
    }

    /// The certificate of another key: `params` say what is in it.
    pub fn certify(&self, params: &CertificateParams, key: &dyn Signer) -> Result<Certified, IssueError> {
        let issuer = Issuer::from_params(&self.params, Signing(self.signer.as_ref()));
        certified(params.signed_by(&Signing(key), &issuer))
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

/// The certificate of a server of our own: host names, addresses, or a SPIFFE ID.
pub fn server_params(hosts: &[String], terms: Terms) -> Result<CertificateParams, IssueError> {
    let mut params = base(terms);
    params.subject_alt_names = hosts
        .iter()
        .map(|host| match host.parse() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) if host.starts_with("spiffe://") => uri(host),
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

impl Certified {
    /// A certificate in DER.
    pub fn of(der: Vec<u8>) -> Self {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let pem = pem::encode_config(&pem::Pem::new("CERTIFICATE", der.as_slice()), config);
        Self { der, pem }
    }
}

/// Turns the library's answer into ours.
fn certified(result: Result<rcgen::Certificate, rcgen::Error>) -> Result<Certified, IssueError> {
    Ok(Certified::of(result.map_err(|error| bad(&error))?.der().to_vec()))
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

impl From<NotDer> for IssueError {
    fn from(error: NotDer) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<SignError> for IssueError {
    fn from(error: SignError) -> Self {
        Self::Failed(error.to_string())
    }
}
