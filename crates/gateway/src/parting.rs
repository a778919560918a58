//! How a connection ends that is cut. Where nothing is half said, its peer is told why: over HTTP/2 in a GOAWAY frame, over
//! HTTP/1.1 in an answer of 403; then it has a moment to take note. Otherwise, and after that moment, what the system
//! still holds for it is thrown away and it is reset: closing alone would go on delivering at the peer's own pace.

use crate::deny;
use crate::limits::PARTING_TIME_MAX;
use policy::Reason;
use rustix::net::sockopt::set_socket_linger;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use wire::http::problem::MEDIA_TYPE;

/// GOAWAY (RFC 9113 §6.8).
const GOAWAY: u8 = 7;
/// The peer's certificate is good for nothing more (INADEQUATE_SECURITY, §7).
const INADEQUATE_SECURITY: u32 = 0xc;
/// Any of its streams may have been served: none is to be tried again unseen.
const LAST_STREAM: u32 = 0x7fff_ffff;
/// The longest reason in a frame, in bytes: less than the smallest frame anybody must take.
const REASON_BYTES_MAX: usize = 4 * 1024;

/// Why a connection is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

/// What was lent to the server of a connection, given back when that is dropped.
pub(crate) struct Lent(Arc<Mutex<Option<Back>>>);

struct Back {
    stream: TlsStream<TcpStream>,
    /// All that was begun was said.
    quiet: bool,
}

/// A connection that is lent.
pub(crate) struct Lending {
    stream: Option<TlsStream<TcpStream>>,
    quiet: bool,
    back: Arc<Mutex<Option<Back>>>,
}

impl Lending {
    /// Lends a connection.
    pub(crate) fn new(stream: TlsStream<TcpStream>) -> (Self, Lent) {
        let back = Arc::new(Mutex::new(None));
        (Self { stream: Some(stream), quiet: true, back: back.clone() }, Lent(back))
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TlsStream<TcpStream>>> {
        // There is one until this is dropped.
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            *self.back.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Back { stream, quiet: self.quiet });
        }
    }
}

impl Lent {
    /// Ends the connection, whose server is dropped. `speaks` is unset when an HTTP/1.1 response is half said.
    pub(crate) async fn part(self, cut: Option<Cut>, speaks: Option<Speaks>) {
        let Some(Back { mut stream, quiet }) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
        else {
            return;
        };
        if let (Some(cut), Some(speaks), true) = (cut, speaks, quiet) {
            let words = speaks.words(&cut);
            // Late or broken: it is reset all the same.
            let _ = tokio::time::timeout(PARTING_TIME_MAX, tell(&mut stream, &words)).await;
        }
        let (tcp, _) = stream.get_ref();
        if let Err(error) = set_socket_linger(tcp, Some(Duration::ZERO)) {
            tracing::warn!(%error, "a cut connection may still deliver what was under way");
        }
    }
}

/// Says it, ends our side, and waits until the peer ends its own.
async fn tell(stream: &mut TlsStream<TcpStream>, words: &[u8]) -> io::Result<()> {
    stream.write_all(words).await?;
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Speaks {
    Http1,
    Http2,
}

impl Speaks {
    fn words(self, cut: &Cut) -> Vec<u8> {
        match self {
            Self::Http1 => {
                let problem = deny::cut(cut).to_json();
                let head = format!(
                    "HTTP/1.1 403 Forbidden\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n",
                    problem.len()
                );
                [head.as_bytes(), &problem].concat()
            }
            Self::Http2 => {
                let end = cut.detail.floor_char_boundary(REASON_BYTES_MAX);
                let reason = cut.detail.get(..end).unwrap_or_default();
                let [_, length @ ..] = (8 + reason.len() as u32).to_be_bytes();
                let mut frame = length.to_vec();
                frame.extend([GOAWAY, 0, 0, 0, 0, 0]);
                frame.extend(LAST_STREAM.to_be_bytes());
                frame.extend(INADEQUATE_SECURITY.to_be_bytes());
                frame.extend(reason.as_bytes());
                frame
            }
        }
    }
}

impl AsyncRead for Lending {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Lending {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.quiet = false;
        this.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.quiet = false;
        this.stream()?.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = this.stream()?.poll_flush(context);
        // Who writes flushes at the end of what it says, and not within.
        this.quiet |= matches!(flushed, Poll::Ready(Ok(())));
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.quiet = false;
        this.stream()?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_frames_and_answers() {
        let cut = |detail: &str| Cut { reason: Reason::IdentityNotGood, detail: detail.to_owned() };
        let frame = Speaks::Http2.words(&cut("`acme/bot` is revoked"));
        assert_eq!(frame[..9], [0, 0, 29, 7, 0, 0, 0, 0, 0]);
        assert_eq!(frame[9..17], [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0xc]);
        assert_eq!(&frame[17..], b"`acme/bot` is revoked");
        let long = Speaks::Http2.words(&cut(&"é".repeat(REASON_BYTES_MAX)));
        assert_eq!(long.len(), 17 + REASON_BYTES_MAX);
        assert!(std::str::from_utf8(&long[17..]).is_ok());
        let answer = String::from_utf8(Speaks::Http1.words(&cut("`acme/bot` is revoked"))).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 403 ") && head.contains("connection: close"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(body.contains(r#""reason":"identity-not-good""#), "{body}");
    }
}
