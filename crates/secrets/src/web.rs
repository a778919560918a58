//! Asking sources over HTTP: no redirects, bounded answers, and TLS with the system's roots and those given.

use crate::spiffe_server::SpiffeServer;
use crate::{SourceError, chain};
use bytes::Bytes;
use credential::SpiffeId;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long a source may take.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// What is quoted of an answer that is no success, in characters.
const QUOTED_CHARS_MAX: usize = 200;

/// Whom sources are trusted by: the system's roots and further ones.
#[derive(Clone)]
pub struct Roots(pub(crate) rustls::ClientConfig);

impl Roots {
    /// The system's roots, and `further` (DER).
    pub fn new(further: &[Vec<u8>]) -> Result<Self, rustls::Error> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(further.iter().cloned().map(CertificateDer::from));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(config))
    }

    /// The server with a SPIFFE ID and no other, by the roots of its trust domain (DER).
    pub(crate) fn spiffe(roots: Vec<Vec<u8>>, id: SpiffeId) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = SpiffeServer::new(roots, id, provider.clone())?;
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self(config))
    }
}

/// A client of sources.
#[derive(Clone)]
pub(crate) struct Web(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// The answer of a Vault that does not do it.
#[derive(serde::Deserialize)]
struct Errors {
    errors: Vec<String>,
}

/// An answer that came.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Web {
    pub(crate) fn new(roots: Roots) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(roots.0).https_or_http().enable_http1().build();
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Asks. `headers` may hold secrets: they are marked so, and never in an error.
    pub(crate) async fn ask(
        &self,
        method: Method,
        address: &str,
        headers: &[(HeaderName, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, SourceError> {
        let failed = |what: &str| SourceError::new(format!("`{address}`: {what}"));
        let uri: Uri = address.parse().map_err(|_| failed("not an address"))?;
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let mut request = Request::new(Full::new(bytes));
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        if body.is_some() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| failed(&format!("the secret for `{name}` cannot stand in a header")))?;
            value.set_sensitive(true);
            request.headers_mut().insert(name.clone(), value);
        }
        let asked = async {
            let response = self.0.request(request).await.map_err(|error| failed(&chain(&error)))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| failed(&format!("its answer could not be read: {error}")))?;
            Ok(Answer { status, body: Zeroizing::new(body.to_bytes().to_vec()) })
        };
        match tokio::time::timeout(ANSWER_TIME_MAX, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(failed(&format!("no answer within {ANSWER_TIME_MAX:?}"))),
        }
    }
}

impl Answer {
    /// Its JSON, if it is a success.
    pub(crate) fn json(&self, address: &str) -> Result<Value, SourceError> {
        self.succeeded(address)?;
        serde_json::from_slice(&self.body)
            .map_err(|_| SourceError::new(format!("`{address}` did not answer in JSON")))
    }

    /// What a Vault says is wrong. Nothing else is quoted: it could be a secret, or an echo of one.
    fn errors(&self) -> String {
        let said: Option<Errors> = serde_json::from_slice(&self.body).ok();
        let said = said.map(|said| said.errors.join(", ")).filter(|said| !said.is_empty());
        let plain = |said: String| {
            said.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS_MAX).collect::<String>()
        };
        said.map(|said| format!(": {}", plain(said))).unwrap_or_default()
    }

    /// Whether it did what it was asked.
    pub(crate) fn succeeded(&self, address: &str) -> Result<(), SourceError> {
        if self.status.is_success() {
            return Ok(());
        }
        Err(SourceError::new(format!("`{address}` answered {}{}", self.status, self.errors())))
    }
}
