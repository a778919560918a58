//! What this trust domain publishes of its keys, and by what its machines recognise those of others.

use crate::Authority;
use crate::workload::live_jwt_keys;
use credential::{TrustDomain, bundle};
use registry::{IdentityId, TrustBundle};
use std::collections::BTreeMap;

impl Authority {
    /// The bundle of this trust domain, as others read it (SPIFFE Trust Domain and Bundle §4).
    pub fn bundle_document(&self) -> String {
        let now_ms = self.now_ms();
        // All of one moment: a number stands for one content.
        let rules = self.rules();
        let state = rules.state();
        let keys = live_jwt_keys(state, now_ms);
        // By their names: a root that comes in use is no other bundle.
        let roots: Vec<_> = state.trusted_roots().map(|(_, root)| root.certificate.clone()).collect();
        bundle::document(&roots, &keys, state.bundle_sequence(now_ms))
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
