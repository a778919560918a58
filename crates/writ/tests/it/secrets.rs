//! Upstream secrets that renew themselves while machines use them: PostgreSQL roles, keys of an API through the adapter of
//! the examples, a Vault as its documentation describes it.

use crate::curl::{CONTRACT, curl};
use crate::harness::{Writ, free_port, text, wait};
use crate::postgres::{self, Postgres};
use crate::stub::{self, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A service whose requests carry the secret `db`.
fn service(port: u16) -> String {
    format!("{}\n[inject]\nsecret = \"db\"\nheader = \"x-secret\"\n", crate::curl::service(port))
}

/// A Writ whose machine calls an upstream that says whether a secret is good, and as whom.
fn world(good: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> (Writ, PathBuf) {
    let upstream = stub::serve(move |request: &Request| match good(request.header("x-secret")) {
        Some(who) => (200, who),
        None => (401, "who is that?".into()),
    });
    let writ = Writ::start();
    writ.machine("acme/reader", "bot");
    writ.service(&service(upstream));
    writ.contract("files", CONTRACT);
    let credential = writ.join("acme/reader");
    (writ, credential)
}

fn seal(writ: &Writ, name: &str, value: &str) -> Output {
    let file = writ.path("value");
    std::fs::write(&file, value).unwrap();
    Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["secret", "set", name])
        .env("WRIT_DATA", writ.data())
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap()
}

fn source(writ: &Writ, toml: &str) -> Output {
    let file = writ.path("source.toml");
    std::fs::write(&file, toml).unwrap();
    writ.run(&["secret", "from", "db", file.to_str().unwrap()])
}

/// How the secret `db` stands.
fn stands(writ: &Writ) -> Value {
    let listed = writ.json(&["secret", "list"]);
    listed.as_array().unwrap().iter().find(|one| one["name"] == "db").unwrap()["rotating"].clone()
}

fn called(writ: &Writ, credential: &Path) -> String {
    text(&curl(writ, credential, "/public/a", &[]).stdout)
}

/// Calls again and again while something is done; none of the calls is refused.
fn calling<T>(writ: &Writ, credential: &Path, act: impl FnOnce() -> T) -> T {
    let (over, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let answer = curl(writ, credential, "/public/a", &["--fail-with-body"]);
                assert!(answer.status.success(), "refused: {}", text(&answer.stdout));
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
        wait("calls go through", || caller.is_finished() || calls.load(Ordering::Relaxed) > 0);
        let done = act();
        over.store(true, Ordering::Relaxed);
        caller.join().unwrap();
        done
    })
}

#[test]
fn two_roles_of_postgresql_take_turns() {
    let mut server = Postgres::start();
    server.admin(
        "CREATE ROLE rotator LOGIN CREATEROLE PASSWORD 'the rotator'; GRANT pg_signal_backend TO rotator",
    );
    server.admin("CREATE ROLE app_a; CREATE ROLE app_b");
    let (port, seen) = (server.port, Arc::new(Mutex::new(Vec::<String>::new())));
    let noted = seen.clone();
    let (mut writ, credential) = world(move |secret| {
        let (user, password) = secret.split_once(':')?;
        let known = postgres::ask(port, user, password, "SELECT current_user");
        let mut seen = noted.lock().unwrap();
        if seen.last().map(String::as_str) != Some(secret) {
            seen.push(secret.to_owned());
        }
        known.status.success().then(|| text(&known.stdout).trim().to_owned())
    });
    let toml = format!(
        "kind = \"postgres\"\nserver = \"postgresql://rotator@127.0.0.1:{port}/app\"\nadmin = \"db-admin\"\nroles = [\"app_a\", \"app_b\"]\nevery = \"1 day\"\noverlap = \"3 seconds\"\n"
    );
    let early = text(&source(&writ, &toml).stderr);
    assert!(early.contains("the secret `db-admin` is not sealed yet: `writ secret set db-admin`"), "{early}");
    assert!(seal(&writ, "db-admin", "the rotator").status.success());
    assert!(source(&writ, &toml).status.success());
    wait("the first password is in use", || stands(&writ)["rotation"] == 1);
    assert_eq!(called(&writ, &credential), "app_a");
    let first = seen.lock().unwrap().last().unwrap().clone();
    let (user, password) = first.split_once(':').unwrap();
    assert!(seal(&writ, "db", "by hand").status.code() == Some(1), "it renews itself");

    // Somebody works with the first password while the second comes, and is cut when its overlap is over.
    let working = {
        let (user, password) = (user.to_owned(), password.to_owned());
        std::thread::spawn(move || postgres::ask(port, &user, &password, "SELECT pg_sleep(300)"))
    };
    wait("somebody works", || {
        server.admin("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app_a'") == "1"
    });
    calling(&writ, &credential, || {
        writ.ok(&["secret", "rotate", "db", "--reason", "yearly"]);
        wait("the second is in use", || stands(&writ)["rotation"] == 2);
        let now = stands(&writ);
        assert_eq!((&now["handle"], &now["retiring"]), (&json!("app_b"), &json!("app_a")), "{now}");
        assert!(server.ask(user, password, "SELECT 1").status.success(), "the overlap is not over");
        wait("the first has ended", || stands(&writ)["retiring"].is_null());
    });
    assert!(!working.join().unwrap().status.success(), "what was open in its name is cut");
    assert!(!server.ask(user, password, "SELECT 1").status.success());
    assert_eq!(called(&writ, &credential), "app_b");

    // At once, and back to the first role with a password of its own.
    writ.ok(&["secret", "rotate", "db", "--reason", "it leaked", "--at-once"]);
    wait("the third is in use", || stands(&writ)["rotation"] == 3 && stands(&writ)["retiring"].is_null());
    assert_eq!(called(&writ, &credential), "app_a");
    assert!(!server.ask(user, password, "SELECT 1").status.success(), "the old password of the role");

    // The server is away, then Writ dies: what began goes on.
    server.stop();
    writ.ok(&["secret", "rotate", "db", "--reason", "weekly"]);
    wait("it is said that it fails", || stands(&writ)["failing"].is_string());
    let listed = writ.ok(&["secret", "list"]);
    assert!(listed.contains("failing: the server did not log in as `rotator`"), "{listed}");
    writ.kill();
    server.up();
    writ.up();
    wait("the fourth is in use", || stands(&writ)["rotation"] == 4);
    assert_eq!(called(&writ, &credential), "app_b");

    // No log of the server, and none of Writ, holds a password.
    let logs = [server.log(), writ.log()];
    assert!(logs[0].contains("SCRAM-SHA-256$"));
    for secret in seen.lock().unwrap().iter() {
        let password = secret.split_once(':').unwrap().1;
        assert!(logs.iter().all(|log| !log.contains(password)), "a password is in a log");
    }
    let path = writ.data().join("sealed");
    for file in std::fs::read_dir(path).unwrap() {
        assert!(!text(&std::fs::read(file.unwrap().path()).unwrap()).contains("app_b:"));
    }
    wait("the third has ended", || stands(&writ)["retiring"].is_null());
    writ.ok(&["secret", "by-hand", "db", "--reason", "it moves elsewhere"]);
    assert!(seal(&writ, "db", "by hand").status.success());
    writ.assert_verifies();
}

/// Not this machine: no password goes there without TLS, nor under a certificate that nobody vouches for.
#[test]
fn a_server_elsewhere_is_asked_over_tls_only() {
    let server = Postgres::start();
    server.admin(
        "CREATE ROLE rotator LOGIN CREATEROLE PASSWORD 'the rotator'; CREATE ROLE app_a; CREATE ROLE app_b",
    );
    let mut writ = Writ::start_empty();
    assert!(seal(&writ, "db-admin", "the rotator").status.success());
    let toml = |port: u16| {
        format!(
            "kind = \"postgres\"\nserver = \"postgresql://rotator@127.0.0.2:{port}/app\"\nadmin = \"db-admin\"\nroles = [\"app_a\", \"app_b\"]\n"
        )
    };
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = heard.clone();
    let listener = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 1024];
            while let Ok(length @ 1..) = stream.read(&mut bytes) {
                noted.lock().unwrap().extend_from_slice(&bytes[..length]);
                // "There is no TLS."
                let _ = stream.write_all(b"N");
            }
        }
    });
    let failing =
        |writ: &Writ, why: &str| stands(writ)["failing"].as_str().is_some_and(|said| said.contains(why));
    assert!(source(&writ, &toml(port)).status.success());
    wait("it is refused without TLS", || failing(&writ, "TLS"));
    // The question whether there is TLS (PostgreSQL's protocol, 55.2.10), and nothing after the answer.
    let question = [0, 0, 0, 8, 4, 210, 22, 47];
    assert!(heard.lock().unwrap().chunks(8).all(|eight| eight == question));

    assert!(source(&writ, &toml(server.port)).status.success());
    wait("its certificate does not verify", || failing(&writ, "UnknownIssuer"));
    writ.stop();
    let roots = server.roots().display().to_string();
    writ.up_with(&[("WRIT_UPSTREAM_ROOTS", &roots)]);
    wait("with its root it does", || stands(&writ)["rotation"] == 1);
    writ.assert_verifies();
}

struct Adapter(Child);

impl Drop for Adapter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn adapter(port: u16, keys: &Path) -> Adapter {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/secret_adapter.py");
    let started = Command::new("python3")
        .arg(script)
        .arg(format!("127.0.0.1:{port}"))
        .arg(keys)
        .env("ADAPTER_TOKEN", "of the adapter")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait("the adapter listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    Adapter(started)
}

#[test]
fn keys_of_an_api_rotate_through_an_adapter() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let read = {
        let keys = keys.clone();
        move || -> BTreeMap<String, String> {
            serde_json::from_str(&std::fs::read_to_string(&keys).unwrap_or("{}".into())).unwrap()
        }
    };
    let api = read.clone();
    let (mut writ, credential) = world(move |secret| {
        let key = secret.strip_prefix("Key ")?;
        api().into_iter().find(|(_, known)| known == key).map(|(id, _)| id)
    });
    let port = free_port();
    let running = adapter(port, &keys);
    assert!(seal(&writ, "adapter-token", "of another").status.success());
    let toml = format!(
        "kind = \"adapter\"\nurl = \"http://127.0.0.1:{port}/\"\ntoken = \"adapter-token\"\nvalue = \"Key {{value}}\"\nevery = \"1 hour\"\noverlap = \"2 seconds\"\n"
    );
    assert!(source(&writ, &toml).status.success());
    wait("it is refused", || stands(&writ)["failing"].as_str().is_some_and(|said| said.contains("401")));
    assert!(seal(&writ, "adapter-token", "of the adapter").status.success());
    wait("the first key is in use", || stands(&writ)["rotation"] == 1);
    assert_eq!(called(&writ, &credential), "db-1");
    calling(&writ, &credential, || {
        for rotation in 2..5 {
            writ.ok(&["secret", "rotate", "db", "--reason", "monthly"]);
            wait("the next key is in use", || stands(&writ)["rotation"] == rotation);
            assert!(read().len() <= 2);
            wait("the one before has ended", || stands(&writ)["retiring"].is_null());
            assert_eq!(read().keys().cloned().collect::<Vec<_>>(), [format!("db-{rotation}")]);
        }
    });
    // The adapter is gone for good before it could end the fourth key: somebody takes that on.
    writ.ok(&["secret", "rotate", "db", "--reason", "monthly"]);
    wait("the fifth key is in use", || stands(&writ)["rotation"] == 5);
    drop(running);
    wait("the fourth cannot be ended", || stands(&writ)["failing"].is_string());
    let kept = writ.fails(&["secret", "by-hand", "db", "--reason", "the adapter is gone"], 1);
    assert!(kept.contains("has not ended yet") && kept.contains("writ secret abandon"), "{kept}");
    writ.ok(&["secret", "abandon", "db", "--reason", "ended in the console of the API"]);
    writ.ok(&["secret", "by-hand", "db", "--reason", "the adapter is gone"]);
    assert_eq!(called(&writ, &credential), "db-5", "what is in use goes on");
    writ.assert_verifies();
}

/// A redirection could lead a token anywhere: none is followed. And what an adapter answers is bounded.
#[test]
fn an_adapter_that_sends_elsewhere_is_not_followed() {
    let elsewhere = Arc::new(AtomicUsize::new(0));
    let counted = elsewhere.clone();
    let other = stub::serve(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        (200, "{}".into())
    });
    let mut writ = Writ::start_empty();
    assert!(seal(&writ, "adapter-token", "a token").status.success());
    let bad = |url: &str| {
        let toml = format!("kind = \"adapter\"\nurl = \"{url}\"\ntoken = \"adapter-token\"\n");
        text(&source(&writ, &toml).stderr)
    };
    assert!(bad("http://keys.example/").contains("in the open"));
    assert!(bad("file:///etc/passwd").contains("does not begin with https://"));
    assert!(bad("https://user:word@keys.example/").contains("is not `https://HOST:PORT/PATH`"));
    let cases = [
        (302, format!("http://127.0.0.1:{other}/"), "302"),
        (200, "not JSON".to_owned(), "did not answer in JSON"),
        (200, json!({ "id": "a" }).to_string(), "without an `id` and a `value`"),
        // What is wrong could be the key itself: it is not quoted.
        (200, json!("sk_live_1").to_string(), "without an `id` and a `value`"),
        (500, "sk_live_2 and Bearer a token".to_owned(), "500"),
        (200, json!({ "id": "a".repeat(2_000), "value": "b" }).to_string(), "1,024 bytes"),
        (200, json!({ "id": "", "value": "b" }).to_string(), "1,024 bytes"),
        (200, json!({ "id": "a", "value": "b", "expires_at": 3600 }).to_string(), "ends at once"),
        (200, json!({ "id": "a", "value": "b\nc" }).to_string(), "line ends"),
        (200, json!({ "id": "a", "value": "b".repeat(9_000) }).to_string(), "longer than"),
        (200, "x".repeat(100_000), "could not be read"),
    ];
    for (status, body, why) in cases {
        let port = stub::serve(move |_| (status, body.clone()));
        let toml =
            format!("kind = \"adapter\"\nurl = \"http://127.0.0.1:{port}/\"\ntoken = \"adapter-token\"\n");
        assert!(source(&writ, &toml).status.success());
        wait(why, || stands(&writ)["failing"].as_str().is_some_and(|said| said.contains(why)));
    }
    assert_eq!(elsewhere.load(Ordering::Relaxed), 0);
    let known = writ.log() + &writ.ok(&["secret", "list", "--json"]);
    assert!(!known.contains("a token") && !known.contains("sk_live"), "{known}");
    writ.assert_verifies();
}

/// A Vault: what lies in it, and the leases that live.
#[derive(Default)]
struct Vault {
    kept: Option<(u64, String)>,
    leases: BTreeMap<String, String>,
    made: u64,
}

impl Vault {
    fn answer(&mut self, request: &Request) -> (u16, String) {
        if request.header("x-vault-token") != "a vault token" || request.header("x-vault-namespace") != "team"
        {
            return (403, json!({ "errors": ["permission denied"] }).to_string());
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/v1/secret/data/app") => match &self.kept {
                None => (404, json!({ "errors": [] }).to_string()),
                Some((version, value)) => {
                    let data = json!({ "data": { "key": value }, "metadata": { "version": version } });
                    (
                        200,
                        json!({ "request_id": "r", "lease_id": "", "lease_duration": 0, "data": data })
                            .to_string(),
                    )
                }
            },
            ("GET", "/v1/database/creds/app") => {
                self.made += 1;
                let (lease, user) =
                    (format!("database/creds/app/{}", self.made), format!("v-app-{}", self.made));
                self.leases.insert(lease.clone(), format!("{user}:word"));
                let data = json!({ "username": user, "password": "word" });
                (
                    200,
                    json!({ "lease_id": lease, "lease_duration": 16, "renewable": true, "data": data })
                        .to_string(),
                )
            }
            ("PUT", "/v1/sys/leases/revoke") => {
                let body: Value = serde_json::from_str(&request.body).unwrap();
                match self.leases.remove(body["lease_id"].as_str().unwrap()) {
                    Some(_) => (204, String::new()),
                    None => (400, json!({ "errors": ["lease not found"] }).to_string()),
                }
            }
            _ => (405, String::new()),
        }
    }
}

#[test]
fn what_lies_in_a_vault_and_what_it_makes_is_taken_over() {
    let vault = Arc::new(Mutex::new(Vault::default()));
    let (answering, looking) = (vault.clone(), vault.clone());
    let port = stub::serve(move |request| answering.lock().unwrap().answer(request));
    let (mut writ, credential) = world(move |secret| {
        let vault = looking.lock().unwrap();
        let kept = vault.kept.as_ref().is_some_and(|(_, value)| value == secret);
        let leased = vault.leases.values().any(|value| value == secret);
        (kept || leased).then(|| secret.to_owned())
    });
    assert!(seal(&writ, "vault-token", "not the token").status.success());
    let toml = |kind: &str, path: &str, value: &str| {
        format!(
            "kind = \"{kind}\"\naddress = \"http://127.0.0.1:{port}\"\npath = \"{path}\"\ntoken = \"vault-token\"\nnamespace = \"team\"\nvalue = \"{value}\"\n"
        )
    };
    let without = text(&source(&writ, &toml("vault-kv", "secret/app", "{key}")).stderr);
    assert!(without.contains("has `data` after its mount"), "{without}");
    assert!(
        source(&writ, &(toml("vault-kv", "secret/data/app", "{key}") + "every = \"10 seconds\"\n"))
            .status
            .success()
    );
    let failing = |why: &str| stands(&writ)["failing"].as_str().is_some_and(|said| said.contains(why));
    wait("the token is refused", || failing("permission denied"));
    assert!(seal(&writ, "vault-token", "a vault token").status.success());
    wait("nothing lies there", || failing("404"));
    vault.lock().unwrap().kept = Some((7, "first".into()));
    wait("it is taken over", || stands(&writ)["handle"] == "7");
    assert_eq!(called(&writ, &credential), "first");
    vault.lock().unwrap().kept = Some((8, "second".into()));
    wait("its next version is", || stands(&writ)["handle"] == "8");
    assert_eq!(called(&writ, &credential), "second");
    let by_hand = text(&writ.run(&["secret", "rotate", "db", "--reason", "now"]).stderr);
    assert!(by_hand.contains("change in the KV store"), "{by_hand}");

    // Made at each reading, with a lease of sixteen seconds: replaced after eleven, ended a second later. What has not the
    // fields that are needed is ended at once.
    assert!(source(&writ, &toml("vault-dynamic", "database/creds/app", "{user}")).status.success());
    wait("the field is not there", || failing("its source gave no `user`; it gave: password, username"));
    assert!(vault.lock().unwrap().leases.is_empty());
    let dynamic = toml("vault-dynamic", "database/creds/app", "{username}:{password}");
    assert!(source(&writ, &(dynamic + "every = \"1 hour\"\noverlap = \"1 second\"\n")).status.success());
    wait("a lease is in use", || {
        stands(&writ)["source"] == "vault-dynamic"
            && stands(&writ)["handle"].as_str().is_some_and(|lease| lease.contains("creds"))
    });
    let first = stands(&writ);
    calling(&writ, &credential, || {
        wait("another lease is in use", || stands(&writ)["rotation"].as_u64() > first["rotation"].as_u64());
        let handle = first["handle"].as_str().unwrap();
        wait("the one before has ended", || !vault.lock().unwrap().leases.contains_key(handle));
        wait("a third is in use", || {
            stands(&writ)["rotation"].as_u64() > first["rotation"].as_u64().map(|n| n + 1)
        });
    });
    writ.assert_verifies();
}
