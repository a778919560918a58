//! `GET /v1/parties`: all legal persons.

use crate::Shared;
use crate::view::PartyView;
use axum::Json;
use axum::extract::State;

/// Lists legal persons.
#[utoipa::path(get, path = "/v1/parties", tag = "parties", responses((status = 200, body = Vec<PartyView>)))]
pub(crate) async fn list_parties(State(ports): State<Shared>) -> Json<Vec<PartyView>> {
    let rules = ports.authority.rules();
    let view = |party: &registry::Party| PartyView {
        id: party.id.to_string(),
        name: party.name.to_string(),
        legal_name: party.legal_name.clone(),
        jurisdiction: party.jurisdiction.clone(),
    };
    let mut parties: Vec<_> = rules.state().parties.values().map(view).collect();
    parties.sort_by(|a, b| a.name.cmp(&b.name));
    Json(parties)
}
