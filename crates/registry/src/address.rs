//! Addresses that Writ asks by itself: of what secrets come from, and of what issuers publish.

/// The longest address, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 1_024;

/// What is wrong with where something answers over HTTP: secrets travel over TLS, or stay on this machine.
pub fn problem(url: &str) -> Option<String> {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Some(format!("`{url}` does not begin with https://")),
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || !plain(url) || url.contains(['@', '#', '?']) {
        return Some(format!("`{url}` is not `https://HOST:PORT/PATH`"));
    }
    // A port follows a name, or an address in brackets.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let local = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    (!secure && !local).then(|| {
        format!("`{url}` is neither https:// nor on this machine: what is said there is said in the open")
    })
}

/// Visible ASCII of a sane length.
pub(crate) fn plain(text: &str) -> bool {
    text.len() <= ADDRESS_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}
