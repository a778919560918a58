//! What is otherwise than the folder says is told: machines stopped elsewhere, people and services the folder does not
//! name, instruments ended or suspended by hand; and what a wrong folder may not end.

use crate::estate::{edit, folder, verbs};
use crate::harness::Writ;
use serde_json::Value;
use std::path::{Path, PathBuf};

const SAYS: &str = "the registry is what the folder says";

/// An estate that was applied, accepted and signed.
fn estate() -> (Writ, PathBuf) {
    let writ = Writ::start_empty();
    let folder = folder(&writ);
    edit(&folder, "files.writ.md", "## Prohibitions\n", SUSPENSION);
    writ.ok(&["fmt", folder.join("files.writ.md").to_str().unwrap()]);
    writ.ok(&["apply", folder.to_str().unwrap()]);
    for (office, name) in [("owner", "build-lead"), ("deputy", "platform-lead")] {
        writ.ok(&["identity", "accept", "acme/reader", "--office", office, "--key", &key(&folder, name)]);
    }
    writ.ok(&["identity", "activate", "acme/reader"]);
    sign(&writ, &folder);
    assert!(plan(&writ, &folder).starts_with(SAYS));
    (writ, folder)
}

const SUSPENSION: &str = "## Suspension

```clause
kind = \"suspension\"
holders = [\"provider\"]
grounds = [\"incident\"]
```

## Prohibitions
";

fn key(folder: &Path, name: &str) -> String {
    folder.join("keys").join(name).display().to_string()
}

fn sign(writ: &Writ, folder: &Path) {
    for (person, name) in [("forge/repo-lead", "repo-lead"), ("acme/build-lead", "build-lead")] {
        writ.ok(&["sign", "files", "--as", person, "--key", &key(folder, name)]);
    }
}

fn plan(writ: &Writ, folder: &Path) -> String {
    writ.ok(&["plan", folder.to_str().unwrap()])
}

/// The lines of a plan in JSON, and the detail of the first.
fn lines(writ: &Writ, folder: &Path) -> (Vec<String>, String) {
    let plan = writ.json(&["plan", folder.to_str().unwrap()]);
    let detail = plan["changes"][0]["detail"].as_str().unwrap_or_default().to_owned();
    (verbs(&plan), detail)
}

#[test]
fn machines_that_were_stopped_are_told() {
    let (mut writ, folder) = estate();
    writ.ok(&["identity", "suspend", "acme/reader", "--reason", "odd calls"]);
    let (changes, detail) = lines(&writ, &folder);
    assert_eq!(changes, ["drift identity acme/reader"]);
    assert_eq!(detail, "is suspended: `writ identity resume acme/reader`");
    writ.ok(&["identity", "resume", "acme/reader"]);
    assert!(plan(&writ, &folder).starts_with(SAYS));
    writ.ok(&["identity", "kill", "acme/reader", "--reason", "taken over"]);
    let (changes, detail) = lines(&writ, &folder);
    assert_eq!(changes, ["drift identity acme/reader"]);
    assert!(detail.starts_with("was killed, which is final: take its row out, or"), "{detail}");
    let applied = writ.ok(&["apply", folder.to_str().unwrap()]);
    assert!(applied.contains("nothing to apply") && applied.contains("1 difference(s) stay"), "{applied}");
    assert!(!applied.contains(SAYS), "{applied}");
    writ.assert_verifies();
}

#[test]
fn people_services_and_authorities_the_folder_does_not_name_are_told() {
    let (mut writ, folder) = estate();
    let other = folder.join("keys/other");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&other)
        .status();
    assert!(made.unwrap().success());
    let public = other.with_extension("pub");
    writ.ok(&["person", "add", "acme/newcomer", "--key", public.to_str().unwrap()]);
    writ.ok(&["person", "authorize", "acme/platform-lead", "--for", "contract,guardrail"]);
    writ.service(
        "name = \"second\"\nparty = \"forge\"\nowner = \"repo-lead\"\nhost = \"second.localhost\"\nupstream = \"http://127.0.0.1:9\"\n\
         [[resources]]\nname = \"a\"\noperations = [{ action = \"read\", methods = [\"GET\"], path = \"/**\" }]\n",
    );
    let (mut changes, _) = lines(&writ, &folder);
    changes.sort();
    let told = ["drift authority acme/platform-lead", "drift person acme/newcomer", "drift service second"];
    assert_eq!(changes, told);
    // An authority can be written down; then it is part of what the folder says.
    let row = "[[authority]]\nparty = \"acme\"\nperson = \"platform-lead\"\nkinds = [\"contract\", \"guardrail\"]\n[[party]]\nname = \"acme\"";
    edit(&folder, "estate.toml", "[[party]]\nname = \"acme\"", row);
    let (mut changes, _) = lines(&writ, &folder);
    changes.sort();
    assert_eq!(changes, told[1..]);
    // And changed and granted by it.
    edit(&folder, "estate.toml", "\"guardrail\"]", "\"guardrail\", \"charter\"]");
    let (changes, detail) = lines(&writ, &folder);
    assert_eq!(
        (changes[0].as_str(), detail.as_str()),
        ("change authority acme/platform-lead", "may sign: contract, guardrail, charter")
    );
    writ.ok(&["apply", folder.to_str().unwrap()]);
    assert_eq!(lines(&writ, &folder).0.len(), 2);
    // Who left and is still named.
    writ.ok(&["person", "leave", "acme/platform-lead", "--grace", "7 days"]);
    let plan = writ.json(&["plan", folder.to_str().unwrap()]);
    assert!(verbs(&plan).contains(&"drift person acme/platform-lead".to_owned()), "{plan}");
    writ.assert_verifies();
}

#[test]
fn an_instrument_suspended_or_ended_by_hand_is_told_and_blocks_nothing() {
    let (mut writ, folder) = estate();
    let lead = key(&folder, "repo-lead");
    let notice = |of: &str| {
        writ.ok(&[
            "notice",
            "files",
            "--of",
            of,
            "--ground",
            "incident",
            "--as",
            "forge/repo-lead",
            "--key",
            &lead,
        ]);
    };
    notice("suspension");
    let (changes, detail) = lines(&writ, &folder);
    assert_eq!(changes, ["drift instrument files@1"]);
    assert!(detail.starts_with("is suspended"), "{detail}");
    notice("resumption");
    assert!(plan(&writ, &folder).starts_with(SAYS));
    writ.ok(&["instrument", "end", "files", "--reason", "by hand"]);
    edit(&folder, "estate.toml", "jurisdiction = \"Ireland\"", "jurisdiction = \"Malta\"");
    let plan = writ.json(&["plan", folder.to_str().unwrap()]);
    assert_eq!(verbs(&plan), ["drift party acme", "drift instrument files@1"]);
    let detail = plan["changes"][1]["detail"].as_str().unwrap();
    assert!(detail.contains("was ended outside the folder") && detail.contains("`version = 2`"), "{detail}");
    // What it says helps.
    edit(&folder, "files.writ.md", "version = 1", "version = 2");
    writ.ok(&["fmt", folder.join("files.writ.md").to_str().unwrap()]);
    let plan = writ.json(&["plan", folder.to_str().unwrap()]);
    assert_eq!(verbs(&plan), ["drift party acme", "change instrument files@2"]);
    writ.ok(&["apply", folder.to_str().unwrap()]);
    sign(&writ, &folder);
    writ.assert_verifies();
}

#[test]
fn a_later_version_drafted_elsewhere_is_told() {
    let (writ, folder) = estate();
    let elsewhere = writ.path("files.writ.md");
    std::fs::copy(folder.join("files.writ.md"), &elsewhere).unwrap();
    edit(&writ.path("."), "files.writ.md", "version = 1", "version = 2");
    writ.ok(&["fmt", elsewhere.to_str().unwrap()]);
    writ.ok(&["instrument", "draft", elsewhere.to_str().unwrap()]);
    let (changes, detail) = lines(&writ, &folder);
    assert_eq!(changes, ["drift instrument files@1"]);
    assert!(detail.starts_with("version 2 is drafted in the registry and not in the folder"), "{detail}");
}

#[test]
fn a_small_estate_is_not_ended_by_a_wrong_folder_and_the_way_back_is_told() {
    let (mut writ, folder) = estate();
    let (estate, contract) = (folder.join("estate.toml"), folder.join("files.writ.md"));
    let (whole, document) = (std::fs::read_to_string(&estate).unwrap(), std::fs::read(&contract).unwrap());
    std::fs::remove_file(&contract).unwrap();
    std::fs::write(&estate, whole.split_once("[[identity]]").unwrap().0).unwrap();
    let path = folder.to_str().unwrap();
    let shown = writ.ok(&["plan", path]);
    assert!(
        shown.contains(
            "ends 2 of 2 that stand, for good; unasked at most 0 may end; this takes `--removals-max 2`"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("no longer permits `acme/reader` to **read**: `files/public` (clause 1.1)"),
        "{shown}"
    );
    let plan = writ.json(&["plan", path]);
    assert_eq!(
        (&plan["removals"], &plan["removals_max"], &plan["standing"]),
        (&Value::from(2), &Value::from(0), &Value::from(2))
    );
    let refused = writ.fails(&["apply", path], 1);
    assert!(
        refused.contains("would end 2 instruments or identities of 2 that stand, and at most 0"),
        "{refused}"
    );
    assert!(refused.contains("--removals-max 2"), "{refused}");
    assert_eq!(writ.json(&["instrument", "list"])[0]["status"], "in-force");
    // It was the wrong folder after all: the old one says what to do, line by line.
    writ.ok(&["apply", path, "--removals-max", "2"]);
    std::fs::write(&contract, document).unwrap();
    std::fs::write(&estate, whole).unwrap();
    let plan = writ.json(&["plan", path]);
    assert_eq!(verbs(&plan), ["drift identity acme/reader", "drift instrument files@1"]);
    let text = plan.to_string();
    assert!(
        text.contains("is retired, which is final") && text.contains("propose it under another name"),
        "{text}"
    );
    edit(&folder, "estate.toml", "name = \"reader\"", "name = \"reader-2\"");
    edit(&folder, "files.writ.md", "machines = [\"reader\"]", "machines = [\"reader-2\"]");
    edit(&folder, "files.writ.md", "version = 1", "version = 2");
    writ.ok(&["fmt", contract.to_str().unwrap()]);
    writ.ok(&["apply", path]);
    assert!(writ.ok(&["plan", path]).starts_with(SAYS));
    writ.assert_verifies();
}

#[test]
fn decisions_are_compared_with_the_version_in_force() {
    let (mut writ, folder) = estate();
    let (path, file) = (folder.to_str().unwrap(), folder.join("files.writ.md"));
    let amend = |from: u32, old: &str, new: &str| {
        edit(&folder, "files.writ.md", &format!("version = {from}"), &format!("version = {}", from + 1));
        edit(&folder, "files.writ.md", old, new);
        writ.ok(&["fmt", file.to_str().unwrap()]);
    };
    // Version 2 is drafted and never signed; version 3 is compared with version 1, not with it.
    amend(1, "kind = \"prohibit\"", "kind = \"permit\"");
    writ.ok(&["apply", path]);
    amend(2, "recording = \"within 500 ms\"", "recording = \"within 400 ms\"");
    let plan = writ.json(&["plan", path]);
    assert_eq!(verbs(&plan), ["change instrument files@3"]);
    let told = plan["decisions"][0][1].to_string();
    assert!(told.contains("gained: `acme/reader` asks to **read** `private`"), "{told}");
    // A suspended version is what the next one is compared with, and that is said.
    let lead = key(&folder, "repo-lead");
    writ.ok(&[
        "notice",
        "files@1",
        "--of",
        "suspension",
        "--ground",
        "incident",
        "--as",
        "forge/repo-lead",
        "--key",
        &lead,
    ]);
    let told = writ.json(&["plan", path])["decisions"][0][1].to_string();
    assert!(
        told.contains("compared with version 1, which is suspended") && told.contains("gained"),
        "{told}"
    );
    // A text that is gone is a reason, not silence.
    let digests = writ.data().join("objects/objects/documents");
    for file in std::fs::read_dir(&digests).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let plan = writ.json(&["plan", path]);
    assert_eq!(plan["decisions"], serde_json::json!([]));
    assert_eq!(plan["not_compared"][0]["name"], "files");
    let shown = writ.ok(&["plan", path]);
    assert!(
        shown.contains("not compared: 1 (files): the text of version 1 cannot be read: it is missing"),
        "{shown}"
    );
    writ.stop();
}

#[test]
fn what_is_new_is_told_in_sentences() {
    let writ = Writ::start_empty();
    let folder = folder(&writ);
    let shown = plan(&writ, &folder);
    assert!(
        shown.contains("once it is signed, permits `acme/reader` to **read**: `files/public` (clause 1.1)"),
        "{shown}"
    );
    assert!(shown.contains("8 step(s), "), "{shown}");
}
