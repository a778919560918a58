//! Counters for operators, in Prometheus form.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The gateway's counters. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) connections: Gauge,
    pub(crate) cut: Counter,
    decisions: Family<Decision, Counter>,
    permitted: Counter,
    pub(crate) failed_handshakes: Counter,
    pub(crate) record_seconds: Histogram,
    pub(crate) refused_connections: Counter,
    pub(crate) unrecorded: Counter,
    pub(crate) upstream_failures: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decision {
    verdict: &'static str,
    reason: &'static str,
}

impl Metrics {
    /// Registers everything under `writ_gateway_`.
    pub fn register(registry: &mut Registry) -> Self {
        let decisions = Family::<Decision, Counter>::default();
        let permitted = Decision { verdict: "permitted", reason: "permitted" };
        let metrics = Self {
            connections: Gauge::default(),
            cut: Counter::default(),
            permitted: decisions.get_or_create_owned(&permitted),
            decisions,
            failed_handshakes: Counter::default(),
            record_seconds: Histogram::new(exponential_buckets(0.0001, 2.0, 16)),
            refused_connections: Counter::default(),
            unrecorded: Counter::default(),
            upstream_failures: Counter::default(),
        };
        let ours = registry.sub_registry_with_prefix("writ_gateway");
        ours.register("connections", "Connections open now", metrics.connections.clone());
        ours.register(
            "cut",
            "Connections and exchanges ended because their right lapsed",
            metrics.cut.clone(),
        );
        ours.register("decisions", "Decisions by verdict and reason", metrics.decisions.clone());
        ours.register(
            "failed_handshakes",
            "Connections that showed no credential: TLS handshakes that failed, and no good token",
            metrics.failed_handshakes.clone(),
        );
        ours.register("record_seconds", "From decision to durable record", metrics.record_seconds.clone());
        ours.register(
            "refused_connections",
            "Connections closed for lack of room",
            metrics.refused_connections.clone(),
        );
        ours.register("unrecorded", "Records that could not be written", metrics.unrecorded.clone());
        ours.register(
            "upstream_failures",
            "Permitted requests without a response",
            metrics.upstream_failures.clone(),
        );
        metrics
    }

    pub(crate) fn permitted(&self) {
        self.permitted.inc();
    }

    pub(crate) fn denied(&self, reason: &'static str) {
        self.decisions.get_or_create(&Decision { verdict: "denied", reason }).inc();
    }
}
