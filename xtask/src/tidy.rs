//! Structure, held by a check: the crate graph of ARCHITECTURE.md against `cargo metadata`, what pure
//! crates may depend on and mention, and that every file says what it is for.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pure crates and everything outside the workspace they may use.
const PURE: &[(&str, &[&str])] = &[
    (
        "contract",
        &[
            "base64",
            "jiff",
            "pulldown-cmark",
            "schemars",
            "serde",
            "serde_json",
            "sha2",
            "similar",
            "strsim",
            "thiserror",
            "toml",
        ],
    ),
    (
        "credential",
        &[
            "aws-lc-rs",
            "base64",
            "pem",
            "rcgen",
            "rustls-pki-types",
            "rustls-webpki",
            "serde_json",
            "sha2",
            "thiserror",
            "x509-parser",
        ],
    ),
    ("ledger", &["base64", "crc32c", "ed25519-dalek", "minicbor", "sha2", "thiserror", "zeroize"]),
    ("mask", &["hmac", "regex", "sha2", "zeroize"]),
    ("policy", &["cedar-policy", "minicbor", "sha2", "thiserror"]),
    ("registry", &["base64", "jiff", "minicbor", "serde", "sha2", "ssh-key", "thiserror"]),
    ("sql", &["pg_query", "serde", "thiserror"]),
    ("wire", &["http", "percent-encoding", "prost", "serde", "serde_json", "thiserror"]),
];
/// What a pure crate never mentions: IO, clocks, randomness, environment.
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "TcpListener",
    "TcpStream",
    "Timestamp::now",
    "ToSocketAddrs",
    "UdpSocket",
    "getrandom",
    "std::env",
    "std::fs",
    "std::process",
    "std::thread",
    "tokio",
];
/// Dev crates and the tool itself stand outside the graph.
const OUTSIDE: &[&str] = &["bench", "fuzzing", "testkit", "xtask"];

pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata()?;
    let mut problems = Vec::new();
    graph(&metadata, &mut problems)?;
    purity(&metadata, &mut problems);
    headers(&mut problems);
    if problems.is_empty() {
        crate::say("tidy: the structure holds");
        return Ok(());
    }
    Err(format!("tidy found:\n  {}", problems.join("\n  ")))
}

type Dependencies = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

/// For each crate of the workspace: what it uses of ours, and of others (not for tests).
fn metadata() -> Result<Dependencies, String> {
    let run = Command::new("cargo").args(["metadata", "--format-version", "1", "--no-deps"]).output();
    let output = run.map_err(|error| format!("cargo does not run: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let mut found = Dependencies::new();
    for package in &packages {
        let normal = package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"].is_null());
        let (inside, outside) = normal.map(name).partition(|dependency| ours.contains(dependency));
        found.insert(name(package), (inside, outside));
    }
    Ok(found)
}

/// The graph in ARCHITECTURE.md, between lines of the form `crate → a b c`.
fn graph(found: &Dependencies, problems: &mut Vec<String>) -> Result<(), String> {
    let text =
        std::fs::read_to_string("ARCHITECTURE.md").map_err(|error| format!("ARCHITECTURE.md: {error}"))?;
    let mut drawn: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let Some((names, uses)) = line.split_once(" → ") else { continue };
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b' ' || b == b',');
        if !plain(names) || !plain(uses) {
            continue;
        }
        let uses: BTreeSet<String> =
            uses.split_whitespace().filter(|name| *name != "nothing").map(str::to_owned).collect();
        for name in names.split(',') {
            drawn.insert(name.trim().to_owned(), uses.clone());
        }
    }
    for (name, (inside, _)) in found {
        if OUTSIDE.contains(&name.as_str()) {
            continue;
        }
        match drawn.remove(name) {
            None => problems.push(format!("crate `{name}` is not in the graph of ARCHITECTURE.md")),
            Some(uses) if uses != *inside => {
                problems.push(format!("crate `{name}` uses {inside:?}, but ARCHITECTURE.md draws {uses:?}"))
            }
            Some(_) => {}
        }
    }
    problems.extend(drawn.keys().map(|name| format!("ARCHITECTURE.md draws `{name}`, which is no crate")));
    Ok(())
}

fn purity(found: &Dependencies, problems: &mut Vec<String>) {
    for (name, allowed) in PURE {
        let outside = found.get(*name).map(|(_, outside)| outside.clone()).unwrap_or_default();
        for dependency in outside.iter().filter(|dependency| !allowed.contains(&dependency.as_str())) {
            problems.push(format!("pure crate `{name}` depends on `{dependency}`, which is not on its list"));
        }
        for file in sources(&Path::new("crates").join(name).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let code: String = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                problems.push(format!("{}: a pure crate mentions `{word}`", file.display()));
            }
        }
    }
}

fn headers(problems: &mut Vec<String>) {
    let folders = ["crates", "fuzz/fuzz_targets", "xtask"];
    for file in folders.into_iter().flat_map(|folder| sources(Path::new(folder))) {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ") || first.len() < 10 {
            problems.push(format!(
                "{}: the first line does not say what the file is for (`//! …`)",
                file.display()
            ));
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = item.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
