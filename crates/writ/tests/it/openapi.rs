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

/// Every operation of the description, asked without the token and with a wrong one: all but the
/// open ones answer 401. The open list is complete: a new open operation has to be written here.
#[test]
fn every_operation_asks_for_the_token_but_these() {
    const OPEN: [&str; 10] = [
        "get /health/live",
        "get /health/ready",
        "get /metrics",
        "get /v1/bundle",
        "get /v1/bundle.json",
        "get /v1/logs/{log}/checkpoint",
        "get /v1/logs/{log}/proof/{index}",
        "get /v1/logs/{log}/tile/{path}",
        "post /v1/credentials",
        "post /v1/security-events",
    ];
    let writ = crate::harness::Writ::start_empty();
    crate::harness::wait("something is signed", || writ.json(&["status"])["control_entries"] != 0);
    let base = writ.address()["api"].as_str().unwrap().to_owned();
    let description: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/reference/openapi.json")).unwrap();
    let mut found_open = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let concrete = path
                .replace("{log}", "control")
                .replace("{index}", "0")
                .replace("{step}", "kill")
                .replace("{path}", "entries/000.p/1");
            let concrete = concrete.replace(['{', '}'], "");
            for token in ["", "Bearer wrong"] {
                let output = Command::new("curl")
                    .args([
                        "--silent",
                        "--noproxy",
                        "*",
                        "--output",
                        "/dev/null",
                        "--write-out",
                        "%{http_code}",
                    ])
                    .args(["--request", &method.to_uppercase(), "--header", "Content-Type: application/json"])
                    .args(["--data", "{}", "--header", &format!("Authorization: {token}")])
                    .arg(format!("{base}{concrete}"))
                    .output()
                    .unwrap();
                let status = String::from_utf8(output.stdout).unwrap();
                assert_ne!(status, "404", "{method} {concrete} is not served");
                if status != "401" {
                    found_open.push(format!("{method} {path}"));
                }
            }
        }
    }
    found_open.sort();
    found_open.dedup();
    assert_eq!(found_open, OPEN);
}
