//! `curl` over HTTP/1.1 and HTTP/2, with the client certificate as PEM files.

use crate::harness::{Writ, text};
use crate::nginx::Nginx;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

pub(crate) const CONTRACT: &str = r#"+++
instrument = "contract"
name = "files"
version = 1
title = "File Access Agreement"

[provider]
party = "forge"
legal-name = "Forge Hosting GmbH"
service = "files"

[consumer]
party = "acme"
legal-name = "Acme Software Ltd"
machines = ["reader"]
+++

# File Access Agreement

## Permissions

```clause
kind = "permit"
actions = ["read"]
resources = ["public"]
recording = "within 500 ms"
```

## Prohibitions

```clause
kind = "prohibit"
actions = ["read"]
resources = ["private"]
```
"#;

pub(crate) fn service(port: u16) -> String {
    format!(
        r#"name = "files"
party = "forge"
owner = "repo-lead"
host = "files.localhost"
upstream = "http://127.0.0.1:{port}"
[[resources]]
name = "public"
operations = [{{ action = "read", methods = ["GET", "HEAD"], path = "/public/**" }}]
[[resources]]
name = "private"
operations = [{{ action = "read", methods = ["GET", "HEAD"], path = "/private/**" }}]
"#
    )
}

/// A reader with a certificate, and nginx with two files.
pub(crate) fn world() -> (Writ, Nginx, std::path::PathBuf) {
    let writ = Writ::start();
    let files = writ.path("files");
    for folder in ["public", "private"] {
        std::fs::create_dir_all(files.join(folder)).unwrap();
        std::fs::write(files.join(folder).join("a.txt"), format!("{folder} words\n")).unwrap();
    }
    let folder = writ.path("nginx");
    std::fs::create_dir_all(&folder).unwrap();
    let nginx = Nginx::files(&folder, &files);
    writ.machine("acme/reader", "bot");
    writ.service(&service(nginx.port));
    writ.contract("files", CONTRACT);
    let credential = writ.join("acme/reader");
    (writ, nginx, credential)
}

pub(crate) fn curl(writ: &Writ, credential: &Path, path: &str, more: &[&str]) -> Output {
    let port = writ.gateway_port();
    let file = |name: &str| credential.join(name).display().to_string();
    Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--path-as-is"])
        .args(["--resolve", &format!("files.localhost:{port}:127.0.0.1")])
        .args(["--cert", &file("cert.pem"), "--key", &file("key.pem"), "--cacert", &file("bundle.pem")])
        .args(more)
        .arg(format!("https://files.localhost:{port}{path}"))
        .output()
        .unwrap()
}

#[test]
fn both_versions_of_http_get_the_same_answers() {
    let (mut writ, _nginx, credential) = world();
    for (version, number) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let permitted =
            curl(&writ, &credential, "/public/a.txt", &[version, "--write-out", "%{http_version}"]);
        assert_eq!(text(&permitted.stdout), format!("public words\n{number}"), "{}", text(&permitted.stderr));

        let refused = curl(&writ, &credential, "/private/a.txt", &[version]);
        let problem: Value = serde_json::from_slice(&refused.stdout).unwrap();
        assert_eq!(problem["status"], 403);
        assert_eq!(problem["reason"], "clause-forbids");
        assert_eq!(problem["clause"]["number"], "2.1");
        assert_eq!(
            problem["clause"]["sentence"],
            "The Consumer's machine `reader` shall not **read** `private`."
        );

        let unknown = curl(&writ, &credential, "/elsewhere", &[version]);
        let problem: Value = serde_json::from_slice(&unknown.stdout).unwrap();
        assert_eq!(problem["reason"], "no-such-operation");
    }
    writ.assert_verifies();
}

#[test]
fn without_a_certificate_nobody_gets_in() {
    let (writ, _nginx, credential) = world();
    let port = writ.gateway_port();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--cacert"])
        .arg(credential.join("bundle.pem"))
        .args(["--resolve", &format!("files.localhost:{port}:127.0.0.1")])
        .arg(format!("https://files.localhost:{port}/public/a.txt"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_revoked_certificate_is_refused_and_so_is_a_used_token() {
    let (writ, _nginx, credential) = world();
    let before = curl(&writ, &credential, "/public/a.txt", &[]);
    assert_eq!(text(&before.stdout), "public words\n");
    let serial = Command::new("openssl")
        .args(["x509", "-noout", "-serial", "-in"])
        .arg(credential.join("cert.pem"))
        .output()
        .unwrap();
    let serial = text(&serial.stdout).trim().trim_start_matches("serial=").to_lowercase();
    writ.ok(&["credential", "revoke", &serial, "--reason", "the disk was lost"]);
    let after = curl(&writ, &credential, "/public/a.txt", &[]);
    let problem: Value = serde_json::from_slice(&after.stdout).unwrap();
    assert_eq!(problem["reason"], "credential-not-good");
    assert!(problem["detail"].as_str().unwrap().contains("was revoked: the disk was lost"), "{problem}");
}
