//! `POST /v1/tokens`: a one-time token for the first certificate of a machine.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{identity, look};
use axum::Json;
use axum::extract::State;
use registry::{Actor, Scope};
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
    /// What its certificates are good for, if for less than all the machine may do: acts.
    #[serde(default)]
    actions: Vec<String>,
    /// And services, or resources of them: `payments`, `payments/charges`.
    #[serde(default)]
    on: Vec<String>,
}

impl NewToken {
    fn scope(&self) -> Result<Option<Scope>, ApiError> {
        if self.actions.is_empty() && self.on.is_empty() {
            return Ok(None);
        }
        let wrong = |error: registry::NameError| ApiError::invalid(format!("in the scope: {error}"));
        let actions =
            self.actions.iter().map(|action| action.parse()).collect::<Result<_, _>>().map_err(wrong)?;
        let on = self.on.iter().map(|on| on.parse()).collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Some(Scope { actions, on }))
    }
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
    let scope = new.scope()?;
    let made = ports.authority.create_token(Actor::Operator, identity, new.life_ms, scope).await?;
    Ok(Json(Token { token: made.token.to_string(), expires_ms: made.expires_ms, index: made.index }))
}
