//! Two versions of an instrument, word by word, clause beside clause.

use crate::clause::Number;
use crate::document::Instrument;
use crate::words;
use similar::{Algorithm, ChangeTag, DiffOp, TextDiff, capture_diff_slices};

/// A stretch of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// In the old version only.
    Gone(String),
    /// In the new version only.
    New(String),
    /// In both.
    Same(String),
}

/// A clause of either version, or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the old version.
    pub old: Option<Number>,
    /// Its number in the new version.
    pub new: Option<Number>,
    /// Its words.
    pub pieces: Vec<Piece>,
}

impl Row {
    /// Whether nothing but perhaps the number changed.
    pub fn is_same(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Same(_)))
    }
}

/// What is compared: the frame, then each clause.
struct Part {
    number: Option<Number>,
    kind: &'static str,
    text: String,
}

fn parts(instrument: &Instrument) -> Vec<Part> {
    let frame =
        format!("{}. {} {}", instrument.title, words::opening(instrument), words::signing(instrument));
    let clause = |clause: &crate::Clause| {
        let said = words::sentences(instrument, clause);
        let text: Vec<String> = said.into_iter().map(|(text, mode)| format!("{text} {mode}")).collect();
        Part { number: Some(clause.number), kind: clause.kind.as_str(), text: text.join(" ") }
    };
    std::iter::once(Part { number: None, kind: "", text: frame })
        .chain(instrument.clauses.iter().map(clause))
        .collect()
}

/// The rows of a redline, in the order of the new version.
pub fn redline(old: &Instrument, new: &Instrument) -> Vec<Row> {
    let (old, new) = (parts(old), parts(new));
    let texts = |parts: &[Part]| -> Vec<String> { parts.iter().map(|part| part.text.clone()).collect() };
    let mut rows = Vec::new();
    for change in capture_diff_slices(Algorithm::Patience, &texts(&old), &texts(&new)) {
        let gone = old.get(change.old_range()).unwrap_or_default();
        let come = new.get(change.new_range()).unwrap_or_default();
        match change {
            DiffOp::Equal { .. } => rows.extend(gone.iter().zip(come).map(|(old, new)| Row {
                old: old.number,
                new: new.number,
                pieces: vec![Piece::Same(new.text.clone())],
            })),
            DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
                replaced(gone, come, &mut rows)
            }
        }
    }
    rows
}

/// Clauses of the same kind are compared word by word; what has no partner is all gone or all new.
fn replaced(gone: &[Part], come: &[Part], rows: &mut Vec<Row>) {
    let mut waiting: Vec<&Part> = gone.iter().collect();
    for new in come {
        let partner = waiting.iter().position(|old| old.kind == new.kind);
        // What stood before the partner and has none of its own comes first.
        match partner {
            None => rows.push(Row { old: None, new: new.number, pieces: vec![Piece::New(new.text.clone())] }),
            Some(at) => {
                for old in waiting.drain(..at) {
                    rows.push(Row {
                        old: old.number,
                        new: None,
                        pieces: vec![Piece::Gone(old.text.clone())],
                    });
                }
                let old = waiting.remove(0);
                rows.push(Row { old: old.number, new: new.number, pieces: pieces(&old.text, &new.text) });
            }
        }
    }
    rows.extend(waiting.into_iter().map(|old| Row {
        old: old.number,
        new: None,
        pieces: vec![Piece::Gone(old.text.clone())],
    }));
}

/// Whole words, stretches of one kind together.
fn pieces(old: &str, new: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for change in TextDiff::from_words(old, new).iter_all_changes() {
        let text = change.value();
        match (change.tag(), pieces.last_mut()) {
            (ChangeTag::Equal, Some(Piece::Same(last)))
            | (ChangeTag::Delete, Some(Piece::Gone(last)))
            | (ChangeTag::Insert, Some(Piece::New(last))) => last.push_str(text),
            (ChangeTag::Equal, _) => pieces.push(Piece::Same(text.to_owned())),
            (ChangeTag::Delete, _) => pieces.push(Piece::Gone(text.to_owned())),
            (ChangeTag::Insert, _) => pieces.push(Piece::New(text.to_owned())),
        }
    }
    pieces
}
