//! Other trust domains: two Writs that recognise each other's machines through software nobody here wrote, and what a
//! trust domain publishes that must not count.

use crate::envoy::{Envoy, plain_curl};
use crate::harness::{PATIENCE, Writ, text, wait};
use crate::nginx::Nginx;
use crate::spiffe_rust::{echo_server, recognised, socket, source};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use spiffe::{TrustDomain, WorkloadApiClient, X509Source};
use spiffe_rustls::{authorizer, mtls_client, mtls_server};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const ACME: &str = "acme.example";
const FORGE: &str = "forge.example";

/// A Writ for a trust domain, with a bundle endpoint and one machine, `acme/reader`, which is this program.
fn writ(trust_domain: &str) -> Writ {
    let writ = Writ::start_with(&["--trust-domain", trust_domain, "--bundle-endpoint", "127.0.0.1:0"], &[]);
    writ.machine("acme/reader", "bot");
    recognised(&writ, "acme/reader");
    writ
}

fn endpoint(writ: &Writ) -> String {
    format!("https://{}/", writ.address()["bundle_endpoint"].as_str().unwrap())
}

/// Writes the bundle of another Writ into a file, as its people would hand it over.
fn handed_over(to: &Writ, of: &Writ) -> String {
    let file = to.path("handed-over.json");
    std::fs::write(&file, of.ok(&["federation", "bundle"])).unwrap();
    file.display().to_string()
}

/// `one` recognises the machines of `other`, whose server it knows by its SPIFFE ID.
fn trust(one: &Writ, other: &Writ, trust_domain: &str) {
    let (file, id) = (handed_over(one, other), format!("spiffe://{trust_domain}/writ"));
    let at = endpoint(other);
    let how = ["--for", "acme", "--url", &at, "--endpoint-id", &id, "--bundle", &file];
    one.ok(&[&["federation", "trust", trust_domain], &how[..]].concat());
}

/// Reads what a trust domain publishes; a refusal is an error, and said in the answer.
fn read(writ: &Writ, trust_domain: &str) -> Value {
    let output = writ.run(&["federation", "read", trust_domain, "--json"]);
    let view: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(output.status.code(), Some(if view["unread"].is_null() { 0 } else { 1 }), "{view}");
    view
}

fn shown(writ: &Writ, trust_domain: &str) -> Value {
    writ.json(&["federation", "show", trust_domain])
}

/// Waits until a workload knows this many roots of a trust domain; none is an unknown trust domain.
async fn known_roots(writ: &Writ, trust_domain: &str, count: usize) {
    let client = WorkloadApiClient::connect_to(socket(writ)).await.unwrap();
    let of = TrustDomain::new(trust_domain).unwrap();
    let known = async {
        loop {
            let bundles = client.fetch_x509_bundles().await.unwrap();
            let roots = bundles.get(&of).map_or(0, |bundle| bundle.authorities().len());
            let context = client.fetch_x509_context().await.unwrap();
            let beside = context.bundle_set().get(&of).map_or(0, |bundle| bundle.authorities().len());
            if roots == count && beside == count {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, known).await.unwrap();
}

/// A server with the identity of one source that lets in the machine of another trust domain, and whoever calls it.
struct Pair {
    address: std::net::SocketAddr,
    connector: TlsConnector,
}

impl Pair {
    async fn new(server: &X509Source, client: &X509Source) -> Self {
        let only = |trust_domain: &str| {
            authorizer::exact([format!("spiffe://{trust_domain}/acme/reader").as_str()]).unwrap()
        };
        let server = mtls_server(server.clone()).authorize(only(FORGE)).build().unwrap();
        let client = mtls_client(client.clone()).authorize(only(ACME)).build().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let address = echo_server(acceptor).await;
        Self { address, connector: TlsConnector::from(Arc::new(client)) }
    }

    async fn echoes(&self) -> bool {
        let call = async {
            let tcp = TcpStream::connect(self.address).await?;
            let name = ServerName::try_from("acme.example").unwrap();
            let mut tls = self.connector.connect(name, tcp).await?;
            tls.write_all(b"ping").await?;
            let mut said = [0; 4];
            tls.read_exact(&mut said).await?;
            Ok::<_, std::io::Error>(said == *b"ping")
        };
        tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap_or(false)
    }

    /// Waits for it: the library takes a moment to take in use what came.
    async fn until(&self, echoes: bool) {
        let turned = async {
            while self.echoes().await != echoes {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, turned).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_two_trust_domains_recognise_each_other_while_it_is_agreed() {
    let (mut acme, mut forge) = (writ(ACME), writ(FORGE));
    let (server, client) = (source(&acme).await, source(&forge).await);
    let pair = Pair::new(&server, &client).await;
    assert!(!pair.echoes().await, "nobody agreed to it");
    let (at_acme, at_forge) = (
        WorkloadApiClient::connect_to(socket(&acme)).await.unwrap(),
        WorkloadApiClient::connect_to(socket(&forge)).await.unwrap(),
    );
    let token = at_forge.fetch_jwt_token(["payments"], None).await.unwrap();
    let stranger = at_acme.validate_jwt_token("payments", &token).await.unwrap_err().to_string();
    assert!(stranger.contains("is not of the trust domain `acme.example`"), "{stranger}");

    trust(&acme, &forge, FORGE);
    trust(&forge, &acme, ACME);
    pair.until(true).await;
    let valid = at_acme.validate_jwt_token("payments", &token).await.unwrap();
    assert_eq!(valid.spiffe_id().to_string(), "spiffe://forge.example/acme/reader");
    assert!(at_acme.validate_jwt_token("mail", &token).await.is_err(), "for somebody else");
    let bundles = at_acme.fetch_jwt_bundles().await.unwrap();
    assert!(bundles.get(&TrustDomain::new(FORGE).unwrap()).is_some());

    // The other side takes another root in use: it is known before anything rests on it, and what is taken back is gone.
    let before = shown(&acme, FORGE);
    forge.ok(&["authority", "prepare", "--reason", "yearly"]);
    let now: Value = read(&acme, FORGE);
    assert_eq!((now["unread"].is_null(), now["roots"].as_array().unwrap().len()), (true, 2), "{now}");
    assert!(now["sequence"].as_u64() > before["sequence"].as_u64());
    known_roots(&acme, FORGE, 2).await;
    forge.ok(&["authority", "activate", "--reason", "yearly", "--now"]);
    let old = before["roots"][0].as_str().unwrap();
    forge.ok(&["authority", "taint", old, "--reason", "yearly"]);
    forge.ok(&["authority", "retire", old, "--reason", "yearly", "--now"]);
    // The server of the endpoint rests on the new root: it is recognised by the bundle that came before.
    wait("the endpoint's server has its new certificate", || read(&acme, FORGE)["unread"].is_null());
    let now = shown(&acme, FORGE);
    assert!(now["roots"].as_array().unwrap().len() == 1 && now["roots"][0] != old, "{now}");
    known_roots(&acme, FORGE, 1).await;
    pair.until(true).await;

    // Another party, said without the bundle: what is known goes on.
    acme.ok(&["federation", "trust", FORGE, "--for", "acme", "--for", "forge"]);
    let anew = shown(&acme, FORGE);
    assert_eq!((&anew["parties"], &anew["url"]), (&json!(["acme", "forge"]), &now["url"]));
    assert_eq!(anew["endpoint_id"], now["endpoint_id"]);
    assert_eq!(shown(&acme, FORGE)["roots"], now["roots"]);
    acme.ok(&["federation", "end", FORGE, "--reason", "the contract is over"]);
    pair.until(false).await;
    known_roots(&acme, FORGE, 0).await;
    let stranger = at_acme.validate_jwt_token("payments", &token).await.unwrap_err().to_string();
    assert!(stranger.contains("is not of the trust domain"), "{stranger}");
    acme.assert_verifies();
    forge.assert_verifies();
}

/// The server must be who it is said to be, by the roots of that trust domain.
#[test]
fn another_server_is_not_believed() {
    let (mut acme, forge) = (writ(ACME), writ(FORGE));
    let file = handed_over(&acme, &forge);
    let at = endpoint(&forge);
    let trust = |id: &str| {
        acme.ok(&[
            "federation",
            "trust",
            FORGE,
            "--for",
            "acme",
            "--url",
            &at,
            "--endpoint-id",
            id,
            "--bundle",
            &file,
        ]);
        read(&acme, FORGE)["unread"].as_str().map(str::to_owned)
    };
    let other = trust("spiffe://forge.example/somebody").unwrap();
    assert!(other.contains("the server is `spiffe://forge.example/writ`"), "{other}");
    // The right name under the roots of another trust domain that is called the same.
    let impostor = writ(FORGE);
    let url = endpoint(&impostor);
    let id = "spiffe://forge.example/writ";
    acme.ok(&[
        "federation",
        "trust",
        FORGE,
        "--for",
        "acme",
        "--url",
        &url,
        "--endpoint-id",
        id,
        "--bundle",
        &file,
    ]);
    let refused = read(&acme, FORGE)["unread"].as_str().unwrap().to_owned();
    assert!(refused.contains("invalid peer certificate"), "{refused}");
    // As a server of the web it is nobody.
    let web = acme.fails(&["federation", "trust", FORGE, "--for", "acme", "--url", &at], 1);
    assert!(web.contains("its bundle cannot be read") && web.contains("--bundle FILE"), "{web}");
    assert_eq!(trust("spiffe://forge.example/writ"), None);
    let bad = acme.fails(&["federation", "trust", ACME, "--for", "acme", "--bundle", &file], 1);
    assert!(bad.contains("`spiffe://forge.example`, not of `spiffe://acme.example`"), "{bad}");
    let own = handed_over(&acme, &acme);
    let bad = acme.fails(&["federation", "trust", ACME, "--for", "acme", "--bundle", &own], 1);
    assert!(bad.contains("is the trust domain of this ledger"), "{bad}");
    acme.assert_verifies();
}

/// A server of the web whose documents a test writes.
struct Publisher {
    nginx: Nginx,
    root: PathBuf,
}

impl Publisher {
    fn new(folder: &Path) -> Self {
        let root = folder.join("published");
        std::fs::create_dir_all(&root).unwrap();
        let key = KeyPair::generate().unwrap();
        let shown = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.join("cert.pem"), shown.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        Self { nginx: Nginx::tls_files(folder, &root), root }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.nginx.port)
    }

    fn publish(&self, text: &str) {
        let next = self.root.join("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, self.root.join("bundle.json")).unwrap();
    }
}

/// What the references list: a number that goes back, a merge, an empty set; and what else a publisher can do wrong.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_trust_domain_publishes_is_taken_whole_or_not_at_all() {
    let folder = tempfile::TempDir::new().unwrap();
    let publisher = Publisher::new(folder.path());
    let (mut acme, forge) = (writ(ACME), writ(FORGE));
    acme.stop();
    let roots = folder.path().join("cert.pem").display().to_string();
    acme.up_with(&[("WRIT_UPSTREAM_ROOTS", &roots)]);
    let bundle = |of: &Writ| serde_json::from_str::<Value>(&of.ok(&["federation", "bundle"])).unwrap();
    let first = bundle(&forge);
    forge.ok(&["authority", "prepare", "--reason", "yearly"]);
    let second = bundle(&forge);
    publisher.publish(&first.to_string());
    acme.ok(&["federation", "trust", FORGE, "--for", "acme", "--url", &publisher.url("bundle.json")]);
    let published = |document: &Value| {
        publisher.publish(&document.to_string());
        read(&acme, FORGE)
    };
    let refused = |document: &Value, why: &str| {
        let before = shown(&acme, FORGE);
        let now = published(document);
        assert!(now["unread"].as_str().unwrap_or_default().contains(why), "{why}: {now}");
        assert_eq!((&now["roots"], &now["sequence"]), (&before["roots"], &before["sequence"]));
    };
    let with = |of: &Value, name: &str, value: Value| {
        let mut changed = of.clone();
        changed[name] = value;
        changed
    };
    assert_eq!(published(&second)["roots"].as_array().unwrap().len(), 2);
    known_roots(&acme, FORGE, 2).await;
    // Given by hand, an old one counts; what is published is then read without being asked for.
    let by_hand = acme.path("first.json");
    std::fs::write(&by_hand, first.to_string()).unwrap();
    let at = publisher.url("bundle.json");
    acme.ok(&[
        "federation",
        "trust",
        FORGE,
        "--for",
        "acme",
        "--url",
        &at,
        "--bundle",
        by_hand.to_str().unwrap(),
    ]);
    wait("it is read", || shown(&acme, FORGE)["roots"].as_array().unwrap().len() == 2);
    // What has not changed adds nothing to the ledger.
    let entry = |party: &str| {
        let more = ["--legal-name", "A party", "--jurisdiction", "Ireland"];
        acme.json(&[&["party", "add", party], &more[..]].concat())["index"].as_u64().unwrap()
    };
    let before = entry("one");
    assert_eq!([read(&acme, FORGE), read(&acme, FORGE)].map(|view| view["unread"].is_null()), [true, true]);
    assert_eq!(entry("two"), before + 1);
    // Reading what has not changed adds nothing to the ledger.

    refused(&first, "its number went back");
    refused(&with(&second, "keys", first["keys"].clone()), "other keys under the number");
    let unnumbered = with(&second, "spiffe_sequence", Value::Null);
    refused(&unnumbered, "has none now");
    // A merge: roots of another trust domain, ours among them, beside its own.
    let mut merged = with(&second, "spiffe_sequence", json!(1_000));
    let ours = bundle(&acme)["keys"][0].clone();
    merged["keys"].as_array_mut().unwrap().push(ours);
    refused(&merged, "is of `spiffe://acme.example`, not of `spiffe://forge.example`");
    refused(&json!({ "spiffe_sequence": 1_000 }), "no SPIFFE bundle");
    refused(&json!("<html>"), "no SPIFFE bundle");
    refused(&with(&second, "padding", json!("x".repeat(70_000))), "could not be read");
    assert_eq!(published(&second)["unread"], Value::Null);
    // A redirection is not followed, also not to the right place.
    acme.ok(&[
        "federation",
        "trust",
        FORGE,
        "--for",
        "acme",
        "--url",
        &publisher.url("moved"),
        "--bundle",
        &handed_over(&acme, &forge),
    ]);
    let moved = read(&acme, FORGE);
    assert!(moved["unread"].as_str().unwrap().contains("302"), "{moved}");
    acme.ok(&["federation", "trust", FORGE, "--for", "acme", "--url", &publisher.url("bundle.json")]);

    // No keys: everything is taken back, and nobody of it is recognised any more.
    let at_acme = WorkloadApiClient::connect_to(socket(&acme)).await.unwrap();
    let at_forge = WorkloadApiClient::connect_to(socket(&forge)).await.unwrap();
    let token = at_forge.fetch_jwt_token(["payments"], None).await.unwrap();
    at_acme.validate_jwt_token("payments", &token).await.unwrap();
    let nothing = published(&json!({ "spiffe_sequence": 1_001, "keys": [] }));
    assert_eq!(
        (&nothing["unread"], &nothing["roots"], &nothing["jwt_keys"]),
        (&Value::Null, &json!([]), &json!([]))
    );
    known_roots(&acme, FORGE, 0).await;
    let refused = at_acme.validate_jwt_token("payments", &token).await.unwrap_err().to_string();
    assert!(refused.contains("not signed with a key of the trust domain `forge.example`"), "{refused}");
    at_acme.fetch_jwt_bundles().await.unwrap();
    assert!(acme.ok(&["federation", "list"]).contains("took all of them back"));
    acme.assert_verifies();
}

#[test]
fn a_real_envoy_tells_trust_domains_apart() {
    let (mut acme, forge) = (writ(ACME), writ(FORGE));
    acme.machine("acme/edge", "microservice");
    let rule = format!("path:{}", Envoy::binary().display());
    acme.ok(&["identity", "recognize", "acme/edge", "--rule", &rule]);
    let config = include_str!("../../../../examples/envoy-sds.yaml")
        .replace("@SOCKET@", acme.data().join("workload-api.sock").to_str().unwrap())
        .replace("name: ROOTCA", "name: ALL");
    let envoy = Envoy::run(&acme, &config, acme.data().join("bundle.pem"));
    let call = |envoy: &Envoy, credential: &Path| {
        let url = format!("https://127.0.0.1:{}/", envoy.port);
        let file = |name: &str| credential.join(name).display().to_string();
        let arguments = ["--insecure", "--cert", &file("cert.pem"), "--key", &file("key.pem"), &url];
        text(&plain_curl(&arguments).stdout) == "hello\n"
    };
    let (own, theirs) = (acme.join("acme/reader"), forge.join("acme/reader"));
    wait("Envoy lets our own machine in", || call(&envoy, &own));
    assert!(!call(&envoy, &theirs), "nobody agreed to it");
    trust(&acme, &forge, FORGE);
    wait("Envoy lets the other trust domain's machine in", || call(&envoy, &theirs));
    assert!(call(&envoy, &own));
    // Another authority that says it is ours, or theirs, is neither.
    for name in [ACME, FORGE] {
        let impostor = writ(name);
        assert!(!call(&envoy, &impostor.join("acme/reader")), "an impostor of {name}");
    }
    // Each authority speaks for its own trust domain and for no other.
    let (signer, bundle) = authority(&acme, FORGE);
    acme.ok(&["federation", "trust", FORGE, "--for", "acme", "--bundle", &bundle]);
    let theirs = signer.certify(&acme, "spiffe://forge.example/billing", "billing");
    let forged = signer.certify(&acme, "spiffe://acme.example/acme/reader", "forged");
    wait("Envoy lets a machine of the new authority in", || call(&envoy, &theirs));
    assert!(!call(&envoy, &forged), "their authority speaks of our machine");
    // Another listener lets in machines of the other trust domain and no others.
    let only = config.replace("name: ALL", &format!("name: \"spiffe://{FORGE}\""));
    let gate = Envoy::run(&acme, &only, acme.data().join("bundle.pem"));
    wait("Envoy lets the other trust domain's machine in there", || call(&gate, &theirs));
    assert!(!call(&gate, &own), "it is of our trust domain");
    assert!(!call(&gate, &forged), "their authority speaks of our machine");
    acme.ok(&["federation", "end", FORGE, "--reason", "over"]);
    wait("Envoy lets it in no more", || !call(&envoy, &theirs) && !call(&gate, &theirs));
    assert!(call(&envoy, &own));
    // One that starts only now is told to let nobody in.
    let late = Envoy::run(&acme, &only, acme.data().join("bundle.pem"));
    assert!(!call(&late, &theirs));
    acme.ok(&["federation", "trust", FORGE, "--for", "acme", "--bundle", &bundle]);
    wait("all let it in again", || [&envoy, &gate, &late].into_iter().all(|one| call(one, &theirs)));
    acme.assert_verifies();
}

/// An authority of a trust domain that a test makes.
struct Signer {
    key: KeyPair,
    params: CertificateParams,
}

/// Such an authority, and the file with its bundle.
fn authority(writ: &Writ, trust_domain: &str) -> (Signer, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.subject_alt_names =
        vec![SanType::URI(format!("spiffe://{trust_domain}").as_str().try_into().unwrap())];
    let root = STANDARD.encode(params.self_signed(&key).unwrap().der());
    let bundle = json!({ "keys": [{ "kty": "EC", "use": "x509-svid", "x5c": [root] }] });
    let file = writ.path("made.json");
    std::fs::write(&file, bundle.to_string()).unwrap();
    (Signer { key, params }, file.display().to_string())
}

impl Signer {
    /// A certificate for a SPIFFE ID, in a folder of its own.
    fn certify(&self, writ: &Writ, id: &str, folder: &str) -> PathBuf {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let issuer = rcgen::Issuer::from_params(&self.params, &self.key);
        let leaf = params.signed_by(&key, &issuer).unwrap();
        let folder = writ.path(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("cert.pem"), leaf.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        folder
    }
}

/// Anybody may ask, over TLS 1.2 too, and gets the bundle and nothing else.
#[test]
fn the_bundle_endpoint_answers_whoever_asks() {
    let mut acme = writ(ACME);
    let url = endpoint(&acme);
    // Who is asked is told by the SPIFFE ID: there is no host name in its certificate.
    let ask = |path: &str, arguments: &[&str]| {
        let url = format!("{url}{path}");
        let fixed = ["--insecure", "--write-out", "\n%{http_code} %{content_type}"];
        let output = plain_curl(&[&fixed[..], arguments, &[&url]].concat());
        text(&output.stdout)
    };
    let told = ask("", &["--tlsv1.2", "--tls-max", "1.2"]);
    let (document, status) = told.rsplit_once('\n').unwrap();
    assert_eq!(status, "200 application/json");
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document, serde_json::from_str::<Value>(&acme.ok(&["federation", "bundle"])).unwrap());
    let uses: Vec<&str> =
        document["keys"].as_array().unwrap().iter().map(|key| key["use"].as_str().unwrap()).collect();
    assert_eq!(uses, ["x509-svid", "jwt-svid"]);
    assert!(document["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none()));
    assert!(ask("", &["--head"]).ends_with("200 application/json"));
    assert!(ask("other", &[]).contains("404"));
    assert!(ask("", &["--data", "x"]).contains("405"));

    // With a certificate of the web, as another host names it.
    acme.stop();
    let key = KeyPair::generate().unwrap();
    let web =
        CertificateParams::new(vec!["bundle.acme.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (certificate, key_file) = (acme.path("web.pem"), acme.path("web.key"));
    std::fs::write(&certificate, web.pem()).unwrap();
    std::fs::write(&key_file, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let (shown, with) = (certificate.display().to_string(), key_file.display().to_string());
    let files = ["--bundle-certificate", &shown, "--bundle-key", &with];
    let start = ["up", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--bundle-endpoint", "127.0.0.1:0"];
    let wrong = acme.fails(&[&start[..], &files].concat(), 1);
    assert!(wrong.contains("web.pem") && wrong.contains("web.key"), "{wrong}");
    acme.tell(&files);
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    acme.up();
    let address = acme.address()["bundle_endpoint"].as_str().unwrap().to_owned();
    let port = address.rsplit(':').next().unwrap();
    let resolve = format!("bundle.acme.example:{port}:127.0.0.1");
    let at = format!("https://bundle.acme.example:{port}/");
    let seen = plain_curl(&["--resolve", &resolve, "--cacert", certificate.to_str().unwrap(), &at]);
    assert!(text(&seen.stdout).contains("x509-svid"), "{}", text(&seen.stderr));
    acme.assert_verifies();
}
