//! Nothing unlogged works: certificates show by themselves that they are in the ledger, and the authority's own root
//! key is not enough to make one that does.

use crate::harness::{Writ, text};
use credential::issue::{CertifiedKey, IssuingKey, Terms};
use credential::logged::PROOF;
use credential::signer::MemoryKey;
use credential::{Signer as _, Svid, tbs};
use ledger::VerifierKey;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn calls(server: &Writ, folder: &Path, certificate: &Path) -> String {
    let port = server.gateway_port();
    let out = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "10", "--cacert"])
        .arg(server.data().join("bundle.pem"))
        .arg("--cert")
        .arg(certificate)
        .arg("--key")
        .arg(folder.join("key.pem"))
        .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
        .arg(format!("https://localhost:{port}/a"))
        .output()
        .unwrap();
    format!("{}{}", text(&out.stdout), text(&out.stderr))
}

#[test]
fn a_certificate_shows_that_it_is_in_the_ledger_and_a_forged_one_cannot() {
    let server = Writ::start();
    server.machine("acme/bot", "bot");
    let folder = server.join("acme/bot");
    let certificate = folder.join("cert.pem");
    let key = std::fs::read_to_string(server.data().join("ledger/control.vkey")).unwrap();
    let key = key.trim();

    // By its own and the key alone: no data directory, no server.
    let elsewhere = server.path("nothing");
    let check = |file: &Path, key: &str| {
        let out = Command::new(env!("CARGO_BIN_EXE_writ"))
            .args([
                "--data",
                elsewhere.to_str().unwrap(),
                "verify",
                file.to_str().unwrap(),
                "--key",
                key,
                "--json",
            ])
            .output()
            .unwrap();
        (out.status.success(), serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap())
    };
    let (verified, shown) = check(&certificate, key);
    assert!(verified, "{shown}");
    assert!(shown["spiffe_id"].as_str().unwrap().ends_with("/acme/bot"), "{shown}");
    let real = CertificateDer::from_pem_file(&certificate).unwrap();
    let logged = credential::logged::verify(&real, &VerifierKey::parse(key).unwrap()).unwrap();
    assert_eq!(shown["entry"], logged.index);
    let other = ledger::NoteSigner::from_seed("example.org/writ/control", &[3; 32]).unwrap().verifier();
    let (verified, shown) = check(&certificate, &other.to_string());
    assert!(!verified && shown["finding"].as_str().unwrap().contains("checkpoint"), "{shown}");

    // Somebody has the root key itself, and what is known of the machine.
    let root = crate::harness::key_at_rest(&server.data(), "root.pem");
    let root = std::str::from_utf8(&root).unwrap();
    let (root_certificate, root_key) = root.split_at(root.find("-----BEGIN PRIVATE").unwrap());
    let signer = Arc::new(MemoryKey::new(KeyPair::from_pem(root_key).unwrap()).unwrap());
    let authority = IssuingKey::of_certificate(signer.clone(), root_certificate).unwrap();
    let pair = KeyPair::from_pem(&std::fs::read_to_string(folder.join("key.pem")).unwrap()).unwrap();
    let svid = Svid::parse(&real).unwrap();
    let longer = Terms {
        serial: svid.serial,
        not_before_ms: svid.not_after_ms - 3_600_000,
        not_after_ms: svid.not_after_ms + 30 * 86_400_000,
    };
    let certified = CertifiedKey::held(&pair.subject_public_key_info()).unwrap();
    let draft = certified.draft(&svid.id, longer, &[], &authority).unwrap().tbs().to_vec();
    let bare = tbs::without_extension(tbs::of_certificate(&real).unwrap(), PROOF).unwrap().unwrap();
    let borrowed = tbs::with_extension(&draft, PROOF, bare.value).unwrap();
    let forge = |tbs: &[u8], name: &str| {
        let der = tbs::certificate(tbs, &signer.sign(tbs).unwrap()).unwrap();
        let file = server.path(name);
        std::fs::write(&file, pem::encode(&pem::Pem::new("CERTIFICATE", der))).unwrap();
        file
    };
    assert!(!calls(&server, &folder, &certificate).contains("credential-not-good"), "the real one is good");
    for (file, why) in [
        (forge(&draft, "bare.pem"), "it carries no proof that its issuance is in the ledger"),
        (forge(&borrowed, "borrowed.pem"), "another content"),
    ] {
        let answer = calls(&server, &folder, &file);
        assert!(answer.contains("credential-not-good") && answer.contains(why), "{answer}");
        let (verified, shown) = check(&file, key);
        assert!(!verified && shown["finding"].as_str().unwrap().contains(why), "{shown}");
    }
}

/// One token, asked with many times at once: one certificate.
#[test]
fn a_join_token_is_spent_once_however_many_ask_at_once() {
    const AT_ONCE: usize = 16;
    let mut writ = Writ::start();
    writ.machine("acme/bot", "bot");
    for round in 0..4 {
        let token = writ.ok(&["token", "create", "acme/bot"]).trim().to_owned();
        let asking: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                Command::new(env!("CARGO_BIN_EXE_writ"))
                    .args(["issue", "--out", writ.path(&format!("out-{round}-{n}")).to_str().unwrap()])
                    .env("WRIT_DATA", writ.data())
                    .env("WRIT_TOKEN", &token)
                    .stdout(std::process::Stdio::null())
                    .stderr(std::process::Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let ended: Vec<_> = asking.into_iter().map(|one| one.wait_with_output().unwrap()).collect();
        assert_eq!(ended.iter().filter(|one| one.status.success()).count(), 1);
        for refused in ended.iter().filter(|one| !one.status.success()) {
            let said = text(&refused.stderr);
            assert!(said.contains("token"), "{said}");
        }
    }
    writ.assert_verifies();
}
