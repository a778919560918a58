//! `POST /v1/instruments/{name}/end`: ends an instrument for good.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::instruments::get::Version;
use crate::reference::{instrument, look};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, Query, State};
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// Why it ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ground {
    /// Why.
    reason: String,
}

/// Ends an instrument; exchanges that rest on it are cut.
#[utoipa::path(post, path = "/v1/instruments/{name}/end", tag = "instruments", request_body = Ground,
    params(("name" = String, Path,), Version),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn end_instrument(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(version): Query<Version>,
    Input(ground): Input<Ground>,
) -> Result<Json<Done>, ApiError> {
    let instrument = look(&ports, |state| instrument(state, &name, version.version))?;
    let command = Command::EndInstrument { instrument, reason: ground.reason };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
