//! `git` over HTTPS through the gateway to `git http-backend`: neither knows of Writ.

use crate::harness::{Writ, peak_memory_kib, text, wait};
use crate::nginx::Nginx;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const CONTRACT: &str = r#"+++
instrument = "contract"
name = "source-code"
version = 1
title = "Source Code Hosting Agreement"

[provider]
party = "forge"
legal-name = "Forge Hosting GmbH"
service = "git"

[consumer]
party = "acme"
legal-name = "Acme Software Ltd"
machines = ["pipeline"]
+++

# Source Code Hosting Agreement

## Permissions

```clause
kind = "permit"
actions = ["fetch", "push"]
resources = ["app-repository"]
purposes = ["continuous delivery"]
```

```clause
kind = "permit"
actions = ["fetch"]
resources = ["other-repository"]
```

## Prohibitions

```clause
kind = "prohibit"
actions = ["push"]
resources = ["other-repository"]
```

## Credentials

```clause
kind = "credential"
max-ttl = "30 minutes"
```
"#;

fn service(port: u16) -> String {
    let resource = |name: &str| {
        format!(
            r#"
[[resources]]
name = "{name}-repository"
operations = [
  {{ action = "fetch", methods = ["GET"], path = "/{name}.git/info/refs", query = {{ service = "git-upload-pack" }} }},
  {{ action = "fetch", methods = ["POST"], path = "/{name}.git/git-upload-pack", changes = false }},
  {{ action = "push", methods = ["GET"], path = "/{name}.git/info/refs", query = {{ service = "git-receive-pack" }} }},
  {{ action = "push", methods = ["POST"], path = "/{name}.git/git-receive-pack" }},
]
"#
        )
    };
    format!(
        "name = \"git\"\nparty = \"forge\"\nowner = \"repo-lead\"\nhost = \"git.localhost\"\n\
         upstream = \"http://127.0.0.1:{port}\"\n{}{}",
        resource("app"),
        resource("other"),
    )
}

struct Git {
    port: u16,
    credential: std::path::PathBuf,
}

impl Git {
    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let setting = |key: &str, file: &str| format!("http.{key}={}", self.credential.join(file).display());
        let resolve = format!("http.curloptResolve=git.localhost:{}:127.0.0.1", self.port);
        let mut command = Command::new("git");
        // Whatever this machine tells git about certificates and proxies is not part of the test.
        for variable in
            ["GIT_SSL_CAINFO", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        {
            command.env_remove(variable);
        }
        command
            .current_dir(folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", folder);
        let settings = [
            setting("sslCert", "cert.pem"),
            setting("sslKey", "key.pem"),
            setting("sslCAInfo", "bundle.pem"),
            resolve,
            "user.name=pipeline".to_owned(),
            "user.email=pipeline@acme.example".to_owned(),
            "init.defaultBranch=main".to_owned(),
            "core.compression=0".to_owned(),
            "gc.auto=0".to_owned(),
        ];
        for setting in settings {
            command.args(["-c", &setting]);
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> Output {
        self.command(folder, arguments).output().unwrap()
    }

    fn ok(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.run(folder, arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn url(&self, repository: &str) -> String {
        format!("https://git.localhost:{}/{repository}.git", self.port)
    }
}

#[test]
fn a_pipeline_clones_pushes_where_it_may_and_is_stopped() {
    let mut writ = Writ::start();
    let root = writ.path("repositories");
    let nginx_folder = writ.path("nginx");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::create_dir_all(&nginx_folder).unwrap();
    let nginx = Nginx::git(&nginx_folder, &root);
    writ.machine("acme/pipeline", "ci-pipeline");
    writ.service(&service(nginx.port));
    writ.contract("source-code", CONTRACT);
    let git = Git { port: writ.gateway_port(), credential: writ.join("acme/pipeline") };
    for repository in ["app", "other"] {
        let bare = root.join(format!("{repository}.git"));
        git.ok(&root, &["init", "--quiet", "--bare", bare.to_str().unwrap()]);
        git.ok(&bare, &["config", "http.receivepack", "true"]);
    }
    let work = writ.path("work");
    std::fs::create_dir_all(&work).unwrap();

    // Clone (of nothing yet), commit, push, fetch back.
    git.ok(&work, &["clone", "--quiet", &git.url("app"), "app"]);
    let app = work.join("app");
    std::fs::write(app.join("README"), "hello\n").unwrap();
    git.ok(&app, &["add", "README"]);
    git.ok(&app, &["commit", "--quiet", "-m", "first"]);
    git.ok(&app, &["push", "--quiet", "origin", "HEAD:main"]);
    git.ok(&work, &["clone", "--quiet", "--branch", "main", &git.url("app"), "again"]);
    assert_eq!(std::fs::read_to_string(work.join("again/README")).unwrap(), "hello\n");
    let pushed = git.ok(&root.join("app.git"), &["rev-parse", "main"]);
    assert_eq!(pushed, git.ok(&app, &["rev-parse", "HEAD"]));

    // Pushing elsewhere is refused, with the clause, on git's own terminal.
    let refused = git.run(&app, &["push", &git.url("other"), "HEAD:main"]);
    assert!(!refused.status.success());
    let told = text(&refused.stderr);
    assert!(told.contains("clause 2.1 of Source Code Hosting Agreement"), "{told}");
    assert!(told.contains("shall not **push** `other-repository`"), "{told}");
    let refs = std::fs::read_dir(root.join("other.git/refs/heads")).unwrap().count();
    assert_eq!(refs, 0, "nothing arrived");

    // 200 MB go up; the gateway holds none of it.
    let before = peak_memory_kib(writ.pid());
    let random = std::fs::File::open("/dev/urandom").unwrap();
    let mut large = std::fs::File::create(app.join("large.bin")).unwrap();
    std::io::copy(&mut std::io::Read::take(random, 200 * 1024 * 1024), &mut large).unwrap();
    git.ok(&app, &["add", "large.bin"]);
    git.ok(&app, &["commit", "--quiet", "-m", "large"]);
    git.ok(&app, &["push", "--quiet", "origin", "HEAD:main"]);
    let growth = peak_memory_kib(writ.pid()).saturating_sub(before);
    assert!(growth < 32 * 1024, "200 MB passed and memory grew by {growth} KiB");
    assert_eq!(git.ok(&root.join("app.git"), &["rev-parse", "main"]), git.ok(&app, &["rev-parse", "HEAD"]));

    // Killed in the middle of a clone.
    let mut clone = git
        .command(&work, &["clone", "--quiet", "--branch", "main", &git.url("app"), "never"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pack = work.join("never/.git/objects/pack");
    let arrived = || -> u64 {
        let files = std::fs::read_dir(&pack).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
    };
    wait("a part of the pack has arrived", || arrived() > 1024 * 1024);
    assert!(clone.try_wait().unwrap().is_none(), "the clone is still under way");
    writ.ok(&["identity", "kill", "acme/pipeline", "--reason", "the pipeline was taken over"]);
    let ended = clone.wait_with_output().unwrap();
    assert!(!ended.status.success(), "a killed pipeline finished its clone");
    let again = git.run(&work, &["ls-remote", &git.url("app")]);
    assert!(text(&again.stderr).contains("is revoked"), "{}", text(&again.stderr));

    // All of it is on record: what ended how, and the refusal with its clause.
    let decisions = decisions(&writ);
    let outcome =
        |ending: &str| decisions.iter().filter(|d| d["kind"] == "outcome" && d["reason"] == ending).count();
    assert_eq!(outcome("cut"), 1, "{decisions:#?}");
    assert!(outcome("complete") >= 6);
    let up: u64 = decisions.iter().filter_map(|d| d["bytes"][0].as_u64()).max().unwrap();
    assert!(up > 200 * 1024 * 1024, "{up} bytes up are on record");
    let denied: Vec<&Value> = decisions.iter().filter(|d| d["kind"] == "denied").collect();
    assert_eq!(denied[0]["contract"], "source-code@1");
    assert_eq!(denied[0]["clauses"][0], "2.1");
    let why = writ.ok(&["why", &denied[0]["index"].to_string()]);
    assert!(why.contains("shall not **push** `other-repository`"), "{why}");
    writ.assert_verifies();
}

fn decisions(writ: &Writ) -> Vec<Value> {
    // The outcome of what was cut is written when its task has noticed.
    let read = || -> Vec<Value> {
        writ.ok(&["log", "--lines", "1000", "--json"])
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    wait("every permit has its outcome", || {
        let rows = read();
        let count = |kind: &str| rows.iter().filter(|row| row["kind"] == kind).count();
        count("permitted") == count("outcome")
    });
    read()
}
