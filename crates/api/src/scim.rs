//! SCIM 2.0 (RFC 7643, RFC 7644), for identity providers: so that Writ learns at once when somebody who answers for
//! machines leaves. For the bearer of a token of its own; it cannot do anything else.
//!
//! Out of scope: groups, passwords, bulk, and making people: a person is registered with the key they sign with.

mod discovery;
mod user;
mod users;

use crate::{OPEN_BODY_BYTES_MAX, Shared};
use authority::SubmitError;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

const CONTENT_TYPE: &str = "application/scim+json";

/// Keeps what identity providers say about people: beside the ledger, and erased with them.
pub trait PersonalData: Send + Sync {
    /// What is kept of a person.
    fn get(&self, person: &str) -> Result<Option<Vec<u8>>, String>;
    /// Keeps it, in place of what was kept.
    fn put(&self, person: &str, bytes: &[u8]) -> Result<(), String>;
    /// Erases it.
    fn remove(&self, person: &str) -> Result<(), String>;
}

/// The endpoint.
pub(crate) fn router(shared: Shared) -> Router<Shared> {
    Router::new()
        .route("/scim/v2/Users", get(users::list).post(users::create))
        .route(
            "/scim/v2/Users/{id}",
            get(users::get).put(users::replace).patch(users::modify).delete(users::remove),
        )
        .route("/scim/v2/ServiceProviderConfig", get(discovery::config))
        .route("/scim/v2/ResourceTypes", get(discovery::types))
        .route("/scim/v2/Schemas", get(discovery::schemas))
        .route_layer(axum::middleware::from_fn_with_state(shared, provider_only))
        .layer(DefaultBodyLimit::max(OPEN_BODY_BYTES_MAX))
}

async fn provider_only(State(ports): State<Shared>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(ports.scim_token.as_bytes())) {
        return next.run(request).await;
    }
    let said = "the provider's token is missing or wrong: it stands in scim.json of the data directory";
    let mut response = ScimError::new(StatusCode::UNAUTHORIZED, "", said).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    response
}

/// A status and a resource.
type Answer = (StatusCode, [(header::HeaderName, &'static str); 1], String);

fn answer(status: StatusCode, body: &Value) -> Answer {
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body.to_string())
}

/// An error as SCIM has them (RFC 7644 §3.12).
#[derive(Debug)]
struct ScimError {
    status: StatusCode,
    kind: &'static str,
    detail: String,
}

impl ScimError {
    fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into() }
    }

    fn invalid(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, detail)
    }
}

impl From<SubmitError> for ScimError {
    fn from(error: SubmitError) -> Self {
        let status = match &error {
            SubmitError::Refused(_) => StatusCode::CONFLICT,
            SubmitError::Append(_) | SubmitError::Internal(_) | SubmitError::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, "", error.to_string())
    }
}

impl From<String> for ScimError {
    fn from(error: String) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", error)
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.as_u16().to_string(), "detail": self.detail,
        });
        if let (Value::Object(members), false) = (&mut body, self.kind.is_empty()) {
            members.insert("scimType".to_owned(), json!(self.kind));
        }
        answer(self.status, &body).into_response()
    }
}
