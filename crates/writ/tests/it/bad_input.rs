//! Requests made to be misread, forged certificates, slow and resumed connections: over a real TLS
//! connection to the real binary, written byte by byte.

use crate::curl::{curl, world};
use crate::harness::{PATIENCE, Writ, text, wait};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn config(credential: &Path, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(credential.join("bundle.pem")).unwrap()).unwrap();
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(credential.join("cert.pem")).unwrap().map(|der| der.unwrap()).collect();
    let key = PrivateKeyDer::from_pem_file(credential.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

fn connect(writ: &Writ, config: &Arc<ClientConfig>) -> Tls {
    let name = ServerName::try_from("files.localhost").unwrap();
    let socket = TcpStream::connect(("127.0.0.1", writ.gateway_port())).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), socket)
}

/// Sends bytes as they are, then reads until the gateway closes.
fn raw(writ: &Writ, credential: &Path, bytes: &[u8]) -> String {
    let mut tls = connect(writ, &config(credential, &[]));
    // Refused while it is still being sent: the rest may meet a closed door.
    let gone = |error: &std::io::Error| {
        matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof)
    };
    if let Err(error) = tls.write_all(bytes).and_then(|()| tls.flush()) {
        assert!(gone(&error), "{error}");
    }
    let mut answer = Vec::new();
    if let Err(error) = tls.read_to_end(&mut answer) {
        // Closed without TLS's own goodbye: after a refusal that is fine.
        assert!(gone(&error), "{error}");
    }
    text(&answer)
}

fn decisions(writ: &Writ) -> Vec<Value> {
    writ.ok(&["log", "--lines", "1000", "--json"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn smuggled_requests_do_not_arrive() {
    let (mut writ, _nginx, credential) = world();
    let hidden = "GET /private/a.txt HTTP/1.1\r\nHost: files.localhost\r\n\r\n";
    let head = "GET /public/a.txt HTTP/1.1\r\nHost: files.localhost\r\nConnection: close\r\n";
    let chunked_first =
        format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n{hidden}");
    let length_first =
        format!("{head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}");
    let two_lengths = format!("{head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{hidden}");
    let not_chunked = format!("{head}Transfer-Encoding: identity, x\r\n\r\n{hidden}");
    let obsolete_fold = format!("{head}X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n{hidden}");
    let old_version = format!(
        "GET /public/a.txt HTTP/1.0\r\nHost: files.localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
    );
    for request in [chunked_first, length_first, two_lengths, not_chunked, obsolete_fold, old_version] {
        let answer = raw(&writ, &credential, request.as_bytes());
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "one request, one answer: {answer}");
        assert!(!answer.contains("private"), "{answer}");
        assert!(answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let asked_for_private = decisions(&writ).iter().any(|d| d["resource"] == "private");
    assert!(!asked_for_private, "the hidden request was never seen as one");
    writ.assert_verifies();
}

#[test]
fn ambiguous_requests_are_refused_in_words() {
    let (writ, _nginx, credential) = world();
    let request = |line: &str, more: &str| {
        format!("{line} HTTP/1.1\r\nHost: files.localhost\r\nConnection: close\r\n{more}\r\n")
    };
    for (bytes, expected) in [
        (request("GET /public/../private/a.txt", ""), "`.` or `..`"),
        (request("GET /public/%2e%2e/private/a.txt", ""), "`.` or `..`"),
        (request("GET //private/a.txt", ""), "empty segment"),
        (request("GET /public/..%2fprivate/a.txt", ""), "read differently"),
        (request("GET /public/%252e%252e/private/a.txt", ""), "read differently"),
        (request("GET /public/a%00.txt", ""), "percent-encoded"),
        (request("GET /public/a.txt", "Host: other.localhost\r\n"), "more than one"),
        (request("GET /public/a.txt", "Upgrade: websocket\r\n"), "upgrade"),
    ] {
        let answer = raw(&writ, &credential, bytes.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("request-ambiguous") && answer.contains(expected), "{expected}: {answer}");
    }
    let unknown =
        raw(&writ, &credential, b"GET / HTTP/1.1\r\nHost: nobody.localhost\r\nConnection: close\r\n\r\n");
    assert!(unknown.starts_with("HTTP/1.1 421") && unknown.contains("no-such-service"), "{unknown}");
}

#[test]
fn long_heads_are_refused() {
    let (writ, _nginx, credential) = world();
    let long = format!(
        "GET /public/a.txt HTTP/1.1\r\nHost: files.localhost\r\nX-Long: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let answer = raw(&writ, &credential, long.as_bytes());
    assert!(
        answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 400") || answer.is_empty(),
        "{answer}"
    );
    let many: String = (0..500).map(|n| format!("X-{n}: y\r\n")).collect();
    let many = format!("GET /public/a.txt HTTP/1.1\r\nHost: files.localhost\r\n{many}\r\n");
    let answer = raw(&writ, &credential, many.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    assert!(decisions(&writ).is_empty(), "nothing of it became a request");
    let path = format!("/public/{}", "x".repeat(9_000));
    let answer = curl(&writ, &credential, &path, &["--http2"]);
    assert!(text(&answer.stdout).contains("longer than 8192 bytes"), "{}", text(&answer.stdout));
    // And it goes on for others.
    assert_eq!(text(&curl(&writ, &credential, "/public/a.txt", &[]).stdout), "public words\n");
}

#[test]
fn silent_clients_are_let_go() {
    let (writ, _nginx, _) = world();
    // Connected, and then nothing: no TLS, no close.
    let mut silent = TcpStream::connect(("127.0.0.1", writ.gateway_port())).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut byte = [0];
    match silent.read(&mut byte) {
        Ok(read) => assert_eq!(read, 0, "closed by the gateway"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn sessions_are_never_resumed() {
    let (writ, _nginx, credential) = world();
    // rustls keeps tickets in the configuration; the second connection would use them.
    let config = config(&credential, &[]);
    for _ in 0..2 {
        let mut tls = connect(&writ, &config);
        tls.write_all(b"GET /public/a.txt HTTP/1.1\r\nHost: files.localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        let _ = tls.read_to_end(&mut answer);
        assert!(text(&answer).starts_with("HTTP/1.1 200"), "{}", text(&answer));
        assert_eq!(tls.conn.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(tls.conn.tls13_tickets_received(), 0);
    }
    writ.ok(&["identity", "suspend", "acme/reader", "--reason", "a look at it"]);
    let mut tls = connect(&writ, &config);
    tls.write_all(b"GET /public/a.txt HTTP/1.1\r\nHost: files.localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = tls.read_to_end(&mut answer);
    assert!(text(&answer).contains("identity-not-good"), "{}", text(&answer));
}

/// The CA's own key is not enough: what is not in the ledger is worth nothing.
#[test]
fn a_certificate_forged_with_the_real_key_is_refused() {
    use rcgen::{
        CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
    };
    let (writ, _nginx, credential) = world();
    let root = crate::harness::key_at_rest(&writ.data(), "root.pem");
    let root = std::str::from_utf8(&root).unwrap();
    let (certificate, key) = root.split_at(root.find("-----BEGIN PRIVATE KEY").unwrap());
    let issuer = Issuer::from_ca_cert_pem(certificate, KeyPair::from_pem(key).unwrap()).unwrap();
    let forge = |id: &str, serial: u8| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&[serial; 16]));
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let folder = writ.path(&format!("forged-{serial}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("cert.pem"), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::copy(credential.join("bundle.pem"), folder.join("bundle.pem")).unwrap();
        folder
    };
    let reason = |folder: &Path| {
        let answer = curl(&writ, folder, "/public/a.txt", &[]);
        serde_json::from_slice::<Value>(&answer.stdout)
            .map_or_else(|_| text(&answer.stderr), |p| p["reason"].to_string())
    };
    assert_eq!(reason(&forge("spiffe://writ.localhost/acme/reader", 5)), "\"credential-not-good\"");
    assert_eq!(reason(&forge("spiffe://writ.localhost/acme/nobody", 6)), "\"unknown-identity\"");
    assert_eq!(reason(&forge("spiffe://elsewhere.example/acme/reader", 7)), "\"unknown-identity\"");
    // Not a SPIFFE ID at all: no answer, the connection is closed.
    for (id, serial) in [("https://writ.localhost/acme/reader", 8), ("spiffe://writ.localhost/", 9)] {
        let answer = curl(&writ, &forge(id, serial), "/public/a.txt", &[]);
        assert!(!answer.status.success() && answer.stdout.is_empty(), "{id}: {}", text(&answer.stdout));
    }
}

#[test]
fn an_ended_contract_and_a_lost_document_permit_nothing() {
    let (writ, _nginx, credential) = world();
    let reason = || {
        let answer = curl(&writ, &credential, "/public/a.txt", &[]);
        serde_json::from_slice::<Value>(&answer.stdout)
            .map_or_else(|_| text(&answer.stdout), |p| p["reason"].to_string())
    };
    assert_eq!(reason(), "public words\n");
    writ.ok(&["contract", "end", "files", "--reason", "the deal is off"]);
    assert_eq!(reason(), "\"no-contract\"");
    wait("metrics count it", || {
        let base = writ.address()["api"].as_str().unwrap().to_owned();
        let page = std::process::Command::new("curl")
            .args(["--silent", "--noproxy", "*"])
            .arg(format!("{base}/metrics"))
            .output();
        text(&page.unwrap().stdout).contains("reason=\"no-contract\"} 1")
    });
}
