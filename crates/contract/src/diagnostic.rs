//! What is wrong with a document: where, why, and what to write instead.

use std::ops::Range;

/// Findings of one document that are told at most; what is beyond is counted.
pub const FINDINGS_MAX: usize = 100;
/// The longest message, label or help, in characters: each may quote the document.
pub const DIAGNOSTIC_CHARS_MAX: usize = 500;
/// The longest word for which a similar one is looked for, in bytes: comparing takes their product.
const SIMILAR_BYTES_MAX: usize = 64;

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
        let clip = |text: String| clipped(text, DIAGNOSTIC_CHARS_MAX);
        Self { code, message: clip(message.into()), span, label: clip(label.into()), help: clip(help.into()) }
    }
}

/// A text of at most `chars_max` characters; an ellipsis stands for the rest.
fn clipped(mut text: String, chars_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Findings as they are met: the first [`FINDINGS_MAX`] are told, the rest are counted.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    told: Vec<Diagnostic>,
    more: usize,
}

impl Findings {
    /// Takes one more.
    pub(crate) fn push(&mut self, finding: Diagnostic) {
        if self.told.len() < FINDINGS_MAX { self.told.push(finding) } else { self.more += 1 }
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// What is told; of the rest only how many there are.
    pub(crate) fn into_told(mut self) -> Vec<Diagnostic> {
        if let (more @ 1.., Some(last)) = (self.more, self.told.last()) {
            let message = format!("and {more} more finding{}", if more == 1 { "" } else { "s" });
            let help = "put right what is told above, then check again";
            self.told.push(Diagnostic::new("writ::more", last.span.clone(), message, "behind this", help));
        }
        self.told
    }
}

/// `did you mean …` for a word that is none of `known`; or the list of them.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    let comparable = known.iter().filter(|_| word.len() <= SIMILAR_BYTES_MAX);
    let nearest = comparable
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_findings_are_told_and_the_rest_counted() {
        let mut findings = Findings::default();
        for at in 0..FINDINGS_MAX + 7 {
            findings.push(Diagnostic::new("writ::test", at..at + 1, "m", "l", "h"));
        }
        let told = findings.into_told();
        assert_eq!(told.len(), FINDINGS_MAX + 1);
        assert_eq!(told.last().map(|last| last.message.as_str()), Some("and 7 more findings"));
    }

    #[test]
    fn what_a_finding_quotes_is_clipped() {
        let long = "é".repeat(10_000);
        let told = Diagnostic::new("writ::test", 0..1, long.as_str(), "l", suggestion(&long, &["permit"]));
        assert_eq!(told.message.chars().count(), DIAGNOSTIC_CHARS_MAX + 1);
        assert_eq!(told.help, "one of: permit");
    }
}
