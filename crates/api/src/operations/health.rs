//! `GET /health/live`: the process answers.

/// Alive.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, body = String)))]
pub(crate) async fn live() -> &'static str {
    "ok\n"
}
