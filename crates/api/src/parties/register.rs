//! `POST /v1/parties`: registers a legal person.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::name;
use crate::view::Done;
use axum::Json;
use axum::extract::State;
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// A legal person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewParty {
    /// Its short name.
    name: String,
    /// Its name in law.
    legal_name: String,
    /// Where it is established.
    jurisdiction: String,
}

/// Registers a legal person.
#[utoipa::path(post, path = "/v1/parties", tag = "parties", request_body = NewParty,
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn register_party(
    State(ports): State<Shared>,
    Input(new): Input<NewParty>,
) -> Result<Json<Done>, ApiError> {
    let command = Command::RegisterParty {
        name: name(&new.name)?,
        legal_name: new.legal_name,
        jurisdiction: new.jurisdiction,
    };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
