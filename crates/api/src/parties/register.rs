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
    pub(crate) name: String,
    /// Its name in law.
    pub(crate) legal_name: String,
    /// Where it is established.
    pub(crate) jurisdiction: String,
}

impl NewParty {
    /// The command that registers it.
    pub(crate) fn command(self) -> Result<Command, ApiError> {
        let (legal_name, jurisdiction) = (self.legal_name, self.jurisdiction);
        let name = name(&self.name).map_err(|error| error.at("name"))?;
        Ok(Command::RegisterParty { name, legal_name, jurisdiction })
    }
}

/// Registers a legal person.
#[utoipa::path(post, path = "/v1/parties", tag = "parties", request_body = NewParty,
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn register_party(
    State(ports): State<Shared>,
    Input(new): Input<NewParty>,
) -> Result<Json<Done>, ApiError> {
    let command = new.command()?;
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
