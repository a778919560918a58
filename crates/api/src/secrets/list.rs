//! `GET /v1/secrets`: which upstream secrets there are, and how those stand that renew themselves.

use crate::Shared;
use crate::error::ProblemBody;
use crate::view::{RotatingView, SecretView};
use axum::Json;
use axum::extract::State;
use registry::{Millis, Name, Rotating};
use std::collections::BTreeSet;

/// Lists the secrets; never their values. There are few.
#[utoipa::path(get, path = "/v1/secrets", tag = "secrets",
    responses((status = 200, body = Vec<SecretView>), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn list_secrets(State(ports): State<Shared>) -> Json<Vec<SecretView>> {
    let rules = ports.authority.rules();
    let state = rules.state();
    let names: BTreeSet<&Name> = state.sealed.keys().chain(state.rotating.keys()).collect();
    let view = |name: &Name| SecretView {
        name: name.to_string(),
        sealed_ms: state.sealed.get(name).copied(),
        rotating: state.rotating.get(name).map(rotating),
    };
    Json(names.into_iter().map(view).collect())
}

fn rotating(secret: &Rotating) -> RotatingView {
    let next_ms: Option<Millis> = (!secret.is_looked_at()).then(|| secret.next_ms()).filter(|next| *next > 0);
    RotatingView {
        source: secret.sourced.source.kind().to_owned(),
        rotation: secret.current.as_ref().map(|current| current.rotation),
        handle: secret.current.as_ref().map(|current| current.handle.clone()),
        since_ms: secret.current.as_ref().map(|current| current.since_ms),
        next_ms,
        retiring: secret.retiring.as_ref().map(|(version, _)| version.handle.clone()),
        retires_ms: secret.retiring.as_ref().map(|(_, until_ms)| *until_ms),
        failing: secret.failing.clone(),
    }
}
