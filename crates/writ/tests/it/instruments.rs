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
    assert!(!page.contains("**") && !page.contains('`') && page.contains("<strong>read</strong>"), "{page}");
    let page = page.split("<h2>Words</h2>").next().unwrap();
    assert!(page.contains("files, version 2: File Access Agreement (amended.writ.md, SHA-256"), "{page}");
    assert!(page.contains("files, version 1: File Access Agreement (files.writ.md, SHA-256"), "{page}");
    let words = words_of(&pdf);
    assert!(words.contains("Redline: File Access Agreement") && words.contains("files.writ.md"), "{words}");
    writ.assert_verifies();
}

/// The text of a PDF.
fn words_of(pdf: &Path) -> String {
    let output = Command::new("pdftotext").arg("-raw").arg(pdf).arg("-").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// `--person` for a person with the key of another, or their own.
fn person(writ: &Writ, person: &str, key_of: &str) -> String {
    format!("{person}={}.pub", writ.key(key_of).display())
}

/// `writ verify FILE` with these people's keys: exit code and report.
fn verify(writ: &Writ, file: &Path, people: &[String]) -> (i32, String) {
    let mut arguments = vec!["verify", file.to_str().unwrap()];
    arguments.extend(people.iter().flat_map(|person| ["--person", person.as_str()]));
    let output = writ.run(&arguments);
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

/// Exports `files` into a folder; gives the text and, where the program can print, the PDF.
fn export(writ: &Writ, folder: &str, version: u32) -> (std::path::PathBuf, std::path::PathBuf) {
    let out = writ.path(folder);
    writ.ok(&["instrument", "export", "files", "--out", out.to_str().unwrap()]);
    (out.join(format!("files-{version}.writ.md")), out.join(format!("files-{version}.pdf")))
}

#[test]
fn an_instrument_proves_itself_by_its_file() {
    let (writ, _nginx, _credential) = world();
    let (md, pdf) = export(&writ, "export", 1);
    let known = [
        person(&writ, "acme/build-lead", "acme/build-lead"),
        person(&writ, "forge/repo-lead", "forge/repo-lead"),
    ];
    for file in [&md, &pdf] {
        let (code, shown) = verify(&writ, file, &known);
        assert!(shown.contains("acme/build-lead signed, with the key you gave"), "{shown}");
        assert!(shown.contains("the compiler is what the envelope names"), "{shown}");
        assert!(shown.contains("trusted: "), "{shown}");
        assert_eq!(code, 0, "{shown}");
        // One side's key says nothing about the other side, and no key nothing at all.
        for people in [&known[..1], &known[1..], &[]] {
            let (code, shown) = verify(&writ, file, people);
            assert_eq!(code, 7, "{shown}");
            assert!(shown.contains("unconfirmed: ") && shown.contains("0 of the 1 needed"), "{shown}");
        }
    }
    let words = words_of(&pdf);
    for part in [
        "File Access Agreement",
        "Parties and interpretation",
        "shall not read private",
        "Authority at a glance",
        "Signed for and on behalf of",
        "owner of the service",
        "In force from",
        "Annex",
        "forge/repo-lead",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    // Another key than the one we know; somebody who never signed; a changed text; a changed page.
    let (code, shown) = verify(&writ, &md, &[person(&writ, "acme/build-lead", "forge/repo-lead")]);
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("another key than the one you gave"), "{shown}");
    let mut more = known.to_vec();
    more.push(person(&writ, "acme/legal", "acme/platform-lead"));
    let (code, shown) = verify(&writ, &md, &more);
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("you gave a key for acme/legal, who did not sign"), "{shown}");
    let changed = std::fs::read_to_string(&md).unwrap().replace("500 ms", "600 ms");
    std::fs::write(&md, changed).unwrap();
    let (code, shown) = verify(&writ, &md, &known);
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("the text is not what the envelope names"), "{shown}");
    let bytes = std::fs::read(&pdf).unwrap();
    let mut changed = bytes.clone();
    changed.extend_from_slice(b"\n% one more line\n");
    std::fs::write(&pdf, changed).unwrap();
    let (code, shown) = verify(&writ, &pdf, &known);
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("the pages are not those"), "{shown}");
    // Pages of another version of Writ are not called wrong, nor are they vouched for.
    let creator = b"(Writ ";
    let at = bytes.windows(creator.len()).position(|window| window == creator).unwrap();
    let mut other = bytes;
    other[at + creator.len()] = b'9';
    std::fs::write(&pdf, other).unwrap();
    let (code, shown) = verify(&writ, &pdf, &known);
    assert_eq!(code, 7, "{shown}");
    assert!(shown.contains("printed by another version (Writ 9") && !shown.contains("BAD"), "{shown}");
}

/// A seal made by hand: whoever wrote it decides what it claims.
#[test]
fn a_forged_seal_is_refuted() {
    let (writ, _nginx, _credential) = world();
    let (md, _) = export(&writ, "export", 1);
    let known = [
        person(&writ, "acme/build-lead", "acme/build-lead"),
        person(&writ, "forge/repo-lead", "forge/repo-lead"),
    ];
    let seal = md.with_file_name("files-1.seal.json");
    let whole: Value = serde_json::from_slice(&std::fs::read(&seal).unwrap()).unwrap();
    let try_with = |change: &dyn Fn(&mut Value)| {
        let mut forged = whole.clone();
        change(&mut forged);
        std::fs::write(&seal, forged.to_string()).unwrap();
        verify(&writ, &md, &known)
    };
    // The Provider's person is listed for the Consumer too, in place of the Consumer's own.
    let (code, shown) = try_with(&|seal| {
        let provider = seal["signatories"][0].clone();
        seal["signatories"][1] = provider;
        seal["signatories"][1]["side"] = "consumer".into();
    });
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("forge/repo-lead does not act for `acme`"), "{shown}");
    // An envelope of another compiler, kind and version: each is named.
    let (code, shown) = try_with(&|seal| {
        let envelope = seal["envelope"].as_str().unwrap().to_owned();
        let mut envelope: Value = serde_json::from_str(&envelope).unwrap();
        envelope["compiler"] = "writ-policy/1".into();
        envelope["instrument"] = "charter".into();
        envelope["version"] = 4.into();
        envelope["library"] = "writ-clauses/1 00".into();
        envelope["extra"] = "x".into();
        seal["envelope"] = envelope.to_string().into();
    });
    assert_eq!(code, 3, "{shown}");
    for part in [
        "the compiler is not",
        "the kind of instrument is not",
        "the version is not",
        "the clause library is not",
        "`extra` is not",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn one_person_listed_twice_is_one_person() {
    let (writ, _nginx, _credential) = world();
    let (md, _) = export(&writ, "export", 1);
    let seal = md.with_file_name("files-1.seal.json");
    // The same signatures, claimed for a text that asks for two people of the Provider.
    let two = std::fs::read_to_string(&md).unwrap();
    let two =
        two.replacen("machines = [\"reader\"]\n", "machines = [\"reader\"]\n\n[signing]\nprovider = 2\n", 1);
    std::fs::write(&md, two).unwrap();
    writ.ok(&["fmt", md.to_str().unwrap()]);
    let mut forged: Value = serde_json::from_slice(&std::fs::read(&seal).unwrap()).unwrap();
    let first = forged["signatories"][0].clone();
    forged["signatories"].as_array_mut().unwrap().push(first);
    std::fs::write(&seal, forged.to_string()).unwrap();
    let (code, shown) = verify(&writ, &md, &[]);
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("for the provider 1 of at least 2 people signed"), "{shown}");
}

/// An amendment that one side may make alone proves itself, with the version it narrows.
#[test]
fn a_narrowing_amendment_proves_itself_by_its_file() {
    let (writ, _nginx, _credential) = world();
    let amendment = "\n## Changes\n\n```clause\nkind = \"amendment\"\nnarrowing-by = [\"consumer\"]\n```\n";
    let second = format!("{CONTRACT}{amendment}").replace("version = 1", "version = 2");
    writ.contract("files", &second);
    let third = second.replace("version = 2", "version = 3").replace("500 ms", "400 ms");
    draft(&writ, "third", &third);
    let key = writ.key("acme/build-lead");
    let signed = writ.ok(&["sign", "files", "--as", "acme/build-lead", "--key", key.to_str().unwrap()]);
    assert!(signed.contains("files is in-force"), "{signed}");
    for part in ["# File Access Agreement", "## 1 Permissions", "**0.4**", "## 3 Changes"] {
        assert!(signed.contains(part), "{part} is shown before signing: {signed}");
    }
    let (md, pdf) = export(&writ, "export", 3);
    let known = [
        person(&writ, "acme/build-lead", "acme/build-lead"),
        person(&writ, "forge/repo-lead", "forge/repo-lead"),
    ];
    for file in [&md, &pdf] {
        let (code, shown) = verify(&writ, file, &known);
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("it only narrows version 2, proven here by cvc5"), "{shown}");
        assert!(shown.contains("version 2: forge/repo-lead signed, with the key you gave"), "{shown}");
    }
    // The Provider signed only the version before: without its key nobody knows that it let it be narrowed.
    let (code, shown) = verify(&writ, &md, &known[..1]);
    assert_eq!(code, 7, "{shown}");
    // Without a solver it rests on a record, and that is said.
    let output = Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["verify", md.to_str().unwrap(), "--person", &known[0], "--person", &known[1]])
        .env("WRIT_CVC5", "/nonexistent/cvc5")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stdout).contains("was not proven here"), "{}", text(&output.stdout));
    let words = words_of(&pdf).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("it takes effect on the signature of Acme Software Ltd alone"), "{words}");
    // Without the version before, one signature is not enough.
    let seal = md.with_file_name("files-3.seal.json");
    let mut bare: Value = serde_json::from_slice(&std::fs::read(&seal).unwrap()).unwrap();
    bare["narrowing"] = Value::Null;
    std::fs::write(&seal, bare.to_string()).unwrap();
    let (code, shown) = verify(&writ, &md, &known[..1]);
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("for the provider 0 of at least 1 people signed"), "{shown}");
}

/// What is known about an instrument stands before the text to sign, and is in the answer of the API.
#[test]
fn whoever_signs_is_told_before_the_signature() {
    let (mut writ, _nginx, _credential) = world();
    let key = |writ: &Writ, person: &str| writ.key(person).to_str().unwrap().to_owned();
    writ.ok(&["person", "authorize", "acme/build-lead", "--for", "guardrail"]);
    // A guardrail is examined over what stands already.
    let (_, drafted) = draft(&writ, "acme-rules", GUARDRAIL);
    assert!(
        drafted["warnings"][0].as_str().unwrap().contains("refuses some of what `files` permits"),
        "{drafted}"
    );
    let build = key(&writ, "acme/build-lead");
    let shown = writ.ok(&["sign", "acme-rules", "--as", "acme/build-lead", "--key", &build]);
    let (warning, text_to_sign) =
        (shown.find("WARNING: it refuses some of what `files` permits"), shown.find("you sign:"));
    assert!(warning.is_some() && warning < text_to_sign, "{shown}");

    // And a contract under the guardrails that stand.
    let amended = CONTRACT.replace("version = 1", "version = 2");
    let (_, drafted) = draft(&writ, "files-2", &amended);
    let breach = "the guardrail `acme-rules` refuses some of what it permits, and will at every request";
    assert!(drafted["warnings"][0].as_str().unwrap().contains(breach), "{drafted}");
    let shown = writ.ok(&["sign", "files", "--as", "acme/build-lead", "--key", &build]);
    let (warning, text_to_sign) = (shown.find(&format!("WARNING: {breach}")), shown.find("you sign:"));
    assert!(warning.is_some() && warning < text_to_sign, "{shown}");
    assert!(
        shown.contains("examined by cvc5 ")
            && shown.contains("2 refuted")
            && shown.contains("1 compared only"),
        "{shown}"
    );

    // Without a solver that is said, and people sign.
    writ.stop();
    writ.up_with(&[("WRIT_CVC5", "/nowhere/cvc5")]);
    let lead = key(&writ, "forge/repo-lead");
    let signed = writ.run(&["sign", "files", "--as", "forge/repo-lead", "--key", &lead, "--json"]);
    assert!(signed.status.success(), "{}", text(&signed.stderr));
    let aside = text(&signed.stderr);
    for part in ["WARNING: nothing was proven about it", "strict validation", "not examined: no solver"] {
        assert!(aside.contains(part), "{part}: {aside}");
    }
    let answer = text(&signed.stdout);
    assert!(answer.contains("\"examined\": false") && answer.contains("in-force"), "{answer}");
    writ.assert_verifies();
}

/// An outsider hashes the scripts again and runs them again.
#[test]
fn recorded_proofs_can_be_audited() {
    let (writ, _nginx, _credential) = world();
    let out = writ.path("proofs");
    let dumped = writ.json(&["proof", "dump", "files", "--out", out.to_str().unwrap()]);
    let dumped = dumped.as_array().unwrap();
    assert!(dumped.len() >= 3, "{dumped:?}");
    let shown = writ.json(&["instrument", "show", "files"]);
    let recorded: Vec<&str> = shown["instrument"]["proofs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|proof| proof["script"].as_str().unwrap())
        .collect();
    for proof in dumped {
        let (folder, hash) = (Path::new(proof["folder"].as_str().unwrap()), proof["hash"].as_str().unwrap());
        assert!(recorded.contains(&hash) && folder.join("001.smt2").is_file(), "{proof}");
        let summed = Command::new("sha256sum").arg(folder.join("scripts")).output().unwrap();
        assert!(text(&summed.stdout).starts_with(hash), "{proof}");
    }
    let dead = dumped.iter().find(|proof| proof["proof"].as_str().unwrap().starts_with("not-dead")).unwrap();
    let script = Path::new(dead["folder"].as_str().unwrap()).join("001.smt2");
    let run = Command::new("cvc5").args(["--lang", "smt"]).arg(script).output().unwrap();
    assert_eq!(text(&run.stdout).trim(), "sat", "what makes the clause alive: {}", text(&run.stderr));
    let ruling = writ.run(&["prove", "--can", "read", "--on", "files/private", "--json"]);
    let ruling: Value = serde_json::from_slice(&ruling.stdout).unwrap();
    writ.ok(&[
        "proof",
        "dump",
        ruling["script"].as_str().unwrap(),
        "--out",
        writ.path("ruling").to_str().unwrap(),
    ]);
    assert!(writ.path("ruling/001-proof/scripts").is_file());
    let error = writ.fails(&["proof", "dump", &"0".repeat(64)], 1);
    assert!(error.contains("there is no proof with the scripts"), "{error}");
    // The same of two files, without a server.
    let (old, scripts) = (writ.path("files.writ.md"), writ.path("compared"));
    let redline = writ.ok(&[
        "redline",
        old.to_str().unwrap(),
        old.to_str().unwrap(),
        "--scripts",
        scripts.to_str().unwrap(),
    ]);
    let summed = Command::new("sha256sum").arg(scripts.join("narrower/scripts")).output().unwrap();
    let summed = text(&summed.stdout);
    assert!(redline.contains(summed.split(' ').next().unwrap()), "{redline}");
}

/// What was decided is taken from the record, and decided again under what stood then.
#[test]
fn a_rehearsal_counts_what_was_decided_then() {
    let (writ, _nginx, credential) = world();
    curl(&writ, &credential, "/public/a.txt", &[]);
    curl(&writ, &credential, "/private/a.txt", &[]);
    curl(&writ, &credential, "/elsewhere", &[]);
    let amended = CONTRACT
        .replace("version = 1", "version = 2")
        .replace("resources = [\"private\"]", "resources = [\"public\"]");
    let file = writ.path("amended.writ.md");
    std::fs::write(&file, amended).unwrap();
    let (new, old) = (file.to_str().unwrap().to_owned(), writ.path("files.writ.md"));
    writ.ok(&["fmt", &new]);
    // Since then the machine was stopped and the contract ended: that changes nothing of what was.
    writ.ok(&["identity", "suspend", "acme/reader", "--reason", "a pause"]);
    writ.ok(&["instrument", "end", "files", "--reason", "over"]);
    let redline = |more: &[&str]| writ.ok(&[&["redline", old.to_str().unwrap(), &new][..], more].concat());
    let shown = redline(&["--decisions", "1 hour"]);
    for part in [
        "of 2 decisions of the last 1 hour, 1 would be refused that were permitted, 0 permitted that were refused",
        "not taken again: 1 (the request named no known machine, service and act)",
        "`acme/reader` asked to read `public`: permitted, and would be refused",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let before = redline(&["--from", "2020-01-01", "--to", "2020-02-01T00:00:00Z"]);
    assert!(before.contains("of 0 decisions from 2020-01-01 until 2020-02-01T00:00:00Z"), "{before}");
    let since = redline(&["--from", "2020-01-01"]);
    assert!(since.contains("of 2 decisions since 2020-01-01, 1 would be refused"), "{since}");
    let error = writ.fails(&["redline", old.to_str().unwrap(), &new, "--from", "yesterday"], 1);
    assert!(error.contains("`yesterday` is no date"), "{error}");
}
