//! Reads `*.writ.md`: TOML front matter between `+++` lines, CommonMark, fenced `clause` blocks.
//! Everything wrong is reported at once, each with its place.

use crate::clause::{Clause, Number};
use crate::diagnostic::{Diagnostic, Findings as Told, suggestion};
use crate::document::{
    Body, CLAUSES_MAX, DOCUMENT_BYTES_MAX, Document, Instrument, Organisation, Place, Signing,
};
use crate::kind::Kind;
use crate::norm::Norm;
use crate::setting::Setting;
use crate::terms::{Side, Text, Whole, Word, fault_parts};
use crate::words::{self, fenced};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use registry::Name;
use schemars::{JsonSchema as _, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// Marks of Markdown and HTML: none may stand in a heading.
const FORMATTING: [char; 11] = ['<', '>', '`', '*', '_', '[', ']', '\\', '|', '~', '\n'];
/// Keys every clause may have beside its own.
const COMMON: [&str; 3] = ["kind", "on-breach", "survives"];
/// How deep quotations and lists may lie in each other. None belongs into a document; this keeps their number down.
const NESTING_MAX: usize = 16;
/// Machines an instrument names at most.
const MACHINES_MAX: usize = registry::admit::MACHINES_MAX;

/// The instrument, and for each clause the offset behind its block; the offset of the body.
type Read = (Instrument, Vec<usize>, usize);

/// Reads what a document says, whatever its generated words are.
pub(crate) fn instrument(source: &str) -> Result<Read, Vec<Diagnostic>> {
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
    let instrument = findings.front(source, head.clone());
    let title = instrument.as_ref().map(|instrument| instrument.title.clone());
    let clauses = findings.clauses(source, body, title.as_deref());
    let Some(mut instrument) = instrument else { return Err(findings.0.into_told()) };
    instrument.clauses = clauses.iter().map(|(clause, _)| clause.clone()).collect();
    instrument.headings = std::mem::take(&mut findings.1);
    findings.whole(source, &instrument, head);
    if !findings.0.is_empty() {
        return Err(findings.0.into_told());
    }
    Ok((instrument, clauses.into_iter().map(|(_, after)| after).collect(), body))
}

pub(crate) fn document(source: &str) -> Result<Document, Vec<Diagnostic>> {
    let (instrument, afters, body) = self::instrument(source)?;
    let mut findings = Findings::default();
    let clauses = instrument.clauses.iter().zip(afters);
    let afters = std::iter::once((body, words::preamble(&instrument)))
        .chain(clauses.map(|(clause, after)| (after, words::paragraph(&instrument, clause))));
    let mut places = Vec::new();
    for (after, text) in afters {
        match words_place(source, words::OPEN, after) {
            Ok(span) => places.push(Place { span, words: fenced(words::OPEN, &text) }),
            Err(finding) => findings.0.push(finding),
        }
    }
    let annex = source.rfind(words::ANNEX).unwrap_or(source.len());
    match words_place(source, words::ANNEX, annex) {
        Ok(span) => {
            let behind = source.get(span.end..).unwrap_or_default();
            if !behind.trim().is_empty() {
                let help = "move it above the annex: the annex is the end of the document";
                findings.find("writ::annex", span.end..source.len(), "text behind the annex", help);
            }
            places.push(Place { span, words: fenced(words::ANNEX, &words::annex(&instrument)) });
        }
        Err(finding) => findings.0.push(finding),
    }
    if !findings.0.is_empty() {
        return Err(findings.0.into_told());
    }
    if let Some(at) = reference_definition(source, body) {
        let help = "delete it: it is not shown, so nobody would sign it knowingly";
        findings.find("writ::prose", at, "a link definition, which readers do not see", help);
    }
    for mark in [words::OPEN, words::ANNEX] {
        for (at, _) in source.match_indices(mark) {
            if !places.iter().any(|place| place.span.start == at && place.words.starts_with(mark)) {
                let help = "delete it: generated wording stands at the top, under each clause block, and as annex at the end";
                let span = at..at + mark.len();
                findings.find("writ::words", span, "generated wording where none belongs", help);
            }
        }
    }
    if findings.0.is_empty() { Ok(Document { places, instrument }) } else { Err(findings.0.into_told()) }
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
fn words_place(source: &str, open: &str, from: usize) -> Result<Range<usize>, Diagnostic> {
    let rest = source.get(from..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches('\n').len();
    let start = from + blank;
    let Some(inner) = rest.get(blank..).and_then(|rest| rest.strip_prefix(open)) else {
        return Ok(from..from);
    };
    let mut at = start + open.len();
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
    let end = start + open.len();
    Err(Diagnostic::new(
        "writ::words-block",
        start..end,
        "this block of generated wording is not closed",
        "begins here",
        help,
    ))
}

#[derive(Deserialize)]
struct AnyFront {
    instrument: Spanned<String>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ContractFront {
    #[serde(rename = "instrument")]
    _instrument: String,
    name: Word,
    version: Version,
    title: Text,
    provider: Provider,
    consumer: Consumer,
    #[serde(default)]
    signing: Signers,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OwnFront {
    #[serde(rename = "instrument")]
    _instrument: String,
    name: Word,
    version: Version,
    title: Text,
    holder: Holder,
    #[serde(default)]
    signing: Signers,
}

type Version = Whole<1, 1_000_000>;

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Provider {
    party: Word,
    legal_name: Text,
    service: Word,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Consumer {
    party: Word,
    legal_name: Text,
    machines: crate::terms::List<Word>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Holder {
    party: Word,
    legal_name: Text,
    machine: Option<Word>,
}

#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Signers {
    provider: Option<Whole<1, 20>>,
    consumer: Option<Whole<1, 20>>,
    party: Option<Whole<1, 20>>,
    first: Option<Side>,
}

/// How front matter looks: of a contract, and of a charter or guardrail.
pub(crate) fn front_schemas(generator: &mut SchemaGenerator) -> (Schema, Schema) {
    (ContractFront::json_schema(generator), OwnFront::json_schema(generator))
}

impl Signers {
    fn read(&self) -> Signing {
        let quorum =
            [(Side::Provider, self.provider), (Side::Consumer, self.consumer), (Side::Party, self.party)];
        let quorum = quorum.into_iter().filter_map(|(side, people)| Some((side, people?.get())));
        Signing { quorum: quorum.filter(|(_, people)| *people > 1).collect(), first: self.first }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct AnyClause {
    kind: Spanned<String>,
    on_breach: Option<Spanned<Number>>,
    survives: Option<Spanned<toml::Value>>,
}

/// The headings met so far.
#[derive(Default)]
struct Headings {
    /// Whether there was a title.
    title: bool,
    /// Where the section we are in begins.
    section: Option<Range<usize>>,
}

/// A heading: its line as written, and as readers see it.
struct Heading<'s> {
    level: HeadingLevel,
    span: Range<usize>,
    line: &'s str,
    seen: String,
}

/// Collects what is wrong; each reader gives `None` when it had something to say.
/// Beside them the titles of sections, as they are met.
#[derive(Default)]
struct Findings(Told, Vec<String>);

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
                self.refuse(&error, range, keys);
                None
            }
        }
    }

    /// A finding for what TOML or a typed value did not accept.
    fn refuse(&mut self, error: &toml::de::Error, range: Range<usize>, keys: &[&str]) {
        let span = error.span().map_or(range.clone(), |s| range.start + s.start..range.start + s.end);
        if let Some((code, message, help)) = fault_parts(error.message()) {
            let code = CODES.iter().copied().find(|known| *known == code).unwrap_or("writ::value");
            self.find(code, span, message, help.lines().next().unwrap_or_default());
            return;
        }
        let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
        let named = |prefix: &str| {
            let (key, _) = message.strip_prefix(prefix)?.split_once('`')?;
            Some(key.to_owned())
        };
        let list = || format!("the keys are: {}", keys.join(", "));
        let (code, message, help) = match (named("unknown field `"), named("missing field `")) {
            (Some(key), _) => {
                ("writ::unknown-key", format!("the key `{key}` is not known here"), suggestion(&key, keys))
            }
            (_, Some(key)) => ("writ::missing-key", format!("the key `{key}` is missing"), list()),
            (None, None) => ("writ::toml", message.clone(), list()),
        };
        self.find(code, span, message, help);
    }

    fn front(&mut self, source: &str, range: Range<usize>) -> Option<Instrument> {
        let base = range.start;
        let keys = [
            "instrument",
            "name",
            "version",
            "title",
            "provider",
            "consumer",
            "holder",
            "signing",
            "party",
            "legal-name",
            "service",
            "machines",
            "machine",
            "first",
        ];
        let kind = self.toml::<AnyFront>(source, range.clone(), &keys)?.instrument;
        if kind.as_ref() == "contract" {
            let front: ContractFront = self.toml(source, range, &keys)?;
            let organisation = |party: Word, legal_name: Text| Organisation {
                party: party.0,
                legal_name: legal_name.as_str().to_owned(),
            };
            return Some(Instrument {
                name: front.name.0,
                version: front.version.get(),
                title: front.title.as_str().to_owned(),
                body: Body::Contract {
                    provider: organisation(front.provider.party, front.provider.legal_name),
                    service: front.provider.service.0,
                    consumer: organisation(front.consumer.party, front.consumer.legal_name),
                    machines: front.consumer.machines.iter().map(|machine| machine.0.clone()).collect(),
                },
                signing: front.signing.read(),
                headings: Vec::new(),
                clauses: Vec::new(),
            });
        }
        if !matches!(kind.as_ref().as_str(), "charter" | "guardrail") {
            let help = suggestion(kind.as_ref(), &["charter", "contract", "guardrail"]);
            self.find("writ::instrument", shift(&kind, base), "this kind of instrument is not known", help);
            return None;
        }
        let front: OwnFront = self.toml(source, range.clone(), &keys)?;
        let holder = Organisation {
            party: front.holder.party.0,
            legal_name: front.holder.legal_name.as_str().to_owned(),
        };
        let body = match (kind.as_ref().as_str(), front.holder.machine) {
            ("charter", Some(machine)) => Body::Charter { holder, machine: machine.0 },
            ("guardrail", None) => Body::Guardrail { holder },
            ("charter", None) => {
                let help = "write `machine = \"…\"` under `[holder]`";
                self.find("writ::missing-key", range, "a charter is for one machine", help);
                return None;
            }
            _ => {
                let help = "leave out `machine`: clauses narrow machines by `only`";
                self.find(
                    "writ::unknown-key",
                    range,
                    "a guardrail is for all machines of the organisation",
                    help,
                );
                return None;
            }
        };
        Some(Instrument {
            name: front.name.0,
            version: front.version.get(),
            title: front.title.as_str().to_owned(),
            body,
            signing: front.signing.read(),
            headings: Vec::new(),
            clauses: Vec::new(),
        })
    }

    /// The clauses with the offset behind each block.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "inline marks and ends of blocks say nothing of their own"
    )]
    fn clauses(&mut self, source: &str, body: usize, title: Option<&str>) -> Vec<(Clause, usize)> {
        let mut clauses = Vec::new();
        let mut number = Number { section: 0, item: 0 };
        let mut headings = Headings::default();
        // What a reader sees of the heading we are in.
        let mut seen: Option<String> = None;
        let text = source.get(body..).unwrap_or_default();
        // Whether we are inside wording that Writ owns; there the marks of a quotation are expected.
        let mut owned = false;
        let mut depth = 0;
        for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
            let range = range.start + body..range.end + body;
            match &event {
                Event::Start(Tag::BlockQuote(_) | Tag::List(_)) => depth += 1,
                Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_)) => depth -= 1,
                _ => {}
            }
            if depth > NESTING_MAX {
                let help = "only headings and clauses count: delete it";
                let start = range.start..range.end.min(range.start + 1);
                self.find("writ::nesting", start, "quotations or lists too deep in each other", help);
                // Nothing is said of what was not read.
                return clauses;
            }
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
                    if let Some((kind, on_breach, survives)) = self.clause(source, inner) {
                        clauses.push((
                            Clause { number, kind, on_breach, survives, span: range.clone() },
                            after_line(source, range.end),
                        ));
                    }
                }
                Event::Start(Tag::Heading { .. }) => seen = Some(String::new()),
                Event::End(TagEnd::Heading(level)) => {
                    let seen = seen.take().unwrap_or_default();
                    let line = source.get(range.clone()).unwrap_or_default().trim_end();
                    let heading = Heading { level, span: range.start..range.start + line.len(), line, seen };
                    if level == HeadingLevel::H2 {
                        self.no_clause(&headings, number);
                        number = Number { section: number.section.saturating_add(1), item: 0 };
                    }
                    self.heading(&heading, title, &mut headings);
                }
                Event::Text(text) if seen.is_some() => {
                    if let Some(seen) = &mut seen {
                        seen.push_str(&text);
                    }
                }
                Event::Html(html) if matches!(html.trim(), words::OPEN | words::ANNEX) => owned = true,
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
        self.no_clause(&headings, number);
        if let (false, Some(title)) = (headings.title, title) {
            let help = format!("write `# {title}` above the first `##` heading");
            self.find("writ::heading", 0..3.min(source.len()), "the document has no title", help);
        }
        clauses
    }

    /// Title and sections are all there is: they are shown wherever the instrument is shown, and hashed.
    fn heading(&mut self, heading: &Heading<'_>, title: Option<&str>, met: &mut Headings) {
        let text = heading.line.trim_start_matches('#');
        let same = heading.seen == text.trim() && !heading.seen.is_empty();
        let plain = text.len() < heading.line.len() && !text.contains(FORMATTING) && same;
        let span = heading.span.clone();
        if !plain {
            let help = "write `## Title` on one line, in plain words";
            self.find("writ::heading", span.clone(), "a heading with marks, markup or several lines", help);
        }
        match heading.level {
            HeadingLevel::H1 => {
                let is_second = std::mem::replace(&mut met.title, true);
                if is_second {
                    let help = "write `## ` for a section; what shall bind belongs into a clause";
                    self.find("writ::heading", span, "a second title", help);
                } else if met.section.is_some() {
                    let help = "put it above the first `##` heading";
                    self.find("writ::heading", span, "the title stands below a section", help);
                } else if let Some(title) = title.filter(|title| plain && *title != heading.seen) {
                    let message = format!("the title is `{title}` in the front matter, and another here");
                    self.find("writ::heading", span, message, format!("write `# {title}`"));
                }
            }
            HeadingLevel::H2 => {
                met.section = Some(span);
                self.1.push(text.trim().to_owned());
            }
            HeadingLevel::H3 | HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => {
                let help = "write `## Title` for a section, in plain words; what shall bind belongs into a clause of kind `words`";
                let message = "a heading below those of sections: it would be signed, and shown nowhere";
                self.find("writ::heading", span, message, help);
            }
        }
    }

    /// A section that ends without a clause would be signed, and say nothing.
    fn no_clause(&mut self, met: &Headings, last: Number) {
        if let (Some(span), 0) = (&met.section, last.item) {
            let help = "put a clause under it, or delete it: a heading by itself binds nobody";
            self.find("writ::heading", span.clone(), "a section without a clause", help);
        }
    }

    fn clause(&mut self, source: &str, range: Range<usize>) -> Option<(Kind, Option<Number>, bool)> {
        let base = range.start;
        let text = source.get(range.clone()).unwrap_or_default();
        let any = self.toml::<AnyClause>(source, range.clone(), &COMMON)?;
        let name = any.kind.as_ref().as_str();
        // A term names the clauses that survive; any clause says of itself whether it does.
        let survives = any.survives.as_ref().and_then(|survives| survives.as_ref().as_bool());
        if let (Some(other), None, true) = (&any.survives, survives, name != "term") {
            let help = "write `survives = true`, or leave it out";
            self.find("writ::value", shift(other, base), "a clause survives or it does not", help);
            return None;
        }
        // The common keys become spaces, so that every place stays where it was.
        let spans = [
            Some(any.kind.span()),
            any.on_breach.as_ref().map(Spanned::span),
            any.survives.as_ref().filter(|_| survives.is_some()).map(Spanned::span),
        ];
        let own = spans.into_iter().flatten().fold(text.to_owned(), |text, span| blank_line(&text, span));
        match Kind::read(name, &own) {
            None => {
                let message = format!("there is no clause kind `{name}`");
                self.find("writ::kind", shift(&any.kind, base), message, suggestion(name, Kind::NAMES));
                None
            }
            Some(Err(error)) => {
                let keys = sample_keys(name);
                let keys: Vec<&str> = keys.iter().map(String::as_str).chain(COMMON).collect();
                self.refuse(&error, range, &keys);
                None
            }
            Some(Ok(kind)) => {
                Some((kind, any.on_breach.map(|number| *number.as_ref()), survives.unwrap_or_default()))
            }
        }
    }

    /// What only the whole document shows.
    fn whole(&mut self, source: &str, instrument: &Instrument, head: Range<usize>) {
        if instrument.clauses.is_empty() && self.0.is_empty() {
            let help = "add at least one fenced block that begins with ```` ```clause ````";
            self.find("writ::no-clause", head.clone(), "the instrument has no clause", help);
        }
        if instrument.clauses.len() > CLAUSES_MAX {
            let help = format!("an instrument has at most {CLAUSES_MAX} clauses: split it");
            // What each of them says is not looked at: that would take the square of their number.
            return self.find("writ::too-many", head, "the instrument has too many clauses", help);
        }
        if instrument.body.machines().len() > MACHINES_MAX {
            let help = format!("an instrument names at most {MACHINES_MAX} machines: split it");
            self.find("writ::too-many", head.clone(), "the instrument names too many machines", help);
        }
        let sides = instrument.body.sides();
        let asked = instrument.signing.quorum.iter().map(|(side, _)| *side).chain(instrument.signing.first);
        if let Some(side) = asked.into_iter().find(|side| !sides.contains(side)) {
            let message = format!("a {} has no side `{side}`", instrument.body.noun());
            self.find("writ::side", head.clone(), message, known_sides(sides));
        }
        if instrument.signing.first.is_some() && sides.len() < 2 {
            let help = "leave out `first`: nobody else signs";
            self.find("writ::side", head, "there is no other side that could sign later", help);
        }
        let mut single = BTreeMap::new();
        for clause in &instrument.clauses {
            for (key, code, message, help) in faults(instrument, clause) {
                let span = key_span(source, clause, key);
                self.find(code, span, message, help);
            }
            let once = match &clause.kind {
                Kind::Term(_) | Kind::General(_) | Kind::Amendment(_) | Kind::Suspension(_) => true,
                Kind::Credential(credential) => credential.only.is_empty(),
                Kind::Permit(_)
                | Kind::Prohibit(_)
                | Kind::Duty(_)
                | Kind::Quota(_)
                | Kind::Classification(_)
                | Kind::Masking(_)
                | Kind::Statement(_)
                | Kind::Purpose(_)
                | Kind::Residency(_)
                | Kind::Retention(_)
                | Kind::Delegation(_)
                | Kind::Approval(_)
                | Kind::Window(_)
                | Kind::Availability(_)
                | Kind::Audit(_)
                | Kind::IncidentNotice(_)
                | Kind::Ownership(_)
                | Kind::Liability(_)
                | Kind::Words(_) => false,
            };
            if once && let Some(first) = single.insert(clause.kind.as_str(), clause.number) {
                let message = format!("a second `{}` clause", clause.kind.as_str());
                let help = format!("clause {first} says it already: change that one");
                self.find("writ::twice", clause.span.clone(), message, help);
            }
        }
    }
}

/// Codes that values give their findings.
const CODES: [&str; 19] = [
    "writ::choice",
    "writ::field",
    "writ::hours",
    "writ::instant",
    "writ::limit",
    "writ::list",
    "writ::money",
    "writ::name",
    "writ::network",
    "writ::number",
    "writ::purpose",
    "writ::ratio",
    "writ::recording",
    "writ::span",
    "writ::text",
    "writ::words-bind-machines",
    "writ::zone",
    "writ::value",
    "writ::term",
];

type Found = (&'static str, &'static str, String, String);

/// What is wrong with a clause where it stands.
fn faults(instrument: &Instrument, clause: &Clause) -> Vec<Found> {
    let of = Setting { instrument, number: clause.number };
    let own = clause.kind.as_terms().faults(&of);
    let mut found: Vec<Found> =
        own.into_iter().map(|fault| (fault.key, fault.code, fault.message, fault.help)).collect();
    let noun = instrument.body.noun();
    let terms = clause.kind.terms();
    let mut values = Vec::new();
    collect(&terms, "", &mut values);
    let machines = instrument.body.machines();
    let guardrail = matches!(instrument.body, Body::Guardrail { .. });
    let only = terms.get("only");
    let of_only = |key: &str| only.and_then(|only| only.get(key));
    match of_only("side").and_then(Value::as_str) {
        Some(_) if !guardrail => {
            let help = "leave it out: the instrument says whose machines it binds";
            found.push((
                "only",
                "writ::only",
                "only a guardrail binds one side or the other".into(),
                help.into(),
            ));
        }
        Some("provider") if of_only("machines").is_some() => {
            let help = "leave out `machines`, or narrow by kinds, roles or environments";
            let message =
                "names of machines are those of the organisation, not of those who use its services";
            found.push(("only", "writ::only", message.into(), help.into()));
        }
        Some(_) | None => {}
    }
    for (key, value) in values {
        match key {
            "side" if guardrail && value != "party" && matches!(clause.kind, Kind::General(_)) => {
                found.push((
                    "notices",
                    "writ::side",
                    format!("a {noun} has no side `{value}`"),
                    known_sides(&[Side::Party]),
                ));
            }
            "side" if guardrail => {}
            "bearer" | "auditor" | "audited" | "holders" | "narrowing-by" | "side" => {
                let side: Option<Side> = value.parse().ok();
                if side.is_some_and(|side| !instrument.body.sides().contains(&side)) {
                    let key = if key == "side" { "only" } else { key_of(key) };
                    let message = format!("a {noun} has no side `{value}`");
                    found.push((key, "writ::side", message, known_sides(instrument.body.sides())));
                }
            }
            "machines" if !guardrail && !machines.iter().any(|name| name.as_str() == value) => {
                let known: Vec<&str> = machines.iter().map(Name::as_str).collect();
                let message = format!("the {noun} names no machine `{value}`");
                found.push(("machines", "writ::machine", message, suggestion(value, &known)));
            }
            "resources" => {
                let slash = value.contains('/');
                if slash && matches!(instrument.body, Body::Contract { .. }) {
                    let help = "write the resource alone: a contract is about one service";
                    found.push((
                        "resources",
                        "writ::resource",
                        "a resource with its service".into(),
                        help.into(),
                    ));
                }
            }
            _ => {}
        }
    }
    let permits = instrument
        .statements_of(clause)
        .iter()
        .any(|said| matches!(&said.norm, Norm::Rule(rule) if rule.permits));
    if permits && matches!(instrument.body, Body::Guardrail { .. }) {
        let help = "a guardrail permits nothing by itself; write what is prohibited, or put this into a charter or contract";
        found.push(("kind", "writ::permit", "a guardrail cannot permit".into(), help.into()));
    }
    if let Some(number) = clause.on_breach {
        let target = instrument.clause(number);
        // Following the chain longer than there are clauses means going round.
        let mut at = target;
        let rounds = instrument.clauses.iter().take_while(|_| {
            at = at.and_then(|clause| instrument.clause(clause.on_breach?));
            at.is_some()
        });
        if target.is_none() {
            let message = format!("there is no clause {number}");
            found.push((
                "on-breach",
                "writ::number",
                message,
                "name a clause by its number in this document".into(),
            ));
        } else if rounds.count() == instrument.clauses.len() {
            let help = "let the last clause of the chain have no `on-breach`";
            found.push((
                "on-breach",
                "writ::number",
                "what follows from a breach goes round in a circle".into(),
                help.into(),
            ));
        }
    }
    found
}

fn key_of(key: &str) -> &'static str {
    ["bearer", "auditor", "audited", "holders", "narrowing-by"]
        .into_iter()
        .find(|known| *known == key)
        .unwrap_or("kind")
}

fn known_sides(sides: &[Side]) -> String {
    let sides: Vec<String> = sides.iter().map(|side| format!("\"{side}\"")).collect();
    format!("write {}", sides.join(" or "))
}

/// Every text in a canonical value with the key it stands under.
fn collect<'v>(value: &'v Value, key: &'v str, into: &mut Vec<(&'v str, &'v str)>) {
    match value {
        Value::String(text) => into.push((key, text)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, into)),
        Value::Object(members) => members.iter().for_each(|(key, value)| collect(value, key, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Where the value of a key stands in a clause's block; the block if the key is not at its top.
fn key_span(source: &str, clause: &Clause, key: &str) -> Range<usize> {
    let Some(inner) = fence_inner(source, &clause.span) else { return clause.span.clone() };
    let table: Result<BTreeMap<String, Spanned<toml::Value>>, _> =
        toml::from_str(source.get(inner.clone()).unwrap_or_default());
    let span = table.ok().and_then(|table| table.get(key).map(Spanned::span));
    span.map_or(clause.span.clone(), |span| inner.start + span.start..inner.start + span.end)
}

/// The keys a kind's sample shows, commented ones included: all it knows.
fn sample_keys(name: &str) -> Vec<String> {
    let sample = Kind::sample(name).unwrap_or_default();
    let keys = sample.lines().filter_map(|line| line.trim_start_matches("# ").split_once(" = "));
    keys.map(|(key, _)| key.to_owned()).collect()
}

/// The text with the line around `span` made of spaces.
fn blank_line(text: &str, span: Range<usize>) -> String {
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end =
        text.get(span.end..).and_then(|behind| behind.find('\n')).map_or(text.len(), |at| span.end + at);
    let (before, behind) = (text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default());
    format!("{before}{}{behind}", " ".repeat(end - start))
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
