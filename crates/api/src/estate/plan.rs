//! `POST /v1/estate/plan`: what a folder of files would change. Changes nothing.

use super::decisions::{NotCompared, decisions};
use super::rows::Estate;
use super::steps::{Change, Plan, plan};
use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanView {
    /// What is different, in order.
    changes: Vec<Change>,
    /// How many of them end something.
    removals: usize,
    /// How many may, unless apply is told otherwise.
    removals_max: usize,
    /// Instruments and identities of the folder's parties that stand now.
    standing: usize,
    /// Commands it takes.
    steps: usize,
    /// Bytes its entry takes in the ledger.
    bytes: usize,
    /// Whether these lie beside the entry, which names them by their digest.
    apart: bool,
    /// Instruments between a party of the folder and one it does not name: they are not looked at.
    outside: usize,
    /// For each instrument that is new, amended or ends: what that changes of what machines may do.
    decisions: Vec<(String, Vec<String>)>,
    /// Amendments of which that is not said, and why.
    not_compared: Vec<NotCompared>,
}

/// Shows what an estate would change.
#[utoipa::path(post, path = "/v1/estate/plan", tag = "estate", request_body = Estate,
    responses((status = 200, body = PlanView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn plan_estate(
    State(ports): State<Shared>,
    Input(estate): Input<Estate>,
) -> Result<Json<PlanView>, ApiError> {
    let (plan, decisions) = decisions(&ports, made(&ports, estate).await?).await;
    Ok(Json(PlanView {
        changes: plan.changes,
        removals: plan.guard.removals,
        removals_max: plan.guard.allowed(),
        standing: plan.guard.standing,
        steps: plan.steps.len(),
        bytes: plan.weight.bytes,
        apart: plan.weight.apart,
        outside: plan.outside,
        decisions: decisions.told,
        not_compared: decisions.not_compared,
    }))
}

/// Plans apart from the threads that answer: some thousand documents take seconds to check.
pub(crate) async fn made(ports: &Shared, estate: Estate) -> Result<Plan, ApiError> {
    let state = ports.authority.rules().state().clone();
    let now_ms = ports.authority.now_ms();
    tokio::task::spawn_blocking(move || plan(&state, estate, now_ms)).await.map_err(ApiError::internal)?
}
