//! One machine, one service, one contract, a gateway between them, and a recorder to break.

use bytes::Bytes;
use gateway::{Config, Gateway, Metrics, Pending, Ports, RecordError, Recorder, Secrets, ServerIdentity};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use policy::{Counters, Rules};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
    SanType, SerialNumber,
};
use registry::Event;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

const CLAUSES: [&str; 2] = [
    "kind = \"permit\"\nactions = [\"read\", \"create\"]\nresources = [\"all\"]",
    "kind = \"permit\"\nactions = [\"peek\"]\nresources = [\"all\"]\nrecording = \"within 50 ms\"",
];

/// What the recorder does with the next record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Well,
    Failing,
    Hanging,
}

pub(crate) struct MoodyRecorder {
    pub(crate) mood: watch::Sender<Mood>,
    pub(crate) written: AtomicU64,
}

impl Recorder for MoodyRecorder {
    fn record(&self, _: &'static str, _: Vec<u8>, _: Vec<u8>) -> Pending<Result<u64, RecordError>> {
        let index = self.written.fetch_add(1, Ordering::SeqCst);
        let mut mood = self.mood.subscribe();
        Box::pin(async move {
            let settled = *mood.wait_for(|mood| *mood != Mood::Hanging).await.unwrap();
            if settled == Mood::Failing { Err(RecordError("the disk is full".into())) } else { Ok(index) }
        })
    }
    fn origin(&self) -> &str {
        "example.org/decisions"
    }
}

struct NoSecrets;
impl Secrets for NoSecrets {
    fn secret(&self, _: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        Ok(None)
    }
}

pub(crate) struct World {
    pub(crate) recorder: Arc<MoodyRecorder>,
    /// How many requests reached the upstream.
    pub(crate) arrived: Arc<AtomicU64>,
    pub(crate) address: std::net::SocketAddr,
    client: Arc<rustls::ClientConfig>,
    /// Dropping it ends the push of changes.
    pub(crate) changed: Option<watch::Sender<u64>>,
    _shown: watch::Sender<Option<Arc<ServerIdentity>>>,
}

fn rules(upstream: u16, machine_key: [u8; 32]) -> Rules {
    let mut world = testkit::World::new();
    world.event(Event::Established {
        trust_domain: "example.org".into(),
        log_key: String::new(),
        root_certificate: [0; 32],
    });
    let operation = |action: &str, method: &str, path: &str| registry::Operation {
        path: path.into(),
        ..testkit::operation(action, method)
    };
    world.event(Event::ServiceRegistered(registry::Service {
        upstream: format!("http://127.0.0.1:{upstream}"),
        resources: vec![registry::Resource {
            name: "all".parse().unwrap(),
            operations: vec![
                operation("peek", "GET", "/peek"),
                operation("read", "GET", "/**"),
                operation("create", "POST", "/**"),
            ],
            class: None,
        }],
        ..testkit::files()
    }));
    let mut issued = testkit::certificate(testkit::machine(), [5; 16]);
    if let Event::CredentialIssued { public_key, .. } = &mut issued {
        *public_key = machine_key;
    }
    world.event(issued);
    world.instrument(&testkit::document("deal", &CLAUSES));
    world.rules
}

async fn upstream(arrived: Arc<AtomicU64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let arrived = arrived.clone();
            tokio::spawn(async move {
                let service = service_fn(move |_| {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    async {
                        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(
                            "from upstream",
                        ))))
                    }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    port
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|key| key).await
    }

    /// A world whose ledger knows another key under the machine's serial number.
    pub(crate) async fn forged() -> Self {
        Self::with(|_| [0; 32]).await
    }

    async fn with(known: impl Fn([u8; 32]) -> [u8; 32]) -> Self {
        let arrived = Arc::new(AtomicU64::new(0));
        let port = upstream(arrived.clone()).await;
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
        let issuer = Issuer::new(root, root_key);
        let leaf = |name: SanType, serial: u8| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.serial_number = Some(SerialNumber::from_slice(&[serial; 16]));
            params.subject_alt_names = vec![name];
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
            let digest: [u8; 32] = Sha256::digest(key.subject_public_key_info()).into();
            (params.signed_by(&key, &issuer).unwrap().der().to_vec(), key.serialize_der(), digest)
        };
        let (server, server_key, _) = leaf(SanType::DnsName("files.localhost".try_into().unwrap()), 4);
        let (machine, machine_key, digest) =
            leaf(SanType::URI("spiffe://example.org/acme/robot".try_into().unwrap()), 5);
        let recorder =
            Arc::new(MoodyRecorder { mood: watch::Sender::new(Mood::Well), written: AtomicU64::new(0) });
        let (changed, changes) = watch::channel(0);
        let identity = Arc::new(ServerIdentity::new(vec![server], &server_key).unwrap());
        let (shown, identity) = watch::channel(Some(identity));
        let ports = Ports {
            rules: Arc::new(RwLock::new(rules(port, known(digest)))),
            changes,
            counters: Arc::new(Counters::default()),
            recorder: recorder.clone(),
            secrets: Arc::new(NoSecrets),
            identity,
            clock: Arc::new(|| testkit::NOW),
            entropy: Arc::new(|| Some([3; 16])),
            metrics: Metrics::register(&mut prometheus_client::registry::Registry::default()),
        };
        let config = Config { trust_bundle: vec![root_der.clone()], upstream_roots: vec![] };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Gateway::new(listener, config, ports).unwrap().run(CancellationToken::new()));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(root_der)).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from(machine)],
                PrivateKeyDer::try_from(machine_key).unwrap(),
            )
            .unwrap();
        Self { recorder, arrived, address, client: Arc::new(client), changed: Some(changed), _shown: shown }
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> (u16, String) {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("files.localhost").unwrap();
        let tls = tokio_rustls::TlsConnector::from(self.client.clone()).connect(name, tcp).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", "files.localhost");
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::SeqCst)
    }
}
