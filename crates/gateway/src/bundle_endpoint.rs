//! The bundle endpoint (SPIFFE Federation §5): gives this trust domain's public keys to whoever asks, without asking who
//! that is. TLS 1.2 and 1.3; the server shows a SPIFFE ID (`https_spiffe`) or a certificate of the web (`https_web`).

use crate::accept::{CurrentIdentity, ServerIdentity, TlsError};
use crate::forward::{Body, full};
use crate::limits::{
    BUNDLE_CONNECTION_TIME_MAX, BUNDLE_CONNECTIONS_MAX, BUNDLE_CONNECTIONS_OF_ONE_MAX, HANDSHAKE_TIME_MAX,
    HEAD_BYTES_MAX, HEAD_TIME_MAX, HEADERS_MAX,
};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Gives the bundle as it is now.
pub type Document = Arc<dyn Fn() -> String + Send + Sync>;

/// A bundle endpoint that is bound to its address.
pub struct BundleEndpoint {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    document: Document,
}

impl BundleEndpoint {
    /// An endpoint on a listener, which shows `identity`.
    pub fn new(
        listener: TcpListener,
        identity: watch::Receiver<Option<Arc<ServerIdentity>>>,
        document: Document,
    ) -> Result<Self, TlsError> {
        // §5.2: what clients of the web speak, and no less.
        let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(CurrentIdentity(identity)));
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { listener, acceptor: TlsAcceptor::from(Arc::new(tls)), document })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(BUNDLE_CONNECTIONS_MAX));
        let asking = Asking::default();
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            let Ok((stream, address)) = accepted else {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            };
            let (Ok(seat), Some(one)) = (room.clone().try_acquire_owned(), asking.enter(address.ip())) else {
                tracing::info!(%address, "too many ask for the bundle at once: this one is not answered");
                continue;
            };
            let (acceptor, document, stop) = (self.acceptor.clone(), self.document.clone(), stop.clone());
            tokio::spawn(async move {
                let served =
                    tokio::time::timeout(BUNDLE_CONNECTION_TIME_MAX, serve(stream, acceptor, document));
                if let Some(Ok(Err(error))) = stop.run_until_cancelled(served).await {
                    tracing::debug!(%address, error, "who asked for the bundle went away");
                }
                drop((seat, one));
            });
        }
    }
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Asking(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of them, until it is dropped.
struct One(Asking, IpAddr);

impl Asking {
    fn enter(&self, address: IpAddr) -> Option<One> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= BUNDLE_CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        *count += 1;
        Some(One(self.clone(), address))
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, document: Document) -> Result<(), String> {
    let stream = tokio::time::timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)).await;
    let stream = stream.map_err(|_| "no TLS in time".to_owned())?.map_err(|error| error.to_string())?;
    let service = service_fn(move |request| {
        let response = answer(&document, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .half_close(false)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    served.await.map_err(|error| error.to_string())
}

fn answer(document: &Document, request: &Request<Incoming>) -> Response<Body> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => (StatusCode::OK, "application/json", document()),
        (_, "/") => {
            (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "the bundle is asked for with GET\n".to_owned())
        }
        (_, _) => (StatusCode::NOT_FOUND, "text/plain", "the bundle is at /\n".to_owned()),
    };
    let mut response = Response::new(full(body.into_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
