//! `GET /v1/instruments`: all instruments.

use crate::view::{self, InstrumentView};
use crate::{PAGE_ROWS_MAX, Shared};
use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Only instruments behind this id (the last of the page before).
    after: Option<String>,
}

/// Lists instruments in the order of their ids.
#[utoipa::path(get, path = "/v1/instruments", tag = "instruments", params(Page),
    responses((status = 200, body = Vec<InstrumentView>)))]
pub(crate) async fn list_instruments(
    State(ports): State<Shared>,
    Query(page): Query<Page>,
) -> Json<Vec<InstrumentView>> {
    let rules = ports.authority.rules();
    let state = rules.state();
    let after = page.after.and_then(|after| after.parse().ok());
    let rows =
        state.instruments.values().filter(|instrument| after.is_none_or(|after| instrument.id > after));
    Json(
        rows.take(PAGE_ROWS_MAX)
            .map(|instrument| view::instrument(state, instrument, ports.authority.now_ms()))
            .collect(),
    )
}
