//! Reads `*.writ.md`: TOML front matter between `+++` lines, CommonMark, fenced `clause` blocks.
//! Everything wrong is reported at once, each with its place.

use crate::clause::{
    Clause, Kind, Number, QUOTA_LIMIT_MAX, QUOTA_WINDOW_MAX_MS, RECORDING_WITHIN_MAX_MS, Recording,
};
use crate::diagnostic::{Diagnostic, suggestion};
use crate::document::{CLAUSES_MAX, Contract, DOCUMENT_BYTES_MAX, Document, Place, Side, fenced};
use crate::value::{Span, parse_instant};
use crate::words;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag};
use registry::Name;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;

/// Marks of Markdown and HTML: none may stand in what people write into a document.
const FORMATTING: [char; 11] = ['<', '>', '`', '*', '_', '[', ']', '\\', '|', '~', '\n'];
/// The longest purpose, in characters.
const PURPOSE_CHARS_MAX: usize = 120;
const KINDS: [&str; 6] = ["credential", "permit", "prohibit", "quota", "term", "words"];

pub(crate) fn document(source: &str) -> Result<Document, Vec<Diagnostic>> {
    if source.len() > DOCUMENT_BYTES_MAX {
        let help = format!("a document has at most {DOCUMENT_BYTES_MAX} bytes");
        return Err(vec![Diagnostic::new("writ::too-large", 0..0, "the document is too large", "", help)]);
    }
    let invisible = |c: char| registry::admit::is_invisible(c) && !matches!(c, '\n' | '\t');
    if let Some((at, c)) = source.char_indices().find(|(_, c)| invisible(*c)) {
        let help = "save the file as plain text with Unix line ends (LF), without invisible characters";
        let message = format!("a character that is not seen (U+{:04X})", u32::from(c));
        return Err(vec![Diagnostic::new("writ::control", at..at + c.len_utf8(), message, "here", help)]);
    }
    let mut findings = Findings::default();
    let (head, body) = front_matter(source).map_err(|finding| vec![finding])?;
    let contract = findings.front(source, head.clone());
    let clauses = findings.clauses(source, body);
    let Some(mut contract) = contract else { return Err(findings.0) };
    contract.clauses = clauses.iter().map(|(clause, _)| clause.clone()).collect();
    findings.whole(&contract, head);
    if !findings.0.is_empty() {
        return Err(findings.0);
    }
    let afters = std::iter::once((body, words::preamble(&contract)))
        .chain(clauses.iter().map(|(clause, after)| (*after, words::paragraph(&contract, clause))));
    let mut places = Vec::new();
    for (after, text) in afters {
        match words_place(source, after) {
            Ok(span) => places.push(Place { span, words: fenced(&text) }),
            Err(finding) => findings.0.push(finding),
        }
    }
    if !findings.0.is_empty() {
        return Err(findings.0);
    }
    if let Some(at) = reference_definition(source, body) {
        let help = "delete it: it is not shown, so nobody would sign it knowingly";
        findings.find("writ::prose", at, "a link definition, which readers do not see", help);
    }
    for (at, _) in source.match_indices(words::OPEN) {
        if !places.iter().any(|place| place.span.start == at) {
            let help = "delete it: generated wording stands at the top and under each clause block";
            findings.find(
                "writ::words",
                at..at + words::OPEN.len(),
                "generated wording where none belongs",
                help,
            );
        }
    }
    if findings.0.is_empty() { Ok(Document { places, contract }) } else { Err(findings.0) }
}

/// The range of the TOML between the `+++` lines, and where the body begins.
fn front_matter(source: &str) -> Result<(Range<usize>, usize), Diagnostic> {
    let help = "begin the file with a line `+++`, then `name = …`, `version = 1` and so on, then `+++`";
    let missing =
        |span| Diagnostic::new("writ::front-matter", span, "no front matter", "expected `+++`", help);
    let rest = source.strip_prefix("+++\n").ok_or_else(|| missing(0..source.len().min(3)))?;
    let end = if rest.starts_with("+++\n") { Some(0) } else { rest.find("\n+++\n").map(|at| at + 1) };
    let end = 4 + end.ok_or_else(|| missing(0..3))?;
    Ok((4..end, end + 4))
}

/// Where generated words stand after `from`, or the empty place where they belong.
///
/// A block is ours only when nothing but quoted lines stands between its two marks: otherwise
/// writing it anew would delete what people wrote.
fn words_place(source: &str, from: usize) -> Result<Range<usize>, Diagnostic> {
    let rest = source.get(from..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches('\n').len();
    let start = from + blank;
    let Some(inner) = rest.get(blank..).and_then(|rest| rest.strip_prefix(words::OPEN)) else {
        return Ok(from..from);
    };
    let mut at = start + words::OPEN.len();
    for line in inner.split_inclusive('\n') {
        let text = line.trim_end();
        if text == words::CLOSE {
            return Ok(start..at + line.len());
        }
        if !text.is_empty() && !text.starts_with('>') {
            let help = format!(
                "close the block with `{}` above this line, or move the line out of it",
                words::CLOSE
            );
            let message = "text that is not Writ's inside a block of generated wording";
            return Err(Diagnostic::new(
                "writ::words-block",
                at..at + text.len(),
                message,
                "not generated",
                help,
            ));
        }
        at += line.len();
    }
    let help = format!("write `{}` behind the last line that begins with `>`", words::CLOSE);
    let end = start + words::OPEN.len();
    Err(Diagnostic::new(
        "writ::words-block",
        start..end,
        "this block of generated wording is not closed",
        "begins here",
        help,
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Front {
    instrument: Spanned<String>,
    name: Spanned<String>,
    version: Spanned<u32>,
    title: Spanned<String>,
    provider: Provider,
    consumer: Consumer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Provider {
    party: Spanned<String>,
    legal_name: Spanned<String>,
    service: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Consumer {
    party: Spanned<String>,
    legal_name: Spanned<String>,
    machines: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
struct AnyClause {
    kind: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CredentialKeys {
    #[serde(rename = "kind")]
    _kind: String,
    max_ttl: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PermitKeys {
    #[serde(rename = "kind")]
    _kind: String,
    actions: Spanned<Vec<Spanned<String>>>,
    resources: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    purposes: Vec<Spanned<String>>,
    recording: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ProhibitKeys {
    #[serde(rename = "kind")]
    _kind: String,
    actions: Spanned<Vec<Spanned<String>>>,
    resources: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct QuotaKeys {
    #[serde(rename = "kind")]
    _kind: String,
    limit: Spanned<i64>,
    window: Spanned<String>,
    actions: Option<Spanned<Vec<Spanned<String>>>>,
    resources: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TermKeys {
    #[serde(rename = "kind")]
    _kind: String,
    start: Spanned<toml::value::Datetime>,
    end: Spanned<toml::value::Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WordsKeys {
    #[serde(rename = "kind")]
    _kind: String,
    text: Spanned<String>,
}

/// Collects what is wrong; each reader gives `None` when it had something to say.
#[derive(Default)]
struct Findings(Vec<Diagnostic>);

impl Findings {
    fn find(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Diagnostic::new(code, span, message, "here", help));
    }

    /// Reads TOML that stands at `range` of the document.
    fn toml<T: DeserializeOwned>(&mut self, source: &str, range: Range<usize>, keys: &[&str]) -> Option<T> {
        match toml::from_str(source.get(range.clone()).unwrap_or_default()) {
            Ok(value) => Some(value),
            Err(error) => {
                let span = error.span().map_or(range.clone(), |s| range.start + s.start..range.start + s.end);
                let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
                let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
                let (code, message, help) = match unknown {
                    Some((key, _)) => (
                        "writ::unknown-key",
                        format!("the key `{key}` is not known here"),
                        suggestion(key, keys),
                    ),
                    None => ("writ::toml", message, format!("the keys are: {}", keys.join(", "))),
                };
                self.find(code, span, message, help);
                None
            }
        }
    }

    fn front(&mut self, source: &str, range: Range<usize>) -> Option<Contract> {
        let base = range.start;
        let keys = [
            "instrument",
            "name",
            "version",
            "title",
            "provider",
            "consumer",
            "party",
            "legal-name",
            "service",
            "machines",
        ];
        let front: Front = self.toml(source, range, &keys)?;
        if front.instrument.as_ref() != "contract" {
            let help = "write `instrument = \"contract\"`";
            self.find(
                "writ::instrument",
                shift(&front.instrument, base),
                "this kind of instrument is not known",
                help,
            );
        }
        if *front.version.as_ref() == 0 {
            self.find(
                "writ::version",
                shift(&front.version, base),
                "versions count from 1",
                "write `version = 1`",
            );
        }
        let title = self.line(&front.title, base);
        let provider_name = self.line(&front.provider.legal_name, base);
        let consumer_name = self.line(&front.consumer.legal_name, base);
        let name = self.name(&front.name, base);
        let provider = self.name(&front.provider.party, base);
        let service = self.name(&front.provider.service, base);
        let consumer = self.name(&front.consumer.party, base);
        let machines = self.names(&front.consumer.machines, base);
        Some(Contract {
            name: name?,
            version: *front.version.as_ref(),
            title: title?,
            provider: Side { party: provider?, legal_name: provider_name? },
            service: service?,
            consumer: Side { party: consumer?, legal_name: consumer_name? },
            machines: machines?,
            clauses: Vec::new(),
        })
    }

    /// The clauses with the offset behind each block.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "inline marks and ends of blocks say nothing of their own"
    )]
    fn clauses(&mut self, source: &str, body: usize) -> Vec<(Clause, usize)> {
        let mut clauses = Vec::new();
        let mut number = Number { section: 0, item: 0 };
        let text = source.get(body..).unwrap_or_default();
        // Whether we are inside wording that Writ owns; there the marks of a quotation are expected.
        let mut owned = false;
        for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
            let range = range.start + body..range.end + body;
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if info.as_ref() == "clause" => {
                    if number.section == 0 {
                        let help =
                            "put a heading such as `## Permissions` above it: it gives the clause its number";
                        self.find(
                            "writ::heading",
                            range.clone(),
                            "a clause stands before any `##` heading",
                            help,
                        );
                    }
                    number.item = number.item.saturating_add(1);
                    let Some(inner) = fence_inner(source, &range) else {
                        let help =
                            "write ```` ```clause ```` at the beginning of a line, close with ```` ``` ````";
                        self.find("writ::fence", range, "the clause block is indented or not closed", help);
                        continue;
                    };
                    if let Some(kind) = self.clause(source, inner) {
                        clauses.push((
                            Clause { number, kind, span: range.clone() },
                            after_line(source, range.end),
                        ));
                    }
                }
                Event::Start(Tag::Heading { level, .. }) => {
                    if level == HeadingLevel::H2 {
                        number = Number { section: number.section.saturating_add(1), item: 0 };
                    }
                    let line = source.get(range.clone()).unwrap_or_default().trim_end();
                    let title = line.trim_start_matches('#');
                    let plain = title.len() < line.len() && !title.contains(FORMATTING);
                    if !plain {
                        let help = "write `## Title` on one line, in plain words";
                        let line = range.start..range.start + line.len();
                        self.find(
                            "writ::heading",
                            line,
                            "a heading with marks, markup or several lines",
                            help,
                        );
                    }
                }
                Event::Html(html) if html.trim() == words::OPEN => owned = true,
                Event::Html(html) if html.trim() == words::CLOSE => owned = false,
                Event::Start(
                    Tag::Paragraph | Tag::BlockQuote(_) | Tag::List(_) | Tag::CodeBlock(_) | Tag::Table(_),
                )
                | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Rule
                    if !owned =>
                {
                    let help = "only headings and clauses count: put the text into a clause of kind `words`";
                    let line = range.start
                        ..range.start + source.get(range.clone()).map_or(0, |t| t.trim_end().len());
                    self.find("writ::prose", line, "free text outside a clause", help);
                }
                _ => {}
            }
        }
        clauses
    }

    fn clause(&mut self, source: &str, range: Range<usize>) -> Option<Kind> {
        let base = range.start;
        let keys = [
            "kind",
            "actions",
            "resources",
            "purposes",
            "recording",
            "limit",
            "window",
            "max-ttl",
            "start",
            "end",
            "text",
        ];
        let kind = self.toml::<AnyClause>(source, range.clone(), &keys)?.kind;
        match kind.as_ref().as_str() {
            "credential" => {
                let keys: CredentialKeys = self.toml(source, range, &["kind", "max-ttl"])?;
                Some(Kind::Credential {
                    max_ttl: self.span(&keys.max_ttl, base, registry::admit::CREDENTIAL_LIFE_MAX_MS)?,
                })
            }
            "permit" => {
                let keys: PermitKeys =
                    self.toml(source, range, &["kind", "actions", "resources", "purposes", "recording"])?;
                let (actions, resources) =
                    (self.names(&keys.actions, base), self.names(&keys.resources, base));
                let purposes =
                    keys.purposes.iter().map(|text| self.purpose(text, base)).collect::<Option<_>>();
                let recording = match &keys.recording {
                    None => Some(Recording::Strict),
                    Some(text) => self.recording(text, base),
                };
                Some(Kind::Permit {
                    actions: actions?,
                    resources: resources?,
                    purposes: purposes?,
                    recording: recording?,
                })
            }
            "prohibit" => {
                let keys: ProhibitKeys = self.toml(source, range, &["kind", "actions", "resources"])?;
                let (actions, resources) =
                    (self.names(&keys.actions, base), self.names(&keys.resources, base));
                Some(Kind::Prohibit { actions: actions?, resources: resources? })
            }
            "quota" => {
                let keys: QuotaKeys =
                    self.toml(source, range, &["kind", "limit", "window", "actions", "resources"])?;
                let limit =
                    u32::try_from(*keys.limit.as_ref()).ok().filter(|n| (1..=QUOTA_LIMIT_MAX).contains(n));
                if limit.is_none() {
                    let help =
                        format!("a limit lies between 1 and {QUOTA_LIMIT_MAX}: each call is counted exactly");
                    self.find("writ::limit", shift(&keys.limit, base), "this limit cannot be held", help);
                }
                let window = self.span(&keys.window, base, QUOTA_WINDOW_MAX_MS);
                let mut listed = |list: &Option<Spanned<Vec<Spanned<String>>>>| match list {
                    Some(list) => self.names(list, base),
                    None => Some(Vec::new()),
                };
                let (actions, resources) = (listed(&keys.actions), listed(&keys.resources));
                Some(Kind::Quota { limit: limit?, window: window?, actions: actions?, resources: resources? })
            }
            "term" => {
                let keys: TermKeys = self.toml(source, range, &["kind", "start", "end"])?;
                let (start, end) = (self.instant(&keys.start, base), self.instant(&keys.end, base));
                let (start_ms, end_ms) = (start?, end?);
                if start_ms >= end_ms {
                    let help = "the end lies after the start";
                    self.find("writ::term", shift(&keys.end, base), "the term ends before it begins", help);
                    return None;
                }
                Some(Kind::Term { start_ms, end_ms })
            }
            "words" => {
                let keys: WordsKeys = self.toml(source, range, &["kind", "text"])?;
                let text = self.line(&keys.text, base)?;
                let text = text.as_str();
                if let Some(verb) = machine_rule(text) {
                    let message =
                        format!("these words bind a machine (`{verb}`), but nothing would enforce them");
                    let help =
                        "use a permit, prohibit, quota, credential or term clause; words bind people only";
                    self.find("writ::words-bind-machines", shift(&keys.text, base), message, help);
                    return None;
                }
                Some(Kind::Words { text: text.to_owned() })
            }
            other => {
                let message = format!("there is no clause kind `{other}`");
                self.find("writ::kind", shift(&kind, base), message, suggestion(other, &KINDS));
                None
            }
        }
    }

    /// What only the whole document shows.
    fn whole(&mut self, contract: &Contract, head: Range<usize>) {
        if contract.clauses.is_empty() && self.0.is_empty() {
            let help = "add at least one fenced block that begins with ```` ```clause ````";
            self.find("writ::no-clause", head.clone(), "the contract has no clause", help);
        }
        if contract.clauses.len() > CLAUSES_MAX {
            let help = format!("a contract has at most {CLAUSES_MAX} clauses: split it");
            self.find("writ::too-many", head, "the contract has too many clauses", help);
        }
        let mut single = std::collections::BTreeMap::new();
        for clause in &contract.clauses {
            match &clause.kind {
                Kind::Credential { .. } | Kind::Term { .. } => {
                    if let Some(first) = single.insert(clause.kind.as_str(), clause.number) {
                        let message = format!("a second `{}` clause", clause.kind.as_str());
                        let help = format!("clause {first} says it already: change that one");
                        self.find("writ::twice", clause.span.clone(), message, help);
                    }
                }
                Kind::Permit { .. } | Kind::Prohibit { .. } | Kind::Quota { .. } | Kind::Words { .. } => {}
            }
        }
    }

    fn name(&mut self, text: &Spanned<String>, base: usize) -> Option<Name> {
        match text.as_ref().parse() {
            Ok(name) => Some(name),
            Err(error) => {
                let help = "for example `card-payments`";
                self.find("writ::name", shift(text, base), format!("{error}"), help);
                None
            }
        }
    }

    fn names(&mut self, list: &Spanned<Vec<Spanned<String>>>, base: usize) -> Option<Vec<Name>> {
        let names: Vec<Option<Name>> = list.as_ref().iter().map(|text| self.name(text, base)).collect();
        let names: Vec<Name> = names.into_iter().collect::<Option<_>>()?;
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        if names.is_empty() || unique.len() < names.len() {
            let message =
                if names.is_empty() { "the list is empty" } else { "the list names something twice" };
            self.find("writ::list", shift(list, base), message, "name each thing once, at least one");
            return None;
        }
        Some(names)
    }

    fn line(&mut self, text: &Spanned<String>, base: usize) -> Option<String> {
        let value = text.as_ref().trim();
        let plain = !value.is_empty()
            && value.chars().count() <= registry::admit::TEXT_CHARS_MAX
            && !value
                .chars()
                .any(|c| c.is_control() || matches!(c, '<' | '>' | '`' | '*' | '[' | ']' | '\\'));
        if plain {
            return Some(value.to_owned());
        }
        let help = "write one line of plain text, without the marks of Markdown or HTML";
        self.find("writ::text", shift(text, base), "this text cannot stand in the document", help);
        None
    }

    /// A purpose says what for, and nothing that sounds like a limit nobody enforces.
    fn purpose(&mut self, text: &Spanned<String>, base: usize) -> Option<String> {
        let value = self.line(text, base)?;
        let words = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’');
        let limits = ["only", "unless", "except", "most", "least", "within", "before", "after", "not"];
        let limiting = value.split(' ').any(|word| limits.contains(&word.to_lowercase().as_str()));
        if value.chars().all(words)
            && value.chars().count() <= PURPOSE_CHARS_MAX
            && !limiting
            && machine_rule(&value).is_none()
        {
            return Some(value);
        }
        let help = "name the purpose in a few words, such as \"settlement of orders\"; limits belong into clauses that enforce them";
        self.find("writ::purpose", shift(text, base), "this purpose says more than what for", help);
        None
    }

    fn span(&mut self, text: &Spanned<String>, base: usize, most: u64) -> Option<Span> {
        let span = Span::parse(text.as_ref()).filter(|span| span.as_ms() <= most);
        if span.is_none() {
            let help = format!("write for example \"15 minutes\"; at most {}", Span::from_ms(most));
            self.find("writ::span", shift(text, base), "not a span of time that can be used here", help);
        }
        span
    }

    fn recording(&mut self, text: &Spanned<String>, base: usize) -> Option<Recording> {
        if text.as_ref() == "strict" {
            return Some(Recording::Strict);
        }
        let span = text.as_ref().strip_prefix("within ").and_then(Span::parse);
        let span = span.filter(|span| span.as_ms() <= RECORDING_WITHIN_MAX_MS);
        if span.is_none() {
            let help = format!(
                "write \"strict\" or, for example, \"within 50 ms\"; at most {}",
                Span::from_ms(RECORDING_WITHIN_MAX_MS)
            );
            self.find("writ::recording", shift(text, base), "not a way of recording", help);
        }
        span.map(Recording::Within)
    }

    fn instant(&mut self, time: &Spanned<toml::value::Datetime>, base: usize) -> Option<u64> {
        let parsed = parse_instant(&time.as_ref().to_string());
        if parsed.is_none() {
            let help = "write a date, 2026-12-01, or an instant with its zone, 2026-12-01T09:00:00Z";
            self.find("writ::instant", shift(time, base), "not an instant", help);
        }
        parsed
    }
}

/// Markdown hides definitions such as `[x]: y`; they make no event of their own.
fn reference_definition(source: &str, body: usize) -> Option<Range<usize>> {
    let text = source.get(body..)?;
    let parser = Parser::new_ext(text, Options::empty());
    let definition =
        parser.reference_definitions().iter().map(|(_, definition)| definition.span.clone()).next();
    definition.map(|span| span.start + body..span.end + body)
}

fn shift<T>(value: &Spanned<T>, base: usize) -> Range<usize> {
    value.span().start + base..value.span().end + base
}

/// The range between the fence lines of a code block that begins and ends at the margin.
fn fence_inner(source: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let block = source.get(range.clone())?;
    let margin = range.start == 0 || source.get(..range.start)?.ends_with('\n');
    let first = block.find('\n')? + 1;
    let last = block.trim_end().rfind('\n')? + 1;
    let closing = block.get(last..)?.trim_end();
    let closed = closing.len() >= 3 && closing.bytes().all(|b| b == b'`' || b == b'~');
    (margin && closed && first <= last).then(|| range.start + first..range.start + last)
}

/// The offset behind the line that contains or ends at `at`.
fn after_line(source: &str, at: usize) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    if source.get(..at).is_some_and(|before| before.ends_with('\n')) {
        at
    } else {
        at + usize::from(rest.starts_with('\n'))
    }
}

/// The modal verb by which a text binds machines, if it does.
fn machine_rule(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let about_machines = ["machine", "access", "api call", "request", "credential", "certificate"]
        .iter()
        .any(|word| lower.contains(word));
    let verbs = ["shall not", "must not", "may not", "shall", "must", "may"];
    verbs.into_iter().find(|verb| {
        about_machines
            && lower.match_indices(verb).any(|(at, _)| {
                let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                edge(lower.get(..at).and_then(|s| s.chars().next_back()))
                    && edge(lower.get(at + verb.len()..).and_then(|s| s.chars().next()))
            })
    })
}
