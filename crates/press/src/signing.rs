//! The signature page and the hashes: who signs for whom, in which order, as what; and what was signed.

use crate::data::{Sheet, in_force_ms, is_complete, runs};
use contract::canonical::{digest, hex};
use contract::seal::Signatory;
use contract::terms::Side;
use contract::words;
use serde_json::{Value, json};

/// The signature page.
pub(crate) fn signatures(sheet: &Sheet<'_>) -> Value {
    let mut intro = vec![words::signing(sheet.instrument)];
    intro.extend(alone(sheet));
    if let Some(from) = in_force_ms(sheet) {
        intro.push(format!("It is in force from {}.", contract::value::instant(from)));
    }
    intro.push(
        "Each person signs the envelope, which names the hashes under “Integrity”, with an SSH key \
         (`ssh-keygen -Y sign`, namespace `writ.instrument`). The dates are those of the registry."
            .to_owned(),
    );
    let blocks: Vec<Value> = order(sheet).into_iter().flat_map(|side| blocks(sheet, side)).collect();
    json!({ "intro": intro.iter().map(|text| runs(text)).collect::<Vec<_>>(), "blocks": blocks })
}

/// Why one side's signature is enough, where it is.
fn alone(sheet: &Sheet<'_>) -> Option<String> {
    let narrowing = sheet.seal.narrowing.as_ref().filter(|_| is_complete(sheet))?;
    let signed: Vec<&str> = sheet
        .instrument
        .body
        .sides()
        .iter()
        .filter(|side| is_full(sheet, **side))
        .map(|side| sheet.instrument.body.organisation(*side).legal_name.as_str())
        .collect();
    let (version, solver) = (narrowing.version, &narrowing.solver);
    Some(format!(
        "Version {version} lets one side narrow it. This version was proven (by {solver}) to permit nothing that version \
         {version} refuses, and leaves every other clause as it is; it takes effect on the signature of {} alone. Version \
         {version} and its signatures are attached.",
        signed.join(" and ")
    ))
}

fn is_full(sheet: &Sheet<'_>, side: Side) -> bool {
    u32::try_from(sheet.seal.signed(side.as_str())).unwrap_or(u32::MAX)
        >= sheet.instrument.signing.quorum_of(side)
}

/// The sides in the order in which they sign.
fn order(sheet: &Sheet<'_>) -> Vec<Side> {
    let mut sides = sheet.instrument.body.sides().to_vec();
    sides.sort_by_key(|side| sheet.instrument.signing.first != Some(*side));
    sides
}

/// As many blocks as people sign for a side: those who did, those who are waited for, then empty ones.
fn blocks(sheet: &Sheet<'_>, side: Side) -> Vec<Value> {
    let organisation = sheet.instrument.body.organisation(side);
    let needed = usize::try_from(sheet.instrument.signing.quorum_of(side)).unwrap_or(1);
    let mut people: Vec<Option<&Signatory>> =
        sheet.seal.signatories.iter().filter(|signatory| signatory.side == side.as_str()).map(Some).collect();
    people.sort_by_key(|signatory| signatory.and_then(|s| s.signature.as_ref()).is_none());
    let needless = is_complete(sheet) && !is_full(sheet, side);
    if needless {
        people.retain(|signatory| signatory.is_some_and(|s| s.signature.is_some()));
    } else {
        people.extend(std::iter::repeat_n(None, needed.saturating_sub(people.len())));
    }
    let of = people.len();
    let block = |(at, signatory): (usize, Option<&Signatory>)| {
        let count = if of > 1 { json!(format!("Signature {} of {of}", at + 1)) } else { Value::Null };
        let signature = signatory.and_then(|signatory| signatory.signature.as_ref());
        let known = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        let armored = signature.map(|signature| -> String {
            signature.armored.lines().filter(|line| !line.starts_with("-----")).collect()
        });
        json!({
            "party": organisation.legal_name,
            "role": crate::cover::role(side),
            "count": count,
            "name": signatory.map_or(Value::Null, |signatory| known(&signatory.person)),
            "capacity": signatory.map_or(Value::Null, |signatory| known(&signatory.capacity)),
            "date": signature.map_or(Value::Null, |signature| json!(contract::value::instant(signature.time_ms))),
            "key": signature.and(signatory).map(|signatory| signatory.key.as_str()),
            "signature": armored,
        })
    };
    people.into_iter().enumerate().map(block).collect()
}

/// The hashes that were signed.
pub(crate) fn integrity(sheet: &Sheet<'_>) -> Value {
    let envelope: Value = serde_json::from_str(&sheet.seal.envelope).unwrap_or_default();
    let text = |key: &str| envelope.get(key).and_then(Value::as_str).map(str::to_owned);
    let hashes = [
        ("Text", text("text")),
        ("Clauses", text("clauses")),
        ("Rule", text("bundle")),
        ("Service", text("service")),
        ("Compiler", text("compiler")),
        ("Clause library", text("library")),
        ("Envelope", Some(hex(&digest(&sheet.seal.envelope)))),
        ("Printed by", Some(crate::printer())),
    ];
    let hashes: Vec<Value> = hashes
        .into_iter()
        .filter_map(|(label, value)| Some(json!({ "label": label, "value": value? })))
        .collect();
    json!({
        "intro": runs("Whoever has this file can check it without a server: `writ verify FILE` takes the attached text, makes words \
                       and rule from its clauses again, and compares the hashes and signatures."),
        "hashes": hashes,
    })
}
