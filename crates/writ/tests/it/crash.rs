//! The process dies at any moment; nothing acknowledged is lost, nothing is signed twice.

use crate::curl::{curl, world};
use crate::harness::{Writ, text};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// How often the process is killed in one test.
const KILLS: usize = 12;

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let mut writ = Writ::start();
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..KILLS {
        // Register parties from several clients at once, and kill the process under them.
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let names: Vec<String> = (0..6).map(|n| format!("p-{round}-{client}-{n}")).collect();
                let script: String = names
                    .iter()
                    .map(|name| {
                        let writ = env!("CARGO_BIN_EXE_writ");
                        format!("{writ} party add {name} --legal-name x --jurisdiction y --json && echo OK {name}\n")
                    })
                    .collect();
                Command::new("sh")
                    .args(["-c", &script])
                    .env("WRIT_DATA", writ.data())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(15 + 7 * round as u64));
        writ.kill();
        for client in clients {
            let output = text(&client.wait_with_output().unwrap().stdout);
            let mut index = 0;
            for line in output.lines() {
                if let Some(number) = line.trim().strip_prefix("\"index\": ") {
                    index = number.parse().unwrap();
                }
                if let Some(name) = line.strip_prefix("OK ") {
                    acknowledged.insert(name.to_owned(), index);
                }
            }
        }
        writ.up();
        let parties = writ.json(&["party", "list"]);
        for name in acknowledged.keys() {
            let there = parties.as_array().unwrap().iter().any(|party| party["name"] == name.as_str());
            assert!(there, "`{name}` was acknowledged and is lost");
        }
    }
    assert!(!acknowledged.is_empty(), "at least one command got through");
    let distinct: std::collections::BTreeSet<u64> = acknowledged.values().copied().collect();
    assert_eq!(distinct.len(), acknowledged.len(), "every command has an index of its own");
    writ.assert_verifies();
}

#[test]
fn a_restart_keeps_everything_and_a_second_process_is_refused() {
    let (mut writ, _nginx, credential) = world();
    assert_eq!(text(&curl(&writ, &credential, "/public/a.txt", &[]).stdout), "public words\n");
    let rival = writ.fails(&["up", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"], 1);
    assert!(rival.contains("in use by another Writ process: stop it first"), "{rival}");
    writ.stop();
    writ.up();
    assert_eq!(
        text(&curl(&writ, &credential, "/public/a.txt", &[]).stdout),
        "public words\n",
        "{}",
        writ.log()
    );
    let other = writ.data();
    writ.stop();
    let output = Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["up", "--trust-domain", "other.example", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"])
        .env("WRIT_DATA", &other)
        .output()
        .unwrap();
    assert!(
        text(&output.stderr).contains("belongs to the trust domain `writ.localhost`"),
        "{}",
        text(&output.stderr)
    );
    writ.up();
    writ.assert_verifies();
}

#[test]
fn a_damaged_ledger_does_not_start_and_says_where() {
    let mut writ = Writ::start();
    writ.stop();
    let wal = writ.data().join("ledger/control/wal/00000000000000000000.wal");
    let mut bytes = std::fs::read(&wal).unwrap();
    let at = bytes.windows(5).position(|window| window == b"Forge").unwrap();
    bytes[at] = b'G';
    std::fs::write(&wal, bytes).unwrap();
    let error = writ.fails(&["up", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"], 1);
    assert!(error.contains("is damaged") && error.contains("at entry"), "{error}");
    writ.fails(&["verify"], 3);
    writ.fails(&["fsck", "--quick"], 3);
}
