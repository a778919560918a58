//! The estate as a folder of files: planned, applied as one entry or not at all, guarded against the wrong folder.

use crate::curl::CONTRACT;
use crate::harness::Writ;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// A folder with two parties, three people, a service, a machine and a contract.
pub(crate) fn folder(writ: &Writ) -> PathBuf {
    let folder = writ.path("estate");
    std::fs::create_dir_all(folder.join("keys")).unwrap();
    for person in ["repo-lead", "build-lead", "platform-lead"] {
        let key = folder.join("keys").join(person);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
            .arg(&key)
            .status();
        assert!(made.unwrap().success());
    }
    let people = [("forge", "repo-lead"), ("acme", "build-lead"), ("acme", "platform-lead")];
    let people: String = people
        .iter()
        .map(|(party, name)| {
            format!("[[person]]\nparty = \"{party}\"\nname = \"{name}\"\nkey-file = \"keys/{name}.pub\"\n")
        })
        .collect();
    let estate = format!(
        r#"{people}
[[party]]
name = "forge"
legal_name = "Forge Hosting GmbH"
jurisdiction = "Germany"
[[party]]
name = "acme"
legal_name = "Acme Software Ltd"
jurisdiction = "Ireland"
[[service]]
name = "files"
party = "forge"
owner = "repo-lead"
host = "files.localhost"
upstream = "http://127.0.0.1:9"
region = "eu-west"
resources = [
  {{ name = "public", class = "public", operations = [{{ action = "read", methods = ["GET"], path = "/public/**" }}] }},
  {{ name = "private", operations = [{{ action = "read", methods = ["GET"], path = "/private/**" }}] }},
]
[[identity]]
party = "acme"
name = "reader"
kind = "bot"
purpose = "Reads"
environment = "test"
owner = "build-lead"
deputy = "platform-lead"
review = "2035-01-01"
"#
    );
    std::fs::write(folder.join("estate.toml"), estate).unwrap();
    std::fs::write(folder.join("files.writ.md"), CONTRACT).unwrap();
    writ.ok(&["fmt", folder.join("files.writ.md").to_str().unwrap()]);
    folder
}

pub(crate) fn edit(folder: &std::path::Path, file: &str, old: &str, new: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old} is not in {file}");
    std::fs::write(path, text.replace(old, new)).unwrap();
}

pub(crate) fn verbs(plan: &Value) -> Vec<String> {
    let line = |change: &Value| {
        let text = |key: &str| change[key].as_str().unwrap().to_owned();
        format!("{} {} {}", text("verb"), text("what"), text("name"))
    };
    plan["changes"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_folder_becomes_an_estate_and_changes_with_it() {
    let mut writ = Writ::start_empty();
    let folder = folder(&writ);
    let path = folder.to_str().unwrap();
    let plan = writ.json(&["plan", path]);
    assert_eq!(
        verbs(&plan),
        [
            "create party forge",
            "create party acme",
            "create person forge/repo-lead",
            "create person acme/build-lead",
            "create person acme/platform-lead",
            "create service files",
            "create identity acme/reader",
            "create instrument files@1",
        ]
    );
    assert_eq!(writ.json(&["party", "list"]), serde_json::json!([]), "a plan changes nothing");
    let applied = writ.json(&["apply", path]);
    assert!(applied["index"].is_u64());
    assert!(writ.ok(&["apply", path]).contains("the registry is what the folder says"));

    // People accept and sign as ever.
    let key = |name: &str| folder.join("keys").join(name).display().to_string();
    for (office, name) in [("owner", "build-lead"), ("deputy", "platform-lead")] {
        writ.ok(&["identity", "accept", "acme/reader", "--office", office, "--key", &key(name)]);
    }
    for (person, name) in [("forge/repo-lead", "repo-lead"), ("acme/build-lead", "build-lead")] {
        writ.ok(&["sign", "files", "--as", person, "--key", &key(name)]);
    }
    // An amendment, with what it changes of what machines may do.
    edit(&folder, "files.writ.md", "version = 1", "version = 2");
    edit(&folder, "files.writ.md", "kind = \"prohibit\"", "kind = \"permit\"");
    writ.ok(&["fmt", folder.join("files.writ.md").to_str().unwrap()]);
    let plan = writ.json(&["plan", path]);
    assert_eq!(verbs(&plan), ["change instrument files@2"]);
    assert!(
        plan["decisions"][0][1][0]
            .as_str()
            .unwrap()
            .starts_with("gained: `acme/reader` asks to **read** `private`")
    );
    // Drift is told and left alone.
    edit(&folder, "estate.toml", "jurisdiction = \"Ireland\"", "jurisdiction = \"Malta\"");
    let plan = writ.json(&["plan", path]);
    assert_eq!(verbs(&plan), ["drift party acme", "change instrument files@2"]);
    writ.ok(&["apply", path]);
    writ.assert_verifies();
}

#[test]
fn all_or_nothing_and_not_the_wrong_folder() {
    let mut writ = Writ::start_empty();
    let folder = folder(&writ);
    let path = folder.to_str().unwrap();
    // The last document is at fault: nothing at all happens.
    edit(
        &folder,
        "files.writ.md",
        "actions = [\"read\"]\nresources = [\"private\"]",
        "actions = [\"reed\"]\nresources = [\"private\"]",
    );
    writ.ok(&["fmt", folder.join("files.writ.md").to_str().unwrap()]);
    writ.fails(&["apply", path], 5);
    assert_eq!(writ.json(&["party", "list"]), serde_json::json!([]));
    edit(&folder, "files.writ.md", "actions = [\"reed\"]", "actions = [\"read\"]");
    writ.ok(&["fmt", folder.join("files.writ.md").to_str().unwrap()]);
    writ.ok(&["apply", path]);
    // A folder without the machine and the contract would end both.
    std::fs::remove_file(folder.join("files.writ.md")).unwrap();
    let text = std::fs::read_to_string(folder.join("estate.toml")).unwrap();
    let (kept, _) = text.split_once("[[identity]]").unwrap();
    std::fs::write(folder.join("estate.toml"), kept).unwrap();
    let error = writ.fails(&["apply", path, "--removals-max", "1"], 1);
    assert!(error.contains("would end 2 instruments or identities"), "{error}");
    let plan = writ.json(&["plan", path]);
    assert_eq!(verbs(&plan), ["remove instrument files@1", "remove identity acme/reader"]);
    // An empty folder is about nobody, and ends nothing.
    let empty = writ.path("empty");
    std::fs::create_dir_all(&empty).unwrap();
    assert!(writ.ok(&["apply", empty.to_str().unwrap()]).contains("the registry is what the folder says"));
    writ.ok(&["apply", path, "--removals-max", "2"]);
    assert_eq!(writ.json(&["instrument", "list"])[0]["status"], "ended");
    // Personal data have no place in a folder.
    edit(&folder, "estate.toml", "name = \"repo-lead\"", "name = \"repo-lead\"\nfull_name = \"Somebody\"");
    let error = writ.fails(&["plan", path], 5);
    assert!(error.contains("no place in a folder") && error.contains("estate.toml:4:1"), "{error}");
    writ.assert_verifies();
}
