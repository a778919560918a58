//! Every kind of clause: re-render, round trip, examples (checks 1, 2 and 6 of the seven that keep words and rule
//! together; check 3 is in `mutation`, and the compiled side is tested in `policy`).

use crate::samples::{blocks, document, everything, read};
use contract::canonical::{form, to_jcs};
use contract::example::{Subject, examples};
use contract::norm::Norm;
use contract::{Instrument, Kind, Library, Mode, check, format};

#[test]
fn every_kind_is_in_the_sample_and_formatting_is_stable() {
    let formatted = format(&everything()).unwrap();
    assert_eq!(format(&formatted).unwrap(), formatted, "re-render");
    let instrument = check(&formatted).unwrap();
    let kinds: Vec<&str> = instrument.clauses.iter().map(|clause| clause.kind.as_str()).collect();
    assert_eq!(kinds, Kind::NAMES);
    assert_eq!(Kind::NAMES.len(), 24, "the 22 of the reference, statements to databases, and free words");
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
                | Norm::Statement(_)
                | Norm::Departure(_)
                | Norm::Evidence(_)
                | Norm::Issuance(_)
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

/// Signed documents rely on their wording: whoever changes it gives it a new version, and writes both down.
#[test]
fn wording_is_fixed_by_its_version() {
    let library = Library::current();
    assert_ne!(library.hash_of("permit"), library.hash_of("prohibit"));
    let pinned = include_str!("../../testdata/library.txt");
    let line = format!("{} {}", contract::LIBRARY, contract::canonical::hex(&library.hash()));
    assert!(
        pinned.lines().any(|pinned| pinned == line),
        "the wording is not the one of its version: give `LIBRARY` a new one, and add this line to \
         crates/contract/testdata/library.txt:\n{line}"
    );
    let versions: Vec<&str> =
        pinned.lines().filter_map(|line| line.split_once(' ')).map(|(v, _)| v).collect();
    let mut once = versions.clone();
    once.dedup();
    assert_eq!(versions, once, "a version has one wording");
}
