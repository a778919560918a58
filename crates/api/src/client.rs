//! The client of the API, as the CLI uses it.

use crate::ProblemBody;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A connection to a running Writ.
#[derive(Clone)]
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    base: String,
    token: Option<HeaderValue>,
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not what this version expects.
    #[error("the answer of {0} cannot be read: is it the same version of Writ?")]
    Answer(String),
    /// The server said no, and why.
    #[error("{}", .0.title)]
    Problem(Box<ProblemBody>),
    /// Nobody there.
    #[error("no answer from {0}: is Writ running? start it with `writ up`")]
    Unreachable(String),
}

impl Client {
    /// A client of the API at `base` (`http://127.0.0.1:7443`).
    pub fn new(base: &str, token: Option<&str>) -> Self {
        let http = Http::builder(TokioExecutor::new()).build_http();
        let token = token.and_then(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        Self { http, base: base.trim_end_matches('/').to_owned(), token }
    }

    /// Gets JSON.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.json(self.call(Method::GET, path, Vec::new()).await?)
    }

    /// Gets text.
    pub async fn get_text(&self, path: &str) -> Result<String, ClientError> {
        let bytes = self.call(Method::GET, path, Vec::new()).await?;
        String::from_utf8(bytes.to_vec()).map_err(|_| ClientError::Answer(self.base.clone()))
    }

    /// Posts JSON, gets JSON.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.json(self.call(Method::POST, path, body).await?)
    }

    /// Puts JSON, gets nothing.
    pub async fn put(&self, path: &str, body: &impl Serialize) -> Result<(), ClientError> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.call(Method::PUT, path, body).await.map(|_| ())
    }

    fn json<T: DeserializeOwned>(&self, bytes: Bytes) -> Result<T, ClientError> {
        serde_json::from_slice(&bytes).map_err(|_| ClientError::Answer(self.base.clone()))
    }

    async fn call(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, ClientError> {
        let unreachable = || ClientError::Unreachable(self.base.clone());
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{}", self.base, path.replace(' ', "%20")))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| unreachable())?;
        if let Some(token) = &self.token {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        let response = self.http.request(request).await.map_err(|_| unreachable())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let bytes = body.map_err(|_| ClientError::Answer(self.base.clone()))?.to_bytes();
        if status.is_success() {
            return Ok(bytes);
        }
        match serde_json::from_slice(&bytes) {
            Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
            Err(_) => Err(ClientError::Problem(Box::new(plain(status, &bytes)))),
        }
    }
}

fn plain(status: StatusCode, body: &[u8]) -> ProblemBody {
    let text = String::from_utf8_lossy(body).trim().to_owned();
    let title = if text.is_empty() { status.to_string() } else { text };
    let (help, pointer) = (String::new(), String::new());
    ProblemBody { status: status.as_u16(), title, help, pointer, findings: Vec::new() }
}
