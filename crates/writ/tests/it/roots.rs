//! A root of the trust domain is replaced while everything goes on: prepared, activated, the old one tainted and retired.

use crate::curl::{curl, world};
use crate::harness::{text, wait};
use crate::workload_api::{Staying, recognised_as};
use serde_json::Value;
use std::path::Path;

fn roots(writ: &crate::harness::Writ) -> Vec<(String, String)> {
    let shown = writ.json(&["authority", "show"]);
    let field = |root: &Value, name: &str| root[name].as_str().unwrap().to_owned();
    shown.as_array().unwrap().iter().map(|root| (field(root, "status"), field(root, "root"))).collect()
}

#[test]
fn a_root_is_replaced_while_everything_goes_on() {
    let (mut writ, _nginx, joined) = world();
    // Whoever joins again writes over it.
    let early = writ.path("early");
    std::fs::rename(&joined, &early).unwrap();
    recognised_as(&writ, "acme/reader");
    let mut staying = Staying::start(&writ);
    let first = staying.next();
    let served = |writ: &crate::harness::Writ, credential: &Path| {
        text(&curl(writ, credential, "/public/a.txt", &[]).stdout)
    };
    assert_eq!(served(&writ, &early), "public words\n");
    let [(status, old)] = roots(&writ).try_into().unwrap();
    assert_eq!(status, "active");
    let alone = writ.fails(&["authority", "taint", &old, "--reason", "x"], 1);
    assert!(alone.contains("everything rests on this root"), "{alone}");

    writ.ok(&["authority", "prepare", "--reason", "yearly"]);
    let bundle =
        || std::fs::read_to_string(writ.data().join("bundle.pem")).unwrap().matches("BEGIN CERT").count();
    wait("the bundle has both", || bundle() == 2);
    let early_activation = writ.fails(&["authority", "activate", "--reason", "yearly"], 1);
    assert!(early_activation.contains("not everybody can know this root yet"), "{early_activation}");
    writ.ok(&["authority", "activate", "--reason", "yearly", "--now"]);
    let now = roots(&writ);
    assert_eq!(now.iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>(), ["active", "retiring"]);

    // Who joined before, with the old bundle, and who joins now: both go on.
    let late = writ.join("acme/reader");
    assert_eq!(served(&writ, &early), "public words\n", "an old certificate, an old bundle");
    assert_eq!(served(&writ, &late), "public words\n");

    // Open streams get a certificate under the new root, each machine in its slot.
    writ.ok(&["authority", "taint", &old, "--reason", "the key was on a laptop"]);
    let next = loop {
        let next = staying.next();
        if next["serial"] != first["serial"] {
            break next;
        }
    };
    assert!(next["error"].is_null(), "{next}");
    let resting = writ.fails(&["authority", "retire", &old, "--reason", "over"], 1);
    assert!(resting.contains("rest on this root still"), "{resting}");
    writ.ok(&["authority", "retire", &old, "--reason", "over", "--now"]);
    wait("the bundle has one", || bundle() == 1);
    wait("what rests on it is refused", || served(&writ, &early).is_empty());
    let rejoined = writ.join("acme/reader");
    wait("the new root serves", || served(&writ, &rejoined) == "public words\n");

    writ.stop();
    writ.up();
    assert_eq!(roots(&writ).first().map(|(status, _)| status.clone()).as_deref(), Some("active"));
    assert_eq!(served(&writ, &rejoined), "public words\n", "after a restart");
    writ.assert_verifies();
}
