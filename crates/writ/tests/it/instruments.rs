//! Charters, guardrails, signing by recorded authority, notices, proofs, redlines and files that prove
//! themselves: by the command line, on live traffic.

use crate::curl::{CONTRACT, curl, world};
use crate::harness::{Writ, text};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const GUARDRAIL: &str = r#"+++
instrument = "guardrail"
name = "acme-rules"
version = 1
title = "Rules for Acme's Machines"

[holder]
party = "acme"
legal-name = "Acme Software Ltd"
+++

# Rules for Acme's Machines

## Bounds

```clause
kind = "purpose"
purposes = ["publishing"]
only = { resources = ["files/public"] }
```
"#;

const CHARTER: &str = r#"+++
instrument = "charter"
name = "reader-charter"
version = 1
title = "Charter of the Reader"

[holder]
party = "acme"
legal-name = "Acme Software Ltd"
machine = "reader"
+++

# Charter of the Reader

## Rights

```clause
kind = "permit"
actions = ["read"]
resources = ["files/public"]
```

## Bounds

```clause
kind = "suspension"
holders = ["party"]
grounds = ["compromise"]
```
"#;

/// Writes, formats and drafts a document; gives its path.
fn draft(writ: &Writ, name: &str, document: &str) -> (String, Value) {
    let file = writ.path(&format!("{name}.writ.md"));
    std::fs::write(&file, document).unwrap();
    let path = file.to_str().unwrap().to_owned();
    writ.ok(&["fmt", &path]);
    let drafted = writ.json(&["instrument", "draft", &path]);
    (path, drafted)
}

fn problem(writ: &Writ, credential: &Path, path: &str, more: &[&str]) -> Value {
    serde_json::from_slice(&curl(writ, credential, path, more).stdout).unwrap()
}

const PURPOSE: [&str; 2] = ["--header", "writ-purpose: publishing"];

#[test]
fn guardrail_charter_and_contract_must_all_say_yes() {
    let (mut writ, _nginx, credential) = world();
    let key = |person: &str| writ.key(person).to_str().unwrap().to_owned();
    let (_, drafted) = draft(&writ, "acme-rules", GUARDRAIL);
    assert!(drafted["solver"].as_str().unwrap().starts_with("cvc5 "), "{drafted}");
    let sign = ["sign", "acme-rules", "--as", "acme/build-lead", "--key", &key("acme/build-lead")];
    let error = writ.fails(&sign, 1);
    assert!(error.contains("a guardrail is signed by people with recorded authority"), "{error}");
    writ.ok(&["person", "authorize", "acme/build-lead", "--for", "guardrail", "--until", "2035-01-01"]);
    writ.ok(&sign);
    let refused = problem(&writ, &credential, "/public/a.txt", &[]);
    assert_eq!(refused["clause"]["contract"], "acme-rules", "{refused}");
    assert_eq!(text(&curl(&writ, &credential, "/public/a.txt", &PURPOSE).stdout), "public words\n");
    let twice = [&PURPOSE[..], &["--header", "writ-purpose: publishing"]].concat();
    assert_eq!(problem(&writ, &credential, "/public/a.txt", &twice)["reason"], "request-ambiguous");

    draft(&writ, "reader-charter", CHARTER);
    writ.ok(&["sign", "reader-charter", "--as", "acme/build-lead", "--key", &key("acme/build-lead")]);
    assert_eq!(text(&curl(&writ, &credential, "/public/a.txt", &PURPOSE).stdout), "public words\n");
    let log = writ.json(&["why", &last_permitted(&writ).to_string()]);
    let above: Vec<&str> =
        log["decision"]["above"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert_eq!(above, ["acme-rules@1", "reader-charter@1"]);

    // The machine's own organisation suspends its charter, and lets it go on.
    let notice = |of| {
        writ.ok(&[
            "notice",
            "reader-charter",
            "--of",
            of,
            "--ground",
            "compromise",
            "--as",
            "acme/build-lead",
            "--key",
            &key("acme/build-lead"),
        ])
    };
    assert!(notice("suspension").contains("is suspended"));
    let refused = problem(&writ, &credential, "/public/a.txt", &PURPOSE);
    assert_eq!(refused["clause"]["contract"], "reader-charter", "{refused}");
    notice("resumption");
    assert_eq!(text(&curl(&writ, &credential, "/public/a.txt", &PURPOSE).stdout), "public words\n");
    writ.ok(&["person", "withdraw", "acme/build-lead", "--reason", "a new board"]);
    writ.assert_verifies();
}

fn last_permitted(writ: &Writ) -> u64 {
    let shown = writ.ok(&["log", "-n", "50", "--json"]);
    let decisions: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let permitted = decisions.iter().rev().find(|decision| decision["kind"] == "permitted").unwrap();
    permitted["index"].as_u64().unwrap()
}

#[test]
fn the_estate_is_proven_and_amendments_are_compared() {
    let (mut writ, _nginx, credential) = world();
    curl(&writ, &credential, "/public/a.txt", &[]);
    curl(&writ, &credential, "/private/a.txt", &[]);
    let none = writ.ok(&["prove", "--kind", "ci-pipeline", "--can", "read", "--on", "files"]);
    assert!(none.starts_with("PROVEN: it is not so that any machine of the kind ci-pipeline"), "{none}");
    let private = writ.ok(&["prove", "--can", "read", "--on", "files/private"]);
    assert!(private.starts_with("PROVEN"), "{private}");
    let output = writ.run(&["prove", "--can", "read", "--on", "files/public"]);
    assert_eq!(output.status.code(), Some(6));
    assert!(
        text(&output.stdout).contains("`acme/reader` asks to **read** `public`"),
        "{}",
        text(&output.stdout)
    );
    let error = writ.fails(&["prove", "--can", "read", "--on", "nowhere"], 1);
    assert!(error.contains("there is no service `nowhere`"), "{error}");

    // A new version that permits the private files, and none of the public.
    let amended = CONTRACT.replace("version = 1", "version = 2").replace(
        "kind = \"prohibit\"\nactions = [\"read\"]\nresources = [\"private\"]",
        "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"private\"]\n```\n\n```clause\nkind = \"prohibit\"\nactions = [\"read\"]\nresources = [\"public\"]",
    );
    let file = writ.path("amended.writ.md");
    std::fs::write(&file, amended).unwrap();
    let (new, old) = (file.to_str().unwrap(), writ.path("files.writ.md"));
    writ.ok(&["fmt", new]);
    let redline = writ.ok(&["redline", old.to_str().unwrap(), new, "--decisions", "1 hour"]);
    for part in [
        "decisions: neither narrower nor wider",
        "gained: `acme/reader` asks to **read** `private`",
        "lost: `acme/reader` asks to **read** `public`",
        "of 2 decisions of the last 1 hour, 1 would be refused that were permitted, 1 permitted that were refused",
    ] {
        assert!(redline.contains(part), "{part}: {redline}");
    }
    let (html, pdf) = (writ.path("redline.html"), writ.path("redline.pdf"));
    writ.ok(&[
        "redline",
        old.to_str().unwrap(),
        new,
        "--html",
        html.to_str().unwrap(),
        "--pdf",
        pdf.to_str().unwrap(),
    ]);
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.contains("<ins>") && page.contains("<del>") && !page.contains("<script"));
    assert!(words_of(&pdf).contains("Redline: File Access Agreement"));
    writ.assert_verifies();
}

/// The text of a PDF.
fn words_of(pdf: &Path) -> String {
    let output = Command::new("pdftotext").arg("-raw").arg(pdf).arg("-").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn an_instrument_proves_itself_by_its_file() {
    let (writ, _nginx, _credential) = world();
    let out = writ.path("export");
    let files = writ.ok(&["instrument", "export", "files", "--out", out.to_str().unwrap()]);
    assert_eq!(files.lines().count(), 3, "{files}");
    let (md, pdf) = (out.join("files-1.writ.md"), out.join("files-1.pdf"));
    let trusted = format!("acme/build-lead={}.pub", writ.key("acme/build-lead").display());
    for file in [&md, &pdf] {
        let shown = writ.ok(&["verify", file.to_str().unwrap(), "--person", &trusted]);
        assert!(shown.contains("acme/build-lead signed, with the key you gave"), "{shown}");
        assert!(shown.contains("forge/repo-lead signed with SHA256:"), "{shown}");
    }
    let words = words_of(&pdf);
    for part in [
        "File Access Agreement",
        "shall not read private",
        "Authority at a glance",
        "Annex",
        "forge/repo-lead",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    // Another key than the one we know; a changed text; a changed page.
    let other = format!("acme/build-lead={}.pub", writ.key("forge/repo-lead").display());
    let wrong = writ.run(&["verify", md.to_str().unwrap(), "--person", &other]);
    assert_eq!(wrong.status.code(), Some(3));
    assert!(text(&wrong.stdout).contains("another key than the one you gave"), "{}", text(&wrong.stdout));
    let changed = std::fs::read_to_string(&md).unwrap().replace("500 ms", "600 ms");
    std::fs::write(&md, changed).unwrap();
    let shown = writ.run(&["verify", md.to_str().unwrap()]);
    assert_eq!(shown.status.code(), Some(3));
    assert!(
        text(&shown.stdout).contains("the text is not what the envelope names"),
        "{}",
        text(&shown.stdout)
    );
    let mut bytes = std::fs::read(&pdf).unwrap();
    bytes.extend_from_slice(b"\n% one more line\n");
    std::fs::write(&pdf, bytes).unwrap();
    let shown = writ.run(&["verify", pdf.to_str().unwrap()]);
    assert_eq!(shown.status.code(), Some(3));
    assert!(text(&shown.stdout).contains("the pages are not those"), "{}", text(&shown.stdout));
}
