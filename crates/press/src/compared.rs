//! Two versions compared, as the data of the redline's template.

use crate::data::runs;
use contract::Instrument;
use contract::canonical::{digest, hex};
use contract::redline::{Line, Piece, Row};
use contract::words::Place;
use serde_json::{Value, json};

/// One of the versions.
#[derive(Clone, Copy, Debug)]
pub struct Version<'v> {
    /// What it says.
    pub instrument: &'v Instrument,
    /// Its text.
    pub source: &'v str,
    /// The file it was read from.
    pub file: &'v str,
}

impl Version<'_> {
    /// `files, version 2: File Access Agreement (new.writ.md, SHA-256 0123456789abcdef…)`.
    pub fn told(&self) -> String {
        let hash: String = hex(&digest(self.source)).chars().take(16).collect();
        let Instrument { name, version, title, .. } = self.instrument;
        format!("`{name}`, version {version}: {title} (`{}`, SHA-256 `{hash}…`)", self.file)
    }
}

/// Two versions compared.
#[derive(Clone, Debug)]
pub struct Compared<'c> {
    /// The old version.
    pub old: Version<'c>,
    /// The new version.
    pub new: Version<'c>,
    /// The words, part beside part.
    pub rows: &'c [Row],
    /// What is said of decisions, in a line.
    pub verdict: &'c str,
    /// And in detail.
    pub lines: &'c [&'c str],
}

/// The data of the redline's template.
pub(crate) fn of(compared: &Compared<'_>) -> Value {
    let (old, new) = (compared.old.instrument, compared.new.instrument);
    json!({
        "title": format!("Redline: {}", new.title),
        "subtitle": format!("{}, version {} compared with version {}", new.name, new.version, old.version),
        "old": runs(&compared.old.told()),
        "new": runs(&compared.new.told()),
        "verdict": compared.verdict,
        "lines": compared.lines.iter().map(|line| runs(line)).collect::<Vec<_>>(),
        "rows": compared.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let place = row.new.or(row.old);
    json!({
        "label": row.label(),
        "heading": matches!(place, Some(Place::Section(_) | Place::Title)),
        "same": row.is_same(),
        "lines": row.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn line(line: &Line) -> Value {
    let all = |pieces: &[Piece]| pieces.iter().map(piece).collect::<Vec<_>>();
    json!({ "pieces": all(&line.text), "mark": all(&line.mark) })
}

fn piece(piece: &Piece) -> Value {
    let (kind, words) = match piece {
        Piece::Gone(words) => ("gone", words),
        Piece::New(words) => ("new", words),
        Piece::Same(words) => ("same", words),
    };
    json!({ "kind": kind, "runs": runs(words) })
}
