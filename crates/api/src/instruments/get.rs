//! `GET /v1/instruments/{name}`: one instrument with its document.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::reference::{instrument, look};
use crate::view::{self, InstrumentView};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which version.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Version {
    /// The version; the newest when left out.
    pub(crate) version: Option<u32>,
}

/// An instrument with its document.
#[derive(Serialize, ToSchema)]
pub(crate) struct Whole {
    /// What the registry knows of it.
    instrument: InstrumentView,
    /// Its text.
    document: String,
}

/// Shows an instrument.
#[utoipa::path(get, path = "/v1/instruments/{name}", tag = "instruments", params(("name" = String, Path,), Version),
    responses((status = 200, body = Whole), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn get_instrument(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(version): Query<Version>,
) -> Result<Json<Whole>, ApiError> {
    let now_ms = ports.authority.now_ms();
    let (view, digest) = look(&ports, |state| {
        let id = instrument(state, &name, version.version)?;
        let found = state.instruments.get(&id).ok_or_else(|| ApiError::not_found("such instrument"))?;
        Ok((view::instrument(state, found, now_ms), found.document))
    })?;
    let document = authority::documents::read(ports.authority.objects(), &digest)?;
    let document = document.ok_or_else(|| ApiError::not_found("document of this instrument"))?;
    Ok(Json(Whole { instrument: view, document }))
}
