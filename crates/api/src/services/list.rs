//! `GET /v1/services`: all services.

use crate::Shared;
use crate::view::{self, ServiceView};
use axum::Json;
use axum::extract::State;

/// Lists services.
#[utoipa::path(get, path = "/v1/services", tag = "services", responses((status = 200, body = Vec<ServiceView>)))]
pub(crate) async fn list_services(State(ports): State<Shared>) -> Json<Vec<ServiceView>> {
    let rules = ports.authority.rules();
    let state = rules.state();
    let mut services: Vec<_> = state.services.values().map(|service| view::service(state, service)).collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    Json(services)
}
