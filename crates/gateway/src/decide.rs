//! From a request's head to a verdict.

use crate::Ports;
use crate::authenticate::Peer;
use hyper::http::request::Parts;
use policy::{Channel, Denial, Reason, Request, Verdict};
use registry::{IdentityId, Name, Service};
use std::sync::{Arc, PoisonError};
use wire::http::{Ambiguity, Repeated, Route, Target, route};

/// What the registry says a request is.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) service: Arc<Service>,
    pub(crate) action: Name,
    pub(crate) resource: Name,
    pub(crate) changes: bool,
}

/// A verdict with what was learnt on the way to it.
pub(crate) struct Decided {
    pub(crate) identity: Option<IdentityId>,
    pub(crate) service: Option<Arc<Service>>,
    pub(crate) operation: Option<Operation>,
    pub(crate) verdict: Verdict,
    /// For how long nothing had been heard from the control ledger, in milliseconds.
    pub(crate) silence_ms: u64,
}

/// The host a request is for, lower case, without port.
pub(crate) fn host(parts: &Parts) -> Option<String> {
    let from_header = || parts.headers.get(hyper::header::HOST).and_then(|value| value.to_str().ok());
    let authority = parts.uri.authority().map(|authority| authority.as_str()).or_else(from_header)?;
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    Some(host.trim_end_matches('.').to_ascii_lowercase())
}

/// Decides on a request. Everything that is not plainly permitted is a denial.
pub(crate) fn decide(ports: &Ports, peer: &Peer, parts: &Parts, now_ms: u64) -> Decided {
    let identity = peer.identity(ports);
    let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
    let as_of = rules.as_of();
    let silence_ms = rules.silence_ms(now_ms);
    let mut decided = Decided {
        identity,
        service: None,
        operation: None,
        silence_ms,
        verdict: Verdict::Denial(Denial::plain(
            Reason::UnknownIdentity,
            format!("`{}` is not registered here", peer.svid.id),
            as_of,
        )),
    };
    let deny = |reason, detail: String| Verdict::Denial(Denial::plain(reason, detail, as_of));
    let Some(identity) = identity else { return decided };
    if let Some(problem) = peer.problem(&rules) {
        decided.verdict = deny(Reason::CredentialNotGood, problem);
        return decided;
    }
    if let Some(ambiguity) = Ambiguity::find(&parts.headers, parts.uri.authority().map(|a| a.as_str())) {
        decided.verdict = deny(Reason::RequestAmbiguous, ambiguity.to_string());
        return decided;
    }
    let host = host(parts).unwrap_or_default();
    let Some(service) = rules.service_at(&host).cloned() else {
        decided.verdict = deny(Reason::NoSuchService, format!("no service has the host name `{host}`"));
        return decided;
    };
    decided.service = Some(service.clone());
    let target = match Target::parse(parts.uri.path(), parts.uri.query()) {
        Ok(target) => target,
        Err(error) => {
            decided.verdict = deny(Reason::RequestAmbiguous, error.to_string());
            return decided;
        }
    };
    let classified = match classify(&service, parts.method.as_str(), &target) {
        Ok(classified) => classified,
        Err(error) => {
            decided.verdict = deny(Reason::RequestAmbiguous, error.to_string());
            return decided;
        }
    };
    let Some((action, resource, changes)) = classified else {
        let detail = format!(
            "the service `{}` declares no operation `{} {}`",
            service.name,
            parts.method,
            parts.uri.path()
        );
        // Standing comes first: a machine that may do nothing learns nothing of the service.
        decided.verdict = match policy::decide::standing(&rules, identity, &peer.svid.serial, now_ms) {
            Ok(()) => deny(Reason::NoSuchOperation, detail),
            Err((reason, detail)) => deny(reason, detail),
        };
        return decided;
    };
    let channel = Channel {
        address: peer.address.ip(),
        key_algorithm: peer.svid.key_algorithm,
        purpose: match purpose(parts) {
            Ok(purpose) => purpose,
            Err(detail) => {
                decided.verdict = deny(Reason::RequestAmbiguous, detail);
                return decided;
            }
        },
    };
    let request = Request {
        identity,
        serial: peer.svid.serial,
        service: service.id,
        action: action.clone(),
        resource: resource.clone(),
        changes,
        now_ms,
        silence_ms,
        channel,
        under: None,
        touch: None,
    };
    decided.operation = Some(Operation { service, action, resource, changes });
    decided.verdict = policy::decide(&rules, &ports.counters, request);
    decided
}

/// The header by which a request declares what it is for.
const PURPOSE: &str = "writ-purpose";

/// The purpose a request declares, if it declares one, and only one.
pub(crate) fn purpose(parts: &Parts) -> Result<Option<String>, String> {
    let mut declared = parts.headers.get_all(PURPOSE).iter();
    match (declared.next(), declared.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(_) => Err(format!("the header `{PURPOSE}` is not plain text")),
        },
        (Some(_), Some(_)) => Err(format!("the header `{PURPOSE}` stands twice: declare one purpose")),
    }
}

/// The first operation, in the order the service declares them, that has the request's form.
fn classify(
    service: &Service,
    method: &str,
    target: &Target,
) -> Result<Option<(Name, Name, bool)>, Repeated> {
    let routes = service.resources.iter().flat_map(|resource| {
        resource.operations.iter().map(move |operation| Route {
            methods: &operation.methods,
            path: &operation.path,
            query: &operation.query,
            operation: (operation, resource),
        })
    });
    let found = route::find(routes, method, target)?;
    Ok(found
        .map(|(operation, resource)| (operation.action.clone(), resource.name.clone(), operation.changes)))
}
