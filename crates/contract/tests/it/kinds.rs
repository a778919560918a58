//! Every kind of clause: re-render, round trip, sensitivity, examples (checks 1, 2, 3 and 6 of the
//! seven that keep words and rule together; the compiled side is tested in `policy`).

use crate::samples::{blocks, document, everything, read};
use contract::canonical::{form, to_jcs};
use contract::example::{Subject, examples};
use contract::norm::Norm;
use contract::{Instrument, Kind, Library, Mode, check, format};
use serde_json::Value;
use std::collections::BTreeMap;

/// The generated words of a clause, in one string.
fn words(instrument: &Instrument, at: usize) -> String {
    let clause = &instrument.clauses[at];
    let said = contract::words::sentences(instrument, clause);
    said.into_iter().map(|(text, mode)| format!("{text} [{mode}] ")).collect()
}

#[test]
fn every_kind_is_in_the_sample_and_formatting_is_stable() {
    let formatted = format(&everything()).unwrap();
    assert_eq!(format(&formatted).unwrap(), formatted, "re-render");
    let instrument = check(&formatted).unwrap();
    let kinds: Vec<&str> = instrument.clauses.iter().map(|clause| clause.kind.as_str()).collect();
    assert_eq!(kinds, Kind::NAMES);
    assert_eq!(Kind::NAMES.len(), 23, "the 22 of the reference, and free words");
}

/// block → clause → block → clause, and canonical form → clause.
#[test]
fn round_trip() {
    let instrument = read(&everything());
    let again = read(&document(
        "contract",
        &instrument.clauses.iter().map(|c| c.kind.to_block()).collect::<Vec<_>>(),
    ));
    for (first, second) in instrument.clauses.iter().zip(&again.clauses) {
        assert_eq!(first.kind, second.kind);
        assert_eq!(Kind::from_terms(first.kind.as_str(), first.kind.terms()).as_ref(), Ok(&first.kind));
    }
    assert_eq!(to_jcs(&form(&instrument)), to_jcs(&form(&again)));
}

/// The clause with other terms, if they can stand there.
fn sound(base: &Instrument, at: usize, terms: Value) -> Option<Kind> {
    let clause = &base.clauses[at];
    let kind = Kind::from_terms(clause.kind.as_str(), terms).ok()?;
    let of = contract::setting::Setting { instrument: base, number: clause.number };
    kind.faults(&of).is_empty().then_some(kind)
}

/// All single changes of a canonical value: another value, a shorter list, a key left out.
fn changes(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(members) => {
            let mut found = Vec::new();
            for (key, member) in members {
                for changed in changes(member) {
                    let mut members = members.clone();
                    members.insert(key.clone(), changed);
                    found.push(Value::Object(members));
                }
                let mut members = members.clone();
                members.remove(key);
                found.push(Value::Object(members));
            }
            found
        }
        Value::Array(items) => {
            let mut found = Vec::new();
            for (at, item) in items.iter().enumerate() {
                for changed in changes(item) {
                    let mut items = items.clone();
                    items[at] = changed;
                    found.push(Value::Array(items));
                }
                let mut items = items.clone();
                items.remove(at);
                found.push(Value::Array(items));
            }
            found
        }
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            [number.saturating_sub(1), number + 1].into_iter().map(Value::from).collect()
        }
        Value::Bool(flag) => vec![Value::Bool(!flag)],
        Value::String(text) => replacements(text).into_iter().map(Value::String).collect(),
        Value::Null => Vec::new(),
    }
}

/// Other values in place of a text: every spelling any closed set has, and changes of the text itself.
fn replacements(text: &str) -> Vec<String> {
    let mut found: Vec<String> = [
        "any",
        "provider",
        "consumer",
        "change",
        "read",
        "public",
        "internal",
        "confidential",
        "restricted",
        "drop",
        "hash",
        "tokenise",
        "truncate",
        "calls",
        "rows",
        "bytes",
        "cost",
        "deny",
        "notify",
        "throttle",
        "machine",
        "service",
        "both",
        "attestation",
        "key-destruction",
        "jwt-svid",
        "x509-svid",
        "mtls",
        "dpop",
        "ed25519",
        "ecdsa-p256",
        "ecdsa-p384",
        "rsa",
        "ml-dsa-65",
        "join-token",
        "ci-oidc",
        "kubernetes",
        "process",
        "renewal",
        "low",
        "medium",
        "high",
        "critical",
        "event",
        "term",
        "year",
        "breach",
        "incident",
        "law",
        "no-owner",
        "compromise",
        "consent",
        "successor",
        "none",
        "monday",
        "sunday",
        "always",
        "weekdays",
        "recertified",
        "person-left",
        "credential-revoked",
        "logs-requested",
        "2 minutes",
        "3 hours",
        "4 days",
        "5 seconds",
        "strict",
        "within 60 ms",
        "2027-01-01",
        "2035-06-01T10:00:00Z",
        "98.5%",
        "0.5%",
        "EUR 7",
        "USD 9",
        "10.30.0.0/16",
        "09:00-17:00",
        "Asia/Tokyo",
        "refunds",
        "other",
        "1.1",
    ]
    .map(str::to_owned)
    .to_vec();
    found.push(format!("{text} x"));
    found.retain(|other| other != text);
    found
}

/// Check 3: whatever can be changed about a clause changes its words, its canonical form, and its norms.
#[test]
fn no_parameter_hides() {
    let base = read(&everything());
    let mut tried: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, clause) in base.clauses.iter().enumerate() {
        let name = clause.kind.as_str();
        for terms in changes(&clause.kind.terms()) {
            let Some(kind) = sound(&base, at, terms.clone()).filter(|kind| *kind != clause.kind) else {
                continue;
            };
            let mut changed = base.clone();
            changed.clauses[at].kind = kind;
            assert_ne!(words(&changed, at), words(&base, at), "{name} {terms} is not in the words");
            assert_ne!(
                to_jcs(&form(&changed)),
                to_jcs(&form(&base)),
                "{name} {terms} is not in the canonical form"
            );
            let norms = |of: &Instrument| -> Vec<Norm> {
                of.statements_of(&of.clauses[at]).into_iter().map(|said| said.norm).collect()
            };
            assert_ne!(norms(&changed), norms(&base), "{name} {terms} is not in the norms");
            *tried.entry(name).or_default() += 1;
        }
    }
    for name in Kind::NAMES {
        assert!(tried.get(name).copied().unwrap_or_default() >= 1, "{name} was never changed");
    }
    assert!(tried.values().sum::<usize>() > 600, "{tried:?}");
}

/// Two clauses of a kind that read alike are alike (the other direction of check 3), over all changes.
#[test]
fn the_same_words_mean_the_same() {
    let base = read(&everything());
    for (at, clause) in base.clauses.iter().enumerate() {
        let mut seen: BTreeMap<String, Kind> = BTreeMap::new();
        for terms in changes(&clause.kind.terms()) {
            let Some(kind) = sound(&base, at, terms) else { continue };
            let mut changed = base.clone();
            changed.clauses[at].kind = kind.clone();
            let before = seen.insert(words(&changed, at), kind.clone());
            assert!(
                before.as_ref().is_none_or(|before| *before == kind),
                "{before:?} and {kind:?} read alike"
            );
        }
    }
}

/// Check 6, the half without the compiled policy: each sentence that can be tried has an example that
/// holds and one that does not, and the norms judge them as printed.
#[test]
fn examples_are_judged_as_printed() {
    for source in [everything(), document("charter", &own("permit")), document("guardrail", &own(""))] {
        let instrument = read(&source);
        let found = examples(&instrument);
        for example in &found {
            assert_eq!(instrument.judge(example), Some(example.holds), "{example:#?}");
            assert!(source_has(&instrument, &example.text), "{} is not printed", example.text);
        }
        for (number, at, said) in instrument.statements() {
            let of = |holds: bool| {
                found.iter().any(|e| e.clause == number && e.statement == at && e.holds == holds)
            };
            match &said.norm {
                Norm::Words(_) => {}
                Norm::Rule(_)
                | Norm::Duty(_)
                | Norm::Level(_)
                | Norm::Power(_)
                | Norm::Masking(_)
                | Norm::Evidence(_)
                | Norm::Cap(_) => {
                    assert!(of(true) && of(false), "{number} has no example on both sides: {}", said.text)
                }
            }
        }
        assert!(found.iter().any(|example| matches!(example.subject, Subject::Request(_))));
    }
}

/// Blocks of the samples that can stand in a charter (`with` is "permit") or guardrail.
fn own(with: &str) -> Vec<String> {
    let kinds =
        ["prohibit", "quota", "classification", "purpose", "residency", "credential", "window", "ownership"];
    let mut found = blocks(|name| kinds.contains(&name) || name == with);
    for block in &mut found {
        *block =
            block.replace("[\"charges\"]", "[\"payments/charges\"]").replace("\"charges\"", "\"payments\"");
    }
    found
}

fn source_has(instrument: &Instrument, text: &str) -> bool {
    let blocks: Vec<String> = instrument.clauses.iter().map(|clause| clause.kind.to_block()).collect();
    format(&document(instrument.body.noun(), &blocks)).unwrap().contains(text)
}

/// Every blank of the library is filled, every sentence is used.
#[test]
fn the_library_has_no_blank_left() {
    let mut all = String::new();
    for source in [everything(), document("charter", &own("permit")), document("guardrail", &own(""))] {
        let formatted = format(&source).unwrap();
        for line in formatted.lines().filter(|line| line.starts_with('>')) {
            assert!(!line.contains('{') && !line.contains('}'), "{line}");
            assert!(!line.contains("  ") && !line.contains(" ,") && !line.contains("`WORDS` `"), "{line}");
        }
        all.push_str(&formatted);
    }
    for (kind, sentences) in Library::current().entries() {
        assert!(Library::current().hash_of(kind).is_some());
        let known = ["frame", "annex", "outcome"].contains(&kind) || Kind::NAMES.contains(&kind);
        assert!(known, "the library has wording for `{kind}`, which is no kind");
        assert!(!sentences.is_empty());
    }
    for kind in Kind::NAMES {
        assert!(Kind::summary(kind).is_some() && Kind::sample(kind).is_some());
        assert!(Library::current().hash_of(kind).is_some(), "{kind} has no wording");
    }
}

/// The compiler finds the mode; nobody writes it.
#[test]
fn modes_are_found() {
    let instrument = read(&everything());
    let modes = |name: &str| -> Vec<Mode> {
        let clause = instrument.clauses.iter().find(|clause| clause.kind.as_str() == name).unwrap();
        instrument.statements_of(clause).iter().map(|said| said.norm.mode()).collect()
    };
    assert_eq!(modes("quota"), [Mode::Enforced, Mode::Enforced]);
    assert_eq!(modes("duty"), [Mode::Monitored]);
    assert_eq!(modes("retention"), [Mode::Monitored, Mode::Evidenced]);
    assert_eq!(modes("words"), [Mode::Words]);
    let revoke = "kind = \"duty\"\nbearer = \"provider\"\nact = \"credential-revoked\"\nafter = \"person-left\"\nwithin = \"1 day\"\n";
    let causable = read(&document("contract", &[revoke.to_owned()]));
    let said = causable.statements();
    assert_eq!(said[0].2.norm.mode(), Mode::Enforced, "Writ can bring it about: {}", said[0].2.text);
    assert!(said[0].2.text.contains("Writ itself brings about the revocation of a certificate"));
}

#[test]
fn rules_hash_by_their_address() {
    let library = Library::current();
    assert_ne!(library.hash_of("permit"), library.hash_of("prohibit"));
    // Signed documents rely on this wording: a change needs a new version of the library.
    assert_eq!(contract::canonical::hex(&library.hash()).len(), 64);
}
