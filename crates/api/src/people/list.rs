//! `GET /v1/people`: all natural persons.

use crate::Shared;
use crate::view::{self, PersonView};
use axum::Json;
use axum::extract::State;

/// Lists natural persons.
#[utoipa::path(get, path = "/v1/people", tag = "people", responses((status = 200, body = Vec<PersonView>)))]
pub(crate) async fn list_people(State(ports): State<Shared>) -> Json<Vec<PersonView>> {
    let rules = ports.authority.rules();
    let state = rules.state();
    let mut people: Vec<_> = state.people.values().map(|person| view::person(state, person)).collect();
    people.sort_by(|a, b| (&a.party, &a.name).cmp(&(&b.party, &b.name)));
    Json(people)
}
