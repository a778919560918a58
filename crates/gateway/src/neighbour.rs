//! For those who keep their own proxy: Envoy's `ext_authz` (gRPC v3) and OpenID AuthZEN, answered by the
//! same decision. On loopback, for callers that have the token: whoever may ask, may ask as any machine.
//!
//! Writ does not see what becomes of such a request: it cannot cut it, and records no outcome.

mod authzen;
mod ext_authz;

use crate::forward::{Body, full};
use crate::limits::{CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_TIME_MAX};
use crate::{Pending, Ports};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// The largest body that is read.
const BODY_BYTES_MAX: usize = wire::ext_authz::MESSAGE_BYTES_MAX;

/// Answers neighbours.
pub struct Adviser {
    listener: TcpListener,
    ports: Arc<Ports>,
    token: Arc<Zeroizing<String>>,
}

impl Adviser {
    /// An adviser on a listener of loopback.
    pub fn new(listener: TcpListener, ports: Ports, token: Zeroizing<String>) -> Self {
        Self { listener, ports: Arc::new(ports), token: Arc::new(token) }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            };
            let Ok(seat) = room.clone().try_acquire_owned() else { continue };
            let caller = Caller { ports: self.ports.clone(), token: self.token.clone(), stop: stop.clone() };
            tokio::spawn(async move {
                caller.serve(stream).await;
                drop(seat);
            });
        }
    }
}

/// One connection.
struct Caller {
    ports: Arc<Ports>,
    token: Arc<Zeroizing<String>>,
    stop: CancellationToken,
}

impl Caller {
    async fn serve(self, stream: TcpStream) {
        let (ports, token) = (self.ports.clone(), self.token.clone());
        let service = service_fn(move |request| answered(ports.clone(), token.clone(), request));
        let mut server = auto::Builder::new(TokioExecutor::new());
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME_MAX)
            .max_buf_size(HEAD_BYTES_MAX);
        server.http2().timer(TokioTimer::new());
        let serving = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            ended = serving => if let Err(error) = ended {
                tracing::debug!(%error, "a neighbour's connection ended");
            },
            () = self.stop.cancelled() => {}
        }
    }
}

fn answered(
    ports: Arc<Ports>,
    token: Arc<Zeroizing<String>>,
    request: Request<Incoming>,
) -> Pending<Result<Response<Body>, Infallible>> {
    Box::pin(async move { Ok(answer(&ports, &token, request).await) })
}

async fn answer(ports: &Ports, token: &str, request: Request<Incoming>) -> Response<Body> {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let request_id = request.headers().get("x-request-id").cloned();
    let mut response = if bool::from(given.as_bytes().ct_eq(token.as_bytes())) {
        route(ports, request).await
    } else {
        let mut response = plain(StatusCode::UNAUTHORIZED, "the neighbour's token is missing or wrong");
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        response
    };
    // AuthZEN §10.1.3: the request's id comes back as it was.
    if let Some(id) = request_id {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

async fn route(ports: &Ports, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let kind =
        parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let path = parts.uri.path().to_owned();
    match (&parts.method, path.as_str()) {
        (&Method::POST, wire::ext_authz::CHECK) if kind.starts_with("application/grpc") => {
            match read(body).await {
                Some(body) => ext_authz::call(ports, &body).await,
                None => ext_authz::failed(8),
            }
        }
        (&Method::POST, "/access/v1/evaluation" | "/access/v1/evaluations") => {
            if kind.split(';').next().is_none_or(|kind| kind.trim() != "application/json") {
                return plain(StatusCode::BAD_REQUEST, "the body is to be application/json");
            }
            match read(body).await {
                Some(body) => authzen::evaluate(ports, &body, path.ends_with('s')).await,
                None => plain(StatusCode::BAD_REQUEST, "the body is too large or was cut"),
            }
        }
        (&Method::GET, "/.well-known/authzen-configuration") => {
            let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
            let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
            authzen::metadata(&format!("http://{}", host.unwrap_or("localhost")))
        }
        (_, wire::ext_authz::CHECK | "/access/v1/evaluation" | "/access/v1/evaluations") => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "this is asked with POST");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            response
        }
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here"),
    }
}

/// The whole body, if it is not too large.
async fn read(body: Incoming) -> Option<Bytes> {
    Some(Limited::new(body, BODY_BYTES_MAX).collect().await.ok()?.to_bytes())
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(format!("{text}\n").into_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
