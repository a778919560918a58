//! `GET /v1/issuers`: whose tokens count.

use crate::Shared;
use crate::error::ProblemBody;
use crate::view::IssuerView;
use axum::Json;
use axum::extract::State;

/// Lists the issuers. There are few.
#[utoipa::path(get, path = "/v1/issuers", tag = "issuers",
    responses((status = 200, body = Vec<IssuerView>), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn list_issuers(State(ports): State<Shared>) -> Json<Vec<IssuerView>> {
    let rules = ports.authority.rules();
    let view = |issuer: &registry::TrustedIssuer| IssuerView {
        name: issuer.name.to_string(),
        kind: issuer.kind.to_string(),
        issuer: issuer.issuer.clone(),
        audience: issuer.audience.clone(),
        keys: issuer.jwks.clone(),
        party: issuer
            .party
            .and_then(|party| rules.state().parties.get(&party))
            .map(|party| party.name.to_string()),
    };
    Json(rules.state().issuers.values().map(view).collect())
}
