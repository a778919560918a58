//! `POST /v1/credentials`: a certificate for whoever has a join token. The token is the proof, so
//! no operator is needed.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::view::CredentialView;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

/// A token and a signing request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCredential {
    /// The one-time token.
    token: String,
    /// A certificate signing request (PEM). Only its public key counts.
    csr: String,
}

/// Issues a certificate. Its entry in the ledger is durable before this answers.
#[utoipa::path(post, path = "/v1/credentials", tag = "credentials", request_body = NewCredential,
    responses((status = 200, body = CredentialView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn issue_credential(
    State(ports): State<Shared>,
    Input(new): Input<NewCredential>,
) -> Result<Json<CredentialView>, ApiError> {
    let issued = ports.authority.issue_with_token(&new.token, &new.csr).await?;
    Ok(Json(CredentialView {
        chain: issued.chain_pem,
        bundle: issued.bundle_pem,
        spiffe_id: issued.spiffe_id,
        serial: issued.serial,
        not_after_ms: issued.not_after_ms,
        index: issued.index,
    }))
}
