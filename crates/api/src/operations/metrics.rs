//! `GET /metrics`: Prometheus metrics.

use crate::Shared;
use axum::extract::State;

/// Metrics in OpenMetrics text form.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String)))]
pub(crate) async fn metrics(State(ports): State<Shared>) -> ([(&'static str, &'static str); 1], String) {
    ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], (ports.metrics)())
}
