//! A rotation that is cut off at any moment: what is in use always works, and in the end one key lives.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use authority::{AccountKey, Authority, Config, JwtSigner, KeyStore, RootKey, RootMaterial};
use credential::Signer;
use credential::signer::MemoryKey;
use ledger::NoteSigner;
use registry::{Actor, Command, Name, Rotating, SecretSource, SecretStep, Sourced};
use secrets::{Ports, Roots, SealedStore};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::{DataDir, EmbeddedLog, LogConfig};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// A store that fails from an operation on: as if the process had died there.
#[derive(Default)]
struct Dying {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Operations that go well still.
    left: AtomicUsize,
}

impl Dying {
    fn act<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> Result<T, String> {
        let alive = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        alive.map_err(|_| "the process died".to_owned())?;
        Ok(act(&mut self.values.lock().unwrap()))
    }

    fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn value(&self, name: &str) -> Option<String> {
        let values = self.values.lock().unwrap();
        values.get(name).map(|value| String::from_utf8(value.clone()).unwrap())
    }
}

impl SealedStore for Dying {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        self.act(|values| values.get(name).cloned().map(Zeroizing::new))
    }

    fn put(&self, name: &str, value: &[u8]) -> Result<(), String> {
        self.act(|values| drop(values.insert(name.to_owned(), value.to_vec())))
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        self.act(|values| drop(values.remove(name)))
    }
}

struct Keys;

impl KeyStore for Keys {
    fn keep(&self, _: &str, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn load(&self, _: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        Ok(None)
    }

    fn make_root(&self) -> Result<RootKey, String> {
        let pair = rcgen::KeyPair::generate().map_err(|error| error.to_string())?;
        let kept = Zeroizing::new(pair.serialize_pem());
        Ok(RootKey { signer: self.open_root(&kept)?, kept })
    }

    fn open_root(&self, kept: &str) -> Result<Arc<dyn Signer>, String> {
        let pair = rcgen::KeyPair::from_pem(kept).map_err(|error| error.to_string())?;
        Ok(Arc::new(MemoryKey::new(pair).map_err(|error| error.to_string())?))
    }
}

/// The live keys of an API, by rotation. One that is asked for again is the same.
type Live = Arc<Mutex<BTreeMap<u64, String>>>;

fn adapter(live: Live) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = String::new();
            reader.take(length).read_to_string(&mut body).unwrap();
            let asked: serde_json::Value = serde_json::from_str(&body).unwrap();
            let rotation = asked.get("rotation").and_then(serde_json::Value::as_u64).unwrap();
            let mut live = live.lock().unwrap();
            let answer = match asked.get("step").and_then(serde_json::Value::as_str) {
                Some("create") => {
                    let key = live.entry(rotation).or_insert_with(|| format!("key {rotation}"));
                    serde_json::json!({ "id": format!("id-{rotation}"), "value": key })
                }
                _ => {
                    live.remove(&rotation);
                    serde_json::json!({})
                }
            };
            let answer = answer.to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
            let _ = stream.write_all(format!("{head}{answer}").as_bytes());
        }
    });
    port
}

struct World {
    authority: Authority,
    store: Arc<Dying>,
    live: Live,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let signer = NoteSigner::from_seed("example.org/writ/control", &[7; 32]).unwrap();
        let log = Arc::new(EmbeddedLog::open(LogConfig::new(folder.path().join("log"), signer)).unwrap());
        let since = Instant::now();
        let clock = Arc::new(move || 1_800_000_000_000 + u64::try_from(since.elapsed().as_millis()).unwrap());
        let trust_domain: credential::TrustDomain = "example.org".parse().unwrap();
        let keys = Arc::new(Keys);
        let config = Config {
            root: RootMaterial::create(keys.as_ref(), &trust_domain, [1; 16], clock()).unwrap(),
            trust_domain,
            keys,
            jwt: JwtSigner::open(&JwtSigner::create().unwrap()).unwrap(),
            accounts: AccountKey::new(&[3; 32]),
        };
        let ports = authority::Ports {
            log: log.clone(),
            log_key: log.verifier(),
            objects: Arc::new(data.directory("objects").unwrap()),
            clock,
            solver: None,
        };
        let authority = Authority::start(config, ports).await.unwrap();
        let live = Live::default();
        let url = format!("http://127.0.0.1:{}/", adapter(live.clone()));
        let source = SecretSource::Adapter { url, token: None };
        let sourced = Sourced { source, form: "{value}".into(), every_ms: 3_600_000, overlap_ms: 1 };
        let world = Self { authority, store: Arc::default(), live, _folder: folder };
        world.step(SecretStep::Source(Box::new(sourced))).await;
        world
    }

    async fn step(&self, step: SecretStep) {
        let command = Command::Secret { name: name(), step, reason: "because".into() };
        self.authority.submit(Actor::Operator, command).await.unwrap();
    }

    fn stands(&self) -> Rotating {
        self.authority.rules().state().rotating.get(&name()).unwrap().clone()
    }

    /// Rotates until `done`, in a process that dies after so many operations of its store.
    async fn process(&self, operations: usize, done: impl Fn() -> bool) {
        self.store.left.store(operations, Ordering::SeqCst);
        let roots = Roots::new(&[]).unwrap();
        let ports = Ports { authority: self.authority.clone(), store: self.store.clone(), roots };
        let task = tokio::spawn(secrets::run(ports, CancellationToken::new()));
        let since = Instant::now();
        while !done() {
            assert!(since.elapsed() < Duration::from_secs(60), "{:?}", self.stands());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        task.abort();
        let _ = task.await;
    }
}

fn name() -> Name {
    "key".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_cut_off_anywhere_comes_to_its_end() {
    let world = World::new().await;
    world.process(usize::MAX, || world.store.value("key").is_some()).await;
    let mut cut_off = 0;
    for operations in 1.. {
        world.step(SecretStep::Ask { at_once: operations % 2 == 0 }).await;
        let next = world.stands().next();
        let rotated = || {
            let now = world.stands();
            now.current.is_some_and(|current| current.rotation >= next) && now.retiring.is_none()
        };
        world.process(operations, || world.store.is_dead() || rotated()).await;
        // Whatever happened: the key in use lives.
        let in_use = world.store.value("key").unwrap();
        assert!(world.live.lock().unwrap().values().any(|key| *key == in_use), "{in_use} after {operations}");
        let went_well = rotated() && !world.store.is_dead();
        cut_off += usize::from(!went_well);
        let settled = || rotated() && world.store.value("key.next").is_none();
        world.process(usize::MAX, settled).await;
        // The number of one that was made and never in use is not given again.
        let number = world.stands().current.unwrap().rotation;
        let key = format!("key {number}");
        assert!(number <= next + 1, "{number} after {next}");
        assert_eq!(world.store.value("key").as_ref(), Some(&key), "after {operations}");
        assert_eq!(*world.live.lock().unwrap(), BTreeMap::from([(number, key)]), "after {operations}");
        if went_well {
            break;
        }
    }
    assert!(cut_off >= 5, "only {cut_off} operations were cut off");
}
