//! `/scim/v2/Users`: who of the people known here is there still. A person signs with a key of their own, so SCIM
//! makes nobody: it finds the person an account was linked to, and says when they leave.

use super::user::{Filter, SCHEMA, User};
use super::{Answer, ScimError, answer};
use crate::Shared;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use registry::departure::DEPARTURE_GRACE_MS;
use registry::{Actor, Command, PersonId};
use serde::Deserialize;
use serde_json::{Value, json};

/// Users in one page at most.
const PAGE_MAX: usize = 200;

/// What is asked of a list (RFC 7644 §3.4.2).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    start_index: Option<usize>,
    #[serde(default)]
    count: Option<usize>,
}

pub(super) async fn create(State(ports): State<Shared>, body: Bytes) -> Result<Answer, ScimError> {
    let user = User::read(&read(&body)?)?;
    let person = user.accounts().iter().find_map(|account| ports.authority.person_of(account));
    let person = person.ok_or_else(|| {
        let help =
            format!("`{}` is nobody here: link the account first with `writ person link`", user.user_name());
        ScimError::invalid("invalidValue", help)
    })?;
    if ports.people.get(&person.to_string())?.is_some() {
        return Err(ScimError::new(StatusCode::CONFLICT, "uniqueness", "this user is there already"));
    }
    keep(&ports, person, &user).await?;
    Ok(answer(StatusCode::CREATED, &user.resource(&person.to_string())))
}

pub(super) async fn get(State(ports): State<Shared>, Path(id): Path<String>) -> Result<Answer, ScimError> {
    let (person, user) = find(&ports, &id)?;
    Ok(answer(StatusCode::OK, &user.resource(&person.to_string())))
}

pub(super) async fn list(
    State(ports): State<Shared>,
    Query(asked): Query<Listing>,
) -> Result<Answer, ScimError> {
    let found: Vec<String> = match asked.filter.as_deref().map(Filter::read).transpose()? {
        Some(Filter::Account(account)) => {
            ports.authority.person_of(&account).map(|person| person.to_string()).into_iter().collect()
        }
        Some(Filter::Id(id)) => vec![id],
        None => ports.authority.rules().state().people.keys().map(ToString::to_string).collect(),
    };
    let mut users: Vec<Value> = Vec::new();
    for id in &found {
        users.extend(kept(&ports, id)?.map(|(_, user)| user.resource(id)));
    }
    // Counted from 1.
    let start = asked.start_index.unwrap_or(1).max(1);
    let page: Vec<&Value> =
        users.iter().skip(start - 1).take(asked.count.unwrap_or(PAGE_MAX).min(PAGE_MAX)).collect();
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": users.len(), "startIndex": start, "itemsPerPage": page.len(), "Resources": page,
    });
    Ok(answer(StatusCode::OK, &body))
}

pub(super) async fn replace(
    State(ports): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Answer, ScimError> {
    let (person, _) = find(&ports, &id)?;
    let user = User::read(&read(&body)?)?;
    keep(&ports, person, &user).await?;
    Ok(answer(StatusCode::OK, &user.resource(&id)))
}

pub(super) async fn modify(
    State(ports): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Answer, ScimError> {
    let (person, user) = find(&ports, &id)?;
    let user = user.patched(&read(&body)?)?;
    keep(&ports, person, &user).await?;
    Ok(answer(StatusCode::OK, &user.resource(&id)))
}

pub(super) async fn remove(
    State(ports): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, ScimError> {
    // That somebody leaves does not hang on the file about them.
    let person = id.parse().map_err(|_| unknown(&id))?;
    if !is_linked(&ports, person) && ports.people.get(&id)?.is_none() {
        return Err(unknown(&id));
    }
    leave(&ports, person).await?;
    ports.people.remove(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps what a provider says. Whoever is not active any more has left; whoever left is registered anew, with a key.
async fn keep(ports: &Shared, person: PersonId, user: &User) -> Result<(), ScimError> {
    let there = ports.authority.rules().state().people.get(&person).is_some_and(registry::Person::is_active);
    match (there, user.active) {
        (true, true) => {}
        (true, false) => leave(ports, person).await?,
        (false, false) => {}
        (false, true) => {
            let said = "who has left comes back as a new person with a key of their own: `writ person add`";
            return Err(ScimError::invalid("mutability", said));
        }
    }
    Ok(ports.people.put(&person.to_string(), &user.to_bytes())?)
}

async fn leave(ports: &Shared, person: PersonId) -> Result<(), ScimError> {
    let there = ports.authority.rules().state().people.get(&person).is_some_and(registry::Person::is_active);
    if there {
        let command = Command::PersonLeaves { person, grace_ms: DEPARTURE_GRACE_MS };
        ports.authority.submit(Actor::System, command).await?;
    }
    Ok(())
}

/// A user that a provider created before.
fn find(ports: &Shared, id: &str) -> Result<(PersonId, User), ScimError> {
    kept(ports, id)?.ok_or_else(|| unknown(id))
}

/// The same, or none. What cannot be read is our fault, and not nobody.
fn kept(ports: &Shared, id: &str) -> Result<Option<(PersonId, User)>, ScimError> {
    let Ok(person) = id.parse::<PersonId>() else { return Ok(None) };
    let Some(bytes) = ports.people.get(id)? else { return Ok(None) };
    let mut user = User::kept(&bytes).ok_or_else(|| format!("what is kept of `{id}` cannot be read"))?;
    user.active =
        ports.authority.rules().state().people.get(&person).is_some_and(registry::Person::is_active);
    Ok(Some((person, user)))
}

/// Whether somebody is here still and has an account at a provider.
fn is_linked(ports: &Shared, person: PersonId) -> bool {
    let rules = ports.authority.rules();
    let state = rules.state();
    state.people.get(&person).is_some_and(registry::Person::is_active)
        && state.accounts.values().any(|linked| *linked == person)
}

fn unknown(id: &str) -> ScimError {
    ScimError::new(StatusCode::NOT_FOUND, "", format!("there is no user `{id}`"))
}

fn read(body: &[u8]) -> Result<Value, ScimError> {
    serde_json::from_slice(body).map_err(|error| {
        ScimError::invalid("invalidSyntax", format!("the body is no JSON ({SCHEMA}): {error}"))
    })
}
