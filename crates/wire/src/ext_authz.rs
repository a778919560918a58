//! Envoy's `ext_authz` v3 (`envoy.service.auth.v3.Authorization/Check`): the messages, as far as their
//! fields are read or written, and the frame of one unary gRPC call. A decoder skips the rest.
//!
//! An absent status is code 0, and code 0 allows: an answer is made by [`CheckResponse::allowed`] or
//! [`CheckResponse::denied`], never by `Default`.

use prost::Message as _;
use std::collections::HashMap;

/// The one method.
pub const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The largest message that is read.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// gRPC codes, as they stand in answers.
pub mod code {
    /// Nobody is known under this certificate.
    pub const UNAUTHENTICATED: i32 = 16;
    /// Refused.
    pub const PERMISSION_DENIED: i32 = 7;
    /// A quota is used up.
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    /// Our own fault.
    pub const UNAVAILABLE: i32 = 14;
}

/// What Envoy asks.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckRequest {
    /// The attributes of the request.
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Attributes>,
}

/// `AttributeContext`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attributes {
    /// Who asks.
    #[prost(message, optional, tag = "1")]
    pub source: Option<Peer>,
    /// What is asked.
    #[prost(message, optional, tag = "4")]
    pub request: Option<RequestAttributes>,
    /// The operator's configuration of the route.
    #[prost(map = "string, string", tag = "10")]
    pub context_extensions: HashMap<String, String>,
}

/// One end of the connection.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Peer {
    /// Its address.
    #[prost(message, optional, tag = "1")]
    pub address: Option<Address>,
    /// The name Envoy found in its certificate.
    #[prost(string, tag = "4")]
    pub principal: String,
    /// The leaf certificate: PEM, percent-encoded.
    #[prost(string, tag = "5")]
    pub certificate: String,
}

/// An address.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Address {
    /// Of a socket.
    #[prost(message, optional, tag = "1")]
    pub socket_address: Option<SocketAddress>,
}

/// Address and port.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SocketAddress {
    /// The address.
    #[prost(string, tag = "2")]
    pub address: String,
    /// The port.
    #[prost(uint32, tag = "3")]
    pub port_value: u32,
}

/// The request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestAttributes {
    /// Over HTTP.
    #[prost(message, optional, tag = "2")]
    pub http: Option<HttpRequest>,
}

/// An HTTP request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpRequest {
    /// The method.
    #[prost(string, tag = "2")]
    pub method: String,
    /// Headers in lower case; several values joined with commas.
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    /// Path and query.
    #[prost(string, tag = "4")]
    pub path: String,
    /// Host and port.
    #[prost(string, tag = "5")]
    pub host: String,
}

/// A header.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A header to set.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderValueOption {
    /// The header.
    #[prost(message, optional, tag = "1")]
    pub header: Option<HeaderValue>,
    /// 2: in place of what the client sent.
    #[prost(int32, tag = "3")]
    pub append_action: i32,
}

impl HeaderValueOption {
    fn set(key: &str, value: &str) -> Self {
        const OVERWRITE_IF_EXISTS_OR_ADD: i32 = 2;
        let header = HeaderValue { key: key.to_owned(), value: value.to_owned() };
        Self { header: Some(header), append_action: OVERWRITE_IF_EXISTS_OR_ADD }
    }
}

/// The answer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckResponse {
    /// `google.rpc.Status`: code 0 allows, and so does its absence.
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    denied_response: Option<DeniedHttpResponse>,
    #[prost(message, optional, tag = "3")]
    ok_response: Option<OkHttpResponse>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// An HTTP status.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpStatus {
    #[prost(int32, tag = "1")]
    code: i32,
}

/// What the client is told.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeniedHttpResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderValueOption>,
    #[prost(string, tag = "3")]
    body: String,
}

/// What the upstream is told.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OkHttpResponse {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderValueOption>,
    #[prost(string, repeated, tag = "5")]
    headers_to_remove: Vec<String>,
}

impl CheckResponse {
    /// The request goes on, with these headers in place of what the client sent, and without those of `remove`.
    pub fn allowed(headers: &[(&str, &str)], remove: Vec<String>) -> Self {
        let headers = headers.iter().map(|(key, value)| HeaderValueOption::set(key, value)).collect();
        Self {
            status: Some(Status { code: 0, message: String::new() }),
            denied_response: None,
            ok_response: Some(OkHttpResponse { headers, headers_to_remove: remove }),
        }
    }

    /// The request ends here. A status below 400 would look like success and is replaced by 403.
    pub fn denied(code: i32, status: u16, headers: &[(&str, &str)], body: String) -> Self {
        let headers = headers.iter().map(|(key, value)| HeaderValueOption::set(key, value)).collect();
        let status = if status < 400 { 403 } else { i32::from(status) };
        Self {
            status: Some(Status {
                code: if code == 0 { code::PERMISSION_DENIED } else { code },
                message: String::new(),
            }),
            denied_response: Some(DeniedHttpResponse {
                status: Some(HttpStatus { code: status }),
                headers,
                body,
            }),
            ok_response: None,
        }
    }

    /// Whether it lets the request go on.
    pub fn is_allowed(&self) -> bool {
        self.status.as_ref().is_none_or(|status| status.code == 0)
    }
}

/// A call that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Compressed messages are not read.
    #[error("the message is compressed")]
    Compressed,
    /// Not one whole message.
    #[error("the message is cut or is none")]
    Malformed,
}

/// Reads the message of a call: one byte that says whether it is compressed, four of length, the message.
pub fn read(body: &[u8]) -> Result<CheckRequest, FrameError> {
    let (head, message) = body.split_at_checked(5).ok_or(FrameError::Malformed)?;
    let [compressed, length @ ..] = <[u8; 5]>::try_from(head).map_err(|_| FrameError::Malformed)?;
    if compressed != 0 {
        return Err(FrameError::Compressed);
    }
    if usize::try_from(u32::from_be_bytes(length)) != Ok(message.len()) {
        return Err(FrameError::Malformed);
    }
    CheckRequest::decode(message).map_err(|_| FrameError::Malformed)
}

/// The message of an answer.
pub fn write(answer: &CheckResponse) -> Vec<u8> {
    let message = answer.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(5 + message.len());
    frame.push(0);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&message);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_denial_looks_like_a_permit() {
        for (code, status) in [(0, 200), (7, 204), (16, 403), (8, 429)] {
            let answer = CheckResponse::denied(code, status, &[], String::new());
            assert!(!answer.is_allowed());
            assert!(answer.denied_response.unwrap().status.unwrap().code >= 400);
        }
        assert!(CheckResponse::allowed(&[("a", "b")], vec!["c".to_owned()]).is_allowed());
    }

    #[test]
    fn frames_are_read_whole_or_not_at_all() {
        let asked = CheckRequest { attributes: Some(Attributes::default()) };
        let mut frame = vec![0, 0, 0, 0, u8::try_from(asked.encoded_len()).unwrap()];
        asked.encode(&mut frame).unwrap();
        assert_eq!(read(&frame), Ok(asked));
        for end in 0..frame.len() {
            assert!(read(&frame[..end]).is_err(), "cut at {end}");
        }
        frame[0] = 1;
        assert_eq!(read(&frame), Err(FrameError::Compressed));
        assert!(read(&[0, 255, 255, 255, 255, 0]).is_err());
    }
}
