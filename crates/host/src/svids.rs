//! The certificates of workloads: made for the first stream that asks, shared by those that follow, renewed
//! before they expire and whenever the terms become stricter, forgotten when nobody listens any more.

use crate::{Certificate, CertificateTerms, Clock, Issuer, IssuerError};
use credential::{KeyAlgorithm, ProcessEvidence};
use rcgen::KeyPair;
use registry::{IdentityId, Millis};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// Renewals are spread over this much of the life before they are due, by evidence: no fleet renews at once.
const SPREAD_PERCENT: u64 = 10;
/// After a failure that is not a refusal, the next try comes this much later.
const RETRY: Duration = Duration::from_secs(1);
/// How soon what is due is looked at again at the earliest.
const LOOK_MIN: Duration = Duration::from_millis(10);
/// For how long a certificate that counts is used at least.
const USED_MIN_MS: Millis = 1_000;
/// One part in so many of its life a certificate is used at least.
const USED_PART: Millis = 20;
/// Nobody looks at the clock less often than this.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// A certificate with its key, as a workload gets it.
#[derive(Debug)]
pub(crate) struct Svid {
    /// PKCS#8, DER.
    pub(crate) key: Zeroizing<Vec<u8>>,
    algorithm: KeyAlgorithm,
    certificate: Certificate,
    made_ms: Millis,
}

impl Svid {
    /// Whether it is still what it must be.
    fn fits(&self, terms: &CertificateTerms) -> bool {
        let life = self.certificate.not_after_ms.saturating_sub(self.certificate.not_before_ms);
        life <= terms.life_max_ms && self.algorithm == terms.algorithm
    }

    /// Leaf first, DER.
    pub(crate) fn certificates(&self) -> &[Vec<u8>] {
        &self.certificate.chain
    }
}

/// The newest certificate, or why there is none any more.
pub(crate) type Newest = Result<Arc<Svid>, IssuerError>;

/// All certificates of this host that somebody listens to.
pub(crate) struct Svids {
    issuer: Arc<dyn Issuer>,
    clock: Clock,
    table: Mutex<HashMap<Key, watch::Sender<Newest>>>,
}

type Key = (IdentityId, [u8; 32]);

impl Svids {
    pub(crate) fn new(issuer: Arc<dyn Issuer>, clock: Clock) -> Self {
        Self { issuer, clock, table: Mutex::default() }
    }

    /// The certificate of a machine for a process with this evidence, and its successors.
    pub(crate) async fn of(
        self: &Arc<Self>,
        identity: IdentityId,
        evidence: &ProcessEvidence,
    ) -> Result<watch::Receiver<Newest>, IssuerError> {
        let key = (identity, evidence.digest());
        if let Some(receiver) = self.listen(key) {
            return Ok(receiver);
        }
        let first = self.make(identity, evidence).await?;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been quicker meanwhile: one is enough.
        if let Some(sender) = table.get(&key)
            && sender.borrow().is_ok()
        {
            return Ok(sender.subscribe());
        }
        let (sender, receiver) = watch::channel(Ok(Arc::new(first)));
        table.insert(key, sender.clone());
        drop(table);
        tokio::spawn(self.clone().keep(key, sender, evidence.clone()));
        Ok(receiver)
    }

    fn listen(&self, key: Key) -> Option<watch::Receiver<Newest>> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = table.get(&key)?;
        let usable =
            sender.borrow().as_ref().is_ok_and(|svid| svid.certificate.not_after_ms > (self.clock)());
        usable.then(|| sender.subscribe())
    }

    async fn make(&self, identity: IdentityId, evidence: &ProcessEvidence) -> Result<Svid, IssuerError> {
        let failed = |error: rcgen::Error| IssuerError::Unavailable(error.to_string());
        let algorithm = self.issuer.terms(identity)?.algorithm;
        let key = KeyPair::generate_for(algorithm.generator()).map_err(failed)?;
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        let certificate = self.issuer.certify(identity, spki, evidence.clone()).await?;
        let key = Zeroizing::new(key.serialize_der());
        Ok(Svid { key, algorithm, certificate, made_ms: (self.clock)() })
    }

    /// Renews until nobody listens, or until the machine may have no certificate any more.
    async fn keep(self: Arc<Self>, key: Key, sender: watch::Sender<Newest>, evidence: ProcessEvidence) {
        let mut entitlements = self.issuer.entitlements();
        loop {
            let Ok(svid) = sender.borrow().clone() else { break };
            let terms = match self.issuer.terms(key.0) {
                Ok(terms) => terms,
                Err(refused) => {
                    drop(sender.send_replace(Err(refused)));
                    break;
                }
            };
            // However early it is due: a part of its life it is used, and one that counts for a second at least.
            let used_ms = svid.made_ms.saturating_add(USED_MIN_MS);
            let replaced_ms = || match self.issuer.replaced_ms(key.0, &svid.certificate) {
                Some(0) => 0,
                Some(due_ms) => due_ms.max(used_ms),
                None => Millis::MAX,
            };
            let life = svid.certificate.not_after_ms.saturating_sub(svid.made_ms);
            let due_ms =
                renew_ms(key, &svid.certificate, terms.renew_at_percent).max(svid.made_ms + life / USED_PART);
            let due_ms = || due_ms.min(replaced_ms());
            // A clock may be set: it is looked at now and then.
            let left = Duration::from_millis(due_ms().saturating_sub((self.clock)()));
            let wait = left.clamp(LOOK_MIN, LOOK_MAX);
            let wait = if svid.fits(&terms) { wait } else { Duration::ZERO };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = sender.closed() => break,
                changed = entitlements.changed() => if changed.is_err() { break },
            }
            // What changed meanwhile is looked at first.
            let unchanged = self.issuer.terms(key.0).is_ok_and(|now| now == terms);
            if !unchanged || (svid.fits(&terms) && (self.clock)() < due_ms()) {
                continue;
            }
            match self.make(key.0, &evidence).await {
                Ok(next) => drop(sender.send_replace(Ok(Arc::new(next)))),
                Err(refused @ IssuerError::Refused(_)) => {
                    drop(sender.send_replace(Err(refused)));
                    break;
                }
                Err(IssuerError::Unavailable(error)) => {
                    tracing::warn!(identity = %key.0, %error, "a certificate could not be renewed; it is tried again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Another may have taken this one's place, when it had expired or was refused.
        if table.get(&key).is_some_and(|newest| newest.same_channel(&sender)) {
            table.remove(&key);
        }
    }
}

/// When a certificate is renewed: when so much of its life is over, earlier by a share that its owner alone decides.
fn renew_ms((_, digest): Key, certificate: &Certificate, at_percent: u8) -> Millis {
    let life = certificate.not_after_ms.saturating_sub(certificate.not_before_ms);
    let [a, b, ..] = digest;
    let latest = life / 100 * u64::from(at_percent);
    let spread = life / 100 * SPREAD_PERCENT.min(u64::from(at_percent) / 2);
    let share = spread * u64::from(u16::from_be_bytes([a, b])) / u64::from(u16::MAX);
    certificate.not_before_ms.saturating_add(latest - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewals_are_spread_and_before_half_of_life() {
        let certificate = Certificate {
            chain: Vec::new(),
            serial: [0; 16],
            root: [0; 32],
            not_before_ms: 1_000_000,
            not_after_ms: 1_000_000 + 3_600_000,
        };
        let at = |first: u8, percent| {
            let digest = [first; 32];
            renew_ms((IdentityId::from_entropy([0; 10]), digest), &certificate, percent)
        };
        assert_eq!(at(0, 50), 1_000_000 + 1_800_000);
        assert_eq!(at(255, 50), 1_000_000 + 1_440_000);
        assert!((1..255).all(|first| at(first, 50) < at(first - 1, 50)));
        assert_eq!(at(0, 10), 1_000_000 + 360_000);
        assert_eq!(at(255, 10), 1_000_000 + 180_000, "however early, half of it is left");
    }
}
