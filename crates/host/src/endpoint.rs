//! The unix socket: one connection, one caller, one gRPC server over all of them.

use crate::caller::Caller;
use crate::proto::sds::secret_discovery_service_server::SecretDiscoveryServiceServer;
use crate::proto::spiffe_workload_api_server::SpiffeWorkloadApiServer;
use crate::sds::Sds;
use crate::workload_api::WorkloadApi;
use crate::{Clock, Issuer};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use wire::http2::authority::Rewriter;

/// Connections at once.
pub const CONNECTIONS_MAX: usize = 8_192;
/// Calls on one connection at once.
pub const STREAMS_MAX: u32 = 128;
/// The largest message that is read, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Everybody on the machine may connect: who they are decides what they get.
const SOCKET_MODE: u32 = 0o777;
/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1024;
/// A pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A Workload API that is bound to its socket.
pub struct Endpoint {
    listener: UnixListener,
    path: PathBuf,
}

/// The socket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It cannot be made.
    #[error("the Workload API cannot listen on `{path}`: {error}")]
    Bind {
        /// Where.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// Something else is there.
    #[error("`{0}` is there and is no socket: choose another path")]
    Occupied(String),
    /// The server ended.
    #[error("the Workload API ended: {0}")]
    Serve(#[from] tonic::transport::Error),
    /// Reflection could not be set up.
    #[error("the description of the Workload API cannot be read: {0}")]
    Reflection(String),
}

impl Endpoint {
    /// Binds the socket. One left behind by an earlier run, to which nobody listens, is replaced.
    pub fn bind(path: &Path) -> Result<Self, EndpointError> {
        let shown = path.display().to_string();
        let failed = |error| EndpointError::Bind { path: shown.clone(), error };
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(found) if !found.file_type().is_socket() => return Err(EndpointError::Occupied(shown)),
            Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
                return Err(failed(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there")));
            }
            Ok(_) => std::fs::remove_file(path).map_err(failed)?,
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE)).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Serves until `stop`; then the socket is removed.
    pub async fn serve(
        self,
        issuer: Arc<dyn Issuer>,
        clock: Clock,
        stop: CancellationToken,
    ) -> Result<(), EndpointError> {
        let api = WorkloadApi::new(issuer, clock, stop.clone());
        let sds =
            SecretDiscoveryServiceServer::new(Sds(api.clone())).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let api = SpiffeWorkloadApiServer::new(api).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let (health, healthy) = tonic_health::server::health_reporter();
        health.set_serving::<SpiffeWorkloadApiServer<WorkloadApi>>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(include_bytes!(concat!(
                env!("OUT_DIR"),
                "/descriptors.bin"
            )))
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(|error| EndpointError::Reflection(error.to_string()))?;
        let (connections, incoming) = mpsc::channel(16);
        let accepting = tokio::spawn(accept(self.listener, connections, stop.clone()));
        let served = tonic::transport::Server::builder()
            .max_concurrent_streams(STREAMS_MAX)
            .http2_keepalive_interval(Some(Duration::from_secs(60)))
            .add_service(healthy)
            .add_service(reflection)
            .add_service(sds)
            .add_service(api)
            .serve_with_incoming_shutdown(ReceiverStream::new(incoming), stop.cancelled())
            .await;
        accepting.abort();
        let _ = std::fs::remove_file(&self.path);
        Ok(served?)
    }
}

async fn accept(
    listener: UnixListener,
    connections: mpsc::Sender<io::Result<Connection>>,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a workload's connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(seat) = room.clone().try_acquire_owned() else { continue };
        match Caller::of(&stream) {
            Ok(caller) => {
                if connections.send(Ok(Connection::new(stream, caller, seat))).await.is_err() {
                    return;
                }
            }
            Err(error) => tracing::warn!(%error, "a workload's connection was refused"),
        }
    }
}

/// A connection of a known caller. What it sends is rewritten on the way in: see [`wire::http2::authority`].
struct Connection {
    stream: UnixStream,
    caller: Caller,
    rewriter: Rewriter,
    /// Rewritten, and not read yet.
    ready: Vec<u8>,
    taken: usize,
    _seat: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: UnixStream, caller: Caller, seat: OwnedSemaphorePermit) -> Self {
        Self { stream, caller, rewriter: Rewriter::default(), ready: Vec::new(), taken: 0, _seat: seat }
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let waiting = this.ready.get(this.taken..).unwrap_or_default();
            if !waiting.is_empty() {
                let now = waiting.get(..waiting.len().min(buffer.remaining())).unwrap_or_default();
                buffer.put_slice(now);
                this.taken += now.len();
                return Poll::Ready(Ok(()));
            }
            (this.ready, this.taken) = (Vec::new(), 0);
            let mut bytes = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            let bad = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            this.rewriter.push(read.filled(), &mut this.ready).map_err(bad)?;
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
