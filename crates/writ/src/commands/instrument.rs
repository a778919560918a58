//! `writ instrument`, `writ sign` and `writ notice`.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::args::{InstrumentCommand, Notice};
use crate::exit::Failure;
use crate::output;
use anyhow::Context as _;
use api::ClientError;
use api::view::{Done, ExaminationView, InstrumentView};
use registry::signature::{INSTRUMENT, NOTICE};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) async fn run(client: &api::Client, command: InstrumentCommand, json: bool) -> anyhow::Result<()> {
    match command {
        InstrumentCommand::Draft { file } => {
            let document = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            let answer = client.post::<Value>("/v1/instruments", &json!({ "document": document })).await;
            match answer {
                Ok(draft) if json => output::json(&draft),
                Ok(draft) => {
                    output::line(format!("drafted  (control entry {})", draft["index"]));
                    for why in draft["unenforceable"].as_array().into_iter().flatten() {
                        let why = why.as_str().unwrap_or_default();
                        output::line(format!("it will not be served by gateways of this version: {why}"));
                    }
                    output::line(format!("  solver: {}", draft["solver"].as_str().unwrap_or_default()));
                    for warning in draft["warnings"].as_array().into_iter().flatten() {
                        output::line(format!("  WARNING: {}", warning.as_str().unwrap_or_default()));
                    }
                    for note in draft["notes"].as_array().into_iter().flatten() {
                        output::line(format!("  {}", note.as_str().unwrap_or_default()));
                    }
                    output::line("each signatory runs: writ sign NAME --as PARTY/PERSON --key KEY");
                }
                Err(ClientError::Problem(problem)) if !problem.findings.is_empty() => {
                    let count = problem.findings.len();
                    output::findings(&file.display().to_string(), &document, problem.findings);
                    return Err(Failure::Findings(count).into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        InstrumentCommand::List => {
            let instruments: Vec<InstrumentView> = client.get("/v1/instruments").await?;
            if json {
                output::json(&instruments);
                return Ok(());
            }
            let rows: Vec<_> = instruments
                .into_iter()
                .map(|i| {
                    let signed = i.signatures.iter().filter(|s| s.signed_ms.is_some()).count();
                    let about = match i.service {
                        Some(service) => format!("{} → {}/{service}", i.consumer, i.provider),
                        None => i.provider,
                    };
                    let name = format!("{}@{}", i.name, i.version);
                    [name, i.kind, i.status, signed.to_string(), about, i.machines.join(", ")]
                })
                .collect();
            output::table(["INSTRUMENT", "KIND", "STATUS", "SIGNED", "BETWEEN", "MACHINES"], &rows);
        }
        InstrumentCommand::Statement { instrument } => {
            let whole: Value = client.get(&path(&instrument, "")?).await?;
            output::text(whole["instrument"]["envelope"].as_str().unwrap_or_default());
        }
        InstrumentCommand::Show { instrument } => {
            let whole: Value = client.get(&path(&instrument, "")?).await?;
            if json {
                output::json(&whole);
                return Ok(());
            }
            let view: InstrumentView = serde_json::from_value(whole["instrument"].clone())?;
            output::line(format!(
                "{} ({}, version {}, {})",
                view.title, view.kind, view.version, view.status
            ));
            standing(&view);
            signatures(&view);
            output::line("");
            output::text(whole["document"].as_str().unwrap_or_default());
        }
        InstrumentCommand::Export { instrument, out } => {
            let (document, seal) = super::export::sealed(client, &instrument).await?;
            for file in super::export::write(&document, &seal, &out)? {
                output::line(file.display().to_string());
            }
        }
        InstrumentCommand::End { instrument, reason } => {
            let done: Done = client.post(&path(&instrument, "/end")?, &json!({ "reason": reason })).await?;
            super::done(&done, &format!("{instrument} has ended"), json);
        }
    }
    Ok(())
}

/// Gives notice, or prints what is to be signed for it.
pub(crate) async fn notice(
    client: &api::Client,
    instrument: &str,
    (of, ground): (Notice, &str),
    signer: &str,
    (key, signature): (Option<&Path>, Option<&Path>),
    json: bool,
) -> anyhow::Result<()> {
    let (party, person) = super::pair(signer)?;
    let path = path(instrument, "/notice")?;
    let separator = if path.contains('?') { '&' } else { '?' };
    let ground_encoded = percent_encoding::utf8_percent_encode(ground, percent_encoding::NON_ALPHANUMERIC);
    let wanted = format!(
        "{path}{separator}kind={}&party={party}&person={person}&ground={ground_encoded}",
        of.as_str()
    );
    let shown: Value = client.get(&wanted).await?;
    let statement = shown["statement"].as_str().unwrap_or_default();
    if key.is_none() && signature.is_none() {
        output::text(statement);
        return Ok(());
    }
    let signature = super::signing::obtain(key, signature, NOTICE, statement)?;
    let body = json!({
        "kind": of.as_str(), "party": party, "person": person, "ground": ground, "signature": signature,
    });
    let given: Value = client.post(&path, &body).await?;
    if json {
        output::json(&given);
        return Ok(());
    }
    let view: InstrumentView = serde_json::from_value(given["instrument"].clone())?;
    output::line(format!(
        "notice given; {instrument} is {}  (control entry {})",
        view.status, given["index"]
    ));
    standing(&view);
    Ok(())
}

/// What notices and renewals did to it.
fn standing(view: &InstrumentView) {
    let lines = [
        (view.suspended_from_ms, "rests from"),
        (view.ends_by_notice_ms, "ends by notice at"),
        (view.renewed_until_ms, "is renewed until"),
        (view.tried_until_ms, "is tried until"),
    ];
    for (ms, what) in lines.into_iter().filter_map(|(ms, what)| Some((ms?, what))) {
        output::line(format!("  {what} {}", output::time(ms)));
    }
    if let Some(version) = view.narrows {
        output::line(format!("  was proven to only narrow version {version}"));
    }
}

pub(crate) async fn sign(
    client: &api::Client,
    contract: &str,
    signer: &str,
    (key, signature): (Option<&Path>, Option<&Path>),
    json: bool,
) -> anyhow::Result<()> {
    let (party, person) = super::pair(signer)?;
    let whole: Value = client.get(&path(contract, "")?).await?;
    let view: InstrumentView = serde_json::from_value(whole["instrument"].clone())?;
    // What is signed is what was read here: the text is hashed again, not taken on trust.
    let document = whole["document"].as_str().unwrap_or_default();
    let envelope: Value = serde_json::from_str(&view.envelope)?;
    let digest = ::contract::canonical::hex(&::contract::canonical::digest(document));
    let checked = ::contract::check(document).ok();
    let Some(read) = checked.filter(|_| envelope["text"].as_str() == Some(digest.as_str())) else {
        return Err(Failure::Failed(
            "the server's envelope is not for the document it shows: do not sign".into(),
        )
        .into());
    };
    if key.is_some() {
        output::line(format!("{}, version {}:\n", view.name, view.version));
        output::line(::contract::words::shown(&read));
        let examples = ::contract::example::examples(&read).len();
        output::line(format!(
            "\nAnnex: {examples} examples of these clauses (writ instrument show {contract})\n"
        ));
    }
    // Who signs knows what is known: it is asked anew, and shown before the signature is made.
    let operation = |what: &str| format!("/v1/instruments/{}/{what}?version={}", view.name, view.version);
    let examined: ExaminationView = client.post(&operation("examination"), &json!({})).await?;
    for line in examination(&examined) {
        // What a program reads stays JSON.
        if json { output::aside(&line) } else { output::line(&line) }
    }
    let signature = super::signing::obtain(key, signature, INSTRUMENT, &view.envelope)?;
    let body = json!({ "party": party, "person": person, "signature": signature });
    let path = operation("sign");
    let signed: Value = client.post(&path, &body).await?;
    if json {
        output::json(&signed);
        return Ok(());
    }
    let view: InstrumentView = serde_json::from_value(signed["instrument"].clone())?;
    output::line(format!("signed; {contract} is {}  (control entry {})", view.status, signed["index"]));
    signatures(&view);
    Ok(())
}

/// What an examination found, in lines: first what nobody must miss.
fn examination(view: &ExaminationView) -> Vec<String> {
    let count = |verdict: &str| view.findings.iter().filter(|f| f.proof.verdict == verdict).count();
    let mut lines: Vec<String> = view.warnings.iter().map(|warning| format!("WARNING: {warning}")).collect();
    lines.push(if view.examined {
        format!(
            "examined by {}: {} answers proven, {} refuted, {} not known, {} compared only",
            view.solver,
            count("proven"),
            count("refuted"),
            count("unknown"),
            count("none-found")
        )
    } else {
        format!("not examined: {}", view.solver)
    });
    lines.extend(view.notes.iter().map(|note| format!("  {note}")));
    lines
}

/// The path of a contract given as `name` or `name@version`.
pub(super) fn path(contract: &str, operation: &str) -> anyhow::Result<String> {
    let (name, query) = match contract.split_once('@') {
        None => (contract, String::new()),
        Some((name, version)) => {
            let version: u32 = version
                .parse()
                .map_err(|_| anyhow::anyhow!("`{contract}` is not of the form name@version"))?;
            (name, format!("?version={version}"))
        }
    };
    Ok(format!("/v1/instruments/{name}{operation}{query}"))
}

/// For each side: how many sign, who has, who may.
fn signatures(view: &InstrumentView) {
    for side in &view.sides {
        let first = if side.first { ", signs first" } else { "" };
        output::line(format!("  {} {} ({} needed{first})", side.side, side.party, side.quorum));
        let of_side: Vec<_> = view.signatures.iter().filter(|s| s.side == side.side).collect();
        if of_side.is_empty() {
            output::line("    nobody may sign yet: `writ person authorize`");
        }
        for signature in of_side {
            let when = match (signature.signed_ms, signature.owner) {
                (Some(ms), _) => format!("signed {}", output::time(ms)),
                (None, true) => "has yet to sign".to_owned(),
                (None, false) => "may sign (recorded authority)".to_owned(),
            };
            output::line(format!("    {:<32}{when}", signature.person));
        }
    }
}
