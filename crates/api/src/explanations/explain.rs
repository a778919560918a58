//! `POST /v1/explanations`: why a process, a machine or a certificate is given what it is given.

use crate::Shared;
use crate::credentials::revoke::serial;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{identity, look};
use crate::view::{ExplainedView, FoundView};
use authority::explain::Bearing;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

/// What is to be explained.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// A certificate, by its serial number.
    Certificate(String),
    /// A machine: `party/name`, or its SPIFFE ID.
    Identity(String),
    /// A process of this host, by its number.
    Process(i32),
}

/// Explains it. Nothing is issued, nothing recorded.
#[utoipa::path(post, path = "/v1/explanations", tag = "credentials", request_body = Subject,
    responses((status = 200, body = ExplainedView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn explain(
    State(ports): State<Shared>,
    Input(subject): Input<Subject>,
) -> Result<Json<ExplainedView>, ApiError> {
    let explained = match subject {
        Subject::Certificate(text) => ports.authority.explain_certificate(&serial(&text)?),
        Subject::Identity(text) => {
            let domain = ports.authority.ca().trust_domain().uri();
            let name = text.strip_prefix(&domain).map_or(text.as_str(), |path| path.trim_start_matches('/'));
            let (party, machine) = name.split_once('/').ok_or_else(|| {
                ApiError::invalid(format!(
                    "`{text}` is not of the form party/name, nor a SPIFFE ID of `{domain}`"
                ))
            })?;
            let identity = look(&ports, |state| identity(state, party, machine))?;
            ports.authority.explain_identity(identity)
        }
        Subject::Process(pid) => {
            // An executable may be large, and is read whole.
            let asked = ports.clone();
            let evidence = tokio::task::spawn_blocking(move || (asked.attest)(pid)).await;
            let evidence = evidence.map_err(ApiError::internal)?.map_err(ApiError::invalid)?;
            ports.authority.explain_process(pid, &evidence)
        }
    };
    let found = explained.found.into_iter().map(|found| FoundView {
        bearing: match found.bearing {
            Bearing::For => "for",
            Bearing::Against => "against",
            Bearing::Beside => "beside",
        }
        .to_owned(),
        what: found.what,
    });
    Ok(Json(ExplainedView { about: explained.about, answer: explained.answer, found: found.collect() }))
}
