//! The ledger over HTTP, as a monitor that knows only C2SP would read it.

use crate::harness::{Writ, wait};
use ledger::proof_file::ProofFile;
use ledger::tile::decode_bundle;
use ledger::{Checkpoint, Edge, Hash, VerifierKey};
use std::process::Command;

fn get(base: &str, path: &str) -> Vec<u8> {
    let output = Command::new("curl")
        .args(["--silent", "--fail", "--noproxy", "*"])
        .arg(format!("{base}{path}"))
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{path}");
    output.stdout
}

#[test]
fn tiles_bundles_and_proofs_agree_with_the_checkpoint() {
    let writ = Writ::start();
    writ.machine("acme/robot", "bot");
    let base = writ.address()["api"].as_str().unwrap().to_owned();
    let key = std::fs::read_to_string(writ.data().join("ledger/control.vkey")).unwrap();
    let key = VerifierKey::parse(key.trim()).unwrap();
    let checkpoint = || {
        Checkpoint::open(&String::from_utf8(get(&base, "/v1/logs/control/checkpoint")).unwrap(), &key)
            .unwrap()
    };
    wait("ten entries are signed", || checkpoint().size >= 10);
    let checkpoint = checkpoint();
    let width = checkpoint.size;
    let bundle = get(&base, &format!("/v1/logs/control/tile/entries/000.p/{width}"));
    let hashes = get(&base, &format!("/v1/logs/control/tile/0/000.p/{width}"));
    let entries = decode_bundle(&bundle).unwrap();
    let mut edge = Edge::default();
    for (entry, hash) in entries.iter().zip(hashes.chunks(32)) {
        assert_eq!(Hash::of_leaf(entry).as_bytes().as_slice(), hash);
        edge.append(Hash::of_leaf(entry));
    }
    assert_eq!((edge.size(), edge.root()), (checkpoint.size, checkpoint.root));
    for index in [0, width / 2, width - 1] {
        let proof = String::from_utf8(get(&base, &format!("/v1/logs/control/proof/{index}"))).unwrap();
        ProofFile::parse(&proof).unwrap().verify(entries[index as usize], &key).unwrap();
    }
    let missing = Command::new("curl")
        .args(["--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code}"])
        .arg(format!("{base}/v1/logs/control/tile/0/001"))
        .output()
        .unwrap();
    assert_eq!(missing.stdout, b"404", "a tile that is not full yet");
}
