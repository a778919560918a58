//! The generated parts of a document: its opening, each clause, the annex. What they say comes from
//! the library and from the clauses; here is only how they are laid out.

use crate::clause::{Clause, Number};
use crate::document::{Body, Instrument};
use crate::example::examples;
use crate::library::Library;
use crate::norm::Norm;
use crate::setting::{Setting, code_list, join};
use crate::terms::Side;

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
        "> {opening}{frame}",
        opening = opening(instrument),
        frame = frame(instrument)
            .iter()
            .map(|(number, text, mode)| format!("\n>\n> **{number}** {text} `{mode}`"))
            .collect::<String>(),
    )
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
