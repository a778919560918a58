//! `POST /v1/rehearsals`: what a document would have changed of what was decided.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use authority::rehearse::Period;
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
    /// How far back from now, in milliseconds; instead of `from_ms`.
    period_ms: Option<u64>,
    /// From this moment, milliseconds since 1970.
    from_ms: Option<u64>,
    /// Until this moment (exclusive), milliseconds since 1970; until now when left out.
    to_ms: Option<u64>,
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
    /// Not taken again: how the request looked was erased.
    erased: usize,
    /// Not taken again: the record cannot be read.
    unreadable: usize,
    /// Not taken again: refused before the request named a known machine, service and act.
    nameless: usize,
    /// Older ones of the period that were left out, because there are too many.
    left_out: usize,
    /// Whether the period goes back further than was looked at.
    cut_short: bool,
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
    let now_ms = ports.authority.now_ms();
    let from_ms = match (new.period_ms, new.from_ms) {
        (Some(period_ms), None) => now_ms.saturating_sub(period_ms),
        (None, Some(from_ms)) => from_ms,
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::invalid("give either `period_ms` or `from_ms`"));
        }
    };
    let period = Period { from_ms, to_ms: new.to_ms.unwrap_or(u64::MAX) };
    if period.from_ms >= period.to_ms {
        return Err(ApiError::invalid("the period ends before it begins"));
    }
    let rehearsal = tokio::task::spawn_blocking(move || {
        ports.authority.rehearse(ports.decisions.as_ref(), &new.document, period)
    });
    let rehearsal = rehearsal.await.map_err(ApiError::invalid)??;
    Ok(Json(RehearsalView {
        decisions: rehearsal.decisions,
        newly_refused: rehearsal.newly_refused,
        newly_permitted: rehearsal.newly_permitted,
        erased: rehearsal.erased,
        unreadable: rehearsal.unreadable,
        nameless: rehearsal.nameless,
        left_out: rehearsal.left_out,
        cut_short: rehearsal.cut_short,
        changed: rehearsal.changed,
    }))
}
