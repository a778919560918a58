//! `GET /v1/proofs/{script}`: the scripts behind a recorded proof, to run and to hash again.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use axum::Json;
use axum::extract::{Path, State};
use contract::canonical::{digest_bytes, hex};
use prove::Scripts;
use serde::Serialize;
use utoipa::ToSchema;

/// The scripts of one question.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScriptsView {
    /// SHA-256 over, for each script in this order, its length in bytes (8 bytes, big endian) and then its bytes.
    script: String,
    /// The scripts, in SMT-LIB 2. Where a question was decided while it was written down, its text as a policy.
    scripts: Vec<String>,
}

/// Shows the scripts behind a recorded proof.
#[utoipa::path(get, path = "/v1/proofs/{script}", tag = "proofs",
    params(("script" = String, Path, description = "The digest as recorded, hexadecimal")),
    responses((status = 200, body = ScriptsView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn scripts_of_proof(
    State(ports): State<Shared>,
    Path(script): Path<String>,
) -> Result<Json<ScriptsView>, ApiError> {
    let digest = digest(&script)
        .ok_or_else(|| ApiError::invalid(format!("`{script}` is not a digest: 64 hexadecimal digits")))?;
    let kept = ports.authority.scripts(&digest)?;
    let kept = kept.ok_or_else(|| ApiError::not_found(format!("proof with the scripts `{script}` here")))?;
    if digest_bytes(&kept) != digest {
        return Err(ApiError::invalid(format!(
            "the scripts kept as `{script}` are not those that were recorded"
        )));
    }
    let scripts = Scripts::split(&kept).unwrap_or_default();
    let scripts = scripts.into_iter().map(|script| String::from_utf8_lossy(script).into_owned()).collect();
    Ok(Json(ScriptsView { script: hex(&digest), scripts }))
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 2 * digest.len() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}
