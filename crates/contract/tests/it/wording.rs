//! Words and clauses stay together: re-render, round trip, sensitivity (checks 1, 2 and 3).

use crate::EXAMPLE;
use contract::canonical::{form, to_jcs};
use contract::{Document, Number, Span, check, format, words};

#[test]
fn the_example_is_sound_and_formatting_changes_nothing() {
    let contract = check(EXAMPLE).unwrap();
    assert_eq!(format(EXAMPLE).unwrap(), EXAMPLE);
    assert_eq!(contract.clauses.len(), 7);
    let numbers: Vec<String> = contract.clauses.iter().map(|clause| clause.number.to_string()).collect();
    assert_eq!(numbers, ["1.1", "1.2", "2.1", "3.1", "3.2", "4.1", "4.2"]);
}

#[test]
fn wording_is_stable() {
    let contract = check(EXAMPLE).unwrap();
    let sentence = |number: &str| words::clause_text(&contract, Number::parse(number).unwrap());
    assert_eq!(
        sentence("1.1"),
        "The Consumer's machine `checkout` may **read** and **create** `charges`, for settlement of customer \
         orders. Each such act is recorded before it takes effect or, where it only reads, before its answer is \
         released. The purpose is stated here; a call need not declare it unless another clause says so."
    );
    assert_eq!(sentence("2.1"), "The Consumer's machine `checkout` shall not **delete** `charges`.");
    assert_eq!(
        sentence("3.1"),
        "The Consumer's machine `checkout` shall make not more than 3 permitted calls to **create** `charges` in any \
         period of 1 minute."
    );
    assert_eq!(
        sentence("3.2"),
        "The Consumer's machine `checkout` shall present a certificate that was issued for a life of not more than \
         15 minutes."
    );
    assert_eq!(
        sentence("4.1"),
        "This contract is in force from 1 January 2026, 00:00:00 UTC until 1 January 2036, 00:00:00 UTC; nothing is \
         permitted before or after."
    );
}

/// Changing any single parameter changes the words and the canonical form.
#[test]
fn no_parameter_hides() {
    let replacements = [
        (r#"actions = ["read", "create"]"#, r#"actions = ["read"]"#),
        (r#"purposes = ["reconciliation"]"#, r#"purposes = ["audit"]"#),
        (r#"actions = ["delete"]"#, r#"actions = ["delete", "refund"]"#),
        ("limit = 3", "limit = 4"),
        (r#"window = "1 minute""#, r#"window = "2 minutes""#),
        (r#"max-ttl = "15 minutes""#, r#"max-ttl = "16 minutes""#),
        ("start = 2026-01-01", "start = 2026-01-02"),
        ("end = 2036-01-01", "end = 2036-01-01T00:00:01Z"),
        ("law of England", "law of Scotland"),
        (r#"machines = ["checkout"]"#, r#"machines = ["checkout", "refunds"]"#),
        (r#"service = "payments""#, r#"service = "payouts""#),
        (r#"legal-name = "Acme Retail Ltd""#, r#"legal-name = "Acme Retail SA""#),
        (r#"party = "acme-retail""#, r#"party = "acme-wholesale""#),
    ];
    // Headings are no generated words, but they are signed.
    let heading = EXAMPLE.replacen("## Limits", "## Bounds", 1);
    let canonical_of = |source: &str| to_jcs(&form(&check(source).unwrap()));
    assert_ne!(canonical_of(&heading), canonical_of(EXAMPLE));
    let words = |source: &str| {
        let formatted = format(source).unwrap();
        formatted.lines().filter(|line| line.starts_with('>')).collect::<Vec<_>>().join("\n")
    };
    let canonical = |source: &str| to_jcs(&form(&check(&format(source).unwrap()).unwrap()));
    for (old, new) in replacements {
        let changed = EXAMPLE.replacen(old, new, 1);
        assert_ne!(changed, EXAMPLE, "{old} is in the example");
        assert_ne!(words(&changed), words(EXAMPLE), "{new} is not in the words");
        assert_ne!(canonical(&changed), canonical(EXAMPLE), "{new} is not in the canonical form");
    }
    let recorded = EXAMPLE.replacen(r#"purposes = ["reconciliation"]"#, r#"recording = "within 50 ms""#, 1);
    assert!(words(&recorded).contains("recorded within 50 ms after it was permitted"));
}

/// Before signing everything that is signed can be read, headings included; only the annex, which follows
/// from the clauses, is not.
#[test]
fn everything_signed_is_shown() {
    let shown = words::shown(&check(EXAMPLE).unwrap());
    let body = EXAMPLE.rsplit_once("+++\n").unwrap().1.split_once("<!-- annex of Writ -->").unwrap().0;
    let mut inside = false;
    for line in body.lines().filter(|line| !line.is_empty() && !line.starts_with("<!--")) {
        let fence = line.starts_with("```");
        if !fence && !inside && line != ">" {
            let text = line.trim_start_matches(['>', '#', ' ']);
            let text = text.strip_prefix("**Parties").map_or(text, |_| "Parties and interpretation");
            assert!(shown.contains(text), "{text} is signed, and not in: {shown}");
        }
        inside ^= fence;
    }
    assert!(shown.contains("## 2 Prohibitions"), "{shown}");
}

#[test]
fn lists_of_phrases_are_lettered() {
    let carved = "```clause\nkind = \"liability\"\nbearer = \"provider\"\ncap = \"GBP 5\"\nper = \"year\"\n\
        carve-outs = [\"fraud or wilful misconduct\", \"gross negligence\", \"death or personal injury\"]\n```\n\n```clause\nkind = \"words\"";
    let source = EXAMPLE.replacen("```clause\nkind = \"words\"", carved, 1);
    let formatted = format(&source).unwrap();
    let sentence = "This limit does not apply to liability for (a) fraud or wilful misconduct; (b) gross negligence; or (c) death or \
        personal injury.";
    assert!(formatted.contains(sentence), "{formatted}");
}

/// The hashed form is the one RFC 8785 gives.
#[test]
fn canonical_form_is_jcs() {
    let value = serde_json::json!({ "b": [1, "\u{e9}\n\"", { "z": 0, "a": null }], "a": true });
    assert_eq!(to_jcs(&value), "{\"a\":true,\"b\":[1,\"é\\n\\\"\",{\"a\":null,\"z\":0}]}");
}

#[test]
fn recording_and_spans_are_typed() {
    let source = EXAMPLE.replacen("purposes = [\"reconciliation\"]", "recording = \"within 50 ms\"", 1);
    let contract = check(&format(&source).unwrap()).unwrap();
    let rules = contract.rules();
    let relaxed = rules.iter().find(|(number, _, _)| number.to_string() == "1.2").unwrap();
    assert_eq!(relaxed.2.recorded_within, Some(Span::from_ms(50)));
}

#[test]
fn edited_words_are_found_and_rewritten() {
    let edited = EXAMPLE.replace("shall not **delete**", "shall kindly not **delete**");
    let findings = check(&edited).unwrap_err();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings.first().unwrap().code, "writ::words");
    assert!(findings.first().unwrap().message.contains("changed by hand"));
    assert_eq!(format(&edited).unwrap(), EXAMPLE);
    let removed = EXAMPLE.replace("<!-- words of Writ -->\n> **2.1**", "> **2.1**");
    assert!(check(&removed).is_err());
    assert!(Document::parse(&removed).is_err(), "a quotation nobody owns is free text");
}
