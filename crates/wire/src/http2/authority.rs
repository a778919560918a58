//! Rewrites the client's side of an HTTP/2 connection so that every request names an acceptable `:authority`.
//!
//! Over a unix socket there is no host. Clients of the gRPC C core (Python, C++, Ruby, PHP), grpc-java and
//! grpc-swift send the socket's path instead, percent-encoded or not; the server we use resets such a stream
//! before anybody sees it (RFC 9110 §4.2 gives it the right to). Frames pass as they are; header blocks are
//! decoded and written anew as plain literals, so that both tables stay in step.

use super::hpack::{BLOCK_BYTES_MAX, Decoder, HpackError, encode};

/// The preface every client begins with (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What a unix socket's requests are for.
const AUTHORITY: &[u8] = b"localhost";
/// The largest frame a server that says nothing else accepts (RFC 9113 §4.2).
const FRAME_BYTES_MAX: usize = 16_384;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// The connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// A frame breaks RFC 9113.
    #[error("not HTTP/2")]
    Frame,
    /// A header block breaks RFC 7541.
    #[error(transparent)]
    Block(#[from] HpackError),
}

/// One connection, client to server.
#[derive(Debug, Default)]
pub struct Rewriter {
    /// Bytes that do not make a whole step yet.
    waiting: Vec<u8>,
    decoder: Decoder,
    begun: bool,
    /// Bytes of the frame under way that pass as they come.
    passing: usize,
    /// A header block under way: its stream, whether it ends the stream, its bytes.
    block: Option<(u32, u8, Vec<u8>)>,
}

impl Rewriter {
    /// Takes what the client sent; gives what the server is to read.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), RewriteError> {
        self.waiting.extend_from_slice(input);
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = waiting.as_slice();
        while let Some(after) = self.step(rest, out)? {
            rest = after;
        }
        self.waiting = rest.to_vec();
        Ok(())
    }

    /// One step; none when more bytes are needed.
    fn step<'b>(&mut self, bytes: &'b [u8], out: &mut Vec<u8>) -> Result<Option<&'b [u8]>, RewriteError> {
        if self.passing > 0 {
            let (now, rest) = bytes.split_at(self.passing.min(bytes.len()));
            out.extend_from_slice(now);
            self.passing -= now.len();
            return Ok((!now.is_empty()).then_some(rest));
        }
        if !self.begun {
            let known = PREFACE.iter().zip(bytes).all(|(expected, found)| expected == found);
            if !known {
                return Err(RewriteError::Frame);
            }
            let Some((preface, rest)) = bytes.split_at_checked(PREFACE.len()) else { return Ok(None) };
            out.extend_from_slice(preface);
            self.begun = true;
            return Ok(Some(rest));
        }
        let Some((head, rest)) = bytes.split_first_chunk::<9>() else { return Ok(None) };
        let [a, b, c, kind, flags, stream @ ..] = *head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        if length > FRAME_BYTES_MAX {
            return Err(RewriteError::Frame);
        }
        match (kind, &self.block) {
            (HEADERS, None) | (CONTINUATION, Some(_)) => {}
            // Nothing may come between the parts of a block (§6.10).
            (HEADERS | CONTINUATION, _) | (_, Some(_)) => return Err(RewriteError::Frame),
            (_, None) => {
                out.extend_from_slice(head);
                self.passing = length;
                return Ok(Some(rest));
            }
        }
        let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        let (of, ends, mut block) = match self.block.take() {
            Some(block) => block,
            None => (stream, flags & END_STREAM, Vec::new()),
        };
        if of != stream {
            return Err(RewriteError::Frame);
        }
        block.extend_from_slice(if kind == HEADERS { fragment(payload, flags)? } else { payload });
        if block.len() > BLOCK_BYTES_MAX {
            return Err(HpackError::TooLarge.into());
        }
        if flags & END_HEADERS == 0 {
            self.block = Some((of, ends, block));
        } else {
            self.headers(of, ends, &block, out)?;
        }
        Ok(Some(rest))
    }

    fn headers(
        &mut self,
        stream: u32,
        ends: u8,
        block: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), RewriteError> {
        let mut headers = self.decoder.decode(block)?;
        for (name, value) in &mut headers {
            if name == b":authority" && !is_host(value) {
                *value = AUTHORITY.to_vec();
            }
        }
        let block = encode(&headers);
        let mut parts = block.chunks(FRAME_BYTES_MAX).peekable();
        let mut kind = HEADERS;
        // A block without a header is a frame still.
        let none = block.is_empty().then_some(&[][..]);
        while let Some(part) = parts.next().or(if kind == HEADERS { none } else { None }) {
            let last = if parts.peek().is_none() { END_HEADERS } else { 0 };
            let flags = last | if kind == HEADERS { ends } else { 0 };
            let [_, length @ ..] = (part.len() as u32).to_be_bytes();
            out.extend_from_slice(&length);
            out.extend_from_slice(&[kind, flags]);
            out.extend_from_slice(&stream.to_be_bytes());
            out.extend_from_slice(part);
            kind = CONTINUATION;
        }
        Ok(())
    }
}

/// The part of a block in a HEADERS frame, without padding and priority (§6.2).
fn fragment(payload: &[u8], flags: u8) -> Result<&[u8], RewriteError> {
    let mut rest = payload;
    let mut padding = 0;
    if flags & PADDED != 0 {
        let (length, behind) = rest.split_first().ok_or(RewriteError::Frame)?;
        (padding, rest) = (usize::from(*length), behind);
    }
    if flags & PRIORITY != 0 {
        rest = rest.split_at_checked(5).ok_or(RewriteError::Frame)?.1;
    }
    let length = rest.len().checked_sub(padding).ok_or(RewriteError::Frame)?;
    rest.get(..length).ok_or(RewriteError::Frame)
}

/// Whether it can be a host with a port, so that a server accepts it.
fn is_host(value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
    !value.is_empty() && value.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::hpack::Header;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    fn header(name: &str, value: &str) -> Header {
        (name.as_bytes().to_vec(), value.as_bytes().to_vec())
    }

    fn call(authority: &str) -> Vec<Header> {
        vec![
            header(":method", "POST"),
            header(":path", "/SpiffeWorkloadAPI/FetchX509SVID"),
            header(":authority", authority),
            header("workload.spiffe.io", "true"),
        ]
    }

    /// A frame: kind, flags, stream, the headers it holds, its payload.
    type Seen = (u8, u8, u32, Vec<Header>, Vec<u8>);

    /// The header blocks of what came out, decoded, with the frames' flags; other frames as they are.
    fn read(mut bytes: &[u8]) -> Vec<Seen> {
        assert_eq!(&bytes[..24], PREFACE);
        bytes = &bytes[24..];
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
            let stream = u32::from_be_bytes(bytes[5..9].try_into().unwrap());
            let payload = bytes[9..9 + length].to_vec();
            let headers = if bytes[3] == HEADERS { decoder.decode(&payload).unwrap() } else { Vec::new() };
            found.push((bytes[3], bytes[4], stream, headers, payload));
            bytes = &bytes[9 + length..];
        }
        found
    }

    fn rewritten(input: &[u8], step: usize) -> Vec<u8> {
        let (mut rewriter, mut out) = (Rewriter::default(), Vec::new());
        for piece in input.chunks(step) {
            rewriter.push(piece, &mut out).unwrap();
        }
        out
    }

    #[test]
    fn a_path_becomes_a_host_and_the_rest_stays() {
        for authority in ["/run/writ/agent.sock", "run%2Fwrit%2Fagent.sock", "", "unix:/a/b"] {
            let mut input = PREFACE.to_vec();
            input.extend(frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]));
            input.extend(frame(HEADERS, END_HEADERS, 1, &encode(&call(authority))));
            input.extend(frame(0, END_STREAM, 1, &[0, 0, 0, 0, 0]));
            for step in 1..input.len() {
                let out = read(&rewritten(&input, step));
                assert_eq!(out.len(), 3, "in pieces of {step}");
                assert_eq!(out[0].4, [0, 3, 0, 0, 0, 100]);
                assert_eq!((out[1].1, out[1].2), (END_HEADERS, 1));
                assert_eq!(out[1].3, call("localhost"));
                assert_eq!(out[2].4, [0, 0, 0, 0, 0]);
            }
        }
    }

    #[test]
    fn padding_priority_and_continuations_are_taken_off() {
        let block = encode(&call("agent.example:8443"));
        let (first, second) = block.split_at(20);
        let mut payload = vec![3, 0, 0, 0, 0, 16];
        payload.extend(first);
        payload.extend([0; 3]);
        let mut input = PREFACE.to_vec();
        input.extend(frame(HEADERS, END_STREAM | PADDED | PRIORITY, 5, &payload));
        input.extend(frame(CONTINUATION, END_HEADERS, 5, second));
        let out = read(&rewritten(&input, 7));
        assert_eq!((out.len(), out[0].1, out[0].2), (1, END_STREAM | END_HEADERS, 5));
        assert_eq!(out[0].3, call("agent.example:8443"), "a host stays as it is");
    }

    #[test]
    fn a_large_block_is_split() {
        let mut headers = call("/a");
        headers.extend((0..40).map(|n| header(&format!("x-{n}"), &"v".repeat(1_000))));
        let mut input = PREFACE.to_vec();
        let block = encode(&headers);
        let mut parts = block.chunks(10_000);
        input.extend(frame(HEADERS, 0, 1, parts.next().unwrap()));
        let parts: Vec<&[u8]> = parts.collect();
        for (at, part) in parts.iter().enumerate() {
            input.extend(frame(CONTINUATION, if at + 1 == parts.len() { END_HEADERS } else { 0 }, 1, part));
        }
        let (mut rewriter, mut out) = (Rewriter::default(), Vec::new());
        rewriter.push(&input, &mut out).unwrap();
        let kinds: Vec<u8> = {
            let (mut rest, mut kinds) = (&out[24..], Vec::new());
            while !rest.is_empty() {
                let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
                assert!(length <= FRAME_BYTES_MAX);
                kinds.push(rest[3]);
                rest = &rest[9 + length..];
            }
            kinds
        };
        assert_eq!(kinds, [HEADERS, CONTINUATION, CONTINUATION]);
    }

    #[test]
    fn what_is_not_http2_is_refused() {
        let refused = |input: &[u8]| Rewriter::default().push(input, &mut Vec::new()).is_err();
        assert!(refused(b"GET / HTTP/1.1\r\n"));
        let with = |frames: &[Vec<u8>]| [PREFACE.to_vec(), frames.concat()].concat();
        assert!(refused(&with(&[frame(CONTINUATION, END_HEADERS, 1, &[])])), "a continuation of nothing");
        let open = frame(HEADERS, 0, 1, &[]);
        assert!(refused(&with(&[open.clone(), frame(0, 0, 1, &[])])), "data within a block");
        assert!(refused(&with(&[open, frame(CONTINUATION, END_HEADERS, 3, &[])])), "another stream's part");
        assert!(
            refused(&with(&[frame(HEADERS, END_HEADERS | PADDED, 1, &[9, 0])])),
            "more padding than bytes"
        );
        assert!(refused(&with(&[vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]])), "too large a frame");
    }
}
