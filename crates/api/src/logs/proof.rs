//! `GET /v1/logs/{log}/proof/{index}`: a C2SP tlog-proof that an entry is in the newest checkpoint.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::logs::checkpoint::Log;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::proof::inclusion;
use ledger::proof_file::ProofFile;

/// Proves that an entry is in the log.
#[utoipa::path(get, path = "/v1/logs/{log}/proof/{index}", tag = "logs",
    params(("log" = Log, Path,), ("index" = u64, Path,)),
    responses((status = 200, body = String, content_type = "text/plain"), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn proof(
    State(ports): State<Shared>,
    Path((log, index)): Path<(Log, u64)>,
) -> Result<String, ApiError> {
    let log = log.of(&ports);
    let (checkpoint, note) = log.checkpoint()?.ok_or_else(|| ApiError::not_found("checkpoint yet"))?;
    if index >= checkpoint.size {
        let help = "a checkpoint is signed every second: try again";
        let title = format!("entry {index} is not under the newest checkpoint (size {})", checkpoint.size);
        return Err(ApiError::new(StatusCode::NOT_FOUND, title, help));
    }
    let path = inclusion(log, index, checkpoint.size).map_err(ApiError::invalid)?;
    Ok(ProofFile { extra: Vec::new(), index, path, checkpoint: note }.to_string())
}
