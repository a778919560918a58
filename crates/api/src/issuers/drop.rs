//! `POST /v1/issuers/{name}/drop`: somebody's tokens count no more. What was issued on them before goes on to its end.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::name;
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dropping {
    /// The reason, as it will stand in the ledger.
    reason: String,
}

/// No longer counts somebody's tokens.
#[utoipa::path(post, path = "/v1/issuers/{name}/drop", tag = "issuers", request_body = Dropping,
    params(("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn drop_issuer(
    State(ports): State<Shared>,
    Path(issuer): Path<String>,
    Input(dropping): Input<Dropping>,
) -> Result<Json<Done>, ApiError> {
    let command = Command::DropIssuer { name: name(&issuer)?, reason: dropping.reason };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}
