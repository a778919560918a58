//! Rust workloads with the crates `spiffe` and `spiffe-rustls`, unmodified. The test itself is the workload.

use crate::curl::{CONTRACT, service, world};
use crate::harness::{Writ, text};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use spiffe::{WorkloadApiClient, X509Source};
use spiffe_rustls::{authorizer, mtls_client, mtls_server};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const READER: &str = "spiffe://writ.localhost/acme/reader";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn socket(writ: &Writ) -> String {
    format!("unix://{}", writ.data().join("workload-api.sock").display())
}

/// This program, as this user, is the machine.
pub(crate) fn recognised(writ: &Writ, machine: &str) {
    let uid = text(&Command::new("id").arg("-u").output().unwrap().stdout);
    let rule = format!("uid:{},path:{}", uid.trim(), std::env::current_exe().unwrap().display());
    writ.ok(&["identity", "recognize", machine, "--rule", &rule]);
}

pub(crate) async fn source(writ: &Writ) -> X509Source {
    let built = X509Source::builder().endpoint(socket(writ)).build();
    tokio::time::timeout(PATIENCE, built).await.unwrap().unwrap()
}

/// A server that says four bytes back.
pub(crate) async fn echo_server(acceptor: TlsAcceptor) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut tls = acceptor.accept(tcp).await?;
                let mut said = [0; 4];
                tls.read_exact(&mut said).await?;
                tls.write_all(&said).await
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rust_workload_gets_everything() {
    let mut writ = Writ::start();
    writ.machine("acme/reader", "bot");
    let client = WorkloadApiClient::connect_to(socket(&writ)).await.unwrap();
    let refused = client.fetch_x509_svid().await.unwrap_err().to_string();
    assert!(refused.to_lowercase().contains("no identity issued"), "{refused}");
    recognised(&writ, "acme/reader");
    let context = client.fetch_x509_context().await.unwrap();
    let svid = context.default_svid().unwrap();
    assert_eq!(svid.spiffe_id().to_string(), READER);
    assert_eq!(svid.cert_chain().len(), 2);
    let token = client.fetch_jwt_token(["payments"], None).await.unwrap();
    let valid = client.validate_jwt_token("payments", &token).await.unwrap();
    assert_eq!(valid.spiffe_id().to_string(), READER);
    assert!(client.validate_jwt_token("mail", &token).await.is_err());
    assert!(client.fetch_jwt_bundles().await.unwrap().iter().next().is_some());
    assert!(client.fetch_x509_bundles().await.unwrap().iter().next().is_some());
    // The machine is killed: its tokens are worth nothing from then on, whoever asks.
    writ.machine("acme/other", "bot");
    recognised(&writ, "acme/other");
    writ.ok(&["kill", "identity", "acme/reader", "--reason", "stolen"]);
    let dead = client.validate_jwt_token("payments", &token).await.unwrap_err().to_string();
    assert!(dead.contains("is suspended"), "{dead}");
    writ.assert_verifies();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rust_workloads_talk_and_rotate() {
    let mut writ = Writ::start();
    writ.machine("acme/reader", "bot");
    recognised(&writ, "acme/reader");
    let source = source(&writ).await;
    let only = || authorizer::exact([READER]).unwrap();
    let (server, serving) = mtls_server(source.clone()).authorize(only()).build_with_status().unwrap();
    let (client, calling) = mtls_client(source.clone()).authorize(only()).build_with_status().unwrap();
    let (acceptor, connector) = (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)));
    let address = echo_server(acceptor).await;
    let echo = async || {
        let tcp = TcpStream::connect(address).await.unwrap();
        let mut tls = connector.connect(ServerName::try_from("writ.localhost").unwrap(), tcp).await.unwrap();
        tls.write_all(b"ping").await.unwrap();
        let mut said = [0; 4];
        tls.read_exact(&mut said).await.unwrap();
        said
    };
    assert_eq!(&echo().await, b"ping");
    let first = source.svid().unwrap().cert_chain()[0].as_bytes().to_vec();
    // A contract asks for shorter lives: the source turns over by itself, and the two go on talking.
    writ.service(&service(9));
    let strict = CONTRACT.replace(
        "## Prohibitions",
        "```clause\nkind = \"credential\"\nmax-ttl = \"5 minutes\"\n```\n\n## Prohibitions",
    );
    let mut updates = source.updated();
    writ.contract("files", &strict);
    let turned = async {
        while source.svid().unwrap().cert_chain()[0].as_bytes() == first {
            updates.changed().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, turned).await.unwrap();
    // The library refuses handshakes while it turns what came into what TLS takes.
    for mut status in [serving, calling] {
        let ready = async {
            while !status.current().available {
                status.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.unwrap();
    }
    assert_eq!(&echo().await, b"ping");
    writ.assert_verifies();
}

/// A clause asks for post-quantum keys: the host makes them, and the gateway speaks with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_clause_asks_for_post_quantum_keys() {
    let (mut writ, _nginx, classical) = world();
    recognised(&writ, "acme/reader");
    let amended = CONTRACT.replace("version = 1", "version = 2").replace(
        "## Prohibitions",
        "```clause\nkind = \"credential\"\nmax-ttl = \"1 hour\"\nkey-algorithms = [\"ml-dsa-65\"]\n```\n\n## Prohibitions",
    );
    writ.contract("files", &amended);
    // What was issued before is refused from then on, and no other key is certified.
    let refused = text(&crate::curl::curl(&writ, &classical, "/public/a.txt", &[]).stdout);
    assert!(refused.contains("shall be of the algorithm ML-DSA-65"), "{refused}");
    let token = writ.ok(&["token", "create", "acme/reader"]);
    let joining = Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["issue", "--out", writ.path("no").to_str().unwrap()])
        .env("WRIT_DATA", writ.data())
        .env("WRIT_TOKEN", token.trim())
        .output()
        .unwrap();
    assert!(text(&joining.stderr).contains("make a key of the kind ml-dsa-65"), "{}", text(&joining.stderr));

    let client = WorkloadApiClient::connect_to(socket(&writ)).await.unwrap();
    let svid = client.fetch_x509_svid().await.unwrap();
    let chain: Vec<CertificateDer<'static>> =
        svid.cert_chain().iter().map(|one| CertificateDer::from(one.as_bytes().to_vec())).collect();
    assert_eq!(credential::Svid::parse(&chain[0]).unwrap().key_algorithm, "ml-dsa-65");
    let key = PrivateKeyDer::try_from(svid.private_key().as_bytes().to_vec()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    for root in rustls::pki_types::pem::PemObject::pem_file_iter(writ.data().join("bundle.pem")).unwrap() {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", writ.gateway_port())).await.unwrap();
    let name = ServerName::try_from("files.localhost").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let group = tls.get_ref().1.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
    tls.write_all(b"GET /public/a.txt HTTP/1.1\r\nHost: files.localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, tls.read_to_end(&mut answer)).await.unwrap();
    let answer = text(&answer);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("public words\n"), "{answer}");
    writ.assert_verifies();
}
