//! A contract as a document: its parts, and the two things one does with it, `check` and `format`.

use crate::clause::Clause;
use crate::diagnostic::Diagnostic;
use crate::{parse, words};
use registry::Name;
use std::ops::Range;

/// The largest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// Clauses in a document at most.
pub const CLAUSES_MAX: usize = 500;

/// What a contract says, without its layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its short name.
    pub name: Name,
    /// Its version, counting from 1.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Who provides the service.
    pub provider: Side,
    /// The service.
    pub service: Name,
    /// Who uses it.
    pub consumer: Side,
    /// With which machines.
    pub machines: Vec<Name>,
    /// The clauses, in the order of the document.
    pub clauses: Vec<Clause>,
}

/// A party as the document names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its short name in the registry.
    pub party: Name,
    /// Its name in law.
    pub legal_name: String,
}

impl Contract {
    /// `party/name` of a machine.
    pub fn machine_label(&self, machine: &Name) -> String {
        format!("{}/{machine}", self.consumer.party)
    }

    /// The clause of this number.
    pub fn clause(&self, number: crate::Number) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.number == number)
    }
}

/// A parsed document: the contract, and where Writ's own words stand or belong.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub contract: Contract,
    /// For each piece of generated wording, in order: the text now there (or the empty place for
    /// it), and what must stand there.
    pub(crate) places: Vec<Place>,
}

/// Where a piece of generated wording belongs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) span: Range<usize>,
    pub(crate) words: String,
}

impl Document {
    /// Reads a document. The generated wording is not looked at; see [`check`].
    pub fn parse(source: &str) -> Result<Self, Vec<Diagnostic>> {
        parse::document(source)
    }
}

/// Reads a document and checks that every generated word is what Writ generates.
pub fn check(source: &str) -> Result<Contract, Vec<Diagnostic>> {
    let document = Document::parse(source)?;
    let edited: Vec<Diagnostic> = document
        .places
        .iter()
        .filter_map(|place| {
            let found = source.get(place.span.clone()).unwrap_or_default();
            if found == place.words {
                return None;
            }
            let (message, label) = if found.trim().is_empty() {
                ("the generated wording is missing", "the words of the clause belong here")
            } else {
                ("the generated wording was changed by hand", "these are not the words of the clause")
            };
            let span = place.span.start..place.span.end.max(place.span.start);
            Some(Diagnostic::new(
                "writ::words",
                span,
                message,
                label,
                "change the clause block above it instead, then run `writ fmt`",
            ))
        })
        .collect();
    if edited.is_empty() { Ok(document.contract) } else { Err(edited) }
}

/// The document with all generated wording written anew.
pub fn format(source: &str) -> Result<String, Vec<Diagnostic>> {
    let document = Document::parse(source)?;
    let mut out = String::with_capacity(source.len() * 2);
    let mut at = 0;
    for place in &document.places {
        out.push_str(source.get(at..place.span.start).unwrap_or_default());
        out.push_str(&place.words);
        at = place.span.end;
    }
    out.push_str(source.get(at..).unwrap_or_default());
    Ok(out)
}

pub(crate) fn fenced(words: &str) -> String {
    format!("{}\n{words}\n{}\n", words::OPEN, words::CLOSE)
}
