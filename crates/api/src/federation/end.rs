//! `POST /v1/federation/{trust_domain}/end`: another trust domain's machines are recognised no more.

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
pub(crate) struct Ending {
    /// The reason, as it will stand in the ledger.
    reason: String,
}

/// Ends a federation: workloads lose its bundle at once.
#[utoipa::path(post, path = "/v1/federation/{trust_domain}/end", tag = "federation", request_body = Ending,
    params(("trust_domain" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn end_federation(
    State(ports): State<Shared>,
    Path(trust_domain): Path<String>,
    Input(ending): Input<Ending>,
) -> Result<Json<Done>, ApiError> {
    let command = Command::EndFederation { trust_domain, reason: ending.reason };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}
