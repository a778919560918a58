//! `GET /v1/issuers`: whose tokens count.

use crate::Shared;
use crate::error::ProblemBody;
use crate::view::IssuerView;
use axum::Json;
use axum::extract::State;
use registry::{KeysAt, TrustedIssuer};

/// Lists the issuers. There are few.
#[utoipa::path(get, path = "/v1/issuers", tag = "issuers",
    responses((status = 200, body = Vec<IssuerView>), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn list_issuers(State(ports): State<Shared>) -> Json<Vec<IssuerView>> {
    let rules = ports.authority.rules();
    Json(rules.state().issuers.values().map(|issuer| view(rules.state(), issuer)).collect())
}

pub(crate) fn view(state: &registry::State, issuer: &TrustedIssuer) -> IssuerView {
    IssuerView {
        name: issuer.name.to_string(),
        kind: issuer.kind.to_string(),
        issuer: issuer.issuer.clone(),
        audience: issuer.audience.clone(),
        keys: issuer.jwks.clone(),
        party: issuer.party.and_then(|party| state.parties.get(&party)).map(|party| party.name.to_string()),
        keys_at: issuer.keys_at.as_ref().map(|at| match at {
            KeysAt::Discovery => issuer.issuer.clone(),
            KeysAt::Set(url) => url.clone(),
        }),
        unread: state.unread.get(&issuer.name).map(|(_, reason)| reason.clone()),
    }
}
