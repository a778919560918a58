//! `GET /v1/logs/{log}/tile/…`: C2SP tlog-tiles: hash tiles and entry bundles, served from segments.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::logs::checkpoint::Log;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use ledger::ReadLog;
use ledger::tile::{Row, TilePath, encode_bundle};

/// A tile or an entry bundle.
#[utoipa::path(get, path = "/v1/logs/{log}/tile/{*path}", tag = "logs",
    params(("log" = Log, Path,), ("path" = String, Path, description = "as C2SP tlog-tiles writes it")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "4XX", body = ProblemBody)))]
pub(crate) async fn tile(
    State(ports): State<Shared>,
    Path((log, path)): Path<(Log, String)>,
) -> Result<Response, ApiError> {
    let path =
        TilePath::parse(&format!("tile/{path}")).ok_or_else(|| ApiError::not_found("tile of this name"))?;
    let log = log.of(&ports);
    // Only what a checkpoint covers is served.
    let size = log.checkpoint()?.map_or(0, |(checkpoint, _)| checkpoint.size);
    let bytes = read(log, path, size)?.ok_or_else(|| ApiError::not_found("such tile yet"))?;
    let immutable = "public, max-age=31536000, immutable";
    let headers = [(CACHE_CONTROL, immutable), (CONTENT_TYPE, "application/octet-stream")];
    Ok((headers, bytes).into_response())
}

fn read(log: &dyn ReadLog, path: TilePath, size: u64) -> Result<Option<Vec<u8>>, ApiError> {
    let level = match path.row {
        Row::Entries => 0,
        Row::Hashes(level) => u32::from(level),
    };
    let first = path.index.checked_mul(256);
    let end = first.and_then(|first| first.checked_add(path.width.into()));
    // Beyond level 7 no tree of 64-bit size has a tile.
    let (Some(first), Some(end)) = (first, end) else { return Ok(None) };
    if level > 7 || end > size >> (8 * level) {
        return Ok(None);
    }
    match path.row {
        Row::Entries => {
            let entries: Vec<Vec<u8>> = (first..end)
                .map(|index| log.entry(index)?.ok_or_else(|| ApiError::not_found(format!("entry {index}"))))
                .collect::<Result<_, ApiError>>()?;
            Ok(encode_bundle(entries.iter().map(Vec::as_slice)))
        }
        Row::Hashes(level) => {
            let hash = |index| log.subtree(8 * level, index).map_err(ApiError::invalid);
            let hashes: Vec<_> = (first..end).map(hash).collect::<Result<_, _>>()?;
            Ok(Some(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()))
        }
    }
}
