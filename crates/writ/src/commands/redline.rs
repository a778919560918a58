//! `writ redline`: the words of two versions, and beside them what machines may do.

use crate::exit::Failure;
use crate::output;
use ::contract::Instrument;
use ::contract::canonical::{digest, hex};
use ::contract::redline::{Line, Piece, Row, redline};
use ::contract::words::{Place, Run, runs};
use anyhow::Context as _;
use prove::{Answer, Difference, Scripts, Solver, Version};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where it goes.
pub(crate) struct Out {
    pub(crate) html: Option<PathBuf>,
    pub(crate) pdf: Option<PathBuf>,
    pub(crate) scripts: Option<PathBuf>,
    pub(crate) period: Option<Period>,
}

/// Which decisions are rehearsed.
pub(crate) enum Period {
    /// Those of the last so long, as it was written.
    Last(String),
    /// Those from an instant on, until another if there is one; as they were written, and in milliseconds since 1970.
    Between((String, u64), Option<(String, u64)>),
}

/// Reads which decisions are to be rehearsed, if any.
pub(crate) fn period(
    last: Option<String>,
    from: Option<String>,
    to: Option<String>,
) -> anyhow::Result<Option<Period>> {
    let read = |text: String| match ::contract::value::parse_instant(&text) {
        Some(ms) => Ok((text, ms)),
        None => Err(anyhow::anyhow!(
            "`{text}` is no date such as 2026-11-01 and no instant such as 2026-11-01T09:00:00Z"
        )),
    };
    Ok(match (last, from) {
        (Some(last), _) => Some(Period::Last(last)),
        (None, Some(from)) => Some(Period::Between(read(from)?, to.map(read).transpose()?)),
        (None, None) => None,
    })
}

impl Period {
    fn words(&self) -> String {
        match self {
            Self::Last(last) => format!("of the last {last}"),
            Self::Between((from, _), None) => format!("since {from}"),
            Self::Between((from, _), Some((to, _))) => format!("from {from} until {to}"),
        }
    }
}

/// One of the versions.
struct Read {
    version: Version,
    /// The name of its file, without its folders.
    file: String,
}

impl std::ops::Deref for Read {
    type Target = Version;
    fn deref(&self) -> &Version {
        &self.version
    }
}

/// What is said about decisions.
struct Said {
    verdict: String,
    lines: Vec<String>,
}

pub(crate) async fn run(data: &Path, old: &Path, new: &Path, out: Out, json: bool) -> anyhow::Result<()> {
    let (first, second) = (read(old)?, read(new)?);
    let rows = redline(&first, &second);
    let difference = match Solver::find(std::env::var_os("WRIT_CVC5")).await {
        Ok(solver) => Ok(prove::compare(&solver, &first, &second).await),
        Err(error) => Err(error.to_string()),
    };
    if let (Ok(difference), Some(folder)) = (&difference, &out.scripts) {
        for (name, scripts) in
            [("narrower", &difference.narrower_scripts), ("wider", &difference.wider_scripts)]
        {
            super::proof::write(&folder.join(name), scripts)?;
        }
    }
    let mut said = said(&difference);
    let rehearsed = match &out.period {
        None => None,
        Some(period) => Some(rehearse(data, second.source(), period).await?),
    };
    if let (Some(rehearsed), Some(period)) = (&rehearsed, &out.period) {
        said.lines.extend(rehearsal(rehearsed, period));
    }
    if let Some(path) = &out.html {
        let page = html(&first, &second, &rows, &said);
        std::fs::write(path, page).with_context(|| format!("cannot write `{}`", path.display()))?;
        output::line(path.display().to_string());
    }
    if let Some(path) = &out.pdf {
        let pdf = pdf(&first, &second, &rows, &said)?;
        std::fs::write(path, pdf).with_context(|| format!("cannot write `{}`", path.display()))?;
        output::line(path.display().to_string());
    }
    if json {
        let rows: Vec<Value> = rows.iter().map(row_json).collect();
        output::json(&json!({
            "old": told(&first), "new": told(&second), "words": rows, "decisions": said.verdict,
            "said": said.lines, "rehearsal": rehearsed,
        }));
    } else if out.html.is_none() && out.pdf.is_none() {
        output::text(&plain(&first, &second, &rows, &said));
    }
    Ok(())
}

/// What a rehearsal found, in lines; and what it could not look at.
fn rehearsal(rehearsed: &Value, period: &Period) -> Vec<String> {
    let mut lines = vec![format!(
        "of {} decisions {}, {} would be refused that were permitted, {} permitted that were refused",
        rehearsed["decisions"],
        period.words(),
        rehearsed["newly_refused"],
        rehearsed["newly_permitted"],
    )];
    for (key, why) in [
        ("erased", "how the request looked was erased"),
        ("unreadable", "the record cannot be read"),
        ("nameless", "the request named no known machine, service and act"),
        ("left_out", "older ones, beyond the number that is looked at"),
    ] {
        let count = rehearsed[key].as_u64().unwrap_or_default();
        if count > 0 {
            lines.push(format!("not taken again: {count} ({why})"));
        }
    }
    if rehearsed["cut_short"].as_bool().unwrap_or_default() {
        lines.push("the period goes back further than was looked at".to_owned());
    }
    for changed in rehearsed["changed"].as_array().into_iter().flatten() {
        lines.push(format!("decision {}: {}", changed[0], changed[1].as_str().unwrap_or_default()));
    }
    lines
}

fn read(file: &Path) -> anyhow::Result<Read> {
    let source =
        std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    match ::contract::check(&source).and_then(|_| Version::read(&source)) {
        Ok(version) => {
            let file = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
            Ok(Read { version, file })
        }
        Err(findings) => {
            let count = findings.len();
            let shown = findings.into_iter().map(Into::into).collect();
            output::findings(&file.display().to_string(), &source, shown);
            Err(Failure::Findings(count).into())
        }
    }
}

async fn rehearse(data: &Path, document: &str, period: &Period) -> anyhow::Result<Value> {
    let client = crate::client::client(data)?;
    let body = match period {
        Period::Last(last) => json!({ "document": document, "period_ms": super::span(last)? }),
        Period::Between((_, from), to) => {
            let to = to.as_ref().map(|(_, to)| to);
            json!({ "document": document, "from_ms": from, "to_ms": to })
        }
    };
    Ok(client.post("/v1/rehearsals", &body).await?)
}

/// The decision difference in words.
fn said(difference: &Result<Difference, String>) -> Said {
    let difference = match difference {
        Ok(difference) => difference,
        Err(why) => {
            let lines = vec![format!("what machines may do was not compared: {why}")];
            return Said { verdict: "not compared".to_owned(), lines };
        }
    };
    let verdict = match (&difference.narrower, &difference.wider) {
        (Answer::Proven, Answer::Proven) => "proven equal: machines may do exactly what they may do now",
        (Answer::Proven, Answer::Refuted(_)) => {
            "proven narrower: machines may do nothing they may not do now"
        }
        (Answer::Refuted(_), Answer::Proven) => "wider: machines may do what they may do now, and more",
        (Answer::Refuted(_), Answer::Refuted(_)) => {
            "neither narrower nor wider: some acts are gained, some are lost"
        }
        (Answer::Unknown(_) | Answer::NoneFound, _) | (_, Answer::Unknown(_) | Answer::NoneFound) => {
            "not proven"
        }
    };
    let mut lines = Vec::new();
    let mut tell = |what: &str, answer: &Answer<Vec<String>>| match answer {
        Answer::NoneFound | Answer::Proven => {}
        Answer::Refuted(sentences) => {
            lines.extend(sentences.iter().map(|sentence| format!("{what}: {sentence}")))
        }
        Answer::Unknown(why) => lines.push(format!("not proven: {why}")),
    };
    tell("gained", &difference.narrower);
    tell("lost", &difference.wider);
    if let Err(why) = &difference.beside {
        lines.push(format!("beside decisions: {why}"));
    }
    let hex = |scripts: &Scripts| ::contract::canonical::hex(&scripts.digest());
    lines.push(format!("{}; scripts of “narrower” {}", difference.solver, hex(&difference.narrower_scripts)));
    lines.push(format!("{}; scripts of “wider” {}", difference.solver, hex(&difference.wider_scripts)));
    Said { verdict: verdict.to_owned(), lines }
}

/// `files, version 2: File Access Agreement (new.writ.md, SHA-256 0123456789abcdef…)`.
fn told(version: &Read) -> String {
    let hash: String = hex(&digest(version.source())).chars().take(16).collect();
    let Instrument { name, version: number, title, .. } = version.instrument();
    format!("{name}, version {number}: {title} ({}, SHA-256 {hash}…)", version.file)
}

fn plain(old: &Read, new: &Read, rows: &[Row], said: &Said) -> String {
    let mut text = format!("{}\ncompared with\n{}\n\n", told(new), told(old));
    let woven = |pieces: &[Piece]| -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Gone(words) => format!("[-{words}-]"),
            Piece::New(words) => format!("{{+{words}+}}"),
            Piece::Same(words) => words.clone(),
        };
        pieces.iter().map(piece).collect()
    };
    for row in rows.iter().filter(|row| !row.is_same()) {
        for (at, line) in row.lines.iter().enumerate() {
            let label = if at == 0 { row.label() } else { String::new() };
            let mark =
                if line.mark.is_empty() { String::new() } else { format!("  ({})", woven(&line.mark)) };
            text.push_str(&format!("  {label:<20} {}{mark}\n", woven(&line.text)));
        }
    }
    let same = rows.iter().filter(|row| row.is_same()).count();
    text.push_str(&format!("  {same} parts are the same\n\ndecisions: {}\n", said.verdict));
    for line in &said.lines {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn row_json(row: &Row) -> Value {
    let piece = |piece: &Piece| match piece {
        Piece::Gone(words) => json!({ "gone": words }),
        Piece::New(words) => json!({ "new": words }),
        Piece::Same(words) => json!({ "same": words }),
    };
    let pieces = |pieces: &[Piece]| pieces.iter().map(piece).collect::<Vec<_>>();
    let line = |line: &Line| json!({ "pieces": pieces(&line.text), "mark": pieces(&line.mark) });
    json!({
        "old": row.old.map(|place| place.to_string()),
        "new": row.new.map(|place| place.to_string()),
        "moved": row.moved,
        "lines": row.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The marks of a sentence as HTML.
fn marked(text: &str) -> String {
    let run = |run: Run<'_>| match run {
        Run::Bold(text) => format!("<strong>{}</strong>", escape(text)),
        Run::Code(text) => format!("<code>{}</code>", escape(text)),
        Run::Plain(text) => escape(text),
    };
    runs(text).into_iter().map(run).collect()
}

fn woven(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Gone(words) => format!("<del>{}</del>", marked(words)),
        Piece::New(words) => format!("<ins>{}</ins>", marked(words)),
        Piece::Same(words) => marked(words),
    };
    pieces.iter().map(piece).collect()
}

/// A page that stands alone: no script, no file beside it; changes are told by more than colour.
fn html(old: &Read, new: &Read, rows: &[Row], said: &Said) -> String {
    let row = |row: &Row| {
        let mut classes = Vec::new();
        if row.is_same() {
            classes.push("same");
        }
        if matches!(row.new.or(row.old), Some(Place::Section(_) | Place::Title)) {
            classes.push("head");
        }
        let class =
            if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) };
        let line = |(at, line): (usize, &Line)| {
            let label = if at == 0 {
                format!(
                    "<th scope=\"rowgroup\" rowspan=\"{}\">{}</th>",
                    row.lines.len(),
                    escape(&row.label())
                )
            } else {
                String::new()
            };
            format!(
                "<tr>{label}<td>{}</td><td class=\"mark\">{}</td></tr>\n",
                woven(&line.text),
                woven(&line.mark)
            )
        };
        let lines: String = row.lines.iter().enumerate().map(line).collect();
        format!("<tbody{class}>\n{lines}</tbody>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    let lines: String = said.lines.iter().map(|line| format!("<li>{}</li>\n", marked(line))).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Redline: {title}</title>\n<style>\n\
         body {{ font: 1rem/1.5 Georgia, serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #14181f; background: #fff }}\n\
         table {{ border-collapse: collapse; width: 100% }} tbody {{ border-bottom: 1px solid #b4b9c1 }}\n\
         th, td {{ padding: .3rem .5rem; vertical-align: top; text-align: left }}\n\
         th {{ width: 8rem; font-weight: normal; color: #565c66 }} tbody.same td {{ color: #565c66 }} tbody.head td {{ font-weight: bold }}\n\
         td.mark {{ width: 7rem; text-align: right; font-size: .7rem; letter-spacing: .04em; color: #565c66 }}\n\
         code {{ font-size: .9em }} dt {{ color: #565c66 }} dd {{ margin: 0 0 .5rem }}\n\
         del {{ color: #8b1a1a; background: #fbeaea }} ins {{ color: #0b5d2a; background: #e6f5eb }}\n\
         @media print {{ tbody {{ break-inside: avoid }} tbody.head {{ break-after: avoid }} }}\n\
         </style></head><body>\n<main><h1>{title}</h1>\n\
         <dl>\n<dt>Compared</dt><dd>{new}</dd>\n<dt>with</dt><dd>{old}</dd>\n</dl>\n\
         <h2>What machines may do</h2>\n<p><strong>{verdict}</strong></p>\n<ul>\n{lines}</ul>\n\
         <h2>Words</h2>\n<p><del>Struck</del>: in the old version only. <ins>Underlined</ins>: in the new version only. The annex of \
         examples follows from the clauses and is not compared.</p>\n<table>\n{rows}</table></main>\n</body></html>\n",
        title = escape(&new.instrument().title),
        new = escape(&told(new)),
        old = escape(&told(old)),
        verdict = escape(&said.verdict),
    )
}

#[cfg(feature = "pdf")]
fn pdf(old: &Read, new: &Read, rows: &[Row], said: &Said) -> anyhow::Result<Vec<u8>> {
    let lines: Vec<&str> = said.lines.iter().map(String::as_str).collect();
    fn of(version: &Read) -> press::Version<'_> {
        press::Version { instrument: version.instrument(), source: version.source(), file: &version.file }
    }
    let (old, new) = (of(old), of(new));
    Ok(press::redline(&press::Compared { old, new, rows, verdict: &said.verdict, lines: &lines })?)
}

#[cfg(not(feature = "pdf"))]
fn pdf(_: &Read, _: &Read, _: &[Row], _: &Said) -> anyhow::Result<Vec<u8>> {
    anyhow::bail!("this program was built without PDF: use --html, or build it with `--features pdf`")
}
