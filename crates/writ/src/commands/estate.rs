//! `writ plan` and `writ apply`: the estate as a folder of files.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::exit::Failure;
use crate::output;
use anyhow::{Context as _, bail};
use api::ClientError;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Files read at most.
const FILES_MAX: usize = 20_000;

pub(crate) async fn plan(client: &api::Client, folder: &Path, json: bool) -> anyhow::Result<()> {
    let estate = read(folder)?;
    let plan: Value = told(client.post("/v1/estate/plan", &estate).await)?;
    if json {
        output::json(&plan);
        return Ok(());
    }
    changes(&plan);
    for compared in plan["decisions"].as_array().into_iter().flatten() {
        output::line(format!("what machines may do under {}:", compared[0].as_str().unwrap_or_default()));
        for sentence in compared[1].as_array().into_iter().flatten() {
            output::line(format!("  {}", sentence.as_str().unwrap_or_default()));
        }
    }
    Ok(())
}

pub(crate) async fn apply(
    client: &api::Client,
    folder: &Path,
    removals_max: usize,
    json: bool,
) -> anyhow::Result<()> {
    let estate = read(folder)?;
    let body = json!({ "estate": estate, "removals_max": removals_max });
    let applied: Value = told(client.post("/v1/estate/apply", &body).await)?;
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

/// Shows findings beside the documents they are about.
fn told(answer: Result<Value, ClientError>) -> anyhow::Result<Value> {
    match answer {
        Err(ClientError::Problem(problem)) if !problem.findings.is_empty() => {
            let count = problem.findings.len();
            for finding in problem.findings {
                output::line(format!("  {} ({})", finding.message, finding.help));
            }
            Err(Failure::Findings(count).into())
        }
        answer => Ok(answer?),
    }
}

fn changes(plan: &Value) {
    let rows: Vec<_> = plan["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|change| {
            let text = |key: &str| change[key].as_str().unwrap_or_default().to_owned();
            [text("verb"), text("what"), text("name"), text("detail")]
        })
        .collect();
    if rows.is_empty() {
        output::line("the registry is what the folder says");
    } else {
        output::table(["", "WHAT", "NAME", ""], &rows);
    }
}

/// All tables and documents below a folder.
fn read(folder: &Path) -> anyhow::Result<Value> {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    files.sort();
    let mut estate = Map::new();
    let mut documents = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let text = || std::fs::read_to_string(&file).with_context(|| format!("cannot read `{name}`"));
        if name.ends_with(".writ.md") {
            documents.push(json!({ "path": name, "text": text()? }));
        } else if name.ends_with(".toml") {
            let tables: Map<String, Value> =
                toml::from_str(&text()?).with_context(|| format!("`{name}` is not TOML"))?;
            for (kind, rows) in tables {
                if !["party", "person", "service", "identity"].contains(&kind.as_str()) {
                    bail!(
                        "`{name}`: `{kind}` is no table of an estate: use party, person, service, identity"
                    );
                }
                let Value::Array(mut rows) = rows else {
                    bail!("`{name}`: write `[[{kind}]]`, a table for each")
                };
                if kind == "person" {
                    rows.iter_mut().try_for_each(|person| key(person, &file))?;
                }
                if let Value::Array(all) = estate.entry(kind).or_insert_with(|| json!([])) {
                    all.append(&mut rows);
                }
            }
        }
    }
    estate.insert("document".to_owned(), Value::Array(documents));
    Ok(Value::Object(estate))
}

/// `key-file` names a `.pub` file beside the TOML file.
fn key(person: &mut Value, beside: &Path) -> anyhow::Result<()> {
    let Some(person) = person.as_object_mut() else { return Ok(()) };
    let Some(file) = person.remove("key-file") else { return Ok(()) };
    let path = beside.parent().unwrap_or(Path::new(".")).join(file.as_str().unwrap_or_default());
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    person.insert("key".to_owned(), json!(text));
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            walk(&path, files)?;
        } else if files.len() < FILES_MAX {
            files.push(path);
        } else {
            bail!("there are more than {FILES_MAX} files below the folder");
        }
    }
    Ok(())
}
