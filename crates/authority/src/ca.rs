//! The certificate authority: root keys at rest, and intermediates that live in memory only. New intermediates are
//! made at every start, whenever the roots change, and every twelve hours; leaves carry theirs in their chain.

use crate::{Authority, KeyStore, RootKey, SubmitError};
use credential::issue::{Certified, IssuingKey, Terms, intermediate_params, root_params};
use credential::signer::MemoryKey;
use credential::{IssueError, Signer, TrustDomain};
use rcgen::KeyPair;
use registry::root::digest;
use registry::{Actor, Command, Millis, RootStatus, RootStep, State};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// The life of a root certificate.
pub const ROOT_LIFE_MS: Millis = 10 * 365 * 86_400_000;
/// The life of an intermediate: longer than its use and the longest leaf together.
pub const INTERMEDIATE_LIFE_MS: Millis = 48 * 3_600_000;
/// After this an intermediate is replaced.
pub const INTERMEDIATE_USE_MS: Millis = 12 * 3_600_000;

const CERTIFICATE_END: &str = "-----END CERTIFICATE-----";

/// A root, as it lies in the key directory.
pub struct RootMaterial {
    /// The private key, or where it lies: see [`crate::RootKey`].
    key: Zeroizing<String>,
    /// The certificate (PEM).
    certificate_pem: String,
}

impl RootMaterial {
    /// Makes a root for a trust domain.
    pub fn create(
        keys: &dyn KeyStore,
        trust_domain: &TrustDomain,
        serial: [u8; 16],
        now_ms: Millis,
    ) -> Result<Self, IssueError> {
        let RootKey { signer, kept } = keys.make_root().map_err(IssueError::Failed)?;
        let params = root_params(trust_domain, terms(serial, now_ms, ROOT_LIFE_MS))?;
        let certificate = IssuingKey::new(signer, params).self_signed()?;
        Ok(Self { key: kept, certificate_pem: certificate.pem })
    }

    /// Reads what [`Self::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IssueError> {
        let bad = |what: &str| IssueError::Failed(what.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not text"))?;
        let (_, key) = text.split_once(CERTIFICATE_END).ok_or_else(|| bad("it holds no certificate"))?;
        let key = key.trim_start();
        if key.is_empty() {
            return Err(bad("it holds no private key, and does not say where it lies"));
        }
        let (certificate, _) = text.split_at(text.len() - key.len());
        Ok(Self { key: Zeroizing::new(key.to_owned()), certificate_pem: certificate.to_owned() })
    }

    /// The certificate (PEM), then its key.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.certificate_pem.as_bytes(), self.key.as_bytes()].concat())
    }

    /// Its certificate (DER).
    pub fn certificate(&self) -> Result<Vec<u8>, IssueError> {
        pem_to_der(&self.certificate_pem)
            .ok_or_else(|| IssueError::Failed("the root certificate is not PEM".into()))
    }

    fn issuer(&self, keys: &dyn KeyStore) -> Result<IssuingKey, IssueError> {
        let signer = keys.open_root(&self.key).map_err(IssueError::Failed)?;
        IssuingKey::of_certificate(signer, &self.certificate_pem)
    }
}

/// The authority's signing side.
pub struct Ca {
    trust_domain: TrustDomain,
    keys: Arc<dyn KeyStore>,
    first: RootMaterial,
    signing: RwLock<Signing>,
    making: Mutex<()>,
    changed: watch::Sender<u64>,
}

/// What signs now.
#[derive(Clone)]
struct Signing {
    machines: Arc<Intermediate>,
    /// Under the oldest root that is good still: whoever has an old bundle knows it.
    servers: Arc<Intermediate>,
}

/// The roots under which is signed, by their names.
#[derive(Clone, Copy)]
pub(crate) struct InUse {
    machines: [u8; 32],
    servers: [u8; 32],
}

impl InUse {
    fn only(root: [u8; 32]) -> Self {
        Self { machines: root, servers: root }
    }

    /// What the registry says; none before it says anything.
    pub(crate) fn of(state: &State) -> Option<Self> {
        let (machines, _) = state.active_root()?;
        let good = state.roots.iter().filter(|(_, root)| {
            root.tainted.is_none() && matches!(root.status, RootStatus::Active | RootStatus::Retiring)
        });
        // One that retires was in use before the one that took its place at the same moment.
        let oldest = good.min_by_key(|(_, root)| (root.status == RootStatus::Active, root.since_ms));
        Some(Self { machines: *machines, servers: oldest.map_or(*machines, |(name, _)| *name) })
    }
}

/// The key that signs leaves, and its certificate.
pub(crate) struct Intermediate {
    pub(crate) issuer: IssuingKey,
    pub(crate) certificate: Certified,
    /// The root it rests on.
    pub(crate) root: [u8; 32],
    made_ms: Millis,
}

impl Ca {
    /// Opens the roots that the registry says are in use, or the first one when it says nothing yet.
    pub fn open(
        trust_domain: TrustDomain,
        first: RootMaterial,
        keys: Arc<dyn KeyStore>,
        state: &State,
        now_ms: Millis,
    ) -> Result<Self, IssueError> {
        // The key of a root that is out of use may be gone.
        let roots = InUse::of(state).unwrap_or(InUse::only(digest(&first.certificate()?)));
        let make =
            |root: &[u8; 32]| intermediate(keys.as_ref(), &trust_domain, &first, root, now_ms).map(Arc::new);
        let machines = make(&roots.machines)?;
        let servers = if roots.servers == roots.machines { machines.clone() } else { make(&roots.servers)? };
        let signing = RwLock::new(Signing { machines, servers });
        let (making, changed) = (Mutex::new(()), watch::Sender::new(0));
        Ok(Self { trust_domain, keys, first, signing, making, changed })
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The certificate of the first root (DER).
    pub fn first_root(&self) -> Result<Vec<u8>, IssueError> {
        self.first.certificate()
    }

    /// Counts up whenever something else signs.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What signs certificates of machines.
    pub(crate) fn machines(&self) -> Arc<Intermediate> {
        self.signing.read().unwrap_or_else(PoisonError::into_inner).machines.clone()
    }

    /// What signs certificates of gateways.
    pub(crate) fn servers(&self) -> Arc<Intermediate> {
        self.signing.read().unwrap_or_else(PoisonError::into_inner).servers.clone()
    }

    /// Signs under the roots that the registry says are in use from now on, with intermediates that have not been used
    /// for too long. Whether something else signs than before. Asked again it mends what failed.
    pub(crate) fn follow(&self, roots: Option<InUse>, now_ms: Millis) -> Result<bool, IssueError> {
        let Some(roots) = roots else { return Ok(false) };
        // One at a time: nobody puts back what another has just replaced.
        let _alone = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.signing.read().unwrap_or_else(PoisonError::into_inner).clone();
        let under = |root: &[u8; 32], now: &Arc<Intermediate>| {
            let fresh = now_ms.saturating_sub(now.made_ms) < INTERMEDIATE_USE_MS;
            if fresh && now.root == *root {
                Ok(now.clone())
            } else {
                let keys = self.keys.as_ref();
                intermediate(keys, &self.trust_domain, &self.first, root, now_ms).map(Arc::new)
            }
        };
        let machines = under(&roots.machines, &before.machines)?;
        let servers = match roots.servers == roots.machines {
            true => machines.clone(),
            false => under(&roots.servers, &before.servers)?,
        };
        if Arc::ptr_eq(&machines, &before.machines) && Arc::ptr_eq(&servers, &before.servers) {
            return Ok(false);
        }
        *self.signing.write().unwrap_or_else(PoisonError::into_inner) = Signing { machines, servers };
        self.changed.send_modify(|count| *count += 1);
        Ok(true)
    }
}

/// An intermediate under a root, by its name.
fn intermediate(
    keys: &dyn KeyStore,
    trust_domain: &TrustDomain,
    first: &RootMaterial,
    root: &[u8; 32],
    now_ms: Millis,
) -> Result<Intermediate, IssueError> {
    if digest(&first.certificate()?) == *root {
        return Intermediate::make(keys, trust_domain, first, now_ms);
    }
    let lost = || {
        format!(
            "the key of the root {} is not in the key directory: restore it from a copy",
            contract::canonical::hex(root)
        )
    };
    let loaded = keys.load(&file(root)).map_err(IssueError::Failed)?;
    let root = RootMaterial::from_bytes(&loaded.ok_or_else(|| IssueError::Failed(lost()))?)?;
    Intermediate::make(keys, trust_domain, &root, now_ms)
}

impl Intermediate {
    fn make(
        keys: &dyn KeyStore,
        trust_domain: &TrustDomain,
        root: &RootMaterial,
        now_ms: Millis,
    ) -> Result<Self, IssueError> {
        let key: Arc<dyn Signer> = Arc::new(MemoryKey::new(key_pair()?)?);
        let params = intermediate_params(trust_domain, terms(serial()?, now_ms, INTERMEDIATE_LIFE_MS))?;
        let certificate = root.issuer(keys)?.certify(&params, key.as_ref())?;
        let root = digest(&root.certificate()?);
        Ok(Self { issuer: IssuingKey::new(key, params), certificate, root, made_ms: now_ms })
    }
}

/// A step in the life of the roots, as somebody asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootAsked {
    /// Makes one and makes it known.
    Prepare,
    /// Lets everything rest on the one that is prepared.
    Activate,
    /// Says that one is to be got away from.
    Taint([u8; 32]),
    /// Ends one.
    Retire([u8; 32]),
}

impl Authority {
    /// Takes a step. Gives the root it was about, and the index of the entry.
    pub async fn step_root(
        &self,
        actor: Actor,
        asked: RootAsked,
        reason: String,
        hurried: bool,
    ) -> Result<([u8; 32], u64), SubmitError> {
        let (actor, step, root) = match asked {
            RootAsked::Prepare => {
                // No key for a root that would be refused.
                registry::root::may_prepare(self.rules().state())?;
                let (certificate, root) = self.make_root().await?;
                (actor, RootStep::Prepare(certificate), root)
            }
            RootAsked::Activate => {
                let prepared = {
                    let rules = self.rules();
                    let mut roots = rules.state().roots.iter();
                    roots.find(|(_, root)| root.status == RootStatus::Prepared).map(|(name, _)| *name)
                };
                let none =
                    || crate::issue::not_entitled("no root is prepared", "first: `writ authority prepare`");
                let root = prepared.ok_or_else(none)?;
                (actor, RootStep::Activate(root), root)
            }
            RootAsked::Taint(root) => (actor, RootStep::Taint(root), root),
            RootAsked::Retire(root) => (actor, RootStep::Retire(root), root),
        };
        let admitted = self.submit(actor, Command::Root { step, reason, hurried }).await?;
        // The reconciler tries it again.
        self.follow_roots().await.map_err(|error| {
            SubmitError::Internal(format!("the step is recorded, and cannot be followed yet: {error}"))
        })?;
        Ok((root, admitted.index))
    }

    /// Signs as the registry says from now on. Whether something else signs than before.
    pub(crate) async fn follow_roots(&self) -> Result<bool, IssueError> {
        let (ca, roots, now_ms) = (self.ca.clone(), InUse::of(self.rules().state()), self.now_ms());
        let failed = |error: tokio::task::JoinError| IssueError::Failed(error.to_string());
        // A token takes its time.
        tokio::task::spawn_blocking(move || ca.follow(roots, now_ms)).await.map_err(failed)?
    }

    /// Makes a root and keeps its key. Gives its certificate (DER) and its name.
    async fn make_root(&self) -> Result<(Vec<u8>, [u8; 32]), SubmitError> {
        let internal = |error: IssueError| SubmitError::Internal(error.to_string());
        let (ca, serial, now_ms) = (self.ca.clone(), serial().map_err(internal)?, self.now_ms());
        let made = tokio::task::spawn_blocking(move || {
            let keys = ca.keys.as_ref();
            let made = RootMaterial::create(keys, &ca.trust_domain, serial, now_ms)?;
            let certificate = made.certificate()?;
            let root = digest(&certificate);
            // The key first: nobody hears of a root that could be lost.
            keys.keep(&file(&root), &made.to_bytes()).map_err(IssueError::Failed)?;
            Ok((certificate, root))
        });
        made.await.map_err(|error| SubmitError::Internal(error.to_string()))?.map_err(internal)
    }

    /// The root that certificates of gateways rest on.
    pub fn server_root(&self) -> [u8; 32] {
        self.ca.servers().root
    }

    /// The roots that certificates may lead to (DER), the one in use first.
    pub fn bundle(&self) -> Vec<Vec<u8>> {
        let rules = self.rules();
        let mut roots: Vec<_> = rules.state().trusted_roots().map(|(_, root)| root).collect();
        roots.sort_by_key(|root| (root.status != RootStatus::Active, root.since_ms));
        roots.into_iter().map(|root| root.certificate.clone()).collect()
    }

    /// The same as PEM.
    pub fn bundle_pem(&self) -> String {
        self.bundle().into_iter().map(|der| Certified::of(der).pem).collect()
    }

    /// Makes the first root known, unless it is.
    pub(crate) async fn publish_first_root(&self) -> Result<(), SubmitError> {
        let internal = |error: IssueError| SubmitError::Internal(error.to_string());
        let certificate = self.ca.first_root().map_err(internal)?;
        let root = digest(&certificate);
        let known = self.rules().state().roots.get(&root).map(|root| root.status);
        let step = |step| Command::Root { step, reason: "the first".to_owned(), hurried: false };
        if known.is_none() {
            self.submit(Actor::System, step(RootStep::Prepare(certificate))).await?;
        }
        if self.rules().state().active_root().is_none() {
            self.submit(Actor::System, step(RootStep::Activate(root))).await?;
        }
        self.follow_roots().await.map(drop).map_err(internal)
    }
}

/// Where a root lies in the key directory.
fn file(root: &[u8; 32]) -> String {
    format!("root-{}.pem", contract::canonical::hex(root))
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
