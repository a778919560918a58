//! `GET /v1/federation`: other trust domains, and by what their machines are recognised.

use crate::Shared;
use crate::error::ProblemBody;
use crate::view::FederationView;
use axum::Json;
use axum::extract::State;
use contract::canonical::hex;
use credential::bundle;
use registry::{EndpointProfile, Federation};

/// Lists the federations. There are few.
#[utoipa::path(get, path = "/v1/federation", tag = "federation",
    responses((status = 200, body = Vec<FederationView>), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn list_federations(State(ports): State<Shared>) -> Json<Vec<FederationView>> {
    let rules = ports.authority.rules();
    let state = rules.state();
    Json(state.federations.values().map(|federation| view(state, federation)).collect())
}

pub(crate) fn view(state: &registry::State, federation: &Federation) -> FederationView {
    let relationship = &federation.relationship;
    let party = |id| state.parties.get(id).map(|party| party.name.to_string());
    let endpoint = relationship.endpoint.as_ref();
    let (profile, endpoint_id) = match endpoint.map(|endpoint| &endpoint.profile) {
        None => (None, None),
        Some(EndpointProfile::Web) => (Some("https_web".to_owned()), None),
        Some(EndpointProfile::Spiffe(id)) => (Some("https_spiffe".to_owned()), Some(id.clone())),
    };
    FederationView {
        trust_domain: relationship.trust_domain.clone(),
        parties: relationship.parties.iter().filter_map(party).collect(),
        url: endpoint.map(|endpoint| endpoint.url.clone()),
        profile,
        endpoint_id,
        roots: relationship.bundle.roots.iter().map(|root| hex(&registry::root::digest(root))).collect(),
        jwt_keys: bundle::kids(&relationship.bundle),
        sequence: relationship.bundle.sequence,
        refresh_hint_s: relationship.bundle.refresh_hint_s,
        refresh_s: endpoint.map(|_| relationship.bundle.refresh_s()),
        since_ms: federation.since_ms,
        unread: federation.unread.as_ref().map(|(_, why)| why.clone()),
        unread_since_ms: federation.unread.as_ref().map(|(since_ms, _)| *since_ms),
    }
}
