//! `POST /v1/rehearsals`: what a document would have changed of what was decided.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A document to rehearse.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRehearsal {
    /// The text of a `*.writ.md` file.
    document: String,
    /// How far back, in milliseconds.
    period_ms: u64,
}

/// What would have changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RehearsalView {
    /// Decisions that could be taken again.
    decisions: usize,
    /// Permitted, and refused with the document in force.
    newly_refused: usize,
    /// Refused, and permitted with the document in force.
    newly_permitted: usize,
    /// The first of those that change: index in the decision log, and how.
    changed: Vec<(u64, String)>,
}

/// Decides recorded requests again as if a document were in force. Changes nothing.
#[utoipa::path(post, path = "/v1/rehearsals", tag = "instruments", request_body = NewRehearsal,
    responses((status = 200, body = RehearsalView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn rehearse(
    State(ports): State<Shared>,
    Input(new): Input<NewRehearsal>,
) -> Result<Json<RehearsalView>, ApiError> {
    let since_ms = ports.authority.now_ms().saturating_sub(new.period_ms);
    let rehearsal = tokio::task::spawn_blocking(move || {
        ports.authority.rehearse(ports.decisions.as_ref(), &new.document, since_ms)
    });
    let rehearsal = rehearsal.await.map_err(ApiError::invalid)??;
    Ok(Json(RehearsalView {
        decisions: rehearsal.decisions,
        newly_refused: rehearsal.newly_refused,
        newly_permitted: rehearsal.newly_permitted,
        changed: rehearsal.changed,
    }))
}
