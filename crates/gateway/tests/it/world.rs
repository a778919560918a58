//! One machine, one service, one contract, a gateway between them, and a recorder to break.

use bytes::Bytes;
use credential::issue::{Certified, CertifiedKey, IssuingKey, Terms};
use credential::signer::MemoryKey;
use gateway::{Config, Done, Gateway, Metrics, Ports, RecordError, Recorder, Secrets, ServerIdentity};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use ledger::proof_file::ProofFile;
use ledger::{Checkpoint, Edge, Entry, Hash, NoteSigner};
use policy::{Counters, Rules};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
    SerialNumber,
};
use registry::{Actor, Event, Recorded};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;
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
    /// How long each verdict could wait for others.
    pub(crate) patience: Mutex<Vec<Duration>>,
}

impl Recorder for MoodyRecorder {
    fn submit(
        &self,
        kind: &'static str,
        _: Vec<u8>,
        _: Vec<u8>,
        patience: Duration,
        done: Done,
    ) -> Result<(), RecordError> {
        if kind == policy::record::VERDICT {
            self.patience.lock().unwrap().push(patience);
        }
        let index = self.written.fetch_add(1, Ordering::SeqCst);
        let mut mood = self.mood.subscribe();
        tokio::spawn(async move {
            let settled = *mood.wait_for(|mood| *mood != Mood::Hanging).await.unwrap();
            let failing = settled == Mood::Failing;
            done(if failing { Err(RecordError("the disk is full".into())) } else { Ok(index) });
        });
        Ok(())
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
    /// When the control ledger was last heard from, in milliseconds since 1970; 0 while nobody listens for it.
    pub(crate) heard_ms: Arc<AtomicU64>,
    _shown: watch::Sender<Option<Arc<ServerIdentity>>>,
}

/// A certificate that should not be there, and how it came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Forgery {
    /// None: it is as Writ issues it.
    None,
    /// The ledger of today knows another key under its serial number.
    OtherKey,
    /// Signed with the authority's own key, and never recorded.
    NoProof,
    /// With the proof of another certificate.
    BorrowedProof,
    /// With the proof of its own record, but saying more than was recorded: a longer life.
    LongerLife,
    /// With a proof of another log.
    OtherLog,
}

/// Writes an issuance into a log of its own and proves it.
fn proof(issued: &Event, log: &NoteSigner) -> ProofFile {
    let recorded = Recorded { actor: Actor::System, events: vec![issued.clone()] };
    let body = ledger::entry::encode_body(&recorded).unwrap();
    let entry = Entry { kind: registry::event::EVENT.into(), time_ms: testkit::NOW, key: Vec::new(), body };
    let extra = entry.encode().unwrap();
    let mut edge = Edge::default();
    edge.append(Hash::of_leaf(&extra));
    let checkpoint = Checkpoint::of("example.org/writ/control", &edge).sign(log).unwrap().to_string();
    ProofFile { extra, index: 0, path: Vec::new(), checkpoint }
}

/// The certificate of a machine, what the ledger has of it.
fn certify(key: &KeyPair, authority: &IssuingKey, forgery: Forgery) -> (Certified, Event) {
    let log = |seed| NoteSigner::from_seed("example.org/writ/control", &[seed; 32]).unwrap();
    let certified = CertifiedKey::held(&key.subject_public_key_info()).unwrap();
    let terms = Terms { serial: [5; 16], not_before_ms: testkit::NOW / 2, not_after_ms: testkit::NOW * 2 };
    let id = "spiffe://example.org/acme/robot".parse().unwrap();
    let draft = |terms| certified.draft(&id, terms, &[], authority).unwrap();
    let event = |digest| {
        let mut issued = testkit::certificate(testkit::machine(), [5; 16]);
        if let Event::CredentialIssued { public_key, tbs, .. } = &mut issued {
            (*public_key, *tbs) = (certified.digest(), Some(digest));
        }
        issued
    };
    let issued = event(draft(terms).digest());
    let longer = Terms { not_after_ms: terms.not_after_ms + 1_000, ..terms };
    let made = match forgery {
        Forgery::None | Forgery::OtherKey => draft(terms).finish(&proof(&issued, &log(1)), authority),
        Forgery::BorrowedProof => draft(terms).finish(&proof(&event([9; 32]), &log(1)), authority),
        Forgery::LongerLife => draft(longer).finish(&proof(&issued, &log(1)), authority),
        Forgery::OtherLog => draft(terms).finish(&proof(&issued, &log(2)), authority),
        Forgery::NoProof => {
            let mut params = CertificateParams::default();
            params.serial_number = Some(SerialNumber::from_slice(&[5; 16]));
            params.subject_alt_names = vec![SanType::URI(id.to_string().try_into().unwrap())];
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::from_pem(&key.serialize_pem()).unwrap();
            authority.certify(&params, &MemoryKey::new(key).unwrap())
        }
    };
    (made.unwrap(), issued)
}

fn rules(upstream: u16, mut issued: Event, forgery: Forgery) -> Rules {
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
            objects: None,
        }],
        ..testkit::files()
    }));
    if let (Event::CredentialIssued { public_key, .. }, Forgery::OtherKey) = (&mut issued, forgery) {
        *public_key = [0; 32];
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
        Self::with(Forgery::None).await
    }

    /// A world whose machine has a certificate that came about like this.
    pub(crate) async fn with(forgery: Forgery) -> Self {
        let arrived = Arc::new(AtomicU64::new(0));
        let port = upstream(arrived.clone()).await;
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = IssuingKey::new(Arc::new(MemoryKey::new(root_key).unwrap()), root);
        let root_der = authority.self_signed().unwrap().der;
        let mut server = CertificateParams::new(vec!["files.localhost".to_owned()]).unwrap();
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_pair = KeyPair::generate().unwrap();
        let server_key = server_pair.serialize_der();
        let server = authority.certify(&server, &MemoryKey::new(server_pair).unwrap()).unwrap().der;
        let pair = KeyPair::generate().unwrap();
        let machine_key = pair.serialize_der();
        let (machine, issued) = certify(&pair, &authority, forgery);
        let machine = machine.der;
        let recorder = Arc::new(MoodyRecorder {
            mood: watch::Sender::new(Mood::Well),
            written: AtomicU64::new(0),
            patience: Mutex::default(),
        });
        let (changed, changes) = watch::channel(0);
        let identity = Arc::new(ServerIdentity::new(vec![server], &server_key).unwrap());
        let (shown, identity) = watch::channel(Some(identity));
        let rules = rules(port, issued, forgery);
        let heard_ms = rules.heartbeat();
        let ports = Ports {
            rules: Arc::new(RwLock::new(rules)),
            changes,
            counters: Arc::new(Counters::default()),
            recorder: recorder.clone(),
            secrets: Arc::new(NoSecrets),
            identity,
            roots: watch::channel(vec![root_der.clone()]).1,
            clock: Arc::new(|| testkit::NOW),
            ledger_key: NoteSigner::from_seed("example.org/writ/control", &[1; 32]).unwrap().verifier(),
            pseudonyms: mask::Key::new(Zeroizing::new([7; 32])),
            seal: Arc::new(Some),
            entropy: Arc::new(|| Some([3; 16])),
            metrics: Metrics::register(&mut prometheus_client::registry::Registry::default()),
        };
        let config = Config { upstream_roots: vec![] };
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
        Self {
            recorder,
            arrived,
            address,
            client: Arc::new(client),
            changed: Some(changed),
            heard_ms,
            _shown: shown,
        }
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
