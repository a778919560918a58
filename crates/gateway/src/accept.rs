//! Listening: TLS 1.3 with client certificates, one task per connection.

use crate::authenticate::Peer;
use crate::connections::Connections;
use crate::exchange::Pipeline;
use crate::forward::Forwarder;
use crate::limits::{
    CONNECTIONS_MAX, CUT_TIME_MAX, DRAIN_TIME_MAX, HANDSHAKE_TIME_MAX, HEAD_BYTES_MAX, HEAD_TIME_MAX,
    HEADERS_MAX, KEEPALIVE, RESET_STREAMS_MAX, STREAMS_MAX,
};
use crate::parting::{Lending, Speaks};
use crate::postgres::{self, Databases};
use crate::{Config, Ports};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{
    Acceptor, ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::postgres::startup::ALPN;

/// The certificate a gateway shows, ready to sign with.
#[derive(Debug)]
pub struct ServerIdentity(Arc<CertifiedKey>);

impl ServerIdentity {
    /// From a chain (leaf first, DER) and a private key (PKCS#8, DER).
    pub fn new(chain: Vec<Vec<u8>>, key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::try_from(key.to_vec()).map_err(|error| TlsError(error.to_string()))?;
        Self::of_files(chain, key)
    }

    /// The same with a key in any of the forms that files have. The two must belong together.
    pub fn of_files(chain: Vec<Vec<u8>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        Ok(Self(Arc::new(CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?)))
    }
}

/// The TLS configuration cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the gateway's TLS cannot be set up: {0}")]
pub struct TlsError(String);

/// A gateway that is bound to its address.
pub struct Gateway {
    listener: TcpListener,
    tls: CurrentTls,
    pipeline: Arc<Pipeline>,
    connections: Arc<Connections>,
    tasks: TaskTracker,
}

impl Gateway {
    /// A gateway on a listener. Connections queue there until [`Gateway::run`] serves them.
    pub fn new(listener: TcpListener, config: Config, ports: Ports) -> Result<Self, TlsError> {
        let tls = CurrentTls::new(&ports)?;
        let tasks = TaskTracker::new();
        let connections = Arc::new(Connections::default());
        let forwarder = Forwarder::new(&config)?;
        let databases = Databases::new(&config)?;
        let pipeline = Arc::new(Pipeline::new(ports, forwarder, databases, tasks.clone()));
        Ok(Self { listener, tls, pipeline, connections, tasks })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`, then lets what is under way finish for a while.
    pub async fn run(self, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        // Watches until the last connection is gone; when nobody can push stops any more, it stops all.
        let watched = CancellationToken::new();
        let watcher = tokio::spawn(self.connections.clone().watch(
            self.pipeline.ports.clone(),
            stop.clone(),
            watched.clone(),
        ));
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or the peer went away: wait a moment, go on.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            let Ok(seat) = room.clone().try_acquire_owned() else {
                self.pipeline.ports.metrics.refused_connections.inc();
                continue;
            };
            let connection = Connection {
                tls: self.tls.current(),
                pipeline: self.pipeline.clone(),
                connections: self.connections.clone(),
                stop: stop.clone(),
            };
            self.tasks.spawn(async move {
                connection.serve(stream, address).await;
                drop(seat);
            });
        }
        self.tasks.close();
        if tokio::time::timeout(DRAIN_TIME_MAX, self.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
            self.connections.cut_all();
            let _ = tokio::time::timeout(CUT_TIME_MAX, self.tasks.wait()).await;
        }
        watched.cancel();
        let _ = watcher.await;
    }
}

struct Connection {
    tls: Configured,
    pipeline: Arc<Pipeline>,
    connections: Arc<Connections>,
    stop: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, address: SocketAddr) {
        let metrics = &self.pipeline.ports.metrics;
        // Nagle would hold back the small frames of streams.
        let _ = stream.set_nodelay(true);
        let shaken = match tokio::time::timeout(HANDSHAKE_TIME_MAX, self.shake(stream)).await {
            Ok(Ok(shaken)) => shaken,
            Ok(Err(error)) => {
                metrics.failed_handshakes.inc();
                tracing::info!(%address, %error, "no TLS: a client certificate of this trust domain is needed");
                return;
            }
            Err(_) => {
                metrics.failed_handshakes.inc();
                tracing::info!(%address, "no TLS within {HANDSHAKE_TIME_MAX:?}");
                return;
            }
        };
        let stream = match shaken {
            Shaken::Http(stream) => *stream,
            Shaken::Postgres(stream) => {
                let Self { pipeline, connections, stop, .. } = &self;
                return postgres::serve(pipeline, connections, stop, *stream, address).await;
            }
            Shaken::Done => return,
        };
        let ledger = &self.pipeline.ports.ledger_key;
        let peer = match Peer::authenticate(stream.get_ref().1, address, ledger) {
            Ok(peer) => Arc::new(peer),
            Err(error) => {
                metrics.failed_handshakes.inc();
                tracing::info!(%address, %error, "the client certificate is not a credential");
                return;
            }
        };
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let live = Arc::new(self.connections.enter(peer.identity(&self.pipeline.ports), peer.svid.serial));
        metrics.connections.inc();
        let (pipeline, on) = (self.pipeline.clone(), live.clone());
        let service = service_fn(move |request| {
            let (pipeline, peer, live) = (pipeline.clone(), peer.clone(), on.clone());
            async move { Ok::<_, std::convert::Infallible>(pipeline.serve(&peer, &live, request).await) }
        });
        let server = server(http2);
        let (lending, lent) = Lending::new(stream);
        let cut = {
            let mut serving = std::pin::pin!(server.serve_connection(TokioIo::new(lending), service));
            let ended = tokio::select! {
                biased;
                () = live.token().cancelled() => None,
                ended = serving.as_mut() => Some(ended),
                () = self.stop.cancelled() => {
                    serving.as_mut().graceful_shutdown();
                    tokio::select! {
                        biased;
                        () = live.token().cancelled() => None,
                        ended = serving.as_mut() => Some(ended),
                    }
                }
            };
            if let Some(Err(error)) = &ended {
                tracing::debug!(%address, %error, "the connection ended");
            }
            // Before the server is dropped, and its responses with it.
            match (ended, http2, live.is_half_said()) {
                (None, true, _) => Some(Some(Speaks::Http2)),
                (None, false, false) => Some(Some(Speaks::Http1)),
                (None, false, true) => Some(None),
                // The server ended by itself because it had to break off a response: it is not delivered on.
                (Some(Err(_)), _, _) if live.is_broken_off() => Some(None),
                (Some(_), _, _) => None,
            }
        };
        if let Some(speaks) = cut {
            lent.part(live.why(), speaks).await;
        }
        metrics.connections.dec();
    }
}

/// What a connection turned out to be.
enum Shaken {
    Http(Box<TlsStream<TcpStream>>),
    Postgres(Box<TlsStream<TcpStream>>),
    /// All was said before TLS.
    Done,
}

impl Connection {
    /// Makes TLS. What comes before it, or the name of the protocol within (ALPN), says what is spoken: clients of
    /// PostgreSQL ask for TLS first, or name their protocol.
    async fn shake(&self, stream: TcpStream) -> io::Result<Shaken> {
        /// The first byte of a handshake (RFC 8446 §5.1).
        const HANDSHAKE: u8 = 22;
        let mut first = [0];
        stream.peek(&mut first).await?;
        let (stream, asked) = match first {
            [HANDSHAKE] => (stream, false),
            _ => match postgres::opened(&self.pipeline, stream).await? {
                postgres::Opened::Tls(stream) => (stream, true),
                postgres::Opened::Done => return Ok(Shaken::Done),
            },
        };
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let named = begun.client_hello().alpn().is_some_and(|mut names| names.any(|name| name == ALPN));
        if asked || named {
            return Ok(Shaken::Postgres(Box::new(begun.into_stream(self.tls.postgres.clone()).await?)));
        }
        Ok(Shaken::Http(Box::new(begun.into_stream(self.tls.http.clone()).await?)))
    }
}

fn server(http2: bool) -> auto::Builder<TokioExecutor> {
    let server = auto::Builder::new(TokioExecutor::new());
    // What TLS negotiated, without waiting for the first bytes to tell.
    let mut server = if http2 { server.http2_only() } else { server.http1_only() };
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .half_close(false);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .keep_alive_interval(KEEPALIVE);
    server
}

/// The TLS configuration under the roots that are trusted now.
struct CurrentTls {
    roots: watch::Receiver<Vec<Vec<u8>>>,
    identity: Identity,
    made: Mutex<(Vec<Vec<u8>>, Configured)>,
}

/// TLS for each of the protocols that are told apart by it.
#[derive(Clone)]
struct Configured {
    http: Arc<ServerConfig>,
    postgres: Arc<ServerConfig>,
}

impl Configured {
    fn new(trusted: &[Vec<u8>], identity: &Identity) -> Result<Self, TlsError> {
        let http = tls(trusted, identity.clone(), &[b"h2", b"http/1.1"], true)?;
        // Clients of databases are told in their protocol what they lack.
        let postgres = tls(trusted, identity.clone(), &[ALPN], false)?;
        Ok(Self { http: Arc::new(http), postgres: Arc::new(postgres) })
    }
}

/// The certificate of the moment.
type Identity = watch::Receiver<Option<Arc<ServerIdentity>>>;

impl CurrentTls {
    fn new(ports: &Ports) -> Result<Self, TlsError> {
        let (roots, identity) = (ports.roots.clone(), ports.identity.clone());
        let now = roots.borrow().clone();
        let made = Configured::new(&now, &identity)?;
        Ok(Self { roots, identity, made: Mutex::new((now, made)) })
    }

    /// For the next connection. Roots that cannot be used leave those before in place: whoever could come still can.
    fn current(&self) -> Configured {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let roots = self.roots.borrow();
        if made.0 != *roots {
            match Configured::new(&roots, &self.identity) {
                Ok(tls) => *made = (roots.clone(), tls),
                Err(error) => tracing::error!(%error, "the new roots of the trust domain cannot be used"),
            }
        }
        made.1.clone()
    }
}

fn tls(
    trusted: &[Vec<u8>],
    identity: Identity,
    speaks: &[&[u8]],
    needs_certificate: bool,
) -> Result<ServerConfig, TlsError> {
    let bad = |error: &dyn std::fmt::Display| TlsError(error.to_string());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for der in trusted {
        roots.add(CertificateDer::from(der.clone())).map_err(|error| bad(&error))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let verifier = if needs_certificate { verifier } else { verifier.allow_unauthenticated() };
    let verifier = verifier.build().map_err(|error| bad(&error))?;
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| bad(&error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(CurrentIdentity(identity)));
    // A resumed session would skip the client's certificate: no tickets, no stored sessions.
    tls.send_tls13_tickets = 0;
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.alpn_protocols = speaks.iter().map(|name| name.to_vec()).collect();
    Ok(tls)
}

/// Shows the certificate of the moment.
#[derive(Debug)]
pub(crate) struct CurrentIdentity(pub(crate) watch::Receiver<Option<Arc<ServerIdentity>>>);

impl ResolvesServerCert for CurrentIdentity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().as_ref().map(|identity| identity.0.clone())
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self(error.to_string())
    }
}
