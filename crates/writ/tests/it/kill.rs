//! Stopping by every handle there is: a key, an owner, an instrument, a party.

use crate::curl::{curl, world};
use crate::harness::{PATIENCE, Writ, text};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

#[test]
fn what_is_killed_is_refused_whatever_it_was_killed_by() {
    let (mut writ, _nginx, credential) = world();
    writ.machine("acme/other", "bot");
    let ask = |credential: &Path| text(&curl(&writ, credential, "/public/a.txt", &[]).stdout);
    let permitted = |credential: &Path| ask(credential) == "public words\n";
    assert!(permitted(&credential), "{}", ask(&credential));

    let file = credential.join("cert.pem");
    let said = writ.ok(&["kill", "key", file.to_str().unwrap(), "--reason", "leaked"]);
    assert!(said.contains("1 certificate"), "{said}");
    assert!(ask(&credential).contains("was revoked: leaked"), "{}", ask(&credential));
    let again = writ.fails(&["kill", "key", file.to_str().unwrap(), "--reason", "leaked"], 1);
    assert!(again.contains("it is stopped already"), "{again}");

    let credential = writ.join("acme/reader");
    assert!(permitted(&credential));
    let said = writ.ok(&["kill", "owner", "acme/build-lead", "--reason", "phished"]);
    assert!(
        said.contains("2 machines: acme/other, acme/reader")
            || said.contains("2 machines: acme/reader, acme/other"),
        "{said}"
    );
    assert!(ask(&credential).contains("is suspended"), "{}", ask(&credential));
    for machine in ["acme/reader", "acme/other"] {
        writ.ok(&["identity", "resume", machine]);
    }
    assert!(permitted(&credential));

    writ.ok(&["kill", "instrument", "files", "--reason", "breach"]);
    assert!(ask(&credential).contains("no-contract"), "{}", ask(&credential));
    writ.ok(&["kill", "party", "acme", "--reason", "incident", "--for-good"]);
    assert!(ask(&credential).contains("is revoked"), "{}", ask(&credential));
    writ.fails(&["identity", "resume", "acme/reader"], 1);
    writ.assert_verifies();
}

/// A TLS connection of a machine to the gateway that speaks a protocol.
fn connect(writ: &Writ, credential: &Path, protocol: &[u8]) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(credential.join("bundle.pem")).unwrap() {
        roots.add(root.unwrap()).unwrap();
    }
    let chain = CertificateDer::pem_file_iter(credential.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(credential.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("files.localhost").unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", writ.gateway_port())).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp)
}

const GET: &[u8] = b"GET /public/a.txt HTTP/1.1\r\nHost: files.localhost\r\n\r\n";

/// What is open and quiet ends with the reason, whatever it speaks.
#[test]
fn what_is_open_ends_with_the_reason() {
    let (mut writ, _nginx, credential) = world();
    let mut one = connect(&writ, &credential, b"http/1.1");
    one.write_all(GET).unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"public words\n") {
        let mut more = [0; 1024];
        let count = one.read(&mut more).unwrap();
        assert!(count > 0, "{}", text(&said));
        said.extend(&more[..count]);
    }
    let mut two = connect(&writ, &credential, b"h2");
    // Preface, settings, and a ping that is answered: the connection is served.
    two.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x08\x06\0\0\0\0\0--ping--")
        .unwrap();
    let frame = |two: &mut dyn Read| {
        let mut head = [0; 9];
        two.read_exact(&mut head).unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        two.read_exact(&mut payload).unwrap();
        (head[3], payload)
    };
    while frame(&mut two) != (6, b"--ping--".to_vec()) {}

    writ.ok(&["kill", "identity", "acme/reader", "--reason", "taken over"]);
    // Who reads late reads the reason all the same, and then that the connection was reset.
    let mut last = Vec::new();
    let _ = one.read_to_end(&mut last);
    let last = text(&last);
    assert!(last.starts_with("HTTP/1.1 403 ") && last.contains("connection: close"), "{last}");
    let problem: Value = serde_json::from_str(last.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(problem["reason"], "identity-not-good");
    assert!(problem["detail"].as_str().unwrap().contains("`acme/reader` is suspended"), "{problem}");
    let goaway = loop {
        if let (7, payload) = frame(&mut two) {
            break payload;
        }
    };
    assert_eq!(goaway[4..8], [0, 0, 0, 0xc], "INADEQUATE_SECURITY");
    assert!(text(&goaway[8..]).contains("`acme/reader` is suspended"), "{}", text(&goaway[8..]));
    let mut rest = Vec::new();
    let _ = two.read_to_end(&mut rest);
    assert_eq!(rest, b"", "nothing comes after the reason");
    writ.assert_verifies();
}

/// A response that is half said is broken off: nothing is put into it, and what is under way is not delivered on.
#[test]
fn a_response_that_is_half_said_is_broken_off() {
    half_said(&["kill", "identity", "acme/reader", "--reason", "taken over"]);
    half_said(&["kill", "instrument", "files", "--reason", "breach"]);
}

fn half_said(kill: &[&str]) {
    let (mut writ, _nginx, credential) = world();
    // More than the systems between hold.
    let large = vec![b'x'; 64 * 1024 * 1024];
    std::fs::write(writ.path("files/public/large"), &large).unwrap();
    let mut one = connect(&writ, &credential, b"http/1.1");
    one.write_all(&[&GET[..12], b"large", &GET[17..]].concat()).unwrap();
    let mut began = [0; 1024];
    one.read_exact(&mut began).unwrap();
    assert!(text(&began).starts_with("HTTP/1.1 200"), "{}", text(&began));
    writ.ok(kill);
    let mut rest = Vec::new();
    let ended = one.read_to_end(&mut rest).unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionReset, "{kill:?}: {ended}");
    assert!(rest.len() < large.len() && !text(&rest).contains("HTTP/1.1 403"));
    writ.assert_verifies();
}
