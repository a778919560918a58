//! `PUT /v1/secrets/{name}`: seals an upstream secret. It can be replaced, never read.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::name;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSecret {
    /// Its value.
    value: String,
}

/// Seals an upstream secret.
#[utoipa::path(put, path = "/v1/secrets/{name}", tag = "secrets", request_body = NewSecret,
    params(("name" = String, Path,)),
    responses((status = 204), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn set_secret(
    State(ports): State<Shared>,
    Path(secret): Path<String>,
    Input(new): Input<NewSecret>,
) -> Result<StatusCode, ApiError> {
    let value = Zeroizing::new(new.value);
    let name = name(&secret)?;
    // On record before it can be used: who set which secret, never its value.
    let command = registry::Command::SealSecret { name: name.clone() };
    ports.authority.submit(registry::Actor::Operator, command).await?;
    ports.secrets.put(name.as_str(), value.as_bytes()).map_err(ApiError::invalid)?;
    Ok(StatusCode::NO_CONTENT)
}
