//! `POST /v1/credentials/{serial}/revoke`: makes one certificate worthless.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ground {
    /// Why.
    reason: String,
}

/// Revokes a certificate; connections that use it are cut.
#[utoipa::path(post, path = "/v1/credentials/{serial}/revoke", tag = "credentials", request_body = Ground,
    params(("serial" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn revoke_credential(
    State(ports): State<Shared>,
    Path(text): Path<String>,
    Input(ground): Input<Ground>,
) -> Result<Json<Done>, ApiError> {
    let command = Command::RevokeCredential { serial: serial(&text)?, reason: ground.reason };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}

/// Reads a serial number.
pub(crate) fn serial(text: &str) -> Result<[u8; 16], ApiError> {
    registry::unhex(text).ok_or_else(|| {
        ApiError::invalid("a serial number has 32 hexadecimal digits, as `writ issue` shows it")
    })
}
