//! An instrument as the data of its template: everything as plain strings, marks already taken apart.

use contract::Seal;
use contract::canonical::hex;
use contract::example::examples;
use contract::norm::{Measure, Rule, Test};
use contract::redline::{Piece, Row};
use contract::seal::Signatory;
use contract::terms::Side;
use contract::words;
use contract::{Body, Clause, Instrument, Kind, Number};
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

/// Two versions compared.
#[derive(Clone, Debug)]
pub struct Compared<'c> {
    /// The old version.
    pub old: &'c Instrument,
    /// The new version.
    pub new: &'c Instrument,
    /// The words, clause beside clause.
    pub rows: &'c [Row],
    /// What is said of decisions, in a line.
    pub verdict: &'c str,
    /// And in detail.
    pub lines: &'c [&'c str],
}

/// The data of the redline's template.
pub(crate) fn of_redline(compared: &Compared<'_>) -> Value {
    let piece = |piece: &Piece| {
        let (kind, words) = match piece {
            Piece::Gone(words) => ("gone", words),
            Piece::New(words) => ("new", words),
            Piece::Same(words) => ("same", words),
        };
        json!({ "kind": kind, "runs": runs(words) })
    };
    let row = |row: &Row| {
        let number = match (row.old, row.new) {
            (Some(old), Some(new)) if old == new => new.to_string(),
            (Some(old), Some(new)) => format!("{old} → {new}"),
            (Some(old), None) => format!("{old} gone"),
            (None, Some(new)) => format!("{new} new"),
            (None, None) => "frame".to_owned(),
        };
        json!({ "number": number, "same": row.is_same(), "pieces": row.pieces.iter().map(piece).collect::<Vec<_>>() })
    };
    json!({
        "title": format!("Redline: {}", compared.new.title),
        "subtitle": format!("{}, version {} compared with version {}", compared.new.name, compared.new.version, compared.old.version),
        "verdict": compared.verdict,
        "lines": compared.lines.iter().map(|line| runs(line)).collect::<Vec<_>>(),
        "rows": compared.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

/// Text with the marks of bold and code as runs.
fn runs(text: &str) -> Value {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`']) {
        let (plain, marked) = rest.split_at(at);
        let (mark, key) = if marked.starts_with("**") { ("**", "b") } else { ("`", "c") };
        let inner = marked.strip_prefix(mark).and_then(|inner| inner.split_once(mark));
        let Some((inner, after)) = inner else { break };
        if !plain.is_empty() {
            runs.push(json!({ "t": plain }));
        }
        runs.push(json!({ key: inner }));
        rest = after;
    }
    if !rest.is_empty() || runs.is_empty() {
        runs.push(json!({ "t": rest }));
    }
    Value::Array(runs)
}

/// The data of the template.
pub(crate) fn of(sheet: &Sheet<'_>) -> Value {
    let instrument = sheet.instrument;
    let signed = !sheet.seal.signatories.is_empty()
        && sheet.seal.signatories.iter().any(|signatory| signatory.signature.is_some());
    let noun = instrument.body.noun();
    let parties: Vec<Value> = instrument
        .body
        .sides()
        .iter()
        .map(|side| {
            let organisation = instrument.body.organisation(*side);
            let role = if *side == Side::Party { Value::Null } else { json!(side.words()) };
            json!({ "role": role, "name": organisation.party.as_str(), "legal_name": organisation.legal_name })
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
        "state": if signed { "signed" } else { "draft" },
        "dated": contract::value::instant(sheet.at_ms).split(',').next().unwrap_or_default(),
        "lang": "en",
        "region": "GB",
        "keywords": [noun, "machine identity"],
        "description": format!("{} {}, version {}, {}", capital(noun), instrument.name, instrument.version, names.join(" and ")),
        "fingerprint": fingerprint(sheet),
        "parties": parties,
        "terms": terms(sheet),
        "opening": [runs(&words::opening(instrument))],
        "rules": words::frame(instrument).map(rule).to_vec(),
        "matrix": matrix(instrument),
        "sections": sections(instrument),
        "schedules": [marks()],
        "annex": annex(instrument),
        "signatures": signatures(sheet),
        "integrity": integrity(sheet),
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

fn capital(text: &str) -> String {
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

/// The key terms of the cover.
fn terms(sheet: &Sheet<'_>) -> Value {
    let instrument = sheet.instrument;
    let mut terms = vec![(
        capital(instrument.body.noun()),
        format!("`{}`, version {}", instrument.name, instrument.version),
    )];
    for side in instrument.body.sides() {
        let organisation = instrument.body.organisation(*side);
        let label = match side {
            Side::Consumer => "Consumer",
            Side::Party => "Organisation",
            Side::Provider => "Provider",
        };
        terms.push((label.to_owned(), format!("{} (`{}`)", organisation.legal_name, organisation.party)));
    }
    if let Some(service) = instrument.body.service() {
        terms.push(("Service".to_owned(), format!("`{service}`")));
    }
    let machines: Vec<String> =
        instrument.body.machines().iter().map(|machine| format!("`{machine}`")).collect();
    if !machines.is_empty() {
        terms
            .push((if machines.len() == 1 { "Machine" } else { "Machines" }.to_owned(), machines.join(", ")));
    }
    for clause in &instrument.clauses {
        if let Kind::Term(term) = &clause.kind {
            let (start, end) = (contract::value::instant(term.start.0), contract::value::instant(term.end.0));
            let renewed = if term.renew_for.is_some() { ", renewable" } else { "" };
            terms.push(("Term".to_owned(), format!("{start} to {end}{renewed}")));
        }
    }
    let domain = sheet.seal.trust_domain();
    if !domain.is_empty() {
        terms.push(("Trust domain".to_owned(), format!("`{domain}`")));
    }
    let signed = sheet.seal.signatories.iter().filter(|signatory| signatory.signature.is_some()).count();
    let state = match signed {
        0 => "Draft, signed by nobody".to_owned(),
        1 => "Signed by 1 person; see Signatures".to_owned(),
        several => format!("Signed by {several} people; see Signatures"),
    };
    terms.push(("State".to_owned(), state));
    terms.into_iter().map(|(label, text)| json!({ "label": label, "text": runs(&text) })).collect()
}

/// The authority matrix: for each act on each resource what the clauses say, at a glance.
fn matrix(instrument: &Instrument) -> Value {
    let rules = instrument.rules();
    let mut acts: Vec<String> = Vec::new();
    let mut resources: Vec<(String, String)> = Vec::new();
    for (_, _, rule) in &rules {
        for action in &rule.actions {
            if !acts.contains(&action.to_string()) {
                acts.push(action.to_string());
            }
        }
        for on in &rule.resources {
            let resource = on.resource.as_ref().map(ToString::to_string).unwrap_or_default();
            let row = (on.service.to_string(), resource);
            if !resources.contains(&row) {
                resources.push(row);
            }
        }
    }
    if acts.is_empty() || resources.is_empty() {
        return Value::Null;
    }
    let cell = |act: &str, on: &(String, String)| cell(&rules, act, on);
    let row = |on: &(String, String)| {
        let label = match (&instrument.body, on.1.as_str()) {
            (Body::Contract { .. }, resource) => resource.to_owned(),
            (_, "") => format!("{} (all)", on.0),
            (_, resource) => format!("{}/{resource}", on.0),
        };
        json!({ "resource": label, "cells": acts.iter().map(|act| cell(act, on)).collect::<Vec<_>>() })
    };
    let rows: Vec<Value> = resources.iter().map(row).collect();
    let notes = [
        "“may”: permitted. “may, limited”: permitted as far as the limit named. “needs approval”: a person approves \
                  each act. “shall not”: prohibited. “refused”: no clause permits it. What the clauses say prevails over this page.",
    ];
    json!({ "acts": acts, "rows": rows, "notes": notes.map(runs) })
}

fn cell(rules: &[(Number, usize, Rule)], act: &str, on: &(String, String)) -> Value {
    let covers = |rule: &Rule| {
        let target = |known: &contract::norm::On| {
            known.service.as_str() == on.0
                && known.resource.as_ref().is_none_or(|resource| resource.as_str() == on.1)
        };
        (rule.actions.is_empty() || rule.actions.iter().any(|known| known.as_str() == act))
            && (rule.resources.is_empty() || rule.resources.iter().any(target))
    };
    let found =
        |wanted: bool| rules.iter().filter(move |(_, _, rule)| rule.permits == wanted && covers(rule));
    let verdict =
        |verdict: &str, clause: &Number| json!({ "verdict": verdict, "clause": clause.to_string() });
    if let Some((clause, _, _)) = found(false).find(|(_, _, rule)| rule.when == Test::always()) {
        return verdict("shall not", clause);
    }
    let Some((clause, _, _)) =
        found(true).find(|(number, _, _)| *number != Number::READING).or_else(|| found(true).next())
    else {
        return verdict("refused", &Number::READING);
    };
    let approval = found(false).find(|(_, _, rule)| {
        let mut approval = false;
        rule.when.visit(&mut |test| approval |= matches!(test, Test::AtLeast(Measure::Approvals(_), _)));
        approval
    });
    if let Some((limit, _, _)) = approval {
        return json!({ "verdict": "needs approval", "clause": clause.to_string(), "limit": limit.to_string() });
    }
    // Limits that are about some acts only; what limits every act (term, credential) is no news here.
    let limit = found(false).find(|(_, _, rule)| !rule.actions.is_empty() || !rule.resources.is_empty());
    match limit {
        Some((limit, _, _)) => {
            json!({ "verdict": "may, limited", "clause": clause.to_string(), "limit": limit.to_string() })
        }
        None => verdict("may", clause),
    }
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

/// What the marks beside sentences mean, and how figures are read.
fn marks() -> Value {
    let rows = [
        ("ENFORCED", "The gateway or the authority holds it; what it prohibits does not happen."),
        ("MONITORED", "A monitor over the ledger watches it and says when it is breached."),
        ("EVIDENCED", "A query over ledger and registry shows whether it holds."),
        ("WORDS", "It binds people, not machines."),
    ];
    let reading = [
        ("“may”", "permits, or gives a power"),
        ("“shall”", "binds"),
        ("“shall not”", "prohibits"),
        ("a time without a zone", "is in Coordinated Universal Time (UTC)"),
        ("a day", "as a span of time has 24 hours"),
        ("“not more than”, “at most”", "include the figure itself"),
    ];
    let row = |(mark, meaning): &(&str, &str)| json!([runs(mark), runs(meaning)]);
    json!({
        "number": "Schedule 1",
        "heading": "Marks and reading",
        "intro": runs("The mark beside each sentence is found by the compiler; nobody can choose it."),
        "columns": [{ "head": "Mark or word", "width": 1 }, { "head": "Meaning", "width": 3 }],
        "rows": rows.iter().chain(&reading).map(row).collect::<Vec<_>>(),
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
            json!({ "number": number.to_string(), "title": capital(title(number)), "examples": examples })
        })
        .collect();
    json!({
        "number": "Annex",
        "heading": "Examples",
        "intro": runs("Each was tried on the rule that is enforced. What an example does not mention is in order."),
        "clauses": clauses,
    })
}

fn signatures(sheet: &Sheet<'_>) -> Value {
    let mut blocks = Vec::new();
    for side in sheet.instrument.body.sides() {
        let organisation = sheet.instrument.body.organisation(*side);
        let role = if *side == Side::Party { Value::Null } else { json!(side.words()) };
        let of_side: Vec<&Signatory> =
            sheet.seal.signatories.iter().filter(|signatory| signatory.side == side.as_str()).collect();
        let blank = |label: &str| json!({ "label": label, "value": Value::Null });
        let rows: Vec<Value> = if of_side.is_empty() {
            ["Name", "Date", "Signature"].map(blank).to_vec()
        } else {
            of_side.iter().flat_map(|signatory| rows(signatory)).collect()
        };
        blocks.push(json!({ "party": organisation.legal_name, "role": role, "rows": rows }));
    }
    json!({
        "intro": runs("The people named here sign the envelope of this instrument, which names the hashes below, with their \
                       SSH keys (`ssh-keygen -Y`, namespace `writ.instrument`)."),
        "blocks": blocks,
    })
}

fn rows(signatory: &Signatory) -> Vec<Value> {
    let name = json!({ "label": "Name", "value": signatory.person });
    match &signatory.signature {
        None => vec![
            name,
            json!({ "label": "Date", "value": Value::Null }),
            json!({ "label": "Signature", "value": Value::Null }),
        ],
        Some(signature) => {
            let body: String = signature.armored.lines().filter(|line| !line.starts_with("-----")).collect();
            vec![
                name,
                json!({ "label": "Date", "value": contract::value::instant(signature.time_ms) }),
                json!({ "label": "Key", "value": signatory.key, "mono": true }),
                json!({ "label": "Signature", "value": body, "mono": true }),
            ]
        }
    }
}

fn integrity(sheet: &Sheet<'_>) -> Value {
    let envelope: Value = serde_json::from_str(&sheet.seal.envelope).unwrap_or_default();
    let text = |key: &str| envelope.get(key).and_then(Value::as_str).unwrap_or("–").to_owned();
    let hashes = [
        ("Text", text("text")),
        ("Clauses", text("clauses")),
        ("Rule", text("bundle")),
        ("Service", text("service")),
        ("Compiler", text("compiler")),
        ("Clause library", text("library")),
        ("Envelope", hex(&contract::canonical::digest(&sheet.seal.envelope))),
    ];
    let hashes: Vec<Value> = hashes
        .into_iter()
        .filter(|(_, value)| value != "–")
        .map(|(label, value)| json!({ "label": label, "value": value }))
        .collect();
    json!({
        "intro": runs("Whoever has this file can check it without a server: `writ verify FILE` takes the attached text, makes words \
                       and rule from its clauses again, and compares the hashes and signatures."),
        "hashes": hashes,
    })
}
