//! `POST /v1/people/{party}/{name}/leave`: a person leaves; what they answered for has a grace.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, person};
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long others have to take over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Leaving {
    /// Milliseconds until machines they answered for are suspended.
    grace_ms: u64,
}

/// What a departure means.
#[derive(Serialize, ToSchema)]
pub(crate) struct Departure {
    /// The entry's index in the control ledger.
    index: u64,
    /// The machines that need somebody else, and until when (milliseconds since 1970).
    machines: Vec<(String, u64)>,
}

/// Records that a person left.
#[utoipa::path(post, path = "/v1/people/{party}/{name}/leave", tag = "people", request_body = Leaving,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Departure), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn person_leaves(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(leaving): Input<Leaving>,
) -> Result<Json<Departure>, ApiError> {
    let person = look(&ports, |state| person(state, &party, &name))?;
    let command = Command::PersonLeaves { person, grace_ms: leaving.grace_ms };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    let rules = ports.authority.rules();
    let state = rules.state();
    let machines = state
        .identities
        .values()
        .filter(|identity| identity.owner.person == person || identity.deputy.person == person)
        .filter_map(|identity| Some((state.identity_label(identity.id), identity.grace_until_ms?)));
    Ok(Json(Departure { index: admitted.index, machines: machines.collect() }))
}
