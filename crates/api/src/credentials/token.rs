//! `POST /v1/tokens`: a one-time token for the first certificate of a machine.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{identity, look};
use axum::Json;
use axum::extract::State;
use registry::Actor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// For whom and how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// The machine's party.
    party: String,
    /// The machine's name.
    name: String,
    /// How long it can be used, in milliseconds; ten minutes when left out.
    #[serde(default = "ten_minutes")]
    life_ms: u64,
}

fn ten_minutes() -> u64 {
    600_000
}

/// A token. It is shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    /// The secret text.
    token: String,
    /// When it expires, milliseconds since 1970.
    expires_ms: u64,
    /// The entry's index in the control ledger.
    index: u64,
}

/// Hands out a join token.
#[utoipa::path(post, path = "/v1/tokens", tag = "credentials", request_body = NewToken,
    responses((status = 200, body = Token), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn create_token(
    State(ports): State<Shared>,
    Input(new): Input<NewToken>,
) -> Result<Json<Token>, ApiError> {
    let identity = look(&ports, |state| identity(state, &new.party, &new.name))?;
    let made = ports.authority.create_token(Actor::Operator, identity, new.life_ms).await?;
    Ok(Json(Token { token: made.token.to_string(), expires_ms: made.expires_ms, index: made.index }))
}
