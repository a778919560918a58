//! Rebuild in another process (check 4 of the seven): the built program gives the ready instruments the hashes that
//! are written down. How to renew them: `policy/tests/it/rebuild.rs`.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

#[test]
fn the_program_compiles_the_ready_instruments_to_what_is_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let written = std::fs::read_to_string(root.join("crates/policy/testdata/library.txt")).unwrap();
    assert!(written.lines().count() >= 7);
    for line in written.lines() {
        let name = line.split(' ').next().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_writ"))
            .args(["check", "--json"])
            .arg(root.join("library").join(name))
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", crate::harness::text(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let envelope: Value = serde_json::from_str(answer["envelope"].as_str().unwrap()).unwrap();
        let named = |key: &str| envelope[key].as_str().unwrap().to_owned();
        let found = format!("{name} {} {} {}", named("compiler"), named("clauses"), named("bundle"));
        assert_eq!(found, line);
    }
}
