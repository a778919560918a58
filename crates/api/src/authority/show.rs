//! `GET /v1/authority`: the roots of the trust domain, and where each is in its life.

use crate::Shared;
use crate::error::ProblemBody;
use crate::view::RootView;
use axum::Json;
use axum::extract::State;
use contract::canonical::hex;

/// Lists the roots, the one in use first.
#[utoipa::path(get, path = "/v1/authority", tag = "authority",
    responses((status = 200, body = Vec<RootView>), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn show_authority(State(ports): State<Shared>) -> Json<Vec<RootView>> {
    let now_ms = ports.authority.now_ms();
    let rules = ports.authority.rules();
    let state = rules.state();
    let mut roots: Vec<_> = state.roots.iter().collect();
    roots.sort_by_key(|(_, root)| (root.status != registry::RootStatus::Active, root.since_ms));
    let view = |(name, root): (&[u8; 32], &registry::Root)| {
        let resting = state
            .credentials
            .values()
            .filter(|one| one.root == Some(*name) && one.revoked.is_none() && one.not_after_ms > now_ms);
        RootView {
            root: hex(name),
            status: root.status.to_string(),
            since_ms: root.since_ms,
            tainted_ms: root.tainted.map(|(tainted_ms, _)| tainted_ms),
            certificates: resting.count(),
        }
    };
    Json(roots.into_iter().map(view).collect())
}
