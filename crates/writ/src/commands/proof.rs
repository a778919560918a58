//! `writ prove` and `writ proof`.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::args::Question;
use crate::exit::Failure;
use crate::output;
use anyhow::Context as _;
use api::view::InstrumentView;
use prove::Scripts;
use serde_json::{Value, json};
use std::path::Path;

pub(crate) async fn ask(client: &api::Client, question: Question, json: bool) -> anyhow::Result<()> {
    let (party, machine) = match &question.machine {
        None => (question.party, None),
        Some(label) => {
            let (party, machine) = super::pair(label)?;
            (Some(party.to_owned()), Some(machine.to_owned()))
        }
    };
    let (service, resource) = match question.on.as_deref().map(|on| on.split_once('/').ok_or(on)) {
        None => (None, None),
        Some(Err(service)) => (Some(service.to_owned()), None),
        Some(Ok((service, resource))) => (Some(service.to_owned()), Some(resource.to_owned())),
    };
    let body = json!({
        "party": party, "machine": machine, "kind": question.kind, "role": question.role,
        "environment": question.environment, "action": question.action, "effect": question.effect,
        "service": service, "resource": resource,
    });
    let ruling: Value = client.post("/v1/proofs", &body).await?;
    let verdict = ruling["verdict"].as_str().unwrap_or_default();
    if json {
        output::json(&ruling);
    } else {
        let text = |key: &str| ruling[key].as_str().unwrap_or_default().to_owned();
        output::line(match verdict {
            "proven" => format!("PROVEN: it is not so that {}", text("question")),
            "refuted" => format!("YES: {}\n  {}", text("question"), text("sentence")),
            _ => format!("NOT PROVEN whether {}: {}", text("question"), text("sentence")),
        });
        let (contracts, above) = (&ruling["contracts"], &ruling["above"]);
        output::line(format!(
            "  {contracts} contracts touch it, {above} charters and guardrails stand above; {}  (control entry {})",
            text("solver"),
            ruling["index"],
        ));
        output::line(format!("  scripts {}  (`writ proof dump` writes them)", text("script")));
    }
    match verdict {
        "proven" => Ok(()),
        "refuted" => Err(Failure::Refuted.into()),
        _ => Err(Failure::Failed("the solver gave no answer; that is not a proof".into()).into()),
    }
}

/// Writes the scripts of a proof, or of all proofs of an instrument, each to a folder of its own.
pub(crate) async fn dump(client: &api::Client, of: &str, out: &Path, json: bool) -> anyhow::Result<()> {
    let hash = of.len() == 64 && of.bytes().all(|b| b.is_ascii_hexdigit());
    let wanted: Vec<(String, String)> = if hash {
        vec![("proof".to_owned(), of.to_owned())]
    } else {
        let whole: Value = client.get(&super::instrument::path(of, "")?).await?;
        let view: InstrumentView = serde_json::from_value(whole["instrument"].clone())?;
        let asked = view.proofs.into_iter().filter(|proof| proof.solver != "writ");
        asked.map(|proof| (format!("{} {}", proof.question, proof.about), proof.script)).collect()
    };
    let mut written = Vec::new();
    for (n, (what, script)) in (1..).zip(wanted) {
        let kept: Value = client.get(&format!("/v1/proofs/{script}")).await?;
        let scripts: Vec<&str> =
            kept["scripts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let folder = out.join(format!("{n:03}-{}", plain(&what)));
        let again = write(&folder, &Scripts::of(scripts.iter().map(|script| script.as_bytes())))?;
        if again != script {
            let why =
                format!("the scripts in `{}` hash to {again}, not to {script} as recorded", folder.display());
            return Err(Failure::Failed(why).into());
        }
        written.push(
            json!({ "proof": what.trim(), "folder": folder, "scripts": scripts.len(), "hash": script }),
        );
    }
    if json {
        output::json(&written);
        return Ok(());
    }
    for entry in &written {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        output::line(format!(
            "{}  {} scripts, {}: {}",
            text("folder"),
            entry["scripts"],
            text("proof"),
            text("hash")
        ));
    }
    Ok(())
}

/// Writes scripts to a folder; gives their hash.
pub(crate) fn write(folder: &Path, scripts: &Scripts) -> anyhow::Result<String> {
    let put = |name: String, bytes: &[u8]| {
        let file = folder.join(name);
        std::fs::write(&file, bytes).with_context(|| format!("cannot write `{}`", file.display()))
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for (n, script) in (1..).zip(Scripts::split(scripts.as_bytes()).unwrap_or_default()) {
        put(format!("{n:03}.smt2"), script)?;
    }
    put("scripts".to_owned(), scripts.as_bytes())?;
    Ok(::contract::canonical::hex(&scripts.digest()))
}

/// What can stand in the name of a file.
fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '-' };
    text.trim().chars().map(plain).collect()
}
