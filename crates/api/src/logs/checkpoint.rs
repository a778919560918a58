//! `GET /v1/logs/{log}/checkpoint`: the newest signed checkpoint (C2SP tlog-checkpoint).

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use axum::extract::{Path, State};
use ledger::ReadLog;
use serde::Deserialize;
use utoipa::ToSchema;

/// Which log.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Log {
    /// The control ledger.
    Control,
    /// The decision log.
    Decisions,
}

impl Log {
    pub(crate) fn of(self, ports: &Shared) -> &dyn ReadLog {
        match self {
            Self::Control => ports.authority.log(),
            Self::Decisions => ports.decisions.as_ref(),
        }
    }
}

/// The newest checkpoint.
#[utoipa::path(get, path = "/v1/logs/{log}/checkpoint", tag = "logs", params(("log" = Log, Path,)),
    responses((status = 200, body = String, content_type = "text/plain"), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn checkpoint(
    State(ports): State<Shared>,
    Path(log): Path<Log>,
) -> Result<String, ApiError> {
    let checkpoint = log.of(&ports).checkpoint()?;
    checkpoint.map(|(_, note)| note).ok_or_else(|| ApiError::not_found("checkpoint yet"))
}
