//! What people meet on the command line: tables, JSON, exit codes, errors with what to do.

use crate::harness::{Writ, text};
use std::process::Command;

#[test]
fn exit_codes_and_errors() {
    let writ = Writ::start();
    // 1: refused, with what to do.
    let taken = writ.fails(&["party", "add", "acme", "--legal-name", "x", "--jurisdiction", "y"], 1);
    assert!(
        taken.contains("a party named `acme` exists") && taken.contains("help: choose another name"),
        "{taken}"
    );
    let name = writ.fails(&["party", "add", "Acme Ltd", "--legal-name", "x", "--jurisdiction", "y"], 1);
    assert!(name.contains("`Acme Ltd` is not a name"), "{name}");
    let nobody = writ.fails(&["identity", "show", "acme/nobody"], 1);
    assert!(nobody.contains("there is no identity `acme/nobody`"), "{nobody}");
    let kind = writ.fails(
        &[
            "identity",
            "propose",
            "acme/x",
            "--kind",
            "robot",
            "--purpose",
            "p",
            "--environment",
            "test",
            "--owner",
            "build-lead",
            "--deputy",
            "platform-lead",
            "--review",
            "2035-01-01",
        ],
        1,
    );
    assert!(kind.contains("one of: ai-agent"), "{kind}");
    // 2: the command line.
    writ.fails(&["identity", "kill", "acme/x"], 2);
    // 4: nobody there.
    let down =
        Command::new(env!("CARGO_BIN_EXE_writ")).args(["status", "--data", "/nonexistent"]).output().unwrap();
    assert_eq!(down.status.code(), Some(4));
    assert!(text(&down.stderr).contains("start Writ with `writ up`"));
}

#[test]
fn documents_are_shown_as_a_compiler_shows_them() {
    let writ = Writ::start();
    let file = writ.path("bad.writ.md");
    let example = include_str!("../../../../examples/quickstart/card-payments.writ.md");
    std::fs::write(&file, example.replacen("limit = 3", "limt = 3", 1)).unwrap();
    let shown = writ.fails(&["check", file.to_str().unwrap()], 5);
    for part in ["writ::unknown-key", "bad.writ.md:", "limt = 3", "did you mean `limit`?"] {
        assert!(shown.contains(part), "{part} in:\n{shown}");
    }
    std::fs::write(&file, example.replacen("shall not", "shall", 1)).unwrap();
    let edited = writ.fails(&["check", file.to_str().unwrap()], 5);
    assert!(edited.contains("changed by hand") && edited.contains("writ fmt"), "{edited}");
    assert!(writ.fails(&["fmt", "--check", file.to_str().unwrap()], 5).contains("1 finding"));
    writ.ok(&["fmt", file.to_str().unwrap()]);
    writ.ok(&["check", file.to_str().unwrap()]);
    // The registry knows more than the file: names that are not there.
    let unknown = writ.fails(&["contract", "draft", file.to_str().unwrap()], 5);
    assert!(unknown.contains("there is no party `north-bank`"), "{unknown}");
}

#[test]
fn people_answer_for_machines() {
    let writ = Writ::start();
    writ.propose("acme/robot", "bot");
    let early = writ.fails(&["identity", "activate", "acme/robot"], 1);
    assert!(early.contains("has no owner and no deputy who accepted by signature"), "{early}");
    let stranger = writ.key("forge/repo-lead");
    let wrong = writ.fails(
        &["identity", "accept", "acme/robot", "--office", "owner", "--key", stranger.to_str().unwrap()],
        1,
    );
    assert!(wrong.contains("but the person's key is"), "{wrong}");
    // Signed by hand, as `ssh-keygen -Y sign` does it, is the same thing.
    let statement = writ.ok(&["identity", "statement", "acme/robot", "--office", "owner"]);
    assert!(statement.contains("purpose: Builds and publishes the shop"), "{statement}");
    for (office, person) in [("owner", "acme/build-lead"), ("deputy", "acme/platform-lead")] {
        let key = writ.key(person);
        writ.ok(&["identity", "accept", "acme/robot", "--office", office, "--key", key.to_str().unwrap()]);
    }
    writ.ok(&["identity", "activate", "acme/robot"]);
    assert_eq!(writ.json(&["identity", "show", "acme/robot"])["state"], "active");
    // The owner leaves; without a grace the machine is suspended by itself.
    let left = writ.ok(&["person", "leave", "acme/build-lead", "--grace", "1 ms"]);
    assert!(left.contains("acme/robot is suspended at"), "{left}");
    crate::harness::wait("the reconciler suspends it", || {
        writ.json(&["identity", "show", "acme/robot"])["state"] == "suspended"
    });
    let same =
        writ.fails(&["identity", "hand-over", "acme/robot", "--office", "owner", "--to", "platform-lead"], 1);
    assert!(same.contains("owner and deputy would be the same person"), "{same}");
}

#[test]
fn tables_are_aligned_and_completions_complete() {
    let writ = Writ::start();
    let table = writ.ok(&["person", "list"]);
    let column = |line: &str, word: &str| line.find(word);
    let mut lines = table.lines();
    let header = lines.next().unwrap();
    let at = column(header, "STATE").unwrap();
    for line in lines {
        assert_eq!(column(line, "active"), Some(at), "{table}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(writ.ok(&["completions", shell]).contains("quickstart"), "{shell}");
    }
    let status = writ.ok(&["status"]);
    assert!(status.starts_with("ready\n"), "{status}");
}

/// The README's own block, line by line (with free ports and without the upstream).
#[test]
fn the_readme_works() {
    let readme = include_str!("../../../../README.md");
    let block = readme.split("```sh\nfor who in").nth(1).unwrap().split("```").next().unwrap();
    let (before, _) = block.split_once("python3 -m http.server").unwrap();
    let script = format!("set -e\nfor who in{before}\nwrit identity kill acme/bot --reason over\n");
    let writ = Writ::start_empty();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_writ")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let paths = std::iter::once(binary.to_owned()).chain(std::env::split_paths(&path));
    let folder = writ.path("");
    std::os::unix::fs::symlink(
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"),
        folder.join("examples"),
    )
    .unwrap();
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(&folder)
        .env("PATH", std::env::join_paths(paths).unwrap())
        .env("WRIT_DATA", writ.data())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(folder.join("bot/cert.pem").exists());
}

/// Who asks for JSON gets it for what went wrong as well.
#[test]
fn errors_are_json_when_json_is_asked_for() {
    let writ = Writ::start_empty();
    let refused = writ.run(&["--json", "identity", "kill", "acme/x", "--reason", "r"]);
    let said: serde_json::Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!(said["exit_code"], 1, "{said}");
    assert_eq!(said["problem"]["status"], 404, "{said}");
    assert!(said["error"].as_str().unwrap().contains("acme"), "{said}");
    let local = writ.run(&["--json", "kill", "certificate", "nowhere.pem", "--reason", "r"]);
    let said: serde_json::Value = serde_json::from_slice(&local.stderr).unwrap();
    assert!(said["error"].as_str().unwrap().contains("cannot read `nowhere.pem`"), "{said}");
    assert_eq!(said["because"].as_array().unwrap().len(), 1, "{said}");
}
