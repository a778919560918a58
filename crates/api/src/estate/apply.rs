//! `POST /v1/estate/apply`: changes the registry to what a folder of files says, all or nothing.

use super::plan::made;
use super::rows::Estate;
use super::steps::Change;
use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use authority::SubmitError;
use axum::Json;
use axum::extract::State;
use registry::{Actor, Command};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use utoipa::ToSchema;

/// Texts that are written at the same time.
const WRITERS: usize = 16;

/// An estate, and how much of what is there it may end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEstate {
    /// The estate.
    estate: Estate,
    /// Instruments and identities it may end at most: a guard against an empty or wrong folder. If it is left
    /// out, the smaller of 5 and 30 % of what stands.
    #[serde(default)]
    removals_max: Option<usize>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Applied {
    /// What was changed, and what still differs.
    changes: Vec<Change>,
    /// The entry's index in the control ledger; absent when nothing was to be done.
    index: Option<u64>,
    /// Bytes the entry takes, or the body it names.
    bytes: usize,
    /// Instruments between a party of the folder and one it does not name: they were not looked at.
    outside: usize,
}

/// Applies an estate: every step, or none.
#[utoipa::path(post, path = "/v1/estate/apply", tag = "estate", request_body = NewEstate,
    responses((status = 200, body = Applied), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn apply_estate(
    State(ports): State<Shared>,
    Input(new): Input<NewEstate>,
) -> Result<Json<Applied>, ApiError> {
    let plan = made(&ports, new.estate).await?;
    plan.guard.check(new.removals_max)?;
    let (changes, bytes, outside) = (plan.changes, plan.weight.bytes, plan.outside);
    if plan.steps.is_empty() {
        return Ok(Json(Applied { changes, index: None, bytes, outside }));
    }
    keep(&ports, plan.texts).await?;
    let admitted = match ports.authority.submit(Actor::Operator, Command::Batch(plan.steps)).await {
        Ok(admitted) => admitted,
        // Every step was admitted a moment ago: somebody else changed the registry in between.
        Err(SubmitError::Refused(refusal)) => {
            let help = "the registry changed meanwhile, and nothing was applied: look at `writ plan` again";
            return Err(ApiError::from(refusal).help(help));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Json(Applied { changes, index: Some(admitted.index), bytes, outside }))
}

/// The texts first: an entry never names a document that is not there. Should the entry not come to be (a race, a
/// crash), they are bytes under their digest that nothing refers to, and the next apply finds them there.
async fn keep(ports: &Shared, texts: Vec<String>) -> Result<(), ApiError> {
    let mut writers = JoinSet::new();
    // Each text waits for the disk twice; those who wait at the same time share the waiting.
    for part in texts.chunks(texts.len().div_ceil(WRITERS).max(1)) {
        let (ports, part) = (ports.clone(), part.to_vec());
        writers.spawn_blocking(move || {
            part.iter().try_for_each(|text| {
                let digest = contract::canonical::digest(text);
                ports.authority.objects().put(&authority::documents::path(&digest), text.as_bytes())
            })
        });
    }
    while let Some(written) = writers.join_next().await {
        written.map_err(ApiError::internal)??;
    }
    Ok(())
}
