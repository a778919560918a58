//! An instrument as the data of its template: everything as plain strings, marks already taken apart.

use crate::{cover, matrix, signing};
use contract::canonical::hex;
use contract::example::examples;
use contract::terms::Side;
use contract::words::{self, Run};
use contract::{Body, Clause, Instrument, Kind, Number, Seal};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is to be printed.
#[derive(Clone, Debug)]
pub struct Sheet<'s> {
    /// The instrument.
    pub instrument: &'s Instrument,
    /// Its text.
    pub source: &'s str,
    /// The envelope and who signed it.
    pub seal: &'s Seal,
    /// The time the document bears, milliseconds since 1970.
    pub at_ms: u64,
}

/// Whether everybody whose signature is needed is there: for each side, or for one that only narrows.
pub(crate) fn is_complete(sheet: &Sheet<'_>) -> bool {
    let signing = &sheet.instrument.signing;
    let full = |side: &Side| {
        let signed = u32::try_from(sheet.seal.signed(side.as_str())).unwrap_or(u32::MAX);
        signed >= signing.quorum_of(*side)
    };
    let sides = sheet.instrument.body.sides();
    sides.iter().all(full) || (sheet.seal.narrowing.is_some() && sides.iter().any(full))
}

/// From when it is in force: the last signature, or the beginning of its term if that is later.
pub(crate) fn in_force_ms(sheet: &Sheet<'_>) -> Option<u64> {
    let signed = sheet.seal.signatories.iter().filter_map(|s| s.signature.as_ref()).map(|s| s.time_ms).max();
    let start = sheet
        .instrument
        .clauses
        .iter()
        .find_map(|clause| if let Kind::Term(term) = &clause.kind { Some(term.start.0) } else { None });
    signed.filter(|_| is_complete(sheet)).map(|signed| start.map_or(signed, |start| start.max(signed)))
}

/// A side in a sentence: "the Provider", or the organisation's name.
pub(crate) fn side_of(instrument: &Instrument, side: Side) -> String {
    match side {
        Side::Consumer | Side::Provider => side.words().to_owned(),
        Side::Party => instrument.body.holder().legal_name.clone(),
    }
}

/// Text with the marks of bold and code as runs.
pub(crate) fn runs(text: &str) -> Value {
    let one = |run: Run<'_>| match run {
        Run::Bold(text) => json!({ "b": text }),
        Run::Code(text) => json!({ "c": text }),
        Run::Plain(text) => json!({ "t": text }),
    };
    words::runs(text).into_iter().map(one).collect()
}

/// The data of the template.
pub(crate) fn of(sheet: &Sheet<'_>) -> Value {
    let instrument = sheet.instrument;
    let noun = instrument.body.noun();
    let parties: Vec<Value> = instrument
        .body
        .sides()
        .iter()
        .map(|side| {
            let organisation = instrument.body.organisation(*side);
            json!({ "role": cover::role(*side), "name": organisation.party.as_str(), "legal_name": organisation.legal_name })
        })
        .collect();
    let names: Vec<&str> = instrument
        .body
        .sides()
        .iter()
        .map(|side| instrument.body.organisation(*side).legal_name.as_str())
        .collect();
    json!({
        "title": instrument.title,
        "subtitle": subtitle(instrument),
        "reference": instrument.name.as_str(),
        "version": instrument.version,
        "state": state(sheet),
        "dated": contract::value::instant(sheet.at_ms).split(',').next().unwrap_or_default(),
        "lang": "en",
        "region": "GB",
        "keywords": [noun, "machine identity"],
        "description": format!("{} {}, version {}, {}", capital(noun), instrument.name, instrument.version, names.join(" and ")),
        "fingerprint": fingerprint(sheet),
        "parties": parties,
        "terms": cover::terms(sheet),
        "opening": [runs(&words::opening(instrument))],
        "frame": words::frame_heading(),
        "rules": words::frame(instrument).map(rule).to_vec(),
        "matrix": matrix::of(instrument),
        "sections": sections(instrument),
        "marks": marks(noun),
        "annex": annex(instrument),
        "signatures": signing::signatures(sheet),
        "integrity": signing::integrity(sheet),
        "attachments": [
            { "path": crate::TEXT, "relationship": "source", "mime": "text/markdown",
              "description": "The text that was signed" },
            { "path": crate::SEAL, "relationship": "data", "mime": "application/json",
              "description": "The envelope and its signatures" },
        ],
    })
}

fn rule((number, text, mode): (&str, String, &str)) -> Value {
    json!({ "number": number, "sentences": [{ "text": runs(&text), "mode": mode }] })
}

/// `draft` until somebody signed, `pending` until all did.
fn state(sheet: &Sheet<'_>) -> &'static str {
    let signed = sheet.seal.signatories.iter().any(|signatory| signatory.signature.is_some());
    match (signed, is_complete(sheet)) {
        (false, _) => "draft",
        (true, false) => "pending",
        (true, true) => "signed",
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

fn subtitle(instrument: &Instrument) -> String {
    match &instrument.body {
        Body::Charter { holder, machine } => format!("for the machine {machine} of {}", holder.legal_name),
        Body::Contract { service, consumer, .. } => {
            format!("relating to the use of the service {service} by machines of {}", consumer.legal_name)
        }
        Body::Guardrail { .. } => "for all its machines and all its services".to_owned(),
    }
}

fn fingerprint(sheet: &Sheet<'_>) -> String {
    hex(&contract::canonical::digest(sheet.source)).chars().take(16).collect()
}

fn sections(instrument: &Instrument) -> Value {
    let mut sections: BTreeMap<u16, Vec<&Clause>> = BTreeMap::new();
    for clause in &instrument.clauses {
        sections.entry(clause.number.section).or_default().push(clause);
    }
    let clause = |clause: &&Clause| {
        let said = words::sentences(instrument, clause);
        let said: Vec<Value> =
            said.iter().map(|(text, mode)| json!({ "text": runs(text), "mode": mode })).collect();
        json!({ "number": clause.number.to_string(), "sentences": said })
    };
    let section = |(number, clauses): (u16, Vec<&Clause>)| {
        let heading = usize::from(number).checked_sub(1).and_then(|at| instrument.headings.get(at));
        let clauses: Vec<Value> = clauses.iter().map(clause).collect();
        json!({ "number": number.to_string(), "heading": heading.map_or("", String::as_str), "clauses": clauses })
    };
    sections.into_iter().map(section).collect()
}

/// What the marks beside sentences mean. An explanation: how figures are read stands in clause 0.4.
fn marks(noun: &str) -> Value {
    let rows = [
        ("ENFORCED", "The gateway or the authority holds it; what it prohibits does not happen."),
        ("MONITORED", "A monitor over the ledger watches it and says when it is breached."),
        ("EVIDENCED", "A query over ledger and registry shows whether it holds."),
        ("WORDS", "It binds people, not machines."),
        ("“may”", "permits, or gives a power"),
        ("“shall”", "binds; “shall not” prohibits"),
    ];
    let row = |(mark, meaning): &(&str, &str)| json!([runs(mark), runs(meaning)]);
    json!({
        "heading": "Marks",
        "intro": runs(&format!(
            "The mark beside each sentence is found by the compiler; nobody can choose it. The cover, this page and the page \
             headers explain the {noun} and are no part of it."
        )),
        "columns": [{ "head": "Mark or word", "width": 1 }, { "head": "Meaning", "width": 4 }],
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn annex(instrument: &Instrument) -> Value {
    let mut clauses: Vec<(Number, Vec<Value>)> = Vec::new();
    for example in examples(instrument) {
        let told = json!({ "outcome": example.outcome(), "text": runs(&example.text) });
        match clauses.last_mut() {
            Some((number, examples)) if *number == example.clause => examples.push(told),
            Some(_) | None => clauses.push((example.clause, vec![told])),
        }
    }
    if clauses.is_empty() {
        return Value::Null;
    }
    let title = |number: Number| instrument.clause(number).map_or("", |clause| clause.kind.as_str());
    let clauses: Vec<Value> = clauses
        .into_iter()
        .map(|(number, examples)| {
            json!({ "number": number.to_string(), "title": capital(&title(number).replace('-', " ")), "examples": examples })
        })
        .collect();
    json!({
        "number": "Annex",
        "heading": "Examples",
        "intro": runs("Each was tried on the rule that is enforced. What an example does not mention is in order."),
        "clauses": clauses,
    })
}
