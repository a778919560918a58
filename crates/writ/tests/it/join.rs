//! Joining with tokens of others: an issuer of our own plays GitHub Actions, GitLab CI and a Kubernetes cluster.

use crate::harness::{Writ, text, wait};
use crate::stub;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// Signs tokens as the services do.
pub(crate) struct TokenIssuer {
    pub(crate) url: String,
    key: EcdsaKeyPair,
}

impl TokenIssuer {
    pub(crate) fn new(url: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { url: url.to_owned(), key }
    }

    /// Makes the server trust it.
    pub(crate) fn trusted(self, writ: &Writ, name: &str, kind: &str) -> Self {
        let jwks = self.jwks();
        let file = writ.path(&format!("{name}.jwks"));
        std::fs::write(&file, jwks.to_string()).unwrap();
        let file = file.to_str().unwrap();
        let of = [
            "issuer",
            "trust",
            name,
            "--kind",
            kind,
            "--issuer",
            &self.url,
            "--audience",
            "writ",
            "--keys",
            file,
        ];
        let of_people: &[&str] = if kind == "security-events" { &["--party", "acme"] } else { &[] };
        writ.ok(&[&of[..], of_people].concat());
        self
    }

    /// What it publishes.
    fn jwks(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256", "x": x, "y": y }] })
    }

    /// A token with these claims, and the usual ones.
    pub(crate) fn token(&self, kind: &str, claims: &Value) -> String {
        let now = now_s();
        let mut all = json!({ "iss": self.url, "aud": "writ", "iat": now, "nbf": now, "exp": now + 300, "jti": format!("{now}-{claims}") });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let header = json!({ "alg": "ES256", "kid": "1", "typ": kind });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&all));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

#[expect(clippy::disallowed_methods, reason = "plays a service with a clock of its own")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn issue(writ: &Writ, token: &str, folder: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["issue", "--out", writ.path(folder).to_str().unwrap()])
        .env("WRIT_DATA", writ.data())
        .env("WRIT_TOKEN", token)
        .output()
        .unwrap()
}

fn refused(writ: &Writ, token: &str, why: &str) {
    let out = issue(writ, token, "refused");
    let said = text(&out.stderr);
    assert!(!out.status.success() && said.contains(why), "{said}");
}

#[test]
fn a_ci_job_joins_once_with_its_own_token() {
    let writ = Writ::start();
    let github = TokenIssuer::new("https://token.actions.githubusercontent.com").trusted(
        &writ,
        "gha",
        "github-actions",
    );
    writ.machine("acme/release", "ci-pipeline");
    let job = json!({ "sub": "repo:acme/shop:environment:production", "repository_id": "42", "environment": "production" });
    refused(&writ, &github.token("JWT", &job), "no machine joins with tokens of `gha`");

    let bare = writ.fails(
        &["identity", "joins", "acme/release", "--rule", "gha,sub=repo:acme/shop:environment:production"],
        1,
    );
    assert!(bare.contains("repository_id"), "{bare}");
    writ.ok(&["identity", "joins", "acme/release", "--rule", "gha,repository_id=42,environment=production"]);
    let token = github.token("JWT", &job);
    // One token, many hands at once: it is good for one of them.
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|n| {
                scope.spawn({
                    let (writ, token) = (&writ, &token);
                    move || issue(writ, token, &format!("job-{n}")).status.success()
                })
            })
            .collect();
        tries.into_iter().map(|done| done.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|joined| **joined).count(), 1, "{outcomes:?}");
    refused(&writ, &token, "the token was used before");
    let folder = writ.path(&format!("job-{}", outcomes.iter().position(|joined| *joined).unwrap()));
    writ.ok(&["verify", folder.join("cert.pem").to_str().unwrap()]);

    let mut other = job.clone();
    other["repository_id"] = json!("43");
    refused(&writ, &github.token("JWT", &other), "asks for repository_id=42 where the token has 43");
    let mut pulled = job.clone();
    pulled.as_object_mut().unwrap().remove("environment");
    refused(&writ, &github.token("JWT", &pulled), "asks for environment=production where the token has none");
    let mut elsewhere = job.clone();
    elsewhere["aud"] = json!("https://github.com/acme");
    refused(&writ, &github.token("JWT", &elsewhere), "the token is not for `writ`");
    refused(&writ, &TokenIssuer::new(&github.url).token("JWT", &job), "not signed with a key of");
    refused(
        &writ,
        &TokenIssuer::new("https://evil.example").token("JWT", &job),
        "nobody here trusts tokens of `https://evil.example`",
    );

    // Two machines that one token fits are told apart by nobody.
    writ.machine("acme/deploy", "ci-pipeline");
    writ.ok(&["identity", "joins", "acme/deploy", "--rule", "gha,repository_id=42,environment=production"]);
    refused(
        &writ,
        &github.token("JWT", &json!({ "repository_id": "42", "environment": "production", "n": 2 })),
        "the token fits `acme/",
    );
    writ.fails(&["identity", "joins", "acme/deploy"], 2);
    writ.ok(&["identity", "joins", "acme/deploy", "--none"]);
    writ.ok(&["identity", "suspend", "acme/release", "--reason", "to see"]);
    refused(
        &writ,
        &github.token("JWT", &json!({ "repository_id": "42", "environment": "production", "n": 3 })),
        "is suspended",
    );
    writ.ok(&["issuer", "drop", "gha", "--reason", "moved"]);
    refused(&writ, &github.token("JWT", &job), "nobody here trusts");
}

#[test]
fn a_pod_and_a_gitlab_job_join() {
    let writ = Writ::start();
    let cluster = TokenIssuer::new("https://kubernetes.default.svc").trusted(&writ, "cluster", "kubernetes");
    let gitlab = TokenIssuer::new("https://gitlab.example").trusted(&writ, "gitlab", "gitlab-ci");
    writ.machine("acme/web", "container-workload");
    writ.machine("acme/pages", "ci-pipeline");
    let pod = "cluster,/kubernetes.io/namespace=shop,/kubernetes.io/serviceaccount/name=web";
    writ.ok(&["identity", "joins", "acme/web", "--rule", pod]);
    writ.ok(&["identity", "joins", "acme/pages", "--rule", "gitlab,project_id=7,ref_path=refs/heads/main"]);
    let account = |namespace: &str| {
        let about = json!({ "namespace": namespace, "serviceaccount": { "name": "web", "uid": "9f" }, "pod": { "name": "web-1" } });
        cluster.token(
            "JWT",
            &json!({ "sub": format!("system:serviceaccount:{namespace}:web"), "kubernetes.io": about }),
        )
    };
    let token = account("shop");
    for folder in ["pod-1", "pod-2"] {
        // The kubelet leaves the same token there for most of an hour.
        let out = issue(&writ, &token, folder);
        assert!(out.status.success(), "{}", text(&out.stderr));
    }
    refused(&writ, &account("other"), "asks for /kubernetes.io/namespace=shop where the token has other");
    let out = issue(
        &writ,
        &gitlab.token("JWT", &json!({ "project_id": "7", "ref_path": "refs/heads/main" })),
        "pages",
    );
    assert!(out.status.success(), "{}", text(&out.stderr));
    let shown = writ.ok(&["identity", "show", "acme/pages"]);
    assert!(shown.contains("gitlab,project_id=7,ref_path=refs/heads/main"), "{shown}");
}

/// A maker of devices: its root and a device's certificate, as files.
fn device(writ: &Writ, maker: &rcgen::Issuer<'_, rcgen::KeyPair>, serial: &str) -> [String; 2] {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
    let key = rcgen::KeyPair::generate().unwrap();
    let files = ["cert", "key"].map(|kind| writ.path(&format!("{serial}-{kind}.pem")));
    std::fs::write(&files[0], params.signed_by(&key, maker).unwrap().pem()).unwrap();
    std::fs::write(&files[1], key.serialize_pem()).unwrap();
    files.map(|file| file.to_str().unwrap().to_owned())
}

#[test]
fn a_device_joins_with_its_makers_certificate() {
    let mut writ = Writ::start();
    let maker = || {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        let key = rcgen::KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        (rcgen::Issuer::new(params, key), root)
    };
    let (ours, root) = maker();
    let roots = writ.path("roots.pem");
    std::fs::write(&roots, root).unwrap();
    writ.ok(&[
        "issuer",
        "trust",
        "maker",
        "--kind",
        "devices",
        "--issuer",
        "https://maker.example",
        "--audience",
        "writ",
        "--keys",
        roots.to_str().unwrap(),
    ]);
    writ.machine("acme/meter", "iot-device");
    let bare = writ.fails(&["identity", "joins", "acme/meter", "--rule", "maker,common_name=meter"], 1);
    assert!(bare.contains("serial_number or fingerprint"), "{bare}");
    writ.ok(&["identity", "joins", "acme/meter", "--rule", "maker,serial_number=SN-42"]);
    let join = |files: &[String; 2]| {
        writ.run(&[
            "issue",
            "--out",
            writ.path("meter").to_str().unwrap(),
            "--device-cert",
            &files[0],
            "--device-key",
            &files[1],
            "--manufacturer",
            "https://maker.example",
        ])
    };
    let joined = join(&device(&writ, &ours, "SN-42"));
    assert!(joined.status.success(), "{}", text(&joined.stderr));
    let why = writ.ok(&["why", writ.path("meter/cert.pem").to_str().unwrap()]);
    assert!(why.contains("recognised by device-certificate"), "{why}");
    let other = text(&join(&device(&writ, &ours, "SN-43")).stderr);
    assert!(other.contains("asks for serial_number=SN-42 where the token has SN-43"), "{other}");
    let copied = text(&join(&device(&writ, &maker().0, "SN-42")).stderr);
    assert!(copied.contains("not signed with a key of"), "{copied}");
    writ.assert_verifies();
}

/// What an issuer's host answers, by path.
type Published = Arc<Mutex<BTreeMap<String, (u16, String)>>>;

/// An issuer on loopback that publishes its keys.
fn publishing() -> (TokenIssuer, Published, u16) {
    let published = Published::default();
    let answering = published.clone();
    let port = stub::serve(move |request| {
        answering.lock().unwrap().get(&request.path).cloned().unwrap_or((404, String::new()))
    });
    let issuer = TokenIssuer::new(&format!("http://127.0.0.1:{port}"));
    publish(&published, &issuer, &format!("{}/jwks", issuer.url));
    (issuer, published, port)
}

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn publish(published: &Published, issuer: &TokenIssuer, keys_at: &str) {
    let document = json!({ "issuer": issuer.url, "jwks_uri": keys_at, "scopes_supported": ["openid"] });
    let mut published = published.lock().unwrap();
    published.insert(DISCOVERY.into(), (200, document.to_string()));
    published.insert("/jwks".into(), (200, issuer.jwks().to_string()));
}

fn trust(writ: &Writ, issuer: &str, more: &[&str]) -> Output {
    let of = ["issuer", "trust", "gha", "--kind", "github-actions", "--issuer", issuer, "--audience", "writ"];
    writ.run(&[&of[..], more].concat())
}

#[test]
fn keys_are_read_where_an_issuer_publishes_them_and_follow_it() {
    let mut writ = Writ::start();
    let (issuer, published, _) = publishing();
    writ.machine("acme/release", "ci-pipeline");
    let trusted = trust(&writ, &issuer.url, &[]);
    assert!(text(&trusted.stdout).contains("under the keys it publishes"), "{}", text(&trusted.stderr));
    writ.ok(&["identity", "joins", "acme/release", "--rule", "gha,repository_id=42,environment=production"]);
    let job = |n: u32| json!({ "repository_id": "42", "environment": "production", "run": n });
    assert!(issue(&writ, &issuer.token("JWT", &job(1)), "one").status.success());

    // It turns over its key: what is signed with the new one counts when it was read, and the old one no more.
    let next = TokenIssuer::new(&issuer.url);
    publish(&published, &next, &format!("{}/jwks", next.url));
    refused(&writ, &next.token("JWT", &job(2)), "not signed with a key of");
    assert!(writ.ok(&["issuer", "read", "gha"]).contains("as it publishes them"));
    assert!(issue(&writ, &next.token("JWT", &job(2)), "two").status.success());
    refused(&writ, &issuer.token("JWT", &job(3)), "not signed with a key of");

    // It is away, or publishes nothing that can be used: the keys of before go on, and that is said once.
    let entries = |writ: &Writ| writ.json(&["status"])["control_entries"].as_u64().unwrap();
    for (answer, why) in [
        ((503, "later".to_owned()), "503"),
        ((200, json!({ "keys": [] }).to_string()), "no key"),
        ((302, "http://127.0.0.1:1/".to_owned()), "302"),
        ((200, " ".repeat(100_000)), "could not be read"),
        ((200, json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }).to_string()), "no key"),
    ] {
        published.lock().unwrap().insert("/jwks".into(), answer);
        let said = writ.ok(&["issuer", "read", "gha"]);
        assert!(said.contains("those of before go on"), "{why}: {said}");
    }
    let before = entries(&writ);
    writ.ok(&["issuer", "read", "gha"]);
    assert_eq!(entries(&writ), before);
    let list = writ.ok(&["issuer", "list"]);
    assert!(list.contains("of before: ") && list.contains("503"), "{list}");
    assert!(issue(&writ, &next.token("JWT", &job(4)), "four").status.success());

    // Read again at every start, without being asked.
    let third = TokenIssuer::new(&issuer.url);
    publish(&published, &third, &format!("{}/jwks", third.url));
    writ.stop();
    writ.up();
    wait("its keys are read", || writ.ok(&["issuer", "list"]).trim_end().ends_with("read"));
    assert!(issue(&writ, &third.token("JWT", &job(5)), "five").status.success());
    writ.assert_verifies();
}

/// An issuer's document does not send us anywhere (SSRF), nor speaks for others.
#[test]
fn an_issuer_cannot_send_us_elsewhere() {
    let writ = Writ::start();
    let inside = Arc::new(AtomicUsize::new(0));
    let counted = inside.clone();
    let metadata = stub::serve(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        (200, json!({ "keys": [] }).to_string())
    });
    let (issuer, published, port) = publishing();
    let refused = |why: &str| {
        let said = text(&trust(&writ, &issuer.url, &[]).stderr);
        assert!(said.contains(why), "{why}: {said}");
    };
    for elsewhere in [
        format!("http://127.0.0.1:{metadata}/latest/meta-data/"),
        format!("http://localhost:{port}/jwks"),
        format!("http://127.0.0.1:{port}@127.0.0.1:{metadata}/"),
        "https://keys.example/jwks".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://169.254.169.254/latest/".to_owned(),
    ] {
        publish(&published, &issuer, &elsewhere);
        refused(
            if elsewhere.starts_with("http") && !elsewhere.contains(['@']) && !elsewhere.contains("169.254") {
                "sends to another host for its keys"
            } else {
                "says where its keys are"
            },
        );
    }
    published.lock().unwrap().insert(DISCOVERY.into(), (302, format!("http://127.0.0.1:{metadata}/")));
    refused("302");
    let other = json!({ "issuer": "https://token.actions.githubusercontent.com", "jwks_uri": "/jwks" });
    published.lock().unwrap().insert(DISCOVERY.into(), (200, other.to_string()));
    refused("speaks for another issuer");
    published.lock().unwrap().insert(DISCOVERY.into(), (200, json!({ "issuer": issuer.url }).to_string()));
    refused("has no `jwks_uri`");
    assert_eq!(inside.load(Ordering::Relaxed), 0, "nobody inside was asked");
    let open = text(&trust(&writ, "http://ci.example", &[]).stderr);
    assert!(open.contains("neither https:// nor on this machine"), "{open}");
    // Somebody vouches for an address: then it is asked, whatever the document says.
    let keys_url = format!("{}/jwks", issuer.url);
    assert!(trust(&writ, "https://ci.example", &["--keys-url", &keys_url]).status.success());
    assert!(text(&writ.run(&["issuer", "read", "nobody"]).stderr).contains("nobody here trusts"));
}
