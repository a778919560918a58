//! One check of Envoy: its request becomes the head our own gateway would have seen, and is decided the same.

use crate::Ports;
use crate::authenticate::Peer;
use crate::decide::decide;
use crate::deny;
use crate::exchange::record_verdict;
use crate::forward::Body;
use credential::Svid;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use policy::{Denial, Reason, Verdict, VerdictRecord};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;
use wire::ext_authz::{Attributes, CheckResponse, code, read, write};

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
        Err(why) => return CheckResponse::denied(code::UNAUTHENTICATED, 403, &[], format!("{why}\n")),
    };
    let decided = decide(ports, &peer, &parts, now_ms);
    let origin = ports.recorder.origin();
    match decided.verdict {
        Verdict::Permit(permit) => {
            let clauses: Vec<String> = permit.contract().clauses.iter().map(ToString::to_string).collect();
            let detail = format!("permitted by clause {} (ext_authz)", clauses.join(", "));
            let record = |inputs| VerdictRecord::of_permit(&permit, inputs);
            match recorded(record_verdict(ports, &peer, &parts, detail, record)).await {
                Some(index) => CheckResponse::allowed(&[
                    ("writ-identity", &peer.svid.id.to_string()),
                    ("writ-decision", &format!("{origin}/{index}")),
                    ("writ-clauses", &clauses.join(", ")),
                ]),
                None => CheckResponse::denied(
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
                record
            };
            let index = recorded(record_verdict(ports, &peer, &parts, denial.detail.clone(), record)).await;
            refused(&denial, index.map(|index| format!("{origin}/{index}")))
        }
    }
}

async fn recorded(
    pending: Result<crate::Pending<Result<u64, crate::RecordError>>, crate::RecordError>,
) -> Option<u64> {
    pending.ok()?.await.ok()
}

fn refused(denial: &Denial, instance: Option<String>) -> CheckResponse {
    let retry = deny::retry_after(denial).map(|seconds| seconds.to_string());
    let problem = deny::problem(denial, instance);
    let code = if denial.reason == Reason::QuotaExhausted {
        code::RESOURCE_EXHAUSTED
    } else {
        code::PERMISSION_DENIED
    };
    let status = problem.status;
    let body = String::from_utf8_lossy(&problem.to_json()).into_owned();
    let mut headers = vec![("content-type", wire::http::problem::MEDIA_TYPE)];
    headers.extend(retry.as_deref().map(|seconds| ("retry-after", seconds)));
    CheckResponse::denied(code, status, &headers, body)
}

/// The machine and the head of its request, from what Envoy says. The certificate must be one the ledger
/// knows, with the very key that was certified: Envoy verified the chain, and we do not take its word for
/// the name.
fn seen(ports: &Ports, asked: &Attributes) -> Result<(Peer, Parts), String> {
    let source = asked.source.as_ref().ok_or("the check names no source")?;
    let pem = percent_encoding::percent_decode_str(&source.certificate).collect::<Vec<u8>>();
    let leaf = CertificateDer::from_pem_slice(&pem)
        .map_err(|_| "the check carries no certificate: set `include_peer_certificate: true`".to_owned())?;
    let svid = Svid::parse(&leaf).map_err(|error| error.to_string())?;
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
    let socket = source.address.as_ref().and_then(|address| address.socket_address.as_ref());
    let socket = socket.ok_or("the check names no address")?;
    let ip: IpAddr = socket.address.parse().map_err(|_| "the address of the source cannot be read")?;
    let address = SocketAddr::new(ip, u16::try_from(socket.port_value).unwrap_or(0));
    let http = asked
        .request
        .as_ref()
        .and_then(|request| request.http.as_ref())
        .ok_or("the check is of no HTTP request")?;
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
    Ok((Peer { svid, address }, parts))
}
