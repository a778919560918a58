//! Redlines: nothing that is signed is left out, clauses are compared with their own earlier version.

use crate::EXAMPLE;
use contract::redline::{Piece, Row, redline};
use contract::{Instrument, check, format};

fn read(source: &str) -> Instrument {
    check(&format(source).unwrap()).unwrap_or_else(|found| unreachable!("{found:#?}"))
}

/// The rows that are not the same, each in a line.
fn told(old: &str, new: &str) -> Vec<String> {
    let rows = redline(&read(old), &read(new));
    rows.iter().filter(|row| !row.is_same()).map(line).collect()
}

fn line(row: &Row) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Gone(text) => format!("[-{text}-]"),
        Piece::New(text) => format!("{{+{text}+}}"),
        Piece::Same(text) => text.clone(),
    };
    let text: Vec<String> = row.lines.iter().map(|line| line.text.iter().map(piece).collect()).collect();
    format!("{}: {}", row.label(), text.join(" "))
}

/// The block of the clause that holds `text`, with the words under it.
fn block(text: &str) -> &'static str {
    let at = EXAMPLE.find(text).unwrap();
    let start = EXAMPLE[..at].rfind("```clause").unwrap();
    let end = EXAMPLE[at..].find("<!-- end of words -->\n").unwrap() + at + "<!-- end of words -->\n".len();
    &EXAMPLE[start..end]
}

#[test]
fn the_same_is_the_same_and_every_part_has_a_row() {
    let rows = redline(&read(EXAMPLE), &read(EXAMPLE));
    assert!(rows.iter().all(Row::is_same));
    let labels: Vec<String> = rows.iter().map(Row::label).collect();
    assert_eq!(
        labels,
        [
            "title", "0", "parties", "0.1", "0.2", "0.3", "0.4", "1", "1.1", "1.2", "2", "2.1", "3", "3.1",
            "3.2", "4", "4.1", "4.2"
        ]
    );
}

#[test]
fn title_headings_and_frame_are_compared() {
    let retitled = EXAMPLE.replace("Card Payments Access Agreement", "Card Payments Loan Agreement");
    assert_eq!(told(EXAMPLE, &retitled), ["title: Card Payments [-Access-]{+Loan+} Agreement"]);
    let heading = EXAMPLE.replace("## Limits", "## Unlimited indemnity");
    assert_eq!(told(EXAMPLE, &heading), ["3: [-Limits-]{+Unlimited indemnity+}"]);
    let quorum = EXAMPLE.replacen("+++\n<!--", "\n[signing]\nprovider = 2\n+++\n<!--", 1);
    let rows = told(EXAMPLE, &quorum);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert!(
        rows[0].starts_with("0.2: ") && rows[0].contains("[-1 person-]{+2 different people+}"),
        "{rows:#?}"
    );
}

#[test]
fn a_figure_is_exchanged_whole() {
    let more = EXAMPLE.replace("limit = 3", "limit = 6000");
    let rows = told(EXAMPLE, &more);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert!(rows[0].contains("not more than [-3-]{+6,000+} permitted calls"), "{rows:#?}");
}

/// The first clause of a kind goes: the second is not shown as its new version.
#[test]
fn clauses_are_paired_by_what_they_say() {
    let first = block("settlement of customer orders");
    let without = EXAMPLE.replacen(first, "", 1);
    let rows = told(EXAMPLE, &without);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert!(rows[0].starts_with("1.1 deleted: [-The Consumer's machine"), "{rows:#?}");
    let renumbered = redline(&read(EXAMPLE), &read(&without));
    assert!(renumbered.iter().any(|row| row.label() == "1.2 → 1.1" && row.is_same()));
}

#[test]
fn a_moved_clause_is_shown_as_moved() {
    let second = block("\"reconciliation\"");
    let moved = EXAMPLE.replacen(second, "", 1).replacen("## Limits\n", &format!("## Limits\n\n{second}"), 1);
    let rows = redline(&read(EXAMPLE), &read(&moved));
    let row = rows.iter().find(|row| row.moved).unwrap();
    assert_eq!(row.label(), "1.2 → 3.1, moved");
    assert!(!row.is_same());
    assert_eq!(rows.iter().filter(|row| row.moved).count(), 1);
    assert!(rows.iter().all(|row| row.old.is_some() && row.new.is_some()), "nothing is gone, nothing is new");
}

#[test]
fn marks_stand_apart_from_the_text() {
    for row in redline(&read(EXAMPLE), &read(EXAMPLE)) {
        for line in row.lines {
            let text: String = line
                .text
                .iter()
                .map(|piece| match piece {
                    Piece::Gone(t) | Piece::New(t) | Piece::Same(t) => t.as_str(),
                })
                .collect();
            assert!(!text.contains("ENFORCED"), "{text}");
        }
    }
}
