//! `GET /v1/decisions`: decisions and outcomes, oldest first; can wait for the next one.

use crate::decisions::get::view;
use crate::decisions::parameters::parameters;
use crate::error::{ApiError, ProblemBody};
use crate::view::{DecisionView, TouchView};
use crate::{PAGE_BYTES_MAX, PAGE_ROWS_MAX, Shared};
use axum::Json;
use axum::extract::{Query, State};
use policy::TouchInputs;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;
use utoipa::IntoParams;

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often a waiting request looks again.
const LOOK: Duration = Duration::from_millis(50);

/// Which decisions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// From this index; the last ones when left out.
    from: Option<u64>,
    /// How many at most (up to 1000).
    limit: Option<usize>,
    /// Wait this long (milliseconds, up to 30 s) when there is none yet.
    wait_ms: Option<u64>,
    /// With what was bound to the parameters of statements of this session.
    parameters: Option<u64>,
    /// With what each act of a statement touches.
    #[serde(default)]
    touches: bool,
}

/// Lists decisions and outcomes. A page can be shorter than was asked for: texts of some megabytes fill it; the next one begins
/// after its last row.
#[utoipa::path(get, path = "/v1/decisions", tag = "decisions", params(Which),
    responses((status = 200, body = Vec<DecisionView>), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn list_decisions(
    State(ports): State<Shared>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<DecisionView>>, ApiError> {
    let limit = which.limit.unwrap_or(50).min(PAGE_ROWS_MAX);
    let from = which.from.unwrap_or_else(|| ports.decisions.size().saturating_sub(limit as u64));
    let until = Instant::now() + Duration::from_millis(which.wait_ms.unwrap_or(0)).min(WAIT_MAX);
    while ports.decisions.size() <= from && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
    }
    let end = ports.decisions.size().min(from.saturating_add(limit as u64));
    let mut page = Vec::new();
    let mut bytes = 0;
    for index in from..end {
        let (mut told, inputs) = view(&ports, index)?;
        if let Some(inputs) = inputs
            && told.session.is_some()
        {
            bytes += inputs.target.len();
            if which.parameters == told.session {
                bytes += inputs.parameters.as_ref().map_or(0, Vec::len);
                told.parameters = parameters(&ports, index, &inputs)?;
            }
            if which.touches {
                let view =
                    |touch: TouchInputs| TouchView { columns: touch.columns, which_rows: touch.which_rows };
                told.touches = inputs.touches.into_iter().map(view).collect();
            }
        }
        page.push(told);
        if bytes >= PAGE_BYTES_MAX {
            break;
        }
    }
    Ok(Json(page))
}
