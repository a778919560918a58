//! `POST /v1/secrets/{name}/rotations`: brings the next value of a secret now.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::name;
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command, SecretStep};
use serde::Deserialize;
use utoipa::ToSchema;

/// Why, and how fast.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// Why.
    reason: String,
    /// Whether the value before ends as soon as the next is in use.
    #[serde(default)]
    at_once: bool,
}

/// Asks for the next value. It is in use when `GET /v1/secrets` says so.
#[utoipa::path(post, path = "/v1/secrets/{name}/rotations", tag = "secrets", request_body = Rotation,
    params(("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn rotate_secret(
    State(ports): State<Shared>,
    Path(secret): Path<String>,
    Input(asked): Input<Rotation>,
) -> Result<Json<Done>, ApiError> {
    let step = SecretStep::Ask { at_once: asked.at_once };
    let command = Command::Secret { name: name(&secret)?, step, reason: asked.reason };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}
