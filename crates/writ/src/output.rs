//! What people see: short aligned tables, or JSON; errors with what to do.

#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use api::ClientError;
use miette::{Diagnostic, LabeledSpan, NamedSource, Report, Severity, SourceSpan};
use serde::Serialize;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};

/// Prints a line.
pub(crate) fn line(text: impl fmt::Display) {
    // A closed pipe (`writ log | head`) is not an error.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a line beside the output, for people who watch while a program reads.
pub(crate) fn warn(text: &str) {
    eprintln!("{text}");
}

/// Prints text as it is.
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
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    if let Some(ClientError::Problem(problem)) = error.downcast_ref::<ClientError>()
        && !problem.help.is_empty()
    {
        eprintln!("  help: {}", problem.help);
    }
}

/// A finding in a document, shown as a compiler shows it.
#[derive(Debug)]
struct Shown {
    code: String,
    message: String,
    help: String,
    label: LabeledSpan,
    source: NamedSource<String>,
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
        let end = finding.end.max(finding.start).min(source.len());
        let span = SourceSpan::from(finding.start.min(end)..end);
        let shown = Shown {
            code: finding.code,
            message: finding.message,
            help: finding.help,
            label: LabeledSpan::new_with_span(Some(finding.label), span),
            source: NamedSource::new(file, source.to_owned()).with_language("markdown"),
        };
        eprintln!("{:?}", Report::new(shown));
    }
}

/// `2026-12-01 09:30:00Z`.
pub(crate) fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| ms.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}
