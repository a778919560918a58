//! Requests as they come in: the messages of Envoy, targets and routes, heads.

use crate::text;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost::Message as _;
use wire::ext_authz;
use wire::http::route::find;
use wire::http::{Ambiguity, Route, Target, strip_for_forwarding};
use wire::http2::authority::Rewriter;

/// A call that is read is read again from what it encodes to; a call that is cut is refused.
pub fn wire_ext_authz(data: &[u8]) {
    let Ok(asked) = ext_authz::read(data) else { return };
    let message = asked.encode_to_vec();
    let frame = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
    assert_eq!(ext_authz::read(&frame).as_ref(), Ok(&asked));
    if let Some((_, cut)) = data.split_last() {
        assert!(ext_authz::read(cut).is_err(), "a call that is cut is read");
    }
    let answer = ext_authz::CheckResponse::denied(0, 200, &[], String::new());
    assert!(!answer.is_allowed() && ext_authz::write(&answer).len() > 5);
}

/// A target that is read has one meaning: nothing in it could be read otherwise, and spelled out in full it is the
/// same. It is found by the route that is its own path.
pub fn wire_target(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    let Ok(target) = Target::parse(path, query) else { return };
    let last = target.segments.len() - 1;
    for (at, segment) in target.segments.iter().enumerate() {
        assert!(!matches!(segment.as_str(), "." | "..") && (at == last || !segment.is_empty()), "{target:?}");
        assert!(
            !segment.contains(['/', '\\', ';', '%']) && !segment.chars().any(char::is_control),
            "{target:?}"
        );
    }
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let full: String = target.segments.iter().map(|segment| format!("/{}", encoded(segment))).collect();
    let pairs: Vec<String> =
        target.query.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    if full.len() + pairs.iter().map(|pair| pair.len() + 1).sum::<usize>()
        <= wire::http::target::TARGET_BYTES_MAX
    {
        assert_eq!(Target::parse(&full, Some(&pairs.join("&"))).as_ref(), Ok(&target), "{full}");
    }
    let methods = ["GET".to_owned()];
    let found = |path: &str, query: &[(String, String)]| {
        find([Route { methods: &methods, path, query, operation: () }], "GET", &target)
    };
    assert_eq!(found("/**", &[]), Ok(Some(())));
    let own: String = target.segments.iter().map(|segment| format!("/{segment}")).collect();
    if !own.contains('*') {
        assert_eq!(found(&own, &[]), Ok(Some(())), "{own}");
        assert_eq!(found(&format!("{own}x"), &[]), Ok(None), "{own}");
    }
    if let Some(pair) = target.query.first() {
        let twice = target.query.iter().filter(|(key, _)| *key == pair.0).count() > 1;
        let found = found("/**", std::slice::from_ref(pair));
        assert_eq!(found.is_err(), twice, "a parameter that decides is given once");
    }
    assert_eq!(
        find([Route { methods: &methods, path: "/**", query: &[], operation: () }], "PUT", &target),
        Ok(None)
    );
}

/// A head without ambiguity names one host and one length; what travels on holds nothing of this hop.
pub fn wire_head(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let authority = lines.next().and_then(text).filter(|authority| !authority.is_empty());
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name),
            HeaderValue::from_bytes(value.strip_prefix(b":").unwrap_or_default()),
        ) {
            headers.append(name, value);
        }
    }
    if Ambiguity::find(&headers, authority).is_none() {
        let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
        assert!(
            lengths + usize::from(headers.contains_key(TRANSFER_ENCODING)) <= 1
                && !headers.contains_key(UPGRADE)
        );
        let hosts = headers.get_all(HOST).iter().count();
        assert!(hosts <= 1 && (hosts == 1 || authority.is_some()), "no host, or two");
    }
    strip_for_forwarding(&mut headers);
    for name in headers.keys().map(HeaderName::as_str) {
        assert!(
            !name.starts_with("writ-") && !name.starts_with("writ_"),
            "{name} is not the machine's to say"
        );
        assert!(!matches!(name, "connection" | "te" | "upgrade" | "transfer-encoding" | "trailer"), "{name}");
    }
    let once = headers.clone();
    strip_for_forwarding(&mut headers);
    assert_eq!(headers, once);
}

/// HTTP/2 as a client sends it is rewritten the same however it arrives in pieces.
pub fn wire_http2(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = {
        let mut out = Vec::new();
        Rewriter::default().push(bytes, &mut out).map(|()| out).ok()
    };
    let (first, second) = bytes.split_at(usize::from(*cut) % (bytes.len() + 1));
    let mut rewriter = Rewriter::default();
    let mut out = Vec::new();
    let pieces =
        rewriter.push(first, &mut out).and_then(|()| rewriter.push(second, &mut out)).map(|()| out).ok();
    assert_eq!(whole, pieces, "pieces are read differently");
}
