//! The committed description is the one the code has.

use std::process::Command;

#[test]
fn the_committed_openapi_is_the_codes() {
    let output = Command::new(env!("CARGO_BIN_EXE_writ")).arg("openapi").output().unwrap();
    let committed = include_str!("../../../../docs/reference/openapi.json");
    assert!(
        String::from_utf8(output.stdout).unwrap() == committed,
        "run `cargo xtask codegen` and commit the result"
    );
}
