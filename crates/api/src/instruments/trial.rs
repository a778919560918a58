//! `POST /v1/instruments/{name}/trial` and `…/trial/end`: tries a draft on what happens, without effect.

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

/// For how long it is tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    /// In milliseconds, up to 90 days from now.
    for_ms: u64,
}

/// Begins to try a draft, or goes on for another while: decisions say what it would have refused, and refuse nothing for it.
#[utoipa::path(post, path = "/v1/instruments/{name}/trial", tag = "instruments", request_body = Trial,
    params(("name" = String, Path,), Version),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn begin_trial(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(version): Query<Version>,
    Input(trial): Input<Trial>,
) -> Result<Json<Done>, ApiError> {
    let instrument = look(&ports, |state| instrument(state, &name, version.version))?;
    let until_ms = ports.authority.now_ms().saturating_add(trial.for_ms);
    let command = Command::TryInstrument { instrument, until_ms };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}

/// Tries a draft no more.
#[utoipa::path(post, path = "/v1/instruments/{name}/trial/end", tag = "instruments",
    params(("name" = String, Path,), Version),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn end_trial(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(version): Query<Version>,
) -> Result<Json<Done>, ApiError> {
    let instrument = look(&ports, |state| instrument(state, &name, version.version))?;
    let admitted = ports.authority.submit(Actor::Operator, Command::EndTrial { instrument }).await?;
    Ok(Json(Done::of(&admitted)))
}
