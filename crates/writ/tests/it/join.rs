//! Joining with tokens of others: an issuer of our own plays GitHub Actions, GitLab CI and a Kubernetes cluster.

use crate::harness::{Writ, text};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::process::{Command, Output};
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
        let point = self.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let jwks =
            json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256", "x": x, "y": y }] });
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
