//! Request heads: which of them could be read as two different requests, and what of them travels on.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING, UPGRADE};

/// Why a head is refused before anybody asks what it means (RFC 9112 §6.1, §11.2; RFC 9110 §7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguity {
    /// Both ways of saying how long the body is.
    #[error("the request has both Content-Length and Transfer-Encoding: send one of them")]
    BothLengths,
    /// An upgrade would leave the path that is governed.
    #[error("the request asks to upgrade the connection, which would leave what the gateway can govern")]
    Upgrade,
    /// More than one Host, or one that differs from the target's.
    #[error("the request names no host, or more than one")]
    Host,
    /// More than one Content-Length.
    #[error("the request has more than one Content-Length")]
    SeveralLengths,
}

impl Ambiguity {
    /// Finds what is ambiguous about a head, if anything. `authority` is the target's, where it has one.
    pub fn find(headers: &HeaderMap, authority: Option<&str>) -> Option<Self> {
        let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
        if lengths > 0 && headers.contains_key(TRANSFER_ENCODING) {
            return Some(Self::BothLengths);
        }
        if lengths > 1 {
            return Some(Self::SeveralLengths);
        }
        if headers.contains_key(UPGRADE) {
            return Some(Self::Upgrade);
        }
        let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
        match (hosts.as_slice(), authority) {
            ([], Some(_)) => None,
            ([host], None) if !host.is_empty() => None,
            ([host], Some(authority)) if host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => None,
            _ => Some(Self::Host),
        }
    }
}

/// Removes what belongs to this hop alone (RFC 9110 §7.6.1), and what only the gateway may say.
pub fn strip_for_forwarding(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
        "proxy-authenticate",
    ] {
        headers.remove(name);
    }
    for name in meaning_changed_by(headers) {
        headers.remove(name);
    }
}

/// The headers of a request that must not reach an upstream: see [`strip_for_forwarding`].
pub fn meaning_changed_by(headers: &HeaderMap) -> Vec<HeaderName> {
    headers.keys().filter(|name| changes_the_meaning(name.as_str())).cloned().collect()
}

/// Headers that only the gateway may set, and headers by which frameworks take a request for
/// another than the one that was decided on. Many fold `_` and `-` together.
fn changes_the_meaning(name: &str) -> bool {
    let name = name.replace('_', "-");
    name.starts_with("writ-")
        || matches!(
            name.as_str(),
            "x-http-method"
                | "x-http-method-override"
                | "x-method-override"
                | "x-original-method"
                | "x-original-url"
                | "x-rewrite-url"
                | "x-original-uri"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], authority: Option<&str>, expected: Option<Ambiguity>) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        assert_eq!(Ambiguity::find(&headers, authority), expected, "{pairs:?}");
    }

    #[test]
    fn heads_that_could_be_read_twice() {
        check(&[("host", "a")], None, None);
        check(&[("host", "a"), ("content-length", "3")], None, None);
        let both = [("host", "a"), ("content-length", "3"), ("transfer-encoding", "chunked")];
        check(&both, None, Some(Ambiguity::BothLengths));
        let two = [("host", "a"), ("content-length", "3"), ("content-length", "4")];
        check(&two, None, Some(Ambiguity::SeveralLengths));
        check(&[("host", "a"), ("host", "b")], None, Some(Ambiguity::Host));
        check(&[], None, Some(Ambiguity::Host));
        check(&[], Some("a"), None);
        check(&[("host", "b")], Some("a"), Some(Ambiguity::Host));
        check(&[("host", "a"), ("upgrade", "websocket")], None, Some(Ambiguity::Upgrade));
    }

    #[test]
    fn hop_by_hop_and_our_own_headers_do_not_travel() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("writ-identity", "forged"),
            ("writ_identity", "forged"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/admin"),
            ("accept", "*/*"),
        ] {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        strip_for_forwarding(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}
