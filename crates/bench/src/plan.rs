//! `writ plan` over a large folder, as the client asks a running `writ up`.

use crate::estate::Estate;
use serde_json::{Value, json};
use std::time::Instant;
use testkit::document;

const INSTRUMENTS: u32 = 10_000;
/// What fits one entry of the ledger.
const BATCH: usize = 80;
/// Documents that are new in the measured plan.
const NEW: u32 = 20;

fn text(n: u32) -> String {
    let clauses = [
        "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"strict\"]",
        "kind = \"quota\"\nlimit = 60000\nwindow = \"1 minute\"",
        "kind = \"term\"\nstart = 2026-01-01\nend = 2036-01-01",
    ];
    document(&format!("deal-{n}"), &clauses)
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new_in("target")?;
    let estate = Estate::start(folder.path(), 1).await?;
    let documents: Vec<Value> = (0..INSTRUMENTS + NEW)
        .map(|n| json!({ "path": format!("deal-{n}.writ.md"), "text": text(n) }))
        .collect();
    let (known, _) = documents.split_at(INSTRUMENTS as usize);
    let started = Instant::now();
    for batch in known.chunks(BATCH) {
        let body = json!({ "estate": { "document": batch }, "removals_max": 0 });
        estate.client.post::<Value>("/v1/estate/apply", &body).await?;
    }
    let applied = started.elapsed();
    let mut seconds = Vec::new();
    for folder in [known, &documents] {
        let started = Instant::now();
        let plan: Value = estate.client.post("/v1/estate/plan", &json!({ "document": folder })).await?;
        let changes = plan["changes"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(changes == folder.len() - known.len(), "{changes} changes");
        seconds.push(started.elapsed().as_secs_f64());
    }
    println!(
        "\nplan over {INSTRUMENTS} instruments: {:.2} s when nothing changed, {:.2} s with {NEW} new ones   \
         (drafted in {:.0} s, {BATCH} an entry)",
        seconds[0],
        seconds[1],
        applied.as_secs_f64(),
    );
    Ok(())
}
