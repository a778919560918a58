//! One check of Envoy: its request becomes the head our own gateway would have seen, and is decided the same.

use crate::Ports;
use crate::authenticate::Peer;
use crate::decide::{Decided, decide, host};
use crate::deny;
use crate::exchange::{Looked, record_verdict, shortened};
use crate::forward::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use policy::record::VERDICT;
use policy::{Denial, Inputs, Reason, Verdict, VerdictRecord};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;
use wire::ext_authz::{Attributes, CheckResponse, code, read, write};

/// The key of `context_extensions` that says which service the proxy stands before.
const SERVICE: &str = "service";
const GRPC: &str = "application/grpc";

/// Answers one gRPC call.
pub(super) async fn call(ports: &Ports, body: &[u8]) -> Response<Body> {
    match read(body) {
        Ok(asked) => respond(&check(ports, asked.attributes.unwrap_or_default()).await),
        Err(error) => {
            tracing::warn!(%error, "a neighbour's call cannot be read");
            failed(13)
        }
    }
}

fn respond(answer: &CheckResponse) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(write(answer))).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response =
        Response::new(body.map_err(|never: std::convert::Infallible| match never {}).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    response
}

/// An error of the call: Envoy denies (`failure_mode_allow: false`).
pub(super) fn failed(code: u16) -> Response<Body> {
    let body = Empty::new().map_err(|never: std::convert::Infallible| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    response.headers_mut().insert("grpc-status", HeaderValue::from(code));
    response
}

/// Decides, records, answers. What is not on record is not allowed.
async fn check(ports: &Ports, asked: Attributes) -> CheckResponse {
    let now_ms = (ports.clock)();
    let (peer, parts) = match seen(ports, &asked) {
        Ok(seen) => seen,
        Err(why) => return unseen(ports, &asked, why, now_ms).await,
    };
    let decided = match elsewhere(ports, &asked, &parts) {
        None => decide(ports, &peer, &parts, now_ms),
        Some(denial) => Decided {
            identity: peer.identity(ports),
            service: None,
            operation: None,
            verdict: Verdict::Denial(denial),
            silence_ms: 0,
        },
    };
    let origin = ports.recorder.origin();
    match decided.verdict {
        Verdict::Permit(permit) => {
            let clauses: Vec<String> = permit.contract().clauses.iter().map(ToString::to_string).collect();
            let detail = format!("permitted by clause {} (ext_authz)", clauses.join(", "));
            let record = |inputs| Some(VerdictRecord::of_permit(&permit, inputs));
            match record_verdict(ports, &peer, Looked::of_http(&parts), detail, record).await {
                Ok(index) => {
                    let said = [
                        ("writ-identity", peer.svid.id.to_string()),
                        ("writ-decision", format!("{origin}/{index}")),
                        ("writ-clauses", clauses.join(", ")),
                    ];
                    // What the client says in their place is replaced; the rest must not reach the upstream.
                    let remove = wire::http::meaning_changed_by(&parts.headers)
                        .into_iter()
                        .map(|name| name.as_str().to_owned())
                        .filter(|name| !said.iter().any(|(ours, _)| ours == name));
                    let remove = remove.collect();
                    let said = said.each_ref().map(|(name, value)| (*name, value.as_str()));
                    CheckResponse::allowed(&said, remove)
                }
                Err(_) => CheckResponse::denied(
                    code::UNAVAILABLE,
                    503,
                    &[],
                    "the decision could not be recorded\n".into(),
                ),
            }
        }
        Verdict::Denial(denial) => {
            let record = |inputs| {
                let mut record = VerdictRecord::of_denial(&denial, peer.svid.serial, inputs);
                record.identity = decided.identity;
                record.service = decided.service.as_ref().map(|service| service.id);
                record.action = decided.operation.as_ref().map(|operation| operation.action.clone());
                record.resource = decided.operation.as_ref().map(|operation| operation.resource.clone());
                record.decided_ms = now_ms;
                record.silence_ms = decided.silence_ms;
                Some(record)
            };
            let looked = Looked::of_http(&parts);
            let index = record_verdict(ports, &peer, looked, denial.detail.clone(), record).await;
            refused(&denial, index.ok().map(|index| format!("{origin}/{index}")))
        }
    }
}

fn refused(denial: &Denial, instance: Option<String>) -> CheckResponse {
    let retry = deny::retry_after(denial).map(|seconds| seconds.to_string());
    let problem = deny::problem(denial, instance);
    let status = problem.status;
    let code = match status {
        429 => code::RESOURCE_EXHAUSTED,
        503 => code::UNAVAILABLE,
        _ => code::PERMISSION_DENIED,
    };
    let body = String::from_utf8_lossy(&problem.to_json()).into_owned();
    let mut headers = vec![("content-type", wire::http::problem::MEDIA_TYPE)];
    headers.extend(retry.as_deref().map(|seconds| ("retry-after", seconds)));
    CheckResponse::denied(code, status, &headers, body)
}

/// A denial when the proxy asks about another service than the one it stands before: the client chooses the
/// host name, and must not choose the upstream by it.
fn elsewhere(ports: &Ports, asked: &Attributes, parts: &Parts) -> Option<Denial> {
    let before = asked.context_extensions.get(SERVICE).map(String::as_str);
    let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
    let host = host(parts).unwrap_or_default();
    let found = rules.service_at(&host).map(|service| service.name.as_str());
    let detail = match (before, found) {
        (Some(before), Some(found)) if before == found => return None,
        (None, _) => {
            format!(
                "the proxy does not say which service it stands before: set `context_extensions: {{ {SERVICE}: … }}`"
            )
        }
        (Some(before), _) => {
            format!("this proxy stands before the service `{before}`; `{host}` is not its host")
        }
    };
    Some(Denial::plain(Reason::NoSuchService, detail, rules.as_of()))
}

/// The answer to a check of which nobody can say who asks; it is on record like every other.
async fn unseen(ports: &Ports, asked: &Attributes, why: String, now_ms: u64) -> CheckResponse {
    let http = asked.request.as_ref().and_then(|request| request.http.as_ref());
    let record = || {
        let as_of = ports.rules.read().unwrap_or_else(PoisonError::into_inner).as_of();
        let inputs = Inputs {
            nonce: (ports.entropy)()?,
            method: http.map(|http| shortened(http.method.clone())).unwrap_or_default(),
            host: http.map(|http| shortened(http.host.clone())).unwrap_or_default(),
            target: http.map(|http| shortened(http.path.clone())).unwrap_or_default(),
            peer: String::new(),
            detail: shortened(why.clone()),
            purpose: None,
            key_algorithm: String::new(),
            touches: Vec::new(),
            parameters: None,
            trace: None,
        };
        let (addendum, commitment) = inputs.commit();
        let denial = Denial::plain(Reason::UnknownIdentity, why.clone(), as_of);
        let mut record = VerdictRecord::of_denial(&denial, [0; 16], commitment);
        record.decided_ms = now_ms;
        Some(ports.recorder.record(VERDICT, policy::record::encode(&record).ok()?, addendum))
    };
    let recorded = match record() {
        Some(pending) => pending.await.is_ok(),
        None => false,
    };
    if !recorded {
        ports.metrics.unrecorded.inc();
        tracing::error!(%why, "a refused check could not be recorded");
    }
    CheckResponse::denied(code::UNAUTHENTICATED, 403, &[], format!("{why}\n"))
}

/// The machine and the head of its request, from what Envoy says. The certificate must be one the ledger
/// knows, with the very key that was certified: Envoy verified the chain, and we do not take its word for
/// the name.
fn seen(ports: &Ports, asked: &Attributes) -> Result<(Peer, Parts), String> {
    let source = asked.source.as_ref().ok_or("the check names no source")?;
    let pem = percent_encoding::percent_decode_str(&source.certificate).collect::<Vec<u8>>();
    let leaf = CertificateDer::from_pem_slice(&pem)
        .map_err(|_| "the check carries no certificate: set `include_peer_certificate: true`".to_owned())?;
    let socket = source.address.as_ref().and_then(|address| address.socket_address.as_ref());
    let socket = socket.ok_or("the check names no address")?;
    let ip: IpAddr = socket.address.parse().map_err(|_| "the address of the source cannot be read")?;
    let address = SocketAddr::new(ip, u16::try_from(socket.port_value).unwrap_or(0));
    let peer = Peer::of(&leaf, address, &ports.ledger_key).map_err(|error| error.to_string())?;
    let svid = &peer.svid;
    if svid.id.to_string() != source.principal {
        return Err(format!("the certificate is of `{}`, not of `{}`", svid.id, source.principal));
    }
    {
        let rules = ports.rules.read().unwrap_or_else(PoisonError::into_inner);
        let known = rules.state().credentials.get(&svid.serial);
        if known.is_none_or(|known| known.public_key != svid.public_key) {
            return Err("the certificate is not in the ledger, so nobody can have been given it".to_owned());
        }
    }
    let http = asked
        .request
        .as_ref()
        .and_then(|request| request.http.as_ref())
        .ok_or("the check is of no HTTP request")?;
    if http.headers.is_empty() {
        return Err("the check carries no headers that are read: leave `encode_raw_headers` off".to_owned());
    }
    if !http.path.starts_with('/') {
        return Err("the target is no path".to_owned());
    }
    let method = Method::from_bytes(http.method.as_bytes()).map_err(|_| "no method")?;
    let uri: Uri = format!("https://{}{}", http.host, http.path).parse().map_err(|_| "no target")?;
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in &http.headers {
        if name.starts_with(':') || name == "host" {
            continue;
        }
        let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
        else {
            return Err("a header cannot be read".to_owned());
        };
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).map_err(|error| error.to_string())?.into_parts();
    Ok((peer, parts))
}
