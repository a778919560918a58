//! A small HTTPS client with a client certificate: what the quickstart's machine uses.

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// One HTTP/1.1 connection over mutual TLS.
pub(crate) struct TlsClient {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

impl TlsClient {
    /// Connects to `address` as the holder of a certificate, expecting the server to be `host`.
    pub(crate) async fn connect(
        address: SocketAddr,
        host: &str,
        chain_pem: &str,
        key_pem: &str,
        bundle_pem: &str,
    ) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for der in CertificateDer::pem_slice_iter(bundle_pem.as_bytes()) {
            roots.add(der?)?;
        }
        let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(host.to_owned())?;
        let tls =
            TlsConnector::from(Arc::new(config)).connect(name, tcp).await.context("TLS with the gateway")?;
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        // Ends with the connection; an error there shows as an error of the request.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { host: host.to_owned(), sender })
    }

    /// Sends a request; the response's body is still to come.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: &str,
    ) -> anyhow::Result<Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        // The connection is free again only when it has said so.
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn call(&mut self, method: Method, path: &str, body: &str) -> anyhow::Result<Answer> {
        let response = self.send(method, path, body).await?;
        let (head, body) = response.into_parts();
        let decision = head.headers.get("writ-decision").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), decision, body })
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) decision: Option<String>,
    pub(crate) body: Bytes,
}
