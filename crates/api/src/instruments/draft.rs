//! `POST /v1/instruments`: a document becomes a draft that can be signed.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::view::{self, ExaminationView};
use axum::Json;
use axum::extract::State;
use registry::Actor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInstrument {
    /// The text of a `*.writ.md` file, formatted by `writ fmt`.
    document: String,
}

/// A draft.
#[derive(Serialize, ToSchema)]
pub(crate) struct Draft {
    /// The instrument's id.
    id: String,
    /// What everybody signs (namespace `writ.instrument`).
    envelope: String,
    /// The entry's index in the control ledger.
    index: u64,
    /// Clauses that this version's gateways cannot enforce: they refuse to serve the instrument.
    unenforceable: Vec<String>,
    /// What nobody should sign without having read it.
    warnings: Vec<String>,
    /// What else people should know before they sign, as far as it was proven or refuted.
    notes: Vec<String>,
    /// The solver that was asked, or why none was.
    solver: String,
}

/// Drafts an instrument.
#[utoipa::path(post, path = "/v1/instruments", tag = "instruments", request_body = NewInstrument,
    responses((status = 200, body = Draft), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn draft_instrument(
    State(ports): State<Shared>,
    Input(new): Input<NewInstrument>,
) -> Result<Json<Draft>, ApiError> {
    let drafted = ports.authority.draft(Actor::Operator, &new.document).await?;
    let ExaminationView { solver, warnings, notes, .. } = view::examination(&drafted.examined);
    Ok(Json(Draft {
        id: drafted.instrument.to_string(),
        envelope: drafted.envelope,
        index: drafted.index,
        unenforceable: drafted.unenforceable,
        warnings,
        notes,
        solver,
    }))
}
