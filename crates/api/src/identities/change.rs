//! `POST /v1/identities/{party}/{name}/{step}`: the steps of a machine's life.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{identity, look};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which step.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// Lets an accepted identity act.
    Activate,
    /// Ends it for good, at once, with everything it has open.
    Kill,
    /// Lets its stopped instances come back.
    Readmit,
    /// Lets a suspended identity act again.
    Resume,
    /// Ends it by plan.
    Retire,
    /// Stops it for now.
    Suspend,
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ground {
    /// Why; needed to kill, to suspend and to readmit.
    #[serde(default)]
    reason: String,
}

/// Takes a step in a machine's life.
#[utoipa::path(post, path = "/v1/identities/{party}/{name}/steps/{step}", tag = "identities", request_body = Ground,
    params(("party" = String, Path,), ("name" = String, Path,), ("step" = Step, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn change_identity(
    State(ports): State<Shared>,
    Path((party, name, step)): Path<(String, String, Step)>,
    Input(ground): Input<Ground>,
) -> Result<Json<Done>, ApiError> {
    let identity = look(&ports, |state| identity(state, &party, &name))?;
    let reason = ground.reason;
    let command = match step {
        Step::Activate => Command::ActivateIdentity { identity },
        Step::Kill => Command::RevokeIdentity { identity, reason },
        Step::Readmit => Command::ReadmitInstances { identity, reason },
        Step::Resume => Command::ResumeIdentity { identity },
        Step::Retire => Command::RetireIdentity { identity },
        Step::Suspend => Command::SuspendIdentity { identity, reason },
    };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
