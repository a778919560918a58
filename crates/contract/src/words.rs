//! The generated parts of a document: its opening, each clause, the annex; and the document as it is
//! read, part by part. What it says comes from the library and from the clauses; here is only how it is
//! laid out.

use crate::clause::{Clause, Number};
use crate::document::{Body, Instrument};
use crate::example::examples;
use crate::library::Library;
use crate::norm::Norm;
use crate::setting::{Setting, code_list, join};
use crate::terms::Side;
use std::fmt;

/// Opens the wording Writ owns; invisible where the document is shown.
pub const OPEN: &str = "<!-- words of Writ -->";
/// Opens the annex, which stands at the end.
pub const ANNEX: &str = "<!-- annex of Writ -->";
/// Closes both.
pub const CLOSE: &str = "<!-- end of words -->";

pub(crate) fn fenced(open: &str, words: &str) -> String {
    format!("{open}\n{words}\n{CLOSE}\n")
}

/// The opening: who is bound, the rule of reading, who signs.
pub(crate) fn preamble(instrument: &Instrument) -> String {
    format!(
        "> **{heading}**\n>\n> {opening}{frame}",
        heading = frame_heading(),
        opening = opening(instrument),
        frame = frame(instrument)
            .iter()
            .map(|(number, text, mode)| format!("\n>\n> **{number}** {text} `{mode}`"))
            .collect::<String>(),
    )
}

/// The heading of the part every instrument begins with.
pub fn frame_heading() -> String {
    Library::current().fill("frame.heading", &[])
}

/// The clauses every instrument has: number, words, mode.
pub fn frame(instrument: &Instrument) -> [(&'static str, String, &'static str); 4] {
    let library = Library::current();
    let noun = instrument.body.noun();
    let definitions = library.fill("frame.definitions", &[("instrument", noun)]);
    [
        ("0.1", reading(&instrument.body), "ENFORCED"),
        ("0.2", signing(instrument), "ENFORCED"),
        ("0.3", library.fill("frame.precedence", &[]), "WORDS"),
        ("0.4", definitions, "WORDS"),
    ]
}

/// Who is bound, in a sentence or two.
pub fn opening(instrument: &Instrument) -> String {
    let library = Library::current();
    match &instrument.body {
        Body::Contract { provider, service, consumer, machines } => {
            let noun = if machines.len() == 1 { "machine" } else { "machines" };
            library.fill(
                "frame.contract",
                &[
                    ("provider", &provider.legal_name),
                    ("p", provider.party.as_str()),
                    ("consumer", &consumer.legal_name),
                    ("c", consumer.party.as_str()),
                    ("service", service.as_str()),
                    ("machines", &format!("{noun} {}", code_list(machines, "and"))),
                ],
            )
        }
        Body::Charter { holder, machine } => library.fill(
            "frame.charter",
            &[("holder", &holder.legal_name), ("h", holder.party.as_str()), ("machine", machine.as_str())],
        ),
        Body::Guardrail { holder } => {
            library.fill("frame.guardrail", &[("holder", &holder.legal_name), ("h", holder.party.as_str())])
        }
    }
}

/// The rule of reading: clause 0.1 of every instrument.
pub fn reading(body: &Body) -> String {
    Library::current().fill(&format!("frame.reading-{}", body.noun()), &[])
}

/// Who signs: clause 0.2 of every instrument.
pub fn signing(instrument: &Instrument) -> String {
    let library = Library::current();
    let setting = Setting { instrument, number: Number::READING };
    let people = |side: &Side| {
        let number = match instrument.signing.quorum_of(*side) {
            1 => "1 person".to_owned(),
            several => format!("{several} different people"),
        };
        library.fill("frame.signatures", &[("number", &number), ("side", &setting.side(*side))])
    };
    let sides: Vec<String> = instrument.body.sides().iter().map(people).collect();
    let order = match instrument.signing.first {
        None | Some(Side::Party) => String::new(),
        Some(first) => {
            let second = if first == Side::Provider { Side::Consumer } else { Side::Provider };
            library.fill("frame.order", &[("first", first.words()), ("second", second.words())])
        }
    };
    let noun = instrument.body.noun();
    library.fill(
        "frame.signing",
        &[("instrument", noun), ("signatures", &join(&sides, "and")), ("order", &order)],
    )
}

/// A clause as it stands in the document: number, sentences, the mode of each.
pub(crate) fn paragraph(instrument: &Instrument, clause: &Clause) -> String {
    let said = sentences(instrument, clause);
    let said: Vec<String> = said.iter().map(|(text, mode)| format!("{text} `{mode}`")).collect();
    format!("> **{}** {}", clause.number, said.join(" "))
}

/// The sentences of a clause, each with its mode.
pub fn sentences(instrument: &Instrument, clause: &Clause) -> Vec<(String, &'static str)> {
    let library = Library::current();
    let mut said: Vec<(String, &'static str)> = instrument
        .statements_of(clause)
        .into_iter()
        .map(|said| (said.text, said.norm.mode().as_str()))
        .collect();
    if let Some(number) = clause.on_breach {
        said.push((library.fill("frame.on-breach", &[("number", &number.to_string())]), "WORDS"));
    }
    if clause.survives {
        said.push((library.fill("frame.survives", &[]), "WORDS"));
    }
    said
}

/// Where a part of an instrument stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Its title.
    Title,
    /// Who is bound.
    Opening,
    /// The heading of a section.
    Section(u16),
    /// A clause, those of the frame included.
    Clause(Number),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title => f.write_str("title"),
            Self::Opening => f.write_str("parties"),
            Self::Section(number) => write!(f, "{number}"),
            Self::Clause(number) => number.fmt(f),
        }
    }
}

/// A part of an instrument as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands.
    pub place: Place,
    /// What kind of part it is: the kind of a clause; a word of its own for each other part.
    pub kind: &'static str,
    /// Its sentences, each with its mode; parts that are no clauses have none.
    pub sentences: Vec<(String, &'static str)>,
}

/// Everything that is signed but the annex, in the order of the document: whoever shows an instrument
/// shows these parts, so that nothing is signed that was shown nowhere.
pub fn parts(instrument: &Instrument) -> Vec<Part> {
    let bare = |place, kind, text: &str| Part { place, kind, sentences: vec![(text.to_owned(), "")] };
    let mut parts = vec![
        bare(Place::Title, "title", &instrument.title),
        bare(Place::Section(0), "frame", &frame_heading()),
        bare(Place::Opening, "opening", &opening(instrument)),
    ];
    for (item, (kind, text, mode)) in (1..).zip(frame(instrument)) {
        let place = Place::Clause(Number { section: 0, item });
        parts.push(Part { place, kind, sentences: vec![(text, mode)] });
    }
    for (number, heading) in (1..).zip(&instrument.headings) {
        parts.push(bare(Place::Section(number), "section", heading));
        let of_section = instrument.clauses.iter().filter(|clause| clause.number.section == number);
        parts.extend(of_section.map(|clause| Part {
            place: Place::Clause(clause.number),
            kind: clause.kind.as_str(),
            sentences: sentences(instrument, clause),
        }));
    }
    parts
}

/// The parts as plain lines, to be read before signing.
pub fn shown(instrument: &Instrument) -> String {
    let line = |part: &Part| {
        let said: Vec<String> = part
            .sentences
            .iter()
            .map(|(text, mode)| if mode.is_empty() { text.clone() } else { format!("{text} `{mode}`") })
            .collect();
        let said = said.join(" ");
        match part.place {
            Place::Title => format!("# {said}"),
            Place::Opening => said,
            Place::Section(number) => format!("## {number} {said}"),
            Place::Clause(number) => format!("**{number}** {said}"),
        }
    };
    parts(instrument).iter().map(line).collect::<Vec<_>>().join("\n\n")
}

/// A stretch of a sentence, its mark taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run<'t> {
    /// An act, or a party's name.
    Bold(&'t str),
    /// A name in the registry.
    Code(&'t str),
    /// Anything else.
    Plain(&'t str),
}

/// A sentence with its marks taken apart. A mark that is not closed is plain text.
pub fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`']) {
        let (plain, marked) = rest.split_at(at);
        let mark = if marked.starts_with("**") { "**" } else { "`" };
        let inner = marked.strip_prefix(mark).and_then(|inner| inner.split_once(mark));
        let Some((inner, after)) = inner else { break };
        if !plain.is_empty() {
            runs.push(Run::Plain(plain));
        }
        runs.push(if mark == "`" { Run::Code(inner) } else { Run::Bold(inner) });
        rest = after;
    }
    if !rest.is_empty() || runs.is_empty() {
        runs.push(Run::Plain(rest));
    }
    runs
}

/// The sentence a denial cites: the one of this clause at this place, or the rule of reading.
pub fn cited(instrument: &Instrument, number: Number, at: usize) -> String {
    let clause = instrument.clause(number);
    let said = clause.and_then(|clause| instrument.statements_of(clause).into_iter().nth(at));
    said.map_or_else(|| reading(&instrument.body), |said| said.text)
}

/// Everything a clause says, without marks of mode.
pub fn clause_text(instrument: &Instrument, number: Number) -> String {
    match instrument.clause(number) {
        Some(clause) => {
            let said: Vec<String> = sentences(instrument, clause).into_iter().map(|(text, _)| text).collect();
            said.join(" ")
        }
        None => reading(&instrument.body),
    }
}

/// The annex: each clause's examples.
pub(crate) fn annex(instrument: &Instrument) -> String {
    let library = Library::current();
    let mut lines = vec![format!("> {}", library.fill("annex.title", &[]))];
    let mut before = None;
    for example in examples(instrument) {
        if before != Some(example.clause) {
            lines.push(format!(">\n> **{}**\n>", example.clause));
        }
        before = Some(example.clause);
        lines.push(format!("> - {}: {}", example.outcome(), example.text));
    }
    lines.join("\n")
}

/// Whether a sentence may be cited by a gateway.
pub fn is_rule(norm: &Norm) -> bool {
    matches!(norm, Norm::Rule(_))
}
