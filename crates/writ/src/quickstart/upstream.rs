//! The example service behind the gateway: a few charges, a stream, and a secret it insists on.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Interval;

/// What only the gateway and this service know.
pub(super) const SECRET: &str = "sk_example_4f1c";

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Starts it on a free port of loopback.
pub(super) async fn start() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request)) });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok(address)
}

fn answer(request: &Request<Incoming>) -> Answer {
    let expected = format!("Bearer {SECRET}");
    if request.headers().get(AUTHORIZATION).is_none_or(|value| value.as_bytes() != expected.as_bytes()) {
        return whole(StatusCode::UNAUTHORIZED, r#"{"error":"who are you?"}"#);
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/v1/charges") => whole(StatusCode::OK, r#"[{"id":1,"amount":1999}]"#),
        (&Method::POST, "/v1/charges") => whole(StatusCode::CREATED, r#"{"id":2,"status":"captured"}"#),
        (&Method::GET, "/v1/charges/stream") => {
            let mut response = Response::new(Ticks::new().boxed_unsync());
            let kind = hyper::header::HeaderValue::from_static("text/event-stream");
            response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
            response
        }
        _ => whole(StatusCode::NOT_FOUND, r#"{"error":"no such thing"}"#),
    }
}

fn whole(status: StatusCode, body: &'static str) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// A server-sent event every 20 milliseconds, without end.
struct Ticks(Interval);

impl Ticks {
    fn new() -> Self {
        Self(tokio::time::interval(Duration::from_millis(20)))
    }
}

impl Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.poll_tick(cx));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data: {\"charge\":\"captured\"}\n\n")))))
    }
}
