//! What callers are told when something is not done: RFC 9457 problem details.

use authority::proofs::ProofError;
use authority::{DraftError, IssueFailure, SubmitError};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contract::Diagnostic;
use ledger::{AppendError, StoreError};
use registry::{Refusal, RefusalKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, as a sentence without its full stop.
    pub title: String,
    /// What to do instead; may be empty.
    pub help: String,
    /// Which part of the request it is about, as a JSON Pointer; empty when it is about the whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// For documents: every finding with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// One thing that is wrong with a document or a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// A stable code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// First byte it concerns.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
    /// What stands there.
    pub label: String,
    /// What to write instead.
    pub help: String,
    /// Which part of the request it is about, as a JSON Pointer; empty when the request is one document.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// The part that says otherwise, where two contradict each other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub other: String,
}

impl From<Diagnostic> for Finding {
    fn from(from: Diagnostic) -> Self {
        Self {
            code: from.code.to_owned(),
            message: from.message,
            start: from.span.start,
            end: from.span.end,
            label: from.label,
            help: from.help,
            pointer: String::new(),
            other: String::new(),
        }
    }
}

/// An error of the API.
#[derive(Debug)]
pub struct ApiError(ProblemBody);

impl ApiError {
    pub(crate) fn new(status: StatusCode, title: impl Into<String>, help: impl Into<String>) -> Self {
        let (title, help) = (title.into(), help.into());
        let (pointer, findings) = (String::new(), Vec::new());
        Self(ProblemBody { status: status.as_u16(), title, help, pointer, findings })
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no {what}"),
            "see what there is: `writ party list`, `person list`, `service list`, `identity list`, `contract list`",
        )
    }

    pub(crate) fn invalid(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, what.to_string(), "")
    }

    /// The same about one field of the request.
    pub(crate) fn at(mut self, field: &str) -> Self {
        self.0.pointer = format!("/{field}{}", self.0.pointer);
        self
    }

    /// With what would be done instead.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = help.into();
        self
    }

    /// What was refused, as a sentence without its full stop.
    pub(crate) fn title(&self) -> &str {
        &self.0.title
    }

    /// The same as a finding about a part of a larger request.
    pub(crate) fn finding(self, pointer: &str) -> Finding {
        Finding {
            code: "writ::estate".to_owned(),
            message: self.0.title,
            help: self.0.help,
            pointer: format!("{pointer}{}", self.0.pointer),
            ..Finding::default()
        }
    }

    /// Findings about several rows and documents.
    pub(crate) fn findings(title: &str, findings: Vec<Finding>) -> Self {
        let mut error = Self::invalid(title);
        error.0.findings = findings;
        error
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "the operator's token is missing or wrong",
            "send `Authorization: Bearer …` with the token from `api.json` in the data directory",
        )
    }

    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        tracing::error!(error = %what, "a request could not be answered");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, what.to_string(), "see the log of the server")
    }
}

#[cfg(test)]
impl ApiError {
    pub(crate) fn into_body(self) -> ProblemBody {
        self.0
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.kind {
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            RefusalKind::NotEntitled => StatusCode::FORBIDDEN,
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
        };
        Self::new(status, refusal.reason, refusal.help)
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::Append(error) => match error {
                AppendError::DiskFull
                | AppendError::Failed(_)
                | AppendError::Overloaded
                | AppendError::Closed => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), ""),
                AppendError::TooLong(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string(), ""),
            },
            SubmitError::Internal(what) => Self::internal(what),
            SubmitError::Store(error) => error.into(),
        }
    }
}

impl From<ProofError> for ApiError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Solver(error) => {
                let help = "nothing is proven without a solver, and nothing is pretended";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), help)
            }
            ProofError::Store(error) => error.into(),
            ProofError::Submit(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(error)
    }
}

impl From<DraftError> for ApiError {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::Document(findings) => {
                let mut error = Self::invalid("the document cannot be drafted");
                error.0.findings = findings.into_iter().map(Finding::from).collect();
                error
            }
            DraftError::Store(error) => error.into(),
            DraftError::Submit(error) => error.into(),
        }
    }
}

impl From<IssueFailure> for ApiError {
    fn from(error: IssueFailure) -> Self {
        match error {
            IssueFailure::Issue(credential::IssueError::BadRequest(what)) => {
                Self::invalid(format!("not a usable certificate signing request: {what}"))
            }
            IssueFailure::Issue(error @ credential::IssueError::Failed(_)) => Self::internal(error),
            IssueFailure::Submit(error) => error.into(),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let text = rejection.body_text();
        let text =
            text.strip_prefix("Failed to deserialize the JSON body into the target type: ").unwrap_or(&text);
        let text = text.split(" at line ").next().unwrap_or(text);
        Self::new(
            rejection.status(),
            text,
            "the fields are in docs/reference/openapi.json; for services see examples/service.toml",
        )
    }
}

/// JSON in, with our errors.
#[derive(axum::extract::FromRequest)]
#[from_request(via(Json), rejection(ApiError))]
pub(crate) struct Input<T>(pub(crate) T);
