//! `GET /v1/identities/{party}/{name}`: one machine identity, with what its people have to sign.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::reference::identity;
use crate::view::{self, IdentityView};
use axum::Json;
use axum::extract::{Path, State};

/// Shows a machine identity.
#[utoipa::path(get, path = "/v1/identities/{party}/{name}", tag = "identities",
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = IdentityView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn get_identity(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
) -> Result<Json<IdentityView>, ApiError> {
    let now_ms = ports.authority.now_ms();
    let rules = ports.authority.rules();
    let state = rules.state();
    let id = identity(state, &party, &name)?;
    let found = state.identities.get(&id).ok_or_else(|| ApiError::not_found("such identity"))?;
    Ok(Json(view::identity(state, found, now_ms)))
}
