//! The certificate authority: a root key at rest, and an intermediate that lives in memory only.
//! A new intermediate is made at every start and every twelve hours; leaves carry it in their chain.

use credential::issue::{Certified, IssuingKey, Terms, intermediate_params, root_params};
use credential::signer::MemoryKey;
use credential::{IssueError, Signer, TrustDomain};
use rcgen::KeyPair;
use registry::Millis;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// The life of a root certificate.
pub const ROOT_LIFE_MS: Millis = 10 * 365 * 86_400_000;
/// The life of an intermediate: longer than its use and the longest leaf together.
pub const INTERMEDIATE_LIFE_MS: Millis = 48 * 3_600_000;
/// After this an intermediate is replaced.
pub const INTERMEDIATE_USE_MS: Millis = 12 * 3_600_000;

/// The root, as it lies in the key directory.
pub struct RootMaterial {
    /// The private key (PKCS#8, PEM).
    pub key_pem: Zeroizing<String>,
    /// The certificate (PEM).
    pub certificate_pem: String,
}

impl RootMaterial {
    /// Makes a root for a trust domain.
    pub fn create(trust_domain: &TrustDomain, serial: [u8; 16], now_ms: Millis) -> Result<Self, IssueError> {
        let key = key_pair()?;
        let key_pem = Zeroizing::new(key.serialize_pem());
        let params = root_params(trust_domain, terms(serial, now_ms, ROOT_LIFE_MS))?;
        let certificate = IssuingKey::new(Arc::new(MemoryKey::new(key)?), params).self_signed()?;
        Ok(Self { key_pem, certificate_pem: certificate.pem })
    }
}

/// The authority's signing side.
pub struct Ca {
    trust_domain: TrustDomain,
    root: IssuingKey,
    root_pem: String,
    root_der: Vec<u8>,
    intermediate: RwLock<Arc<Intermediate>>,
}

/// The key that signs leaves, and its certificate.
pub(crate) struct Intermediate {
    pub(crate) issuer: IssuingKey,
    pub(crate) certificate: Certified,
    made_ms: Millis,
}

impl Ca {
    /// Opens the root and makes an intermediate.
    pub fn open(trust_domain: TrustDomain, root: RootMaterial, now_ms: Millis) -> Result<Self, IssueError> {
        let failed = |error: rcgen::Error| IssueError::Failed(error.to_string());
        let key = KeyPair::from_pem(&root.key_pem).map_err(failed)?;
        let root_der = pem_to_der(&root.certificate_pem)
            .ok_or_else(|| IssueError::Failed("the root certificate is not PEM".into()))?;
        let issuer = IssuingKey::of_certificate(Arc::new(MemoryKey::new(key)?), &root.certificate_pem)?;
        let intermediate = Arc::new(Intermediate::make(&trust_domain, &issuer, now_ms)?);
        Ok(Self {
            trust_domain,
            root: issuer,
            root_pem: root.certificate_pem,
            root_der,
            intermediate: RwLock::new(intermediate),
        })
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The root certificate: the trust bundle.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root certificate in DER.
    pub fn root_der(&self) -> &[u8] {
        &self.root_der
    }

    pub(crate) fn intermediate(&self) -> Arc<Intermediate> {
        self.intermediate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the intermediate when it has been used for long enough.
    pub(crate) fn rotate(&self, now_ms: Millis) -> Result<bool, IssueError> {
        if now_ms.saturating_sub(self.intermediate().made_ms) < INTERMEDIATE_USE_MS {
            return Ok(false);
        }
        let next = Arc::new(Intermediate::make(&self.trust_domain, &self.root, now_ms)?);
        *self.intermediate.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(true)
    }
}

impl Intermediate {
    fn make(trust_domain: &TrustDomain, root: &IssuingKey, now_ms: Millis) -> Result<Self, IssueError> {
        let key: Arc<dyn Signer> = Arc::new(MemoryKey::new(key_pair()?)?);
        let params = intermediate_params(trust_domain, terms(serial()?, now_ms, INTERMEDIATE_LIFE_MS))?;
        let certificate = root.certify(&params, key.as_ref())?;
        Ok(Self { issuer: IssuingKey::new(key, params), certificate, made_ms: now_ms })
    }
}

pub(crate) fn terms(serial: [u8; 16], now_ms: Millis, life_ms: Millis) -> Terms {
    let not_before_ms = now_ms.saturating_sub(credential::issue::BACKDATE_MS);
    Terms { serial, not_before_ms, not_after_ms: now_ms.saturating_add(life_ms) }
}

/// A random serial number that is positive in DER and fills its 16 bytes.
pub(crate) fn serial() -> Result<[u8; 16], IssueError> {
    let mut serial: [u8; 16] = crate::entropy().map_err(|error| IssueError::Failed(error.to_string()))?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

pub(crate) fn key_pair() -> Result<KeyPair, IssueError> {
    KeyPair::generate().map_err(|error| IssueError::Failed(error.to_string()))
}

fn pem_to_der(pem: &str) -> Option<Vec<u8>> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pem.as_bytes()).ok().map(|der| der.to_vec())
}
