//! `POST /v1/estate/plan`: what a folder of files would change. Changes nothing.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::estate::read::{Change, Estate, Plan, plan};
use axum::Json;
use axum::extract::State;
use prove::{Answer, Solver, Version};
use serde::Serialize;
use utoipa::ToSchema;

/// Amendments whose decisions are compared; beyond that the plan would take too long.
const COMPARED_MAX: usize = 50;

/// A plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanView {
    /// What is different, in order.
    pub(crate) changes: Vec<Change>,
    /// How many of them end something.
    pub(crate) removals: usize,
    /// For each amended instrument: what it changes of what machines may do, in sentences.
    pub(crate) decisions: Vec<(String, Vec<String>)>,
}

/// Shows what an estate would change.
#[utoipa::path(post, path = "/v1/estate/plan", tag = "estate", request_body = Estate,
    responses((status = 200, body = PlanView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn plan_estate(
    State(ports): State<Shared>,
    Input(estate): Input<Estate>,
) -> Result<Json<PlanView>, ApiError> {
    let planned = made(&ports, estate)?;
    let decisions = difference(&ports, &planned).await?;
    let removals = planned.removals();
    Ok(Json(PlanView { changes: planned.changes, removals, decisions }))
}

pub(crate) fn made(ports: &Shared, estate: Estate) -> Result<Plan, ApiError> {
    let state = ports.authority.rules().state().clone();
    plan(&state, estate, ports.authority.now_ms())
}

/// What amendments change of what machines may do.
pub(crate) async fn difference(ports: &Shared, plan: &Plan) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    let solver = match Solver::find(ports.authority.solver()).await {
        Ok(solver) => solver,
        Err(why) => {
            let told = |(name, _, _): &(String, [u8; 32], String)| {
                (name.clone(), vec![format!("not compared: {why}")])
            };
            return Ok(plan.amended.iter().map(told).collect());
        }
    };
    let mut found = Vec::new();
    for (name, before, after) in plan.amended.iter().take(COMPARED_MAX) {
        let old = authority::documents::read(ports.authority.objects(), before)?;
        let (Some(Ok(old)), Ok(new)) = (old.map(|text| Version::read(&text)), Version::read(after)) else {
            continue;
        };
        let difference = prove::compare(&solver, &old, &new).await;
        let mut told = Vec::new();
        let mut tell = |what: &str, answer: Answer<Vec<String>>| match answer {
            Answer::NoneFound | Answer::Proven => {}
            Answer::Refuted(sentences) => told.extend(sentences.into_iter().map(|s| format!("{what}: {s}"))),
            Answer::Unknown(why) => told.push(format!("not proven: {why}")),
        };
        tell("gained", difference.narrower);
        tell("lost", difference.wider);
        if told.is_empty() {
            told.push("proven equal: machines may do exactly what they may do now".to_owned());
        }
        found.push((name.clone(), told));
    }
    Ok(found)
}
