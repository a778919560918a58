//! The Workload API as software sees it that nobody here wrote.

use crate::harness::{Writ, text};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/workload.py");

/// Runs the Python workload against a running Writ.
fn python(writ: &Writ) -> Output {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python");
    assert!(packages.join("spiffe").is_dir(), "run `cargo xtask test`, which installs the package `spiffe`");
    Command::new("python3")
        .arg(SCRIPT)
        .arg(writ.data().join("workload-api.sock"))
        .arg("payments")
        .env("PYTHONPATH", packages)
        .output()
        .unwrap()
}

fn interpreter() -> String {
    let found = Command::new("python3")
        .args(["-c", "import os,sys; print(os.path.realpath(sys.executable))"])
        .output()
        .unwrap();
    text(&found.stdout).trim().to_owned()
}

fn uid() -> String {
    text(&Command::new("id").arg("-u").output().unwrap().stdout).trim().to_owned()
}

#[test]
fn python_gets_certificates_tokens_and_bundles() {
    let mut writ = Writ::start();
    writ.machine("acme/reader", "bot");
    let nobody = python(&writ);
    assert!(!nobody.status.success());
    assert!(text(&nobody.stderr).contains("no identity issued"), "{}", text(&nobody.stderr));
    let rule = format!("uid:{},path:{}", uid(), interpreter());
    writ.ok(&["identity", "recognize", "acme/reader", "--rule", &rule, "--hint", "reading"]);
    let got = python(&writ);
    assert!(got.status.success(), "{}\n{}", text(&got.stderr), writ.log());
    let got: Value = serde_json::from_slice(&got.stdout).unwrap();
    let reader = "spiffe://writ.localhost/acme/reader";
    for key in ["x509", "default", "jwt", "valid"] {
        assert_eq!(got[key], reader, "{key} of {got}");
    }
    assert_eq!((&got["chain"], &got["roots"], &got["keys"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!(got["audience"], serde_json::json!(["payments"]));
    assert!(got["refused"].as_str().unwrap().contains("not for the audience"), "{got}");

    // A rule that nearly fits says where it differs.
    writ.ok(&["identity", "recognize", "acme/reader", "--rule", &format!("uid:{},path:/bin/false", uid())]);
    let nearest = text(&python(&writ).stderr);
    assert!(nearest.contains("asks for path:/bin/false where the process has path:"), "{nearest}");
    writ.ok(&["identity", "recognize", "acme/reader", "--rule", &rule, "--hint", "reading"]);

    // The same process under another machine's rule of the same priority: nobody chooses by chance.
    writ.machine("acme/writer", "bot");
    writ.ok(&["identity", "recognize", "acme/writer", "--rule", &format!("uid:{}", uid())]);
    let ambiguous = text(&python(&writ).stderr);
    assert!(ambiguous.contains("`acme/reader` and `acme/writer` fit equally well"), "{ambiguous}");
    let rule = format!("path:{}", interpreter());
    writ.ok(&["identity", "recognize", "acme/writer", "--rule", &rule, "--priority", "5"]);
    let first: Value = serde_json::from_slice(&python(&writ).stdout).unwrap();
    assert_eq!(first["default"], "spiffe://writ.localhost/acme/writer", "the higher priority is the default");
    writ.ok(&["identity", "kill", "acme/writer", "--reason", "stolen"]);
    let left: Value = serde_json::from_slice(&python(&writ).stdout).unwrap();
    assert_eq!(left["default"], reader);

    writ.ok(&["identity", "recognize", "acme/reader"]);
    let revoked = text(&python(&writ).stderr);
    assert!(revoked.contains("no identity issued: `acme/writer` is revoked"), "{revoked}");
    writ.assert_verifies();
}
