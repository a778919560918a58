//! What people see: short aligned tables, or JSON; errors with what to do.

use api::ClientError;
use miette::{
    Diagnostic, LabeledSpan, MietteError, MietteSpanContents, Report, Severity, SourceCode, SourceSpan,
    SpanContents,
};
use serde::Serialize;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::ops::Range;

/// Prints a line.
pub(crate) fn line(text: impl fmt::Display) {
    // A closed pipe (`writ log | head`) is not an error.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a line to the standard error; a closed pipe is no error there either.
pub(crate) fn aside(text: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints text as it is.
/// What machines said, for a terminal: what would steer it is shown as what it is.
pub(crate) fn plain(text: &str) -> String {
    let steers = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    text.chars().fold(String::with_capacity(text.len()), |mut shown, letter| {
        if steers(letter) {
            shown.extend(letter.escape_unicode())
        } else {
            shown.push(letter)
        }
        shown
    })
}

/// Text that ends as it ends.
pub(crate) fn text(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) {
    line(serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Prints an aligned table. Nothing but the header when there are no rows.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) {
    let mut widths = header.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: Vec<&str>| {
        let mut out = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let padding = if at + 1 == N { 0 } else { width - cell.chars().count() + 2 };
            out.push_str(cell);
            out.push_str(&" ".repeat(padding));
        }
        line(out.trim_end());
    };
    print(header.to_vec());
    for row in rows {
        print(row.iter().map(String::as_str).collect());
    }
}

/// Whether somebody is watching and wants colour.
pub(crate) fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Prints an error with its causes and, from the API, its help.
pub(crate) fn complain(error: &anyhow::Error) {
    aside(format_args!("error: {error}"));
    for cause in error.chain().skip(1) {
        aside(format_args!("  because: {cause}"));
    }
    if let Some(ClientError::Problem(problem)) = error.downcast_ref::<ClientError>()
        && !problem.help.is_empty()
    {
        aside(format_args!("  help: {}", problem.help));
    }
}

/// The same for programs: one line, one object.
pub(crate) fn complain_json(error: &anyhow::Error, code: u8) {
    let because: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
    let problem = match error.downcast_ref::<ClientError>() {
        Some(ClientError::Problem(problem)) => Some(problem),
        Some(ClientError::Answer(_) | ClientError::Unreachable(_)) | None => None,
    };
    let said = serde_json::json!({
        "error": error.to_string(),
        "because": because,
        "exit_code": code,
        "problem": problem,
    });
    aside(format_args!("{said}"));
}

/// A finding in a document, shown as a compiler shows it.
#[derive(Debug)]
struct Shown {
    code: String,
    message: String,
    help: String,
    label: LabeledSpan,
    source: Excerpt,
}

/// The longest line of a document that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 160;
/// Lines of one finding that are shown at most.
const SHOWN_LINES_MAX: usize = 12;

/// The lines a finding is about, with one before and one behind them, each cut around what is marked.
#[derive(Debug)]
struct Excerpt {
    file: String,
    /// How many lines of the document come before these.
    before: usize,
    text: String,
    /// What is marked of the text.
    marked: Range<usize>,
}

impl Excerpt {
    fn of(file: &str, source: &str, marked: Range<usize>) -> Self {
        let start_of = |at: usize| source.get(..at).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let own = start_of(marked.start);
        let first = start_of(own.saturating_sub(1));
        let mut shown = Self {
            file: file.to_owned(),
            before: source.get(..first).unwrap_or_default().matches('\n').count(),
            text: String::new(),
            marked: 0..0,
        };
        let mut at = first;
        for line in source.get(first..).unwrap_or_default().split_inclusive('\n').take(SHOWN_LINES_MAX) {
            let text = line.trim_end_matches('\n');
            // Where the marked part of this line begins and ends, as far as it has one.
            let from = marked.start.saturating_sub(at).min(text.len());
            let to = marked.end.saturating_sub(at).min(text.len()).max(from);
            let (kept, start) = cut(text, from);
            let place = |at: usize| shown.text.len() + (at.saturating_sub(start)).min(kept.len());
            if at <= marked.start {
                shown.marked = place(from)..place(to);
            } else if at < marked.end {
                shown.marked.end = place(to);
            }
            shown.text.push_str(kept);
            shown.text.push('\n');
            let behind = at > marked.start && at >= marked.end;
            at += line.len();
            if behind {
                break;
            }
        }
        shown
    }
}

/// The part of a line that is shown, and where it begins: around `at` if the line is long.
fn cut(line: &str, at: usize) -> (&str, usize) {
    if line.len() <= SHOWN_CHARS_MAX {
        return (line, 0);
    }
    let start = line.floor_char_boundary(at.saturating_sub(SHOWN_CHARS_MAX / 4));
    let end = line.floor_char_boundary((start + SHOWN_CHARS_MAX).min(line.len()));
    (line.get(start..end).unwrap_or_default(), start)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_behind: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.read_span(span, lines_before, lines_behind)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.clone(),
            found.data(),
            *found.span(),
            self.before + found.line(),
            found.column(),
            found.line_count(),
        )))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new(&self.code))
    }
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }
    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }
}

/// Prints findings in a document with file, line and caret.
pub(crate) fn findings(file: &str, source: &str, findings: Vec<api::Finding>) {
    for finding in findings {
        let end = source.floor_char_boundary(finding.end.max(finding.start).min(source.len()));
        let excerpt = Excerpt::of(file, source, source.floor_char_boundary(finding.start.min(end))..end);
        let shown = Shown {
            code: finding.code,
            message: finding.message,
            help: finding.help,
            label: LabeledSpan::new_with_span(Some(finding.label), excerpt.marked.clone()),
            source: excerpt,
        };
        aside(format_args!("{:?}", Report::new(shown)));
    }
}

/// `2026-12-01 09:30:00Z`.
pub(crate) fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| ms.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(source: &str, range: Range<usize>) -> (usize, String, String) {
        let shown = Excerpt::of("file", source, range);
        let marked = shown.text.get(shown.marked.clone()).unwrap().to_owned();
        (shown.before, shown.text, marked)
    }

    #[test]
    fn an_excerpt_has_the_lines_around_what_is_marked() {
        let source = "one\ntwo\nthree\nfour\nfive\n";
        assert_eq!(marked(source, 8..13), (1, "two\nthree\nfour\n".into(), "three".into()));
        assert_eq!(marked(source, 0..3), (0, "one\ntwo\n".into(), "one".into()));
        assert_eq!(marked(source, 5..10), (0, "one\ntwo\nthree\nfour\n".into(), "wo\nth".into()));
        assert_eq!(marked(source, 24..24).2, "");
        assert_eq!(marked("", 0..0), (0, String::new(), String::new()));
        assert_eq!(marked("x", 0..1).2, "x");
    }

    #[test]
    fn long_lines_are_cut_around_what_is_marked() {
        let source = format!("{}é here {}\n", "a".repeat(5_000), "b".repeat(5_000));
        let at = source.find("here").unwrap();
        let (_, text, marked) = marked(&source, at..at + 4);
        assert_eq!(marked, "here");
        assert!(text.len() <= SHOWN_CHARS_MAX + 1, "{text}");
        let many = "a\n".repeat(5_000);
        let shown = Excerpt::of("file", &many, 0..many.len());
        assert_eq!(shown.text.lines().count(), SHOWN_LINES_MAX);
    }
}
