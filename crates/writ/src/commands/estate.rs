//! `writ plan` and `writ apply`: the estate as a folder of files.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

mod folder;
mod places;

use crate::exit::Failure;
use crate::output;
use api::ClientError;
use folder::Folder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) async fn plan(client: &api::Client, path: &Path, json: bool) -> anyhow::Result<()> {
    let folder = read(path, json)?;
    let plan = told(client.post("/v1/estate/plan", folder.estate()).await, &folder, json)?;
    if json {
        output::json(&plan);
        return Ok(());
    }
    changes(&plan);
    size(&plan);
    for compared in plan["decisions"].as_array().into_iter().flatten() {
        output::line(format!("what machines may do under {}:", text(&compared[0])));
        for sentence in compared[1].as_array().into_iter().flatten() {
            output::line(format!("  {}", text(sentence)));
        }
    }
    not_compared(&plan);
    Ok(())
}

pub(crate) async fn apply(
    client: &api::Client,
    path: &Path,
    removals_max: Option<usize>,
    json: bool,
) -> anyhow::Result<()> {
    let folder = read(path, json)?;
    let body = json!({ "estate": folder.estate(), "removals_max": removals_max });
    let applied = told(client.post("/v1/estate/apply", &body).await, &folder, json)?;
    if json {
        output::json(&applied);
        return Ok(());
    }
    changes(&applied);
    match applied["index"].as_u64() {
        Some(index) => output::line(format!("applied, as one entry  (control entry {index})")),
        None => output::line("nothing to apply"),
    }
    Ok(())
}

/// Reads the folder; what is wrong with its files is shown without asking anybody.
fn read(path: &Path, json: bool) -> anyhow::Result<Folder> {
    let folder = Folder::read(path)?;
    for warning in folder.warnings() {
        output::aside(format_args!("warning: {warning}"));
    }
    let count = folder.findings().len();
    folder.show(folder.findings().to_vec(), json);
    if count == 0 { Ok(folder) } else { Err(Failure::Findings(count).into()) }
}

/// Shows findings in the files they are about.
fn told(answer: Result<Value, ClientError>, folder: &Folder, json: bool) -> anyhow::Result<Value> {
    match answer {
        Err(ClientError::Problem(problem)) if !problem.findings.is_empty() => {
            let count = problem.findings.len();
            folder.show(problem.findings.into_iter().map(|found| folder.place(found)).collect(), json);
            Err(Failure::Findings(count).into())
        }
        answer => Ok(answer?),
    }
}

fn changes(plan: &Value) {
    let cells = |change: &Value| ["verb", "what", "name", "detail"].map(|key| text(&change[key]).to_owned());
    let rows: Vec<_> = plan["changes"].as_array().into_iter().flatten().map(cells).collect();
    if rows.is_empty() {
        output::line("the registry is what the folder says");
    } else {
        output::table(["", "WHAT", "NAME", ""], &rows);
    }
    let drift = rows.iter().filter(|[verb, ..]| verb == "drift").count();
    if drift > 0 {
        output::line(format!(
            "{drift} difference(s) stay when it is applied: the last column says what removes each"
        ));
    }
    if let outside @ 1.. = number(&plan["outside"]) {
        output::line(format!("not looked at: {outside} instrument(s) with a party the folder does not name"));
    }
}

/// What applying takes, and what it ends.
fn size(plan: &Value) {
    let (steps, bytes) = (number(&plan["steps"]), number(&plan["bytes"]));
    if steps > 0 {
        let where_to = if plan["apart"] == true {
            "beside one entry, which names them by their digest"
        } else {
            "in one entry"
        };
        output::line(format!("{steps} step(s), {bytes} bytes {where_to}"));
    }
    let (removals, most) = (number(&plan["removals"]), number(&plan["removals_max"]));
    if removals > 0 {
        let then =
            if removals > most { format!("; this takes `--removals-max {removals}`") } else { String::new() };
        let standing = number(&plan["standing"]);
        output::line(format!(
            "ends {removals} of {standing} that stand, for good; unasked at most {most} may end{then}"
        ));
    }
}

/// What nobody compared, by reason.
fn not_compared(plan: &Value) {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for skipped in plan["not_compared"].as_array().into_iter().flatten() {
        reasons.entry(text(&skipped["why"])).or_default().push(text(&skipped["name"]));
    }
    for (why, names) in reasons {
        output::line(format!("not compared: {} ({}): {why}", names.len(), names.join(", ")));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
