//! `writ prove`.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::args::Question;
use crate::exit::Failure;
use crate::output;
use serde_json::{Value, json};

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
        let script: String = text("script").chars().take(16).collect();
        output::line(format!(
            "  {contracts} contracts touch it, {above} charters and guardrails stand above; {}, scripts {script}…  (control entry {})",
            text("solver"),
            ruling["index"],
        ));
    }
    match verdict {
        "proven" => Ok(()),
        "refuted" => Err(Failure::Refuted.into()),
        _ => Err(Failure::Failed("the solver gave no answer; that is not a proof".into()).into()),
    }
}
