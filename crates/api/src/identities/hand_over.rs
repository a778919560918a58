//! `POST /v1/identities/{party}/{name}/hand-over`: offers an office to another person.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::identities::accept::OfficeName;
use crate::reference::{identity, look, person};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// An offer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offer {
    /// Which office.
    office: OfficeName,
    /// The handle of the person it is offered to.
    to: String,
}

/// Offers an office to another person, who has to accept it by signature.
#[utoipa::path(post, path = "/v1/identities/{party}/{name}/hand-over", tag = "identities", request_body = Offer,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn hand_over(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(offer): Input<Offer>,
) -> Result<Json<Done>, ApiError> {
    let (id, to) =
        look(&ports, |state| Ok((identity(state, &party, &name)?, person(state, &party, &offer.to)?)))?;
    let command = Command::HandOver { identity: id, office: offer.office.into(), to };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
