//! `GET /v1/bundle`: the trust bundle.

use crate::Shared;
use axum::extract::State;

/// The root certificate, PEM.
#[utoipa::path(get, path = "/v1/bundle", tag = "credentials",
    responses((status = 200, body = String, content_type = "application/x-pem-file")))]
pub(crate) async fn trust_bundle(State(ports): State<Shared>) -> ([(&'static str, &'static str); 1], String) {
    ([("content-type", "application/x-pem-file")], ports.authority.bundle_pem())
}
