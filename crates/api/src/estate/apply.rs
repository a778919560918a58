//! `POST /v1/estate/apply`: changes the registry to what a folder of files says, all or nothing.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::estate::plan::made;
use crate::estate::read::{Change, Estate};
use axum::Json;
use axum::extract::State;
use registry::{Actor, Command};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An estate, and how much of what is there it may end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEstate {
    /// The estate.
    estate: Estate,
    /// Instruments and identities it may end at most: a guard against an empty or wrong folder.
    removals_max: usize,
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Applied {
    /// What was changed, and what still differs.
    changes: Vec<Change>,
    /// The entry's index in the control ledger; absent when nothing was to be done.
    index: Option<u64>,
}

/// Applies an estate: every step, or none.
#[utoipa::path(post, path = "/v1/estate/apply", tag = "estate", request_body = NewEstate,
    responses((status = 200, body = Applied), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn apply_estate(
    State(ports): State<Shared>,
    Input(new): Input<NewEstate>,
) -> Result<Json<Applied>, ApiError> {
    let plan = made(&ports, new.estate)?;
    let removals = plan.removals();
    if removals > new.removals_max {
        return Err(ApiError::invalid(format!(
            "this would end {removals} instruments or identities, and at most {} may be ended: is it the right folder? (--removals-max)",
            new.removals_max
        )));
    }
    if plan.steps.is_empty() {
        return Ok(Json(Applied { changes: plan.changes, index: None }));
    }
    // The texts first: an entry never names a document that is not there.
    for text in &plan.texts {
        let digest = contract::canonical::digest(text);
        ports.authority.objects().put(&authority::documents::path(&digest), text.as_bytes())?;
    }
    let admitted = ports.authority.submit(Actor::Operator, Command::Batch(plan.steps)).await?;
    Ok(Json(Applied { changes: plan.changes, index: Some(admitted.index) }))
}
