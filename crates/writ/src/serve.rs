//! Composition: authority, gateway and API in one process on one data directory.
//! The only place that names a store.

use crate::bundle_endpoint;
use crate::client::{ADDRESS_FILE, Address};
use crate::keys::Keys;
use crate::node::Local;
use crate::recorder::{DecisionLog, restore_counters};
use crate::server_certificate::{ServerCertificate, Shows};
use anyhow::{Context as _, bail};
use authority::reconcile::AnchoredLog;
use authority::{AccountKey, Authority, Clock, JwtSigner, RootMaterial};
use credential::TrustDomain;
use gateway::{Gateway, Metrics};
use host::Endpoint;
use ledger::{Append as _, NoteSigner};
use policy::Counters;
use prometheus_client::registry::Registry;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{DataDir, EmbeddedLog, KeyRing, LogConfig, SealedSecrets};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// What `writ up` is told.
pub(crate) struct Options {
    pub(crate) data: PathBuf,
    /// Needed only when the data directory is made.
    pub(crate) trust_domain: Option<String>,
    pub(crate) listen: SocketAddr,
    pub(crate) api: SocketAddr,
    /// Where neighbours are answered, if they are.
    pub(crate) advise: Option<SocketAddr>,
    pub(crate) upstream_roots: Option<PathBuf>,
    /// Where workloads get their credentials; in the data directory unless given.
    pub(crate) workload_api: Option<PathBuf>,
    /// The file with the secret that unlocks the keys.
    pub(crate) unlock: Option<PathBuf>,
    /// The token where keys of roots are made (RFC 7512).
    pub(crate) root_keys: Option<String>,
    /// Where this trust domain's public keys are given to whoever asks, if they are.
    pub(crate) bundle_endpoint: Option<bundle_endpoint::Options>,
}

/// A running Writ.
pub(crate) struct Running {
    pub(crate) api: SocketAddr,
    pub(crate) gateway: SocketAddr,
    pub(crate) bundle_endpoint: Option<SocketAddr>,
    pub(crate) token: Zeroizing<String>,
    pub(crate) control: Arc<EmbeddedLog>,
    pub(crate) decisions: Arc<EmbeddedLog>,
    pub(crate) authority: Authority,
    pub(crate) anchored: Vec<AnchoredLog>,
    /// The socket where workloads get their credentials.
    pub(crate) workload_api: Option<PathBuf>,
    /// Whether its keys need a secret from elsewhere.
    pub(crate) locked: bool,
    stop: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
    _data: Arc<DataDir>,
}

/// The system's clock. Nothing else in Writ asks for the time.
#[expect(clippy::disallowed_methods, reason = "the binary owns the clock; everything else is given it")]
pub(crate) fn clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

impl Running {
    /// Starts everything. When this returns, the API and the gateway accept.
    pub(crate) async fn start(options: Options) -> anyhow::Result<Self> {
        if !options.api.ip().is_loopback() {
            bail!(
                "the API listens on loopback only, not on {}: machines that join from elsewhere go through a tunnel",
                options.api
            );
        }
        let clock = clock();
        // Both addresses first: a directory is not made for a start that cannot succeed.
        let listener = tokio::net::TcpListener::bind(options.api).await.with_context(|| {
            format!("the API cannot listen on {}: choose another address with --api", options.api)
        })?;
        let machines = tokio::net::TcpListener::bind(options.listen).await.with_context(|| {
            format!("the gateway cannot listen on {}: choose another address with --listen", options.listen)
        })?;
        let advise = match options.advise {
            Some(address) if !address.ip().is_loopback() => {
                bail!(
                    "neighbours are answered on loopback only, not on {address}: whoever may ask, may ask as any machine"
                )
            }
            Some(address) => {
                let bound = tokio::net::TcpListener::bind(address).await;
                Some(bound.with_context(|| {
                    format!("neighbours cannot be answered on {address}: choose another with --advise")
                })?)
            }
            None => None,
        };
        let bundles = match options.bundle_endpoint {
            Some(told) => Some(bundle_endpoint::Bound::bind(told).await?),
            None => None,
        };
        let bundle_endpoint = bundles.as_ref().map(bundle_endpoint::Bound::address).transpose()?;
        let data = Arc::new(DataDir::open(&options.data)?);
        let trust_domain = trust_domain(&data, options.trust_domain.as_deref())?;
        let (workloads, workload_api) = bind_workload_api(&data, options.workload_api)?;
        let keys = Arc::new(Keys::open(&data, options.unlock.as_deref(), options.root_keys.as_deref())?);
        let control = open_log(&data, &keys.ring, &trust_domain, "control")?;
        let decisions = open_log(&data, &keys.ring, &trust_domain, "decisions")?;
        let objects = Arc::new(data.directory("objects")?);
        let seal_key = keys.ring.seed("seal.key", random()?)?;
        let sealed = Arc::new(Sealed(SealedSecrets::open(&data.path().join("sealed"), &seal_key)?));
        let root = root(&keys, &trust_domain, (clock)())?;
        let ports = authority::Ports {
            log: control.clone(),
            log_key: control.verifier(),
            objects,
            clock: clock.clone(),
            solver: std::env::var_os("WRIT_CVC5"),
        };
        let jwt = jwt_signer(&keys.ring)?;
        let accounts = AccountKey::new(&*keys.ring.seed("accounts.key", random()?)?);
        let config = authority::Config { trust_domain, root, keys: keys.clone(), jwt, accounts };
        let authority = Authority::start(config, ports).await?;
        let anchored = vec![AnchoredLog { log: decisions.clone(), key: decisions.verifier() }];
        fits_its_anchor(&authority, decisions.as_ref())?;
        authority.anchor(&anchored).await;
        let counters = Arc::new(Counters::remembering());
        restore_counters(&counters, decisions.as_ref(), authority.rules().state(), (clock)())?;

        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut metrics = Registry::default();
        let (identity, shown) = watch::channel(None);
        let (roots, trusted) = watch::channel(authority.bundle());
        let addenda = Arc::new(store::AddendumKey::new(keys.ring.seed("addenda.key", random()?)?));
        let gateway_ports = gateway::Ports {
            rules: authority.shared_rules(),
            changes: authority.changes(),
            counters,
            recorder: Arc::new(DecisionLog::new(decisions.clone(), clock.clone())?),
            secrets: sealed.clone(),
            identity: shown.clone(),
            roots: trusted.clone(),
            clock: clock.clone(),
            ledger_key: control.verifier(),
            pseudonyms: mask::Key::new(keys.ring.seed("pseudonyms.key", random()?)?),
            seal: {
                let addenda = addenda.clone();
                Arc::new(move |bytes| addenda.seal(bytes))
            },
            entropy: Arc::new(authority::paged_entropy()),
            metrics: Metrics::register(&mut metrics),
        };
        let upstream_roots = upstream_roots(options.upstream_roots)?;
        let source_roots = secrets::Roots::new(&upstream_roots)?;
        let reader = secrets::KeyReader::new(source_roots.clone());
        let bundle_reader = secrets::BundleReader::new(authority.clone(), source_roots.clone());
        let config = gateway::Config { upstream_roots };
        let adviser = match advise {
            None => None,
            Some(listener) => {
                // Kept: neighbours are configured once, and must not be locked out by a restart.
                let token = keys.ring.seed("advise.key", random()?)?;
                let token = Zeroizing::new(contract::canonical::hex(token.as_slice()));
                let address = listener.local_addr()?;
                let file =
                    serde_json::json!({ "address": format!("http://{address}"), "token": token.as_str() });
                data.write("advise.json", file.to_string().as_bytes())?;
                Some(gateway::Adviser::new(listener, gateway_ports.clone(), token))
            }
        };
        let gateway = Gateway::new(machines, config, gateway_ports)?;
        let gateway_address = gateway.local_addr()?;
        let renewing = ServerCertificate::new(authority.clone(), Shows::Services, identity);
        let renewing = renewing.first().await?;
        let token = Zeroizing::new(contract::canonical::hex(random()?.as_slice()));
        let api_address = listener.local_addr()?;
        // Kept, like that of neighbours: providers are configured once.
        let scim_token = contract::canonical::hex(keys.ring.seed("scim.key", random()?)?.as_slice());
        let scim_token = Zeroizing::new(scim_token);
        let scim = serde_json::json!({ "address": format!("http://{api_address}/scim/v2"), "token": scim_token.as_str() });
        data.write("scim.json", scim.to_string().as_bytes())?;
        let (control_log, decision_log) = (control.clone(), decisions.clone());
        let not_ready = move || {
            let failed =
                control_log.failure().or_else(|| decision_log.failure()).map(|error| error.to_string());
            failed
                .or_else(|| shown.borrow().is_none().then(|| "the gateway has no certificate yet".to_owned()))
        };
        let router = api::router(api::Ports {
            authority: authority.clone(),
            decisions: decisions.clone(),
            unseal: Box::new(move |bytes| addenda.open(bytes)),
            secrets: sealed.clone(),
            attest: {
                let asked = authority.clone();
                Box::new(move |pid| {
                    let caller = host::caller::Caller::of_pid(pid)
                        .map_err(|error| format!("process {pid}: {error}"))?;
                    let wanted = credential::wants_digest(asked.rules().state());
                    host::attest(&caller, wanted).map_err(|error| format!("process {pid}: {error}"))
                })
            },
            read_keys: {
                let reader = reader.clone();
                Box::new(move |issuer| {
                    let reader = reader.clone();
                    Box::pin(async move { reader.read(&issuer).await })
                })
            },
            read_bundle: {
                let reader = bundle_reader.clone();
                Box::new(move |relationship| {
                    let reader = reader.clone();
                    Box::pin(async move { reader.read(&relationship).await })
                })
            },
            people: Arc::new(People(data.clone())),
            scim_token: scim_token.clone(),
            token: token.clone(),
            not_ready: Box::new(not_ready),
            metrics: Box::new(move || {
                let mut text = String::new();
                let encoded = prometheus_client::encoding::text::encode(&mut text, &metrics);
                if encoded.is_ok() { text } else { String::new() }
            }),
        });

        let stopped = stop.clone();
        tasks.spawn(async move {
            axum_serve(listener, router, stopped).await;
            Ok(())
        });
        let stopped = stop.clone();
        tasks.spawn(async move {
            gateway.run(stopped).await;
            Ok(())
        });
        if let Some(endpoint) = workloads {
            let issuer = Arc::new(Local(authority.clone()));
            let served = endpoint.serve(issuer, clock.clone(), stop.clone());
            tasks.spawn(async move { Ok(served.await?) });
        }
        if let Some(adviser) = adviser {
            let stopped = stop.clone();
            tasks.spawn(async move {
                adviser.run(stopped).await;
                Ok(())
            });
        }
        if let Some(bundles) = bundles {
            let (own, shown) = watch::channel(None);
            if !bundles.is_of_the_web() {
                let renewing = ServerCertificate::new(authority.clone(), Shows::Writ, own);
                tasks.spawn(renewing.first().await?.run(stop.clone()));
            }
            tasks.spawn(bundles.run(authority.clone(), shown, stop.clone()));
        }
        tasks.spawn(renewing.run(stop.clone()));
        let reading = bundle_reader.run(stop.clone());
        tasks.spawn(async move {
            reading.await;
            Ok(())
        });
        let reading = reader.run(authority.clone(), secrets::KEYS_EVERY, stop.clone());
        tasks.spawn(async move {
            reading.await;
            Ok(())
        });
        let rotation = secrets::Ports { authority: authority.clone(), store: sealed, roots: source_roots };
        let stopped = stop.clone();
        tasks.spawn(async move {
            secrets::run(rotation, stopped).await;
            Ok(())
        });
        let reconciling = authority.clone().reconcile(anchored.clone(), stop.clone());
        tasks.spawn(async move {
            reconciling.await;
            Ok(())
        });
        tasks.spawn(fail_with_the_disk(control.clone(), decisions.clone(), stop.clone()));

        let address = Address {
            api: format!("http://{api_address}"),
            token: token.to_string(),
            gateway: gateway_address.to_string(),
            bundle_endpoint: bundle_endpoint.map(|address| address.to_string()),
        };
        data.write(ADDRESS_FILE, &serde_json::to_vec_pretty(&address)?)?;
        data.write("bundle.pem", authority.bundle_pem().as_bytes())?;
        tasks.spawn(follow_roots(authority.clone(), data.clone(), roots, stop.clone()));
        Ok(Self {
            api: api_address,
            gateway: gateway_address,
            bundle_endpoint,
            token,
            control,
            decisions,
            authority,
            anchored,
            workload_api,
            locked: keys.ring.is_locked(),
            stop,
            tasks,
            _data: data,
        })
    }

    /// A client of its API.
    pub(crate) fn client(&self) -> api::Client {
        api::Client::new(&format!("http://{}", self.api), Some(&self.token))
    }

    /// Returns when a part failed; everything else goes on until [`Running::stop`].
    pub(crate) async fn failed(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Stops: no new work, what is under way ends, last checkpoints are signed.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        let failed = self.failed().await;
        // Decisions are signed, then anchored, then the control ledger is signed: nothing hangs loose.
        match self.decisions.publish() {
            Ok(_) => self.authority.anchor(&self.anchored).await,
            Err(error) => tracing::error!(%error, "the decision log's last checkpoint is missing"),
        }
        let (control, decisions) = (self.control.clone(), self.decisions.clone());
        tokio::task::spawn_blocking(move || {
            decisions.close();
            control.close();
        })
        .await?;
        failed
    }
}

async fn axum_serve(listener: tokio::net::TcpListener, router: axum::Router, stop: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    // A follower that waits for decisions must not keep a stopping server up.
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        result = served => {
            if let Err(error) = result {
                tracing::error!(%error, "the API stopped");
            }
        }
        () = late => {}
    }
}

/// A log whose disk failed refuses everything; staying up would only look alive.
async fn fail_with_the_disk(
    control: Arc<EmbeddedLog>,
    decisions: Arc<EmbeddedLog>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        if let Some(failure) = control.failure().or_else(|| decisions.failure()) {
            stop.cancel();
            bail!(failure);
        }
    }
    Ok(())
}

/// Sealed secrets, as the gateway and the API see them.
struct Sealed(SealedSecrets);

impl gateway::Secrets for Sealed {
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        self.0.get(name).map_err(|error| error.to_string())
    }
}

impl api::SecretStore for Sealed {
    fn put(&self, name: &str, secret: &[u8]) -> Result<(), String> {
        self.0.put(name, secret).map_err(|error| error.to_string())
    }
}

impl secrets::SealedStore for Sealed {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        self.0.get(name).map_err(|error| error.to_string())
    }

    fn put(&self, name: &str, value: &[u8]) -> Result<(), String> {
        self.0.put(name, value).map_err(|error| error.to_string())
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        self.0.remove(name).map_err(|error| error.to_string())
    }
}

/// What identity providers say about people: a file for each, beside the ledger.
struct People(Arc<DataDir>);

impl People {
    fn file(person: &str) -> Result<String, String> {
        // Ids are letters, digits and a line: nothing else becomes part of a path.
        let sound = person.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if sound { Ok(format!("people/{person}.json")) } else { Err(format!("`{person}` is no id")) }
    }
}

impl api::PersonalData for People {
    fn get(&self, person: &str) -> Result<Option<Vec<u8>>, String> {
        self.0.read(&Self::file(person)?).map_err(|error| error.to_string())
    }

    fn put(&self, person: &str, bytes: &[u8]) -> Result<(), String> {
        self.0.write(&Self::file(person)?, bytes).map_err(|error| error.to_string())
    }

    fn remove(&self, person: &str) -> Result<(), String> {
        self.0.remove(&Self::file(person)?).map_err(|error| error.to_string())
    }
}

/// The trust domain a data directory was made for. Given another one, nothing is touched.
fn trust_domain(data: &DataDir, given: Option<&str>) -> anyhow::Result<TrustDomain> {
    let file = data.path().join("trust-domain");
    let stored = std::fs::read_to_string(&file).ok();
    let stored = stored.as_deref().map(str::trim);
    match (stored, given) {
        (Some(stored), Some(given)) if stored != given => {
            bail!(
                "this data directory belongs to the trust domain `{stored}`, not `{given}`: leave --trust-domain out"
            )
        }
        (Some(stored), _) => Ok(stored.parse()?),
        (None, given) => {
            let text = given.unwrap_or("writ.localhost");
            let parsed = text
                .parse()
                .map_err(|_| anyhow::anyhow!("--trust-domain `{text}`: use a–z, 0–9, `.`, `-` and `_`"))?;
            data.write("trust-domain", format!("{text}\n").as_bytes())?;
            Ok(parsed)
        }
    }
}

/// A decision log that is shorter than, or differs from, what the control ledger anchors has lost
/// decisions: it must not be continued.
fn fits_its_anchor(authority: &Authority, decisions: &EmbeddedLog) -> anyhow::Result<()> {
    let origin = decisions.verifier().name().to_owned();
    let Some((size, root)) = authority.rules().state().anchors.get(&origin).copied() else { return Ok(()) };
    let found = ledger::ReadLog::size(decisions);
    if found < size || ledger::tree::range_root(decisions, 0, size)?.0 != root {
        bail!(
            "the decision log has {found} entries and does not continue the {size} that the control ledger anchors: restore it from a copy"
        );
    }
    Ok(())
}

fn open_log(
    data: &DataDir,
    keys: &KeyRing,
    trust_domain: &TrustDomain,
    name: &str,
) -> anyhow::Result<Arc<EmbeddedLog>> {
    let directory = data.path().join("ledger").join(name);
    if keys.has(&format!("{name}-log.key")) && !directory.join("heads/checkpoint").exists() {
        bail!(
            "`{}` is gone or has lost its checkpoint, but its key is there: restore it from a copy",
            directory.display()
        );
    }
    let seed = keys.seed(&format!("{name}-log.key"), random()?)?;
    let signer = NoteSigner::from_seed(&format!("{trust_domain}/writ/{name}"), &seed)?;
    data.write(&format!("ledger/{name}.vkey"), format!("{}\n", signer.verifier()).as_bytes())?;
    Ok(Arc::new(EmbeddedLog::open(LogConfig::new(directory, signer))?))
}

fn root(keys: &Keys, trust_domain: &TrustDomain, now_ms: u64) -> anyhow::Result<RootMaterial> {
    let io = |reason: String| ledger::StoreError::Damaged { path: "keys/root.pem".into(), reason };
    let made = keys.ring.get_or("root.pem", || {
        let mut serial: [u8; 16] = authority::entropy().map_err(|error| io(error.to_string()))?;
        serial[0] &= 0x7f;
        let made = RootMaterial::create(keys, trust_domain, serial, now_ms);
        Ok(made.map_err(|error| io(error.to_string()))?.to_bytes())
    })?;
    RootMaterial::from_bytes(&made).context("keys/root.pem")
}

/// Tells the gateway, and whoever reads `bundle.pem`, which roots are trusted, whenever that changes.
async fn follow_roots(
    authority: Authority,
    data: Arc<DataDir>,
    roots: watch::Sender<Vec<Vec<u8>>>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut changes = authority.roots_changed();
    while let Some(changed) = stop.run_until_cancelled(changes.changed()).await {
        changed?;
        let now = authority.bundle();
        if *roots.borrow() != now {
            data.write("bundle.pem", authority.bundle_pem().as_bytes())?;
            roots.send_replace(now);
        }
    }
    Ok(())
}

/// The longest path a unix socket can have.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Binds the Workload API where it was asked for. The data directory may lie too deep for a socket: then there is
/// none, and the log says so.
fn bind_workload_api(
    data: &DataDir,
    asked: Option<PathBuf>,
) -> anyhow::Result<(Option<Endpoint>, Option<PathBuf>)> {
    let path = match asked {
        Some(path) => path,
        None => {
            let path = std::path::absolute(data.path().join("workload-api.sock"))?;
            if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
                tracing::warn!(path = %path.display(), "the path is too long for a socket: no Workload API; give --workload-api");
                return Ok((None, None));
            }
            path
        }
    };
    Ok((Some(Endpoint::bind(&path)?), Some(path)))
}

fn jwt_signer(keys: &KeyRing) -> anyhow::Result<JwtSigner> {
    let io = |reason: String| ledger::StoreError::Damaged { path: "keys/jwt.pem".into(), reason };
    let made = keys.get_or("jwt.pem", || {
        let pem = JwtSigner::create().map_err(|error| io(error.to_string()))?;
        Ok(Zeroizing::new(pem.as_bytes().to_vec()))
    })?;
    let pem = std::str::from_utf8(&made).context("keys/jwt.pem is not text")?;
    Ok(JwtSigner::open(pem)?)
}

fn upstream_roots(file: Option<PathBuf>) -> anyhow::Result<Vec<Vec<u8>>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let certificates = CertificateDer::pem_file_iter(&file)
        .with_context(|| format!("`{}` cannot be read as PEM certificates", file.display()))?;
    Ok(certificates.map(|der| der.map(|der| der.to_vec())).collect::<Result<_, _>>()?)
}

fn random() -> anyhow::Result<Zeroizing<[u8; 32]>> {
    Ok(Zeroizing::new(authority::entropy()?))
}
