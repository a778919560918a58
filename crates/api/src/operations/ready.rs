//! `GET /health/ready`: whether it makes sense to send traffic.

use crate::Shared;
use crate::error::ApiError;
use axum::extract::State;
use axum::http::StatusCode;

/// Ready, or why not.
#[utoipa::path(get, path = "/health/ready", tag = "operations",
    responses((status = 200, body = String), (status = 503, body = crate::ProblemBody)))]
pub(crate) async fn ready(State(ports): State<Shared>) -> Result<&'static str, ApiError> {
    match (ports.not_ready)() {
        None => Ok("ready\n"),
        Some(why) => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, why, "see the log of the server")),
    }
}
