//! `POST /v1/instruments/{name}/examination`: what a solver says about an instrument, before somebody signs it.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::instruments::get::Version;
use crate::reference::{instrument, look};
use crate::view::{self, ExaminationView};
use axum::Json;
use axum::extract::{Path, Query, State};

/// Examines an instrument anew: guardrails and standing instruments may have changed since it was drafted. What is
/// found is recorded, unless it is on record already. Without a solver it says so, and what holds then.
#[utoipa::path(post, path = "/v1/instruments/{name}/examination", tag = "instruments",
    params(("name" = String, Path,), Version),
    responses((status = 200, body = ExaminationView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn examine_instrument(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(version): Query<Version>,
) -> Result<Json<ExaminationView>, ApiError> {
    let id = look(&ports, |state| instrument(state, &name, version.version))?;
    Ok(Json(view::examination(&ports.authority.examine(id).await)))
}
