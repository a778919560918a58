//! `GET /v1/identities`: machine identities, page by page.

use crate::view::{self, IdentityView};
use crate::{PAGE_ROWS_MAX, Shared};
use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Only identities behind this id (the last of the page before).
    after: Option<String>,
}

/// Lists machine identities in the order of their ids.
#[utoipa::path(get, path = "/v1/identities", tag = "identities", params(Page),
    responses((status = 200, body = Vec<IdentityView>)))]
pub(crate) async fn list_identities(
    State(ports): State<Shared>,
    Query(page): Query<Page>,
) -> Json<Vec<IdentityView>> {
    let now_ms = ports.authority.now_ms();
    let rules = ports.authority.rules();
    let state = rules.state();
    let after = page.after.and_then(|after| after.parse().ok());
    let rows = state.identities.values().filter(|identity| after.is_none_or(|after| identity.id > after));
    Json(rows.take(PAGE_ROWS_MAX).map(|identity| view::identity(state, identity, now_ms)).collect())
}
