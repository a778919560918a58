//! `POST /v1/security-events`: identity providers push what became of people (RFC 8935). The token's signature is the
//! proof, so no operator is needed.

use crate::Shared;
use authority::{EventRefused, SubmitError};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use credential::foreign::ForeignError;
use serde::Serialize;
use utoipa::ToSchema;

/// Why an event was not taken (RFC 8935 §2.3).
#[derive(Serialize, ToSchema)]
pub(crate) struct EventError {
    /// The code of the registry.
    err: &'static str,
    /// In words.
    description: String,
}

/// Takes a security event token.
#[utoipa::path(post, path = "/v1/security-events", tag = "issuers",
    request_body(content = String, content_type = "application/secevent+jwt"),
    responses((status = 202), (status = 400, body = EventError), (status = 503, body = EventError)))]
pub(crate) async fn receive_event(
    State(ports): State<Shared>,
    headers: HeaderMap,
    token: String,
) -> Result<StatusCode, (StatusCode, Json<EventError>)> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let refuse = |status, err, description: String| Err((status, Json(EventError { err, description })));
    if !kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/secevent+jwt"))
    {
        let said = "the content type is to be application/secevent+jwt".to_owned();
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", said);
    }
    let Err(error) = ports.authority.receive_event(token.trim()).await else {
        return Ok(StatusCode::ACCEPTED);
    };
    let code = match &error {
        EventRefused::Issuer(_) | EventRefused::Token(ForeignError::Issuer(_)) => "invalid_issuer",
        EventRefused::Token(ForeignError::Audience(_)) => "invalid_audience",
        EventRefused::Token(ForeignError::Signature(_) | ForeignError::Algorithm) => "invalid_key",
        EventRefused::Token(
            ForeignError::Claim(_) | ForeignError::Expired | ForeignError::Future | ForeignError::Malformed,
        )
        | EventRefused::Invalid(_)
        | EventRefused::Submit(SubmitError::Refused(_)) => "invalid_request",
        // Ours to mend: the transmitter tries again.
        EventRefused::Submit(SubmitError::Append(_) | SubmitError::Internal(_) | SubmitError::Store(_)) => {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string());
        }
    };
    refuse(StatusCode::BAD_REQUEST, code, error.to_string())
}
