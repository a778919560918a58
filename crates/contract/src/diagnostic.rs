//! What is wrong with a document: where, why, and what to write instead.

use std::ops::Range;

/// One finding. Any finding keeps a document from being signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable code, for example `writ::unknown-key`.
    pub code: &'static str,
    /// Why, as a lower-case fragment.
    pub message: String,
    /// The bytes of the document it concerns.
    pub span: Range<usize>,
    /// What the marked bytes are.
    pub label: String,
    /// What to write instead.
    pub help: String,
}

impl Diagnostic {
    /// A finding.
    pub fn new(
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { code, message: message.into(), span, label: label.into(), help: help.into() }
    }
}

/// `did you mean …` for a word that is none of `known`; or the list of them.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len() / 3));
    match nearest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "there is none yet".to_owned(),
        None => {
            let mut known = known.to_vec();
            known.sort_unstable();
            known.dedup();
            format!("one of: {}", known.join(", "))
        }
    }
}
