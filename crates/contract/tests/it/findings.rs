//! Everything that can be wrong with a document, each with its code, its place and its help.

use crate::EXAMPLE;
use contract::{check, format};

/// Replaces once, then expects one finding with this code at this text.
fn check_one(old: &str, new: &str, code: &str, at: &str, help: &str) {
    let changed = EXAMPLE.replacen(old, new, 1);
    assert_ne!(changed, EXAMPLE, "`{old}` is in the example");
    let findings = format(&changed).and_then(|formatted| check(&formatted)).unwrap_err();
    let finding = findings.iter().find(|finding| finding.code == code);
    let finding = finding.unwrap_or_else(|| unreachable!("no {code} in {findings:#?}"));
    let formatted = format(&changed).unwrap_or(changed);
    let text = formatted.get(finding.span.clone()).unwrap();
    assert!(text.contains(at), "{code} at `{text}`, not at `{at}`");
    assert!(finding.help.contains(help), "{code} helps: {}", finding.help);
}

#[test]
fn each_fault_is_named_where_it_is() {
    check_one("+++\n", "---\n", "writ::front-matter", "---", "begin the file with a line `+++`");
    check_one("version = 1", "version = 0", "writ::limit", "0", "between 1 and");
    check_one(
        "instrument = \"contract\"",
        "instrument = \"treaty\"",
        "writ::instrument",
        "treaty",
        "contract",
    );
    check_one(
        "name = \"card-payments\"",
        "name = \"Card Payments\"",
        "writ::name",
        "Card Payments",
        "card-payments",
    );
    check_one(
        "legal-name = \"North",
        "leagl-name = \"North",
        "writ::unknown-key",
        "leagl-name",
        "did you mean `legal-name`?",
    );
    check_one("machines = [\"checkout\"]", "machines = []", "writ::list", "[]", "at least one");
    check_one(
        "resources = [\"charges\"]",
        "resources = [\"charges\", \"charges\"]",
        "writ::list",
        "charges",
        "once",
    );
    check_one("kind = \"permit\"", "kind = \"permitt\"", "writ::kind", "permitt", "did you mean `permit`?");
    check_one("limit = 3", "limit = 0", "writ::limit", "0", "between 1 and");
    check_one("limit = 3", "limit = 100000000", "writ::limit", "100000000", "counted exactly");
    check_one("limit = 3", "limt = 3", "writ::unknown-key", "limt", "did you mean `limit`?");
    check_one("limit = 3", "limit = \"3\"", "writ::toml", "\"3\"", "the keys are");
    check_one("window = \"1 minute\"", "window = \"1 fortnight\"", "writ::span", "fortnight", "15 minutes");
    check_one("window = \"1 minute\"", "window = \"60\"", "writ::span", "60", "15 minutes");
    check_one("max-ttl = \"15 minutes\"", "max-ttl = \"3 days\"", "writ::span", "3 days", "at most 1 day");
    check_one("end = 2036-01-01", "end = 2025-01-01", "writ::term", "2025-01-01", "after the start");
    check_one("end = 2036-01-01", "end = 09:00:00", "writ::instant", "09:00:00", "2026-12-01");
    check_one("end = 2036-01-01", "end = 2999-01-01", "writ::term", "2999-01-01", "before 2200-01-01");
    check_one(
        "purposes = [\"reconciliation\"]",
        "recording = \"soon\"",
        "writ::recording",
        "soon",
        "within 50 ms",
    );
    check_one("## Permissions\n", "", "writ::heading", "clause", "## Permissions");
    check_one(
        "registered offices.\"",
        "registered offices.\"\nnote = \"x\"",
        "writ::unknown-key",
        "note",
        "text",
    );
    check_one(
        "# Card Payments",
        "Free words.\n\n# Card Payments",
        "writ::prose",
        "Free words.",
        "kind `words`",
    );
    check_one(
        "# Card Payments",
        "<div hidden>\n\n# Card Payments",
        "writ::prose",
        "<div hidden>",
        "kind `words`",
    );
}

#[test]
fn nothing_is_hidden_or_dressed_up() {
    check_one("## Limits", "## Limits <template>", "writ::heading", "<template>", "plain words");
    check_one(
        "## Limits",
        "## Limits\n\n### **9.9** The Consumer may do anything. `ENFORCED`",
        "writ::heading",
        "9.9",
        "plain",
    );
    check_one("## Limits", "Anything\ngoes\n---\n\n## Limits", "writ::heading", "Anything", "on one line");
    check_one(
        "## Limits",
        "[hidden]: https://example.com\n\n## Limits",
        "writ::prose",
        "[hidden]",
        "not shown",
    );
    check_one("## Limits", "## Limits \u{202e}", "writ::control", "\u{202e}", "invisible");
    check_one("North Bank plc", "North\u{200b} Bank plc", "writ::control", "\u{200b}", "invisible");
    check_one(
        "registered offices.",
        "registered offices.\\n \\n**2.2** more",
        "writ::text",
        "2.2",
        "one line",
    );
    check_one("reconciliation", "at most 10 a day", "writ::purpose", "10", "clauses that enforce");
    check_one("reconciliation", "reading only in March", "writ::purpose", "only", "clauses that enforce");
    check_one("title = \"Card", "title = \"<b>Card", "writ::text", "<b>", "plain text");
}

/// Whatever is signed is shown: there is one title, the one of the front matter, and headings of sections
/// that have clauses; nothing deeper.
#[test]
fn no_heading_says_what_is_shown_nowhere() {
    let indemnity = "The Consumer indemnifies the Provider without limit";
    let below = format!("## Limits\n\n### {indemnity}");
    check_one("## Limits", &below, "writ::heading", indemnity, "belongs into a clause");
    let deepest = format!("## Limits\n\n###### {indemnity}");
    check_one("## Limits", &deepest, "writ::heading", indemnity, "belongs into a clause");
    check_one(
        "# Card Payments Access Agreement",
        "# Loan Agreement",
        "writ::heading",
        "Loan",
        "write `# Card Payments Access",
    );
    check_one(
        "# Card Payments Access Agreement\n",
        "",
        "writ::heading",
        "+++",
        "write `# Card Payments Access",
    );
    let second = "# Card Payments Access Agreement\n\n# Card Payments Access Agreement";
    check_one("# Card Payments Access Agreement", second, "writ::heading", "Card", "`## `");
    let empty = format!("## {indemnity}\n\n## Limits");
    check_one("## Limits", &empty, "writ::heading", indemnity, "put a clause under it");
    let last = format!("<!-- annex of Writ -->\n\n## {indemnity}");
    assert!(format(&EXAMPLE.replacen("<!-- annex of Writ -->", &last, 1)).is_err());
    check_one("## Limits", "## Limits ##", "writ::heading", "Limits ##", "plain words");
    check_one("## Limits", "## Limits &lt;8.1&gt;", "writ::heading", "&lt;", "plain words");
    check_one("## Limits", "##", "writ::heading", "##", "plain words");
}

#[test]
fn the_title_stands_above_the_sections() {
    let moved = EXAMPLE.replacen("# Card Payments Access Agreement\n", "", 1);
    let moved = moved.replacen("## Limits", "# Card Payments Access Agreement\n\n## Limits", 1);
    let findings = check(&moved).unwrap_err();
    assert!(findings.iter().any(|finding| finding.message.contains("below a section")), "{findings:#?}");
}

/// Formatting never deletes what it did not write.
#[test]
fn a_block_that_is_not_closed_is_not_rewritten() {
    let close = "<!-- end of words -->\n";
    for damaged in [
        EXAMPLE.replacen(close, "", 1),
        EXAMPLE.replace(close, ""),
        EXAMPLE.replacen(close, "A remark.\n<!-- end of words -->\n", 2),
    ] {
        let findings = format(&damaged).unwrap_err();
        assert_eq!(findings.first().unwrap().code, "writ::words-block", "{findings:#?}");
    }
}

#[test]
fn words_do_not_pretend_to_bind_machines() {
    let words = "This contract is governed by the law of England and Wales; notices go to the parties' registered offices.";
    check_one(
        words,
        "The machine shall not read refunds.",
        "writ::words-bind-machines",
        "shall not",
        "prohibit",
    );
    check_one(words, "Access must be logged.", "writ::words-bind-machines", "must", "words bind people");
}

#[test]
fn a_second_term_is_refused() {
    let second = "```clause\nkind = \"term\"\nstart = 2026-01-01\nend = 2037-01-01\n```\n\n```clause\nkind = \"words\"";
    check_one("```clause\nkind = \"words\"", second, "writ::twice", "2037", "clause 4.1 says it already");
}

#[test]
fn wording_smuggled_elsewhere_is_found() {
    let forged = "<!-- words of Writ -->\n> **9.9** The Consumer may do anything.\n<!-- end of words -->\n";
    let changed = EXAMPLE.replacen("# Card Payments", &format!("{forged}\n# Card Payments"), 1);
    let findings = check(&changed).unwrap_err();
    assert!(findings.iter().any(|finding| finding.message.contains("where none belongs")), "{findings:#?}");
}

#[test]
fn carriage_returns_and_controls_are_refused() {
    assert_eq!(check(&EXAMPLE.replace('\n', "\r\n")).unwrap_err().first().unwrap().code, "writ::control");
    assert_eq!(
        check(&EXAMPLE.replace("North", "No\u{7}rth")).unwrap_err().first().unwrap().code,
        "writ::control"
    );
    assert!(check("").is_err());
    assert!(check(&"x".repeat(2_000_000)).is_err());
}

/// No text makes the reader panic.
#[test]
fn cut_anywhere() {
    for end in 0..EXAMPLE.len() {
        if let Some(cut) = EXAMPLE.get(..end) {
            let _ = check(cut);
            let _ = format(cut);
        }
    }
}

/// One line of thousands of quotation marks took most of a minute to complain about.
#[test]
fn findings_are_told_up_to_a_limit() {
    let nested =
        EXAMPLE.replacen("# Card Payments", &format!("{}x\n\n# Card Payments", "> ".repeat(4_000)), 1);
    let findings = check(&nested).unwrap_err();
    assert_eq!(findings.last().map(|finding| finding.code), Some("writ::nesting"), "{findings:#?}");
    assert!(findings.len() <= contract::diagnostic::FINDINGS_MAX);
    let prose = "Free words.\n\n".repeat(4_000);
    let findings =
        check(&EXAMPLE.replacen("# Card Payments", &format!("{prose}# Card Payments"), 1)).unwrap_err();
    assert_eq!(findings.len(), contract::diagnostic::FINDINGS_MAX + 1);
    let last = findings.last().unwrap();
    assert_eq!((last.code, last.message.as_str()), ("writ::more", "and 3900 more findings"));
    let many =
        "```clause\nkind = \"permit\"\nactions = \"any\"\nresources = \"any\"\non-breach = \"1.1\"\n```\n\n"
            .repeat(5_000);
    let findings = check(&EXAMPLE.replacen("## Limits\n", &format!("## Limits\n\n{many}"), 1)).unwrap_err();
    assert!(findings.iter().any(|finding| finding.code == "writ::too-many"), "{findings:#?}");
    let list = format!("actions = [{}]", "\"delete\", ".repeat(60_000));
    let findings = check(&EXAMPLE.replacen("actions = [\"delete\"]", &list, 1)).unwrap_err();
    assert!(findings.iter().any(|finding| finding.message.contains("too long")), "{findings:#?}");
}

/// `survives` of a term is a list, of any other clause a yes or no: the reader took it for one only.
#[test]
fn a_term_names_what_survives() {
    let named = EXAMPLE.replacen("end = 2036-01-01", "end = 2036-01-01\nsurvives = [\"2.1\"]", 1);
    let words = format(&named).unwrap();
    assert!(words.contains("Clause 2.1 survives the end of this contract."), "{words}");
    check_one("limit = 3", "limit = 3\nsurvives = [\"2.1\"]", "writ::value", "2.1", "survives = true");
}
