//! `POST /v1/identities/{party}/{name}/accept`: a person accepts an office by signature.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{identity, look};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command, Office};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Owner or deputy.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OfficeName {
    /// The deputy.
    Deputy,
    /// The owner.
    Owner,
}

impl From<OfficeName> for Office {
    fn from(name: OfficeName) -> Self {
        match name {
            OfficeName::Deputy => Self::Deputy,
            OfficeName::Owner => Self::Owner,
        }
    }
}

/// An acceptance.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acceptance {
    /// Which office.
    office: OfficeName,
    /// The SSH signature over the statement, namespace `writ.ownership`.
    signature: String,
}

/// Accepts an office.
#[utoipa::path(post, path = "/v1/identities/{party}/{name}/accept", tag = "identities", request_body = Acceptance,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn accept_ownership(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(acceptance): Input<Acceptance>,
) -> Result<Json<Done>, ApiError> {
    let office = acceptance.office.into();
    let (id, person) = look(&ports, |state| {
        let id = identity(state, &party, &name)?;
        let found = state.identities.get(&id).ok_or_else(|| ApiError::not_found("such identity"))?;
        Ok((id, found.seat(office).person))
    })?;
    let command = Command::AcceptOwnership { identity: id, office, signature: acceptance.signature };
    let admitted = ports.authority.submit(Actor::Person(person), command).await?;
    Ok(Json(Done::of(&admitted)))
}
