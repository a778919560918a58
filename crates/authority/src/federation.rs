//! What this trust domain publishes of its keys, and by what its machines recognise those of others.

use crate::Authority;
use credential::{JwtPublicKey, TrustDomain, bundle};
use registry::{IdentityId, TrustBundle};
use std::collections::BTreeMap;

impl Authority {
    /// The bundle of this trust domain, as others read it (SPIFFE Trust Domain and Bundle §4).
    pub fn bundle_document(&self) -> String {
        // What is on record and nothing else, the clock neither: a number stands for one content. Roots stand by their names:
        // one that comes in use is no other bundle.
        let (roots, keys, sequence) = {
            let rules = self.rules();
            let state = rules.state();
            let roots: Vec<_> = state.trusted_roots().map(|(_, root)| root.certificate.clone()).collect();
            let keys: Vec<_> = state.jwt_keys.values().map(|key| key.public_key.clone()).collect();
            (roots, keys, state.bundle_sequence)
        };
        let keys: Vec<_> = keys.iter().filter_map(|key| JwtPublicKey::from_spki(key).ok()).collect();
        bundle::document(&roots, &keys, sequence)
    }

    /// By what these machines recognise those of other trust domains.
    pub fn federated(&self, machines: &[IdentityId]) -> BTreeMap<TrustDomain, TrustBundle> {
        let rules = self.rules();
        let state = rules.state();
        let parties =
            machines.iter().filter_map(|machine| state.identities.get(machine)).map(|one| one.party);
        let federated = parties.flat_map(|party| state.federated_with(party));
        federated.filter_map(|one| Some((one.trust_domain.parse().ok()?, one.bundle.clone()))).collect()
    }
}
