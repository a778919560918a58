//! `GET /v1/bundle.json`: the trust bundle as other trust domains read it.

use crate::Shared;
use axum::extract::State;

/// The SPIFFE bundle (SPIFFE Trust Domain and Bundle §4): roots and keys for JWT-SVIDs.
#[utoipa::path(get, path = "/v1/bundle.json", tag = "credentials",
    responses((status = 200, body = String, content_type = "application/json")))]
pub(crate) async fn bundle_document(
    State(ports): State<Shared>,
) -> ([(&'static str, &'static str); 1], String) {
    ([("content-type", "application/json")], ports.authority.bundle_document())
}
