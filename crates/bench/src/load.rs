//! A closed-loop client: `c` requests under way over keep-alive connections, each one timed.

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where and how to ask.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) port: u16,
    pub(crate) path: &'static str,
    /// `None` asks in clear.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) http2: bool,
}

enum Sender {
    H1(http1::SendRequest<Empty<Bytes>>),
    H2(http2::SendRequest<Empty<Bytes>>),
}

impl Target {
    /// Asks `count` times, `concurrency` at a time. Sorted latencies of those that were answered 200.
    pub(crate) async fn measure(&self, concurrency: usize, count: usize) -> anyhow::Result<Vec<Duration>> {
        let shared = if self.http2 { Some(self.connect().await?) } else { None };
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..concurrency {
            let sender = match &shared {
                Some(Sender::H2(sender)) => Sender::H2(sender.clone()),
                Some(Sender::H1(_)) | None => self.connect().await?,
            };
            let (path, each) = (self.path, count / concurrency);
            tasks.spawn(run(sender, path, each));
        }
        let mut samples = Vec::with_capacity(count);
        while let Some(done) = tasks.join_next().await {
            samples.extend(done??);
        }
        samples.sort();
        Ok(samples)
    }

    async fn connect(&self) -> anyhow::Result<Sender> {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await?;
        tcp.set_nodelay(true)?;
        match &self.tls {
            None => self.handshake(tcp).await,
            Some(config) => {
                let mut config = (**config).clone();
                config.alpn_protocols = vec![if self.http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
                let name = ServerName::try_from("files.localhost")?;
                self.handshake(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?).await
            }
        }
    }

    async fn handshake<S>(&self, stream: S) -> anyhow::Result<Sender>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if self.http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            return Ok(Sender::H2(sender));
        }
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Sender::H1(sender))
    }
}

async fn run(mut sender: Sender, path: &'static str, count: usize) -> anyhow::Result<Vec<Duration>> {
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        let response: Response<Incoming> = match &mut sender {
            Sender::H1(sender) => {
                sender.ready().await?;
                sender
                    .send_request(Request::get(path).header("host", "files.localhost").body(Empty::new())?)
                    .await?
            }
            Sender::H2(sender) => {
                sender.ready().await?;
                let uri = format!("https://files.localhost{path}");
                sender.send_request(Request::get(uri).body(Empty::new())?).await?
            }
        };
        ensure!(response.status() == 200, "answered {}", response.status());
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(body.len() == 128, "{} bytes", body.len());
        samples.push(started.elapsed());
    }
    Ok(samples)
}
