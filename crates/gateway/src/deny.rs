//! What a machine is told when the answer is no: RFC 9457 problem+json with the clause.

use crate::forward::{Body, full};
use crate::parting::Cut;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Response, StatusCode};
use policy::{Denial, Reason};
use wire::http::Problem;
use wire::http::problem::{CitedClause, MEDIA_TYPE};

/// The answer to a denied request. `instance` is where the denial is on record.
pub(crate) fn denial(denial: &Denial, instance: Option<String>, request: &HeaderMap) -> Response<Body> {
    let problem = problem(denial, instance);
    if shows_only_plain_text(request) {
        let mut response = Response::new(full(format!("{}\n", denial.detail).into_bytes()));
        *response.status_mut() = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::FORBIDDEN);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        return response;
    }
    let mut response = respond(problem);
    if let Some(seconds) = retry_after(denial) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// In how many whole seconds the request may be tried again (RFC 9110 §10.2.3).
pub(crate) fn retry_after(denial: &Denial) -> Option<u64> {
    denial.retry_after_ms.map(|ms| ms.div_ceil(1_000))
}

/// Why a connection is cut, as a problem document.
pub(crate) fn cut(cut: &Cut) -> Problem {
    of_reason(cut.reason, cut.detail.clone())
}

/// A denial as a problem document.
pub(crate) fn problem(denial: &Denial, instance: Option<String>) -> Problem {
    let clause = denial.cited.as_ref().map(|cited| CitedClause {
        contract: cited.name.clone(),
        title: cited.title.clone(),
        version: cited.version,
        number: cited.clause.to_string(),
        sentence: cited.sentence.clone(),
    });
    Problem { instance, clause, ..of_reason(denial.reason, denial.detail.clone()) }
}

fn of_reason(reason: Reason, detail: String) -> Problem {
    let (status, title) = match reason {
        Reason::ClauseForbids | Reason::NothingPermits | Reason::NoContract => {
            (StatusCode::FORBIDDEN, "not permitted by its instruments")
        }
        Reason::QuotaExhausted => (StatusCode::TOO_MANY_REQUESTS, "a quota is used up"),
        Reason::ControlSilent => (StatusCode::SERVICE_UNAVAILABLE, "what was stopped is not known here"),
        Reason::InstrumentUnusable => (StatusCode::FORBIDDEN, "an instrument cannot be applied"),
        Reason::CredentialNotGood
        | Reason::CredentialScope
        | Reason::IdentityNotGood
        | Reason::UnknownIdentity => (StatusCode::FORBIDDEN, "this machine may not act"),
        Reason::NoSuchOperation => (StatusCode::FORBIDDEN, "not an operation of the service"),
        Reason::NoSuchService => (StatusCode::MISDIRECTED_REQUEST, "no such service"),
        Reason::RequestAmbiguous => (StatusCode::BAD_REQUEST, "the request could mean two things"),
    };
    Problem {
        kind: format!("urn:writ:denial:{}", reason.as_str()),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
        instance: None,
        reason: reason.as_str().to_owned(),
        clause: None,
    }
}

/// An answer for what is nobody's denial: the gateway or the upstream is at fault.
pub(crate) fn failure(status: StatusCode, reason: &str, title: &str, detail: String) -> Response<Body> {
    respond(Problem {
        kind: format!("urn:writ:failure:{reason}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
        instance: None,
        reason: reason.to_owned(),
        clause: None,
    })
}

/// git shows its user what a server says only when it is plain text.
fn shows_only_plain_text(request: &HeaderMap) -> bool {
    request.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"git/"))
}

fn respond(problem: Problem) -> Response<Body> {
    let mut response = Response::new(full(problem.to_json()));
    *response.status_mut() = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::FORBIDDEN);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
