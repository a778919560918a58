//! To the upstream and back, frame by frame: bodies are never held whole.

use crate::Config;
use crate::accept::TlsError;
use crate::connections::{Live, Saying};
use crate::course::UnderWay;
use crate::limits::{BODY_IDLE_MAX, CONNECT_TIME_MAX, RESPONSE_HEAD_TIME_MAX, UPSTREAM_IDLE_MAX};
use crate::record::Meter;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, Uri, Version};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use policy::{Ending, Permit};
use registry::Service;
use rustls::pki_types::CertificateDer;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use zeroize::Zeroizing;

/// An error in a body.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A body of a response to a machine.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is there whole.
pub(crate) fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

/// The upstream side.
pub(crate) struct Forwarder {
    client: Client<HttpsConnector<HttpConnector>, RequestBody>,
}

/// Why an upstream gave no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error(
        "the secret `{0}` that the gateway adds is not in the sealed store: set it with `writ secret set`"
    )]
    NoSecret(String),
    #[error("the sealed store failed: {0}")]
    Secrets(String),
    #[error("the upstream gave no response: {0}")]
    Upstream(String),
    #[error("the upstream gave no response within {RESPONSE_HEAD_TIME_MAX:?}")]
    Timeout,
    #[error("the right to this request ended")]
    Cut,
    #[error(transparent)]
    NotRecorded(crate::RecordError),
}

impl Forwarder {
    pub(crate) fn new(config: &Config) -> Result<Self, TlsError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIME_MAX));
        let tls = upstream_tls(config)?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(UPSTREAM_IDLE_MAX)
            .build(connector);
        Ok(Self { client })
    }

    /// Sends a permitted request. The permit is used up.
    pub(crate) async fn send(
        &self,
        _permit: Permit,
        upstream: UpstreamRequest,
        live: &Live,
    ) -> Result<Response<Incoming>, ForwardError> {
        let response = tokio::time::timeout(RESPONSE_HEAD_TIME_MAX, self.client.request(upstream.0));
        match live.token().run_until_cancelled(response).await {
            Some(Ok(Ok(response))) => Ok(response),
            Some(Ok(Err(error))) => Err(ForwardError::Upstream(chain(&error))),
            Some(Err(_)) => Err(ForwardError::Timeout),
            None => Err(ForwardError::Cut),
        }
    }
}

/// How upstreams are spoken to over TLS.
pub(crate) fn upstream_tls(config: &Config) -> Result<rustls::ClientConfig, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    // A system without roots is fine as long as no upstream speaks TLS.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(config.upstream_roots.iter().cloned().map(CertificateDer::from));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A request as the upstream will see it.
pub(crate) struct UpstreamRequest(Request<RequestBody>);

impl UpstreamRequest {
    /// Rewrites a request for its upstream: our hop's headers off, the secret on.
    pub(crate) fn new(
        parts: Parts,
        body: Incoming,
        service: &Service,
        identity: &str,
        secret: Option<&Zeroizing<Vec<u8>>>,
        meter: Arc<Meter>,
    ) -> Result<Self, ForwardError> {
        let bad = |what: String| ForwardError::Upstream(what);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri: Uri = format!("{}{path}", service.upstream)
            .parse()
            .map_err(|_| bad("its address is malformed".into()))?;
        let mut request = Request::new(RequestBody::new(body, meter));
        *request.method_mut() = parts.method;
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = parts.headers;
        let headers = request.headers_mut();
        wire::http::strip_for_forwarding(headers);
        headers.remove(HOST);
        if let Ok(value) = HeaderValue::from_str(identity) {
            headers.insert("writ-identity", value);
        }
        if let (Some(injection), Some(secret)) = (&service.injection, secret) {
            let name: HeaderName = injection
                .header
                .parse()
                .map_err(|_| bad(format!("`{}` is not a header", injection.header)))?;
            let text = Zeroizing::new([injection.prefix.as_bytes(), secret].concat());
            let mut value = HeaderValue::from_bytes(&text)
                .map_err(|_| bad("the secret has characters that cannot stand in a header".into()))?;
            value.set_sensitive(true);
            // Whatever the machine sent under this name does not travel.
            let alias =
                |other: &HeaderName| other.as_str().replace('_', "-") == name.as_str().replace('_', "-");
            let given: Vec<HeaderName> = headers.keys().filter(|other| alias(other)).cloned().collect();
            given.iter().for_each(|other| drop(headers.remove(other)));
            headers.insert(name, value);
        }
        Ok(Self(request))
    }
}

/// A request body on its way up: counted, and cut when it stays silent for too long.
pub(crate) struct RequestBody {
    inner: Incoming,
    meter: Arc<Meter>,
    idle: Pin<Box<Sleep>>,
}

impl RequestBody {
    fn new(inner: Incoming, meter: Arc<Meter>) -> Self {
        Self { inner, meter, idle: Box::pin(tokio::time::sleep(BODY_IDLE_MAX)) }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.idle.as_mut().reset(Instant::now() + BODY_IDLE_MAX);
                match frame {
                    // Trailers could carry headers that nobody looked at: they end here.
                    Some(Ok(frame)) if frame.is_trailers() => Poll::Ready(None),
                    Some(Ok(frame)) => {
                        count(&this.meter.up, &frame);
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
                    None => Poll::Ready(None),
                }
            }
            Poll::Pending => {
                ready!(this.idle.as_mut().poll(cx));
                Poll::Ready(Some(Err(format!("the request body was silent for {BODY_IDLE_MAX:?}").into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response body on its way down: counted, cut when its right ends, and its end reported once.
pub(crate) struct ResponseBody {
    inner: Incoming,
    meter: Arc<Meter>,
    lapsed: Pin<Box<WaitForCancellationFutureOwned>>,
    under_way: Option<UnderWay>,
    _said: Saying,
    live: Live,
}

impl ResponseBody {
    pub(crate) fn new(inner: Incoming, meter: Arc<Meter>, live: Live, under_way: UnderWay) -> Self {
        let mut body = Self {
            inner,
            meter,
            lapsed: Box::pin(live.token().clone().cancelled_owned()),
            under_way: Some(under_way),
            _said: live.say(),
            live,
        };
        if body.inner.is_end_stream() {
            // Nobody will poll an empty body to learn that it ended.
            body.end(Ending::Complete);
        }
        body
    }

    fn end(&mut self, ending: Ending) {
        if let Some(under_way) = self.under_way.take() {
            under_way.end(ending);
        }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.lapsed.as_mut().poll(cx).is_ready() {
            this.end(Ending::Cut);
            this.live.break_off();
            return Poll::Ready(Some(Err("the right to this exchange ended".into())));
        }
        match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
            Some(Ok(frame)) => {
                count(&this.meter.down, &frame);
                if this.inner.is_end_stream() {
                    this.end(Ending::Complete);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                this.end(Ending::UpstreamFailed);
                Poll::Ready(Some(Err(error.into())))
            }
            None => {
                this.end(Ending::Complete);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn count(total: &AtomicU64, frame: &Frame<Bytes>) {
    if let Some(data) = frame.data_ref() {
        total.fetch_add(data.len() as u64, Ordering::Relaxed);
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
