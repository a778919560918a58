//! A real Envoy in front of a real nginx, asking Writ about every request; and AuthZEN over the same port.

use crate::curl::world;
use crate::harness::{Writ, text, wait};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const CONFIG: &str = include_str!("../../../../examples/envoy.yaml");

/// Envoy, from the Python package that `cargo xtask test` installs.
pub(crate) struct Envoy {
    process: Child,
    pub(crate) port: u16,
    certificate: PathBuf,
}

impl Envoy {
    fn start(writ: &Writ, upstream: u16) -> Self {
        let key = KeyPair::generate().unwrap();
        let shown =
            CertificateParams::new(vec!["files.localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let (certificate, key_file) = (writ.path("envoy.pem"), writ.path("envoy.key"));
        std::fs::write(&certificate, shown.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        let advise = adviser(writ);
        let port = advise["address"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        let config = CONFIG
            // Even an Envoy that routes every host name must not be a way round.
            .replace(r#"["files.localhost", "files.localhost:*"]"#, r#"["*"]"#)
            .replace("@ADVISER@", &port)
            .replace("@TOKEN@", advise["token"].as_str().unwrap())
            .replace("@UPSTREAM@", &upstream.to_string())
            .replace("@SERVER_CERTIFICATE@", certificate.to_str().unwrap())
            .replace("@SERVER_KEY@", key_file.to_str().unwrap())
            .replace("@BUNDLE@", writ.data().join("bundle.pem").to_str().unwrap())
            .replace("@TRUST_DOMAIN@", "writ.localhost");
        Self::run(writ, &config, certificate)
    }

    /// Envoy's executable.
    pub(crate) fn binary() -> PathBuf {
        let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/envoy/envoy/_bin/envoy");
        assert!(binary.is_file(), "Envoy is not installed: run `cargo xtask test`, which installs it");
        binary.canonicalize().unwrap()
    }

    /// Runs a configuration with one listener.
    pub(crate) fn run(writ: &Writ, config: &str, certificate: PathBuf) -> Self {
        let (file, admin) = (writ.path("envoy.yaml"), writ.path("envoy.admin"));
        std::fs::write(&file, config).unwrap();
        let _ = std::fs::remove_file(&admin);
        let process = Command::new(Self::binary())
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn", "-c"])
            .arg(&file)
            .arg("--admin-address-path")
            .arg(&admin)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(writ.path("envoy.log")).unwrap())
            .spawn()
            .unwrap();
        let mut envoy = Self { process, port: 0, certificate };
        wait("envoy listens", || {
            let admin = std::fs::read_to_string(&admin).unwrap_or_default();
            let listeners = plain_curl(&[&format!("http://{}/listeners?format=json", admin.trim())]);
            let listeners: Value = serde_json::from_slice(&listeners.stdout).unwrap_or_default();
            let port = &listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
            envoy.port = port.as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
            envoy.port != 0
        });
        envoy
    }

    fn get(&self, credential: &Path, path: &str, more: &[&str]) -> Output {
        let file = |name: &str| credential.join(name).display().to_string();
        let mut all = vec!["--resolve".to_owned(), format!("files.localhost:{}:127.0.0.1", self.port)];
        for (option, value) in [("--cert", file("cert.pem")), ("--key", file("key.pem"))] {
            all.extend([option.to_owned(), value]);
        }
        all.extend(["--cacert".to_owned(), self.certificate.display().to_string()]);
        all.extend(more.iter().map(|option| (*option).to_owned()));
        all.push(format!("https://files.localhost:{}{path}", self.port));
        plain_curl(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn plain_curl(arguments: &[&str]) -> Output {
    let fixed = ["--silent", "--show-error", "--noproxy", "*", "--max-time", "30"];
    Command::new("curl").args(fixed).args(arguments).output().unwrap()
}

fn adviser(writ: &Writ) -> Value {
    serde_json::from_slice(&std::fs::read(writ.data().join("advise.json")).unwrap()).unwrap()
}

/// Asks AuthZEN; gives status and body.
fn authzen(writ: &Writ, path: &str, body: &Value, token: &str) -> (u16, Value) {
    let address = adviser(writ)["address"].as_str().unwrap().to_owned();
    let output = plain_curl(&[
        "--header",
        "content-type: application/json",
        "--header",
        &format!("authorization: Bearer {token}"),
        "--header",
        "x-request-id: 7f3",
        "--write-out",
        "\n%{http_code} %header{x-request-id}",
        "--data",
        &body.to_string(),
        &format!("{address}{path}"),
    ]);
    let shown = text(&output.stdout);
    let (body, last) = shown.rsplit_once('\n').unwrap();
    let (status, id) = last.split_once(' ').unwrap();
    assert_eq!(id, "7f3", "the request's id comes back");
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn envoy_asks_about_every_request() {
    let (mut writ, nginx, credential) = world();
    let envoy = Envoy::start(&writ, nginx.port);
    let permitted = envoy.get(&credential, "/public/a.txt", &[]);
    assert_eq!(text(&permitted.stdout), "public words\n", "{}", text(&permitted.stderr));
    let refused: Value =
        serde_json::from_slice(&envoy.get(&credential, "/private/a.txt", &[]).stdout).unwrap();
    assert_eq!(refused["status"], 403);
    assert_eq!(refused["clause"]["number"], "2.1");
    assert!(refused["clause"]["sentence"].as_str().unwrap().contains("shall not **read** `private`"));
    // Dressing the path up does not help: what is decided on is what is forwarded.
    let dressed = envoy.get(&credential, "/public/../private/a.txt", &["--path-as-is"]);
    let dressed: Value = serde_json::from_slice(&dressed.stdout).unwrap();
    assert_eq!(dressed["clause"]["number"], "2.1", "{dressed}");
    // The client chooses the host name; it must not choose the service by it.
    let other = envoy.get(&credential, "/public/a.txt", &["--header", "Host: other.localhost"]);
    let other: Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!(other["reason"], "no-such-service", "{other}");
    assert!(other["detail"].as_str().unwrap().contains("stands before the service `files`"), "{other}");
    let override_ = ["--header", "x-http-method-override: DELETE", "--header", "writ-forged: 1", "--include"];
    let seen = envoy.get(&credential, "/public/a.txt", &override_);
    assert!(text(&seen.stdout).contains("public words"));
    assert!(!text(&seen.stdout).to_lowercase().contains("saw: d"), "{}", text(&seen.stdout));
    let decisions: Value =
        serde_json::from_str(&format!("[{}]", writ.ok(&["log", "--json"]).trim().replace('\n', ",")))
            .unwrap();
    let kinds: Vec<&str> =
        decisions.as_array().unwrap().iter().map(|d| d["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["permitted", "denied", "denied", "denied", "permitted"],
        "each on record; no outcome, for Writ does not see it"
    );

    writ.ok(&["identity", "kill", "acme/reader", "--reason", "stolen"]);
    let after: Value = serde_json::from_slice(&envoy.get(&credential, "/public/a.txt", &[]).stdout).unwrap();
    assert_eq!(after["reason"], "identity-not-good", "{after}");
    // Nobody to ask: Envoy refuses.
    writ.stop();
    let nobody = envoy.get(&credential, "/public/a.txt", &["--write-out", "%{http_code}"]);
    assert_eq!(text(&nobody.stdout), "403");
    writ.assert_verifies();
}

#[test]
fn authzen_gets_the_same_decisions() {
    let (mut writ, _nginx, credential) = world();
    let token = adviser(&writ)["token"].as_str().unwrap().to_owned();
    let ask = |subject: &str, action: &str, resource: &str| {
        json!({
            "subject": { "type": "machine", "id": subject }, "action": { "name": action },
            "resource": { "type": "resource", "id": resource }, "unknown": { "field": true },
        })
    };
    let one = |body: &Value| authzen(&writ, "/access/v1/evaluation", body, &token);
    let spiffe = "spiffe://writ.localhost/acme/reader";
    let (status, yes) = one(&ask(spiffe, "read", "files/public"));
    assert_eq!((status, &yes["decision"]), (200, &json!(true)));
    assert_eq!(yes["context"]["clauses"], json!(["1.1"]));
    assert_eq!(yes["context"]["obligations"][0]["type"], "session_termination");
    assert!(yes["context"]["record"].as_str().unwrap().starts_with("writ.localhost/writ/decisions/"));
    let same = |answer: &Value| (answer["decision"].clone(), answer["context"]["clauses"].clone());
    let again = one(&ask("acme/reader", "read", "files/public")).1;
    assert_eq!(same(&again), same(&yes), "the same question, the same answer");
    // Which of several certificates was presented is for the proxy to say.
    let serial = text(
        &std::process::Command::new("openssl")
            .args(["x509", "-noout", "-serial", "-in"])
            .arg(credential.join("cert.pem"))
            .output()
            .unwrap()
            .stdout,
    )
    .trim()
    .trim_start_matches("serial=")
    .to_lowercase();
    let with = |properties: Value| {
        let mut question = ask(spiffe, "read", "files/public");
        question["subject"]["properties"] = properties;
        question
    };
    assert_eq!(one(&with(json!({ "serial": serial }))).1["decision"], json!(true));
    let unknown = one(&with(json!({ "serial": "00".repeat(16) }))).1;
    assert_eq!(unknown["context"]["reason"], "credential-not-good");
    writ.join("acme/reader");
    let several = one(&ask(spiffe, "read", "files/public")).1;
    assert!(
        several["context"]["detail"].as_str().unwrap().contains("several live certificates"),
        "{several}"
    );
    let ask = |subject: &str, action: &str, resource: &str| {
        let mut question = ask(subject, action, resource);
        question["subject"]["properties"] = json!({ "serial": serial });
        question
    };
    let (status, no) = one(&ask(spiffe, "read", "files/private"));
    assert_eq!((status, &no["decision"]), (200, &json!(false)), "a denial is an answer");
    assert_eq!(no["context"]["clause"]["number"], "2.1");
    for (subject, action, resource) in [
        ("acme/nobody", "read", "files/public"),
        (spiffe, "delete", "files/public"),
        (spiffe, "read", "files/nothing"),
        (spiffe, "read", "nothing"),
        ("spiffe://elsewhere/acme/reader", "read", "files/public"),
    ] {
        let (status, no) = one(&ask(subject, action, resource));
        assert_eq!((status, &no["decision"]), (200, &json!(false)), "{subject} {action} {resource}");
    }
    let user = json!({ "subject": { "type": "user", "id": "acme/reader" }, "action": { "name": "read" }, "resource": { "type": "resource", "id": "files/public" } });
    assert_eq!(one(&user).1["decision"], json!(false), "an unknown type is nobody");
    // What is malformed, and who may not ask.
    assert_eq!(one(&json!({ "subject": { "type": "machine" } })).0, 400);
    assert_eq!(one(&json!([1])).0, 400);
    assert_eq!(one(&with(json!({ "serial": "xyz" }))).0, 400);
    assert_eq!(one(&with(json!(5))).0, 400);
    let no_list = json!({ "evaluations": "all of them" });
    assert_eq!(authzen(&writ, "/access/v1/evaluations", &no_list, &token).0, 400);
    assert_eq!(authzen(&writ, "/access/v1/evaluation", &ask(spiffe, "read", "files/public"), "wrong").0, 401);
    assert_eq!(authzen(&writ, "/access/v1/nothing", &json!({}), &token).0, 404);

    // Several at once: defaults are replaced whole, and the semantics stop where they say.
    let batch = |semantic: &str| {
        json!({
            "subject": { "type": "machine", "id": spiffe, "properties": { "serial": serial } },
            "action": { "name": "read" }, "options": { "evaluations_semantic": semantic },
            "evaluations": [
                { "resource": { "type": "resource", "id": "files/public" } },
                { "resource": { "type": "resource", "id": "files/private" } },
                { "resource": {} }, 5,
            ],
        })
    };
    let several = |semantic: &str| {
        let (status, answer) = authzen(&writ, "/access/v1/evaluations", &batch(semantic), &token);
        let decisions = answer["evaluations"]
            .as_array()
            .map(|all| all.iter().map(|d| d["decision"] == true).collect::<Vec<_>>());
        (status, decisions.unwrap_or_default())
    };
    assert_eq!(several("execute_all"), (200, vec![true, false, false, false]));
    assert_eq!(several("deny_on_first_deny"), (200, vec![true, false]));
    assert_eq!(several("permit_on_first_permit"), (200, vec![true]));
    assert_eq!(several("whatever").0, 400);
    writ.assert_verifies();
}
