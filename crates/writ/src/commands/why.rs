//! `writ why`: what something rests on: a decision, or that somebody gets credentials.

use super::decision;
use crate::output;
use anyhow::Context as _;
use api::view::ExplainedView;
use contract::canonical::hex;
use serde_json::{Value, json};

pub(crate) async fn run(client: &api::Client, subject: &str, json: bool) -> anyhow::Result<()> {
    let Some(asked) = credentials_of(subject)? else { return decision::why(client, subject, json).await };
    let why: ExplainedView = client.post("/v1/explanations", &asked).await?;
    if json {
        output::json(&why);
        return Ok(());
    }
    output::line(format!("{} {}", why.about, why.answer));
    for found in &why.found {
        let mark = match found.bearing.as_str() {
            "for" => "ok",
            "against" => "NO",
            _ => "--",
        };
        output::line(format!("  {mark}  {}", found.what));
    }
    Ok(())
}

/// Whose credentials are asked about; none when it is a decision.
fn credentials_of(subject: &str) -> anyhow::Result<Option<Value>> {
    if let Some(pid) = subject.strip_prefix("pid:") {
        let pid: i32 = pid.parse().with_context(|| format!("`{pid}` is not the number of a process"))?;
        return Ok(Some(json!({ "process": pid })));
    }
    if super::kill::looks_like_file(subject) {
        let svid = super::kill::read(subject)?;
        return Ok(Some(json!({ "certificate": hex(&svid.serial) })));
    }
    if subject.len() == 32 && subject.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(Some(json!({ "certificate": subject.to_lowercase() })));
    }
    // A machine has one line before its name; a decision is a number, or that behind its ledger's name of several parts.
    let machine = subject.starts_with("spiffe://") || subject.matches('/').count() == 1;
    Ok(machine.then(|| json!({ "identity": subject })))
}
