//! The Workload API as software sees it that nobody here wrote.

use crate::envoy::{Envoy, plain_curl};
use crate::harness::{Writ, text, wait};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A Python workload against a running Writ.
fn workload(writ: &Writ, script: &str) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = here.join("../../target/python");
    assert!(packages.join("spiffe").is_dir(), "run `cargo xtask test`, which installs the package `spiffe`");
    let mut command = Command::new("python3");
    command
        .arg(here.join("tests/it").join(script))
        .arg(writ.data().join("workload-api.sock"))
        .env("PYTHONPATH", packages);
    command
}

fn python(writ: &Writ) -> Output {
    workload(writ, "workload.py").arg("payments").output().unwrap()
}

/// A workload that stays and tells what its stream brings.
pub(crate) struct Staying {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Staying {
    pub(crate) fn start(writ: &Writ) -> Self {
        let mut process = workload(writ, "workload_stream.py")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    pub(crate) fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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

    writ.fails(&["identity", "recognize", "acme/reader"], 2);
    writ.ok(&["identity", "recognize", "acme/reader", "--none"]);
    let revoked = text(&python(&writ).stderr);
    assert!(revoked.contains("no identity issued: `acme/writer` is revoked"), "{revoked}");
    writ.assert_verifies();
}

fn recognised(writ: &Writ) {
    writ.machine("acme/reader", "bot");
    recognised_as(writ, "acme/reader");
}

/// Every Python program of this user is the machine.
pub(crate) fn recognised_as(writ: &Writ, machine: &str) {
    let rule = format!("uid:{},path:{}", uid(), interpreter());
    writ.ok(&["identity", "recognize", machine, "--rule", &rule]);
}

#[test]
fn a_stream_brings_stricter_terms_and_ends_with_the_right() {
    let mut writ = Writ::start();
    recognised(&writ);
    let mut staying = Staying::start(&writ);
    let first = staying.next();
    assert_eq!(first["life"], 3_600, "{first}");
    // Another stream of the same process image shares the certificate.
    let mut second = Staying::start(&writ);
    assert_eq!(second.next()["serial"], first["serial"]);
    // A contract in force asks for shorter lives: open streams get a certificate that fits.
    let strict = crate::curl::CONTRACT.replace(
        "## Prohibitions",
        "```clause\nkind = \"credential\"\nmax-ttl = \"5 minutes\"\n```\n\n## Prohibitions",
    );
    writ.service(&crate::curl::service(9));
    writ.contract("files", &strict);
    for stream in [&mut staying, &mut second] {
        let stricter = stream.next();
        assert_eq!(stricter["life"], 300, "{stricter}");
        assert_ne!(stricter["serial"], first["serial"]);
    }
    writ.ok(&["identity", "kill", "acme/reader", "--reason", "stolen"]);
    for stream in [&mut staying, &mut second] {
        let end = stream.next();
        assert!(end["error"].as_str().unwrap().contains("PERMISSION_DENIED"), "{end}");
    }
    // Nothing is issued any more, and every certificate that was is on record.
    assert!(!python(&writ).status.success());
    writ.assert_verifies();
}

/// A process that becomes another program keeps its socket, and loses what it was given through it.
#[test]
fn a_workload_that_becomes_another_program_loses_its_stream() {
    let mut writ = Writ::start();
    recognised(&writ);
    let mut command = workload(&writ, "workload_exec.py");
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(process.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert_eq!(first, "certificate\n");
    // What comes from here on, the other program prints: the end of the stream, as a frame of headers that ends it.
    let ends = |bytes: &[u8]| {
        let mut rest = bytes;
        while let Some((head, after)) = rest.split_first_chunk::<9>() {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            if head[3] == 1 && head[4] & 1 == 1 && head[5..] == [0, 0, 0, 1] {
                return true;
            }
            let Some(after) = after.get(length..) else { return false };
            rest = after;
        }
        false
    };
    let (mut seen, mut piece) = (Vec::new(), [0; 4_096]);
    while !ends(&seen) {
        let count = out.read(&mut piece).unwrap();
        assert!(count > 0, "the connection ended without a word");
        seen.extend(&piece[..count]);
    }
    process.kill().unwrap();
    process.wait().unwrap();
    writ.assert_verifies();
}

#[test]
fn a_killed_certificate_is_replaced_and_a_killed_instance_gets_nothing() {
    let mut writ = Writ::start();
    recognised(&writ);
    let mut staying = Staying::start(&writ);
    let serial = |state: &Value| state["serial"].as_str().unwrap().to_owned();
    let first = serial(&staying.next());
    let pid = format!("pid:{}", staying.process.id());
    let why = writ.ok(&["why", &pid]);
    assert!(
        why.starts_with(&format!("process {} gets credentials of `acme/reader`\n", staying.process.id())),
        "{why}"
    );
    for said in ["fits", "its owner `build-lead` accepted on", "live for 1 hour; no clause asks for less"] {
        assert!(why.contains(said), "{said}: {why}");
    }
    let nobody = writ.ok(&["why", &format!("pid:{}", std::process::id())]);
    assert!(
        nobody.contains("gets nothing: it is no machine") && nobody.contains("NO  no identity issued"),
        "{nobody}"
    );
    let certificate = writ.ok(&["why", &first]);
    assert!(certificate.contains("counts") && certificate.contains("recognised by process"), "{certificate}");
    writ.ok(&["kill", "certificate", &first, "--reason", "copied"]);
    let second = serial(&staying.next());
    assert_ne!(first, second, "the machine itself goes on");
    writ.ok(&["kill", "instance", &second, "--reason", "taken over"]);
    let end = staying.next();
    assert!(end["error"].as_str().unwrap().contains("PERMISSION_DENIED"), "{end}");
    // The same program under the same user is the same instance, until somebody readmits it.
    let refused = text(&python(&writ).stderr);
    assert!(refused.contains("this program of this user was stopped as"), "{refused}");
    let certificate = writ.ok(&["why", &first]);
    assert!(
        certificate.contains("does not count") && certificate.contains("NO  it was revoked: copied"),
        "{certificate}"
    );
    let machine = writ.ok(&["why", "spiffe://writ.localhost/acme/reader"]);
    assert!(machine.contains("1 of its instances were stopped"), "{machine}");
    // Saying again what the machine is, as setup scripts do, brings back nothing that was stopped.
    let rule = format!("uid:{},path:{}", uid(), interpreter());
    writ.ok(&["identity", "recognize", "acme/reader", "--rule", &rule]);
    assert!(!python(&writ).status.success());
    writ.ok(&["identity", "readmit", "acme/reader", "--reason", "looked into"]);
    assert!(python(&writ).status.success());
    let nobody = writ.fails(&["identity", "readmit", "acme/reader", "--reason", "again"], 1);
    assert!(nobody.contains("no instance of it is stopped"), "{nobody}");
    // What a machine that ended stopped can be let back in, as another.
    let mut staying = Staying::start(&writ);
    let third = serial(&staying.next());
    writ.ok(&["kill", "instance", &third, "--reason", "again"]);
    writ.ok(&["identity", "kill", "acme/reader", "--reason", "replaced"]);
    writ.machine("acme/next", "bot");
    writ.ok(&["identity", "recognize", "acme/next", "--rule", &rule]);
    let refused = text(&python(&writ).stderr);
    assert!(refused.contains("`acme/next` gets nothing: this program"), "{refused}");
    assert!(refused.contains("writ identity readmit acme/reader"), "{refused}");
    writ.ok(&["identity", "readmit", "acme/reader", "--reason", "looked into"]);
    assert!(python(&writ).status.success());
    writ.assert_verifies();
}

#[test]
fn calls_that_break_the_specification_get_its_codes() {
    let mut writ = Writ::start();
    recognised(&writ);
    let output = workload(&writ, "workload_raw.py").output().unwrap();
    let got: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    for (call, code, words) in [
        ("no_header", "INVALID_ARGUMENT", "is missing"),
        ("two_headers", "INVALID_ARGUMENT", "twice"),
        ("other_value", "INVALID_ARGUMENT", "is missing"),
        ("no_audience", "INVALID_ARGUMENT", "audiences"),
        ("malformed_id", "INVALID_ARGUMENT", "not a SPIFFE ID"),
        ("foreign_id", "PERMISSION_DENIED", "no identity issued"),
        ("wit", "UNIMPLEMENTED", ""),
        ("no_token", "INVALID_ARGUMENT", "token"),
    ] {
        assert_eq!(got[call]["code"], code, "{call}: {}", got[call]);
        assert!(got[call]["details"].as_str().unwrap().contains(words), "{call}: {}", got[call]);
    }
    // Four thousand refusals and stale words: the version of before, then the next, said once each.
    assert_eq!(got["storm"]["ok"], serde_json::json!(["0a0131", "0a0132"]), "{}", got["storm"]);
    assert_eq!(writ.log().matches("Envoy did not accept a secret").count(), 1);
    assert_eq!(got["health"]["ok"], "0801", "serving");
    assert!(got["reflection"]["ok"].as_str().unwrap().contains("SpiffeWorkloadAPI"), "{got}");
    writ.assert_verifies();
}

/// The serial number and the URI of the certificate a server shows, when its chain leads to the bundle.
fn shown(writ: &Writ, envoy: &Envoy, credential: &Path) -> Option<(String, String)> {
    let file = |path: &Path| path.display().to_string();
    let handshake = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", envoy.port),
            "-verify_return_error",
            "-CAfile",
        ])
        .args([file(&writ.data().join("bundle.pem")), "-cert".to_owned(), file(&credential.join("cert.pem"))])
        .args([
            "-cert_chain",
            &file(&credential.join("cert.pem")),
            "-key",
            &file(&credential.join("key.pem")),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if !handshake.status.success() {
        return None;
    }
    let leaf = writ.path("shown.pem");
    std::fs::write(&leaf, &handshake.stdout).unwrap();
    let read = Command::new("openssl")
        .args(["x509", "-noout", "-serial", "-ext", "subjectAltName", "-in", &file(&leaf)])
        .output()
        .unwrap();
    let read = text(&read.stdout);
    let serial = read.lines().find_map(|line| line.strip_prefix("serial="))?.to_owned();
    let uri = read.lines().find_map(|line| line.trim().strip_prefix("URI:"))?.to_owned();
    Some((serial, uri))
}

#[test]
fn envoy_gets_its_certificate_rotates_and_loses_it() {
    let mut writ = Writ::start();
    for name in ["acme/edge", "acme/reader"] {
        writ.machine(name, "microservice");
    }
    let credential = writ.join("acme/reader");
    writ.ok(&[
        "identity",
        "recognize",
        "acme/edge",
        "--rule",
        &format!("path:{}", Envoy::binary().display()),
    ]);
    let socket = writ.data().join("workload-api.sock");
    let config =
        include_str!("../../../../examples/envoy-sds.yaml").replace("@SOCKET@", socket.to_str().unwrap());
    let envoy = Envoy::run(&writ, &config, writ.data().join("bundle.pem"));
    let url = format!("https://127.0.0.1:{}/", envoy.port);
    let file = |name: &str| credential.join(name).display().to_string();
    let call = |own: bool| {
        // The chain is checked by openssl below: there is no host name in an X.509-SVID.
        let mut arguments = vec!["--insecure".to_owned(), url.clone()];
        if own {
            arguments.extend(["--cert".to_owned(), file("cert.pem"), "--key".to_owned(), file("key.pem")]);
        }
        plain_curl(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    wait("Envoy has its certificate", || text(&call(true).stdout) == "hello\n");
    assert!(!call(false).status.success(), "a client without a certificate");
    let first = shown(&writ, &envoy, &credential).expect("a certificate of the trust domain");
    assert_eq!(first.1, "spiffe://writ.localhost/acme/edge");

    // Stricter terms: another certificate, and no request lost meanwhile.
    let strict = crate::curl::CONTRACT.replace(r#"machines = ["reader"]"#, r#"machines = ["edge"]"#).replace(
        "## Prohibitions",
        "```clause\nkind = \"credential\"\nmax-ttl = \"5 minutes\"\n```\n\n## Prohibitions",
    );
    writ.service(&crate::curl::service(9));
    writ.contract("files", &strict);
    wait("Envoy shows another certificate", || {
        assert_eq!(text(&call(true).stdout), "hello\n", "a request was dropped");
        shown(&writ, &envoy, &credential).is_some_and(|now| now.0 != first.0 && now.1 == first.1)
    });

    // Killed: what Envoy shows from then on nobody accepts.
    writ.ok(&["identity", "kill", "acme/edge", "--reason", "stolen"]);
    wait("nobody accepts Envoy's certificate", || shown(&writ, &envoy, &credential).is_none());
    writ.assert_verifies();
}
