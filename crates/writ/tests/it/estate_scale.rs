//! Large estates: some thousand instruments in one apply, all or nothing, also across a crash; and what becomes of a
//! ledger whose body was taken away or changed.

use crate::estate::folder;
use crate::harness::{Writ, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Copies of the folder's contract under names of their own.
fn multiply(folder: &Path, count: usize) {
    let document = fs::read_to_string(folder.join("files.writ.md")).unwrap();
    fs::create_dir(folder.join("contracts")).unwrap();
    for n in 1..count {
        let named = document.replacen("name = \"files\"", &format!("name = \"files-{n}\""), 1);
        fs::write(folder.join(format!("contracts/files-{n}.writ.md")), named).unwrap();
    }
}

fn drafted(writ: &Writ) -> usize {
    writ.json(&["instrument", "list"]).as_array().unwrap().len()
}

/// The one body that lies beside the control ledger.
fn body(writ: &Writ) -> PathBuf {
    let mut found = fs::read_dir(writ.data().join("objects/objects/bodies")).unwrap();
    let path = found.next().unwrap().unwrap().path();
    assert!(found.next().is_none(), "one body");
    path
}

/// What the registry says of everything.
fn all(writ: &Writ) -> Vec<Value> {
    ["party", "person", "service", "identity", "instrument"].map(|noun| writ.json(&[noun, "list"])).to_vec()
}

#[test]
fn two_thousand_instruments_are_one_entry_that_survives_a_crash_and_shows_tampering() {
    let mut writ = Writ::start_empty();
    let folder = folder(&writ);
    multiply(&folder, 2_000);
    let path = folder.to_str().unwrap();
    let plan = writ.json(&["plan", path]);
    assert_eq!((&plan["steps"], &plan["apart"]), (&Value::from(2_007), &Value::Bool(true)));
    let said = plan["bytes"].as_u64().unwrap();
    let shown = writ.ok(&["plan", path]);
    assert!(shown.contains(&format!("2007 step(s), {said} bytes beside one entry")), "{shown}");

    let applied = writ.json(&["apply", path]);
    assert!(applied["index"].is_u64());
    assert_eq!(fs::metadata(body(&writ)).unwrap().len(), said, "the plan told the size to the byte");
    // The last of them is there like the first; a list shows a page.
    assert_eq!(writ.json(&["instrument", "show", "files-1999"])["instrument"]["status"], "drafted");
    assert!(writ.ok(&["plan", path]).starts_with("the registry is what the folder says"));
    let before = all(&writ);
    writ.kill();
    writ.up();
    assert_eq!(all(&writ), before, "what a restart makes of the ledger is the same");
    writ.assert_verifies();
    writ.ok(&["fsck"]);

    // Without the body, or with another, the ledger cannot be read and nobody pretends otherwise.
    let body = body(&writ);
    let bytes = fs::read(&body).unwrap();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (found, what) in [(None, "is missing"), (Some(changed), "is not the one that was recorded")] {
        fs::remove_file(&body).unwrap();
        if let Some(bytes) = found {
            fs::write(&body, bytes).unwrap();
        }
        for command in [&["verify"][..], &["fsck"], &["fsck", "--quick"]] {
            let output = writ.run(command);
            assert_eq!(output.status.code(), Some(3), "{command:?}");
            assert!(text(&output.stdout).contains(what), "{command:?}: {}", text(&output.stdout));
        }
        let up = writ.fails(&["up", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"], 1);
        assert!(up.contains(what), "{up}");
        fs::write(&body, &bytes).unwrap();
    }
    writ.up();
    assert_eq!(all(&writ), before);
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").args(["-r", "--"]).arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_crash_between_body_and_entry_leaves_nothing_applied() {
    let mut writ = Writ::start_empty();
    let folder = folder(&writ);
    multiply(&folder, 200);
    let path = folder.to_str().unwrap();
    writ.stop();
    let (ledger, saved) = (writ.data().join("ledger"), writ.path("saved"));
    copy(&ledger, &saved);
    writ.up();
    writ.ok(&["apply", path]);
    writ.stop();
    // Texts and body as they lie after the apply, the ledger as it was before: a crash in between.
    let body = body(&writ);
    fs::remove_dir_all(&ledger).unwrap();
    copy(&saved, &ledger);
    writ.up();
    assert!(body.exists());
    assert_eq!(writ.json(&["party", "list"]), serde_json::json!([]));
    assert_eq!(drafted(&writ), 0);
    writ.ok(&["apply", path]);
    assert_eq!(drafted(&writ), 200);
    writ.assert_verifies();
}

#[test]
fn killed_at_any_moment_it_is_all_or_nothing() {
    let mut writ = Writ::start_empty();
    let folder = folder(&writ);
    multiply(&folder, 300);
    for delay in [5, 60, 150, 300, 450, 600, 900, 1_500, 60_000] {
        let data = writ.data();
        let mut apply = Command::new(env!("CARGO_BIN_EXE_writ"))
            .args(["apply", folder.to_str().unwrap()])
            .env("WRIT_DATA", data)
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = false;
        for _ in 0..delay / 5 {
            std::thread::sleep(Duration::from_millis(5));
            if let Some(status) = apply.try_wait().unwrap() {
                acknowledged = status.success();
                break;
            }
        }
        writ.kill();
        apply.wait().unwrap();
        writ.up();
        let there = drafted(&writ);
        assert!(there == 300 || (there == 0 && !acknowledged), "{there} after {delay} ms");
        assert_eq!(writ.json(&["party", "list"]).as_array().unwrap().len(), if there == 0 { 0 } else { 2 });
        if there == 300 {
            break;
        }
    }
    assert_eq!(drafted(&writ), 300);
    writ.assert_verifies();
}

#[test]
fn documents_that_are_at_fault_leave_no_texts_behind() {
    let writ = Writ::start_empty();
    let folder = folder(&writ);
    multiply(&folder, 120);
    let bad = folder.join("contracts/files-7.writ.md");
    fs::write(&bad, fs::read_to_string(&bad).unwrap().replace("version = 1", "version = 5")).unwrap();
    let path = folder.to_str().unwrap();
    let error = writ.fails(&["apply", path], 5);
    assert!(error.contains("files-7.writ.md"), "{error}");
    assert!(!writ.data().join("objects/objects/documents").exists(), "nothing was kept");
    assert_eq!(writ.json(&["party", "list"]), serde_json::json!([]));
}
