//! `writ why` and `writ log`.

use crate::output;
use api::PAGE_ROWS_MAX;
use api::view::{DecisionView, Explanation};

pub(crate) async fn why(client: &api::Client, decision: &str, json: bool) -> anyhow::Result<()> {
    let (origin, index) =
        decision.rsplit_once('/').map_or((None, decision), |(origin, index)| (Some(origin), index));
    if let Some(origin) = origin {
        let note = client.get_text("/v1/logs/decisions/checkpoint").await?;
        let ours = note.lines().next().unwrap_or_default();
        anyhow::ensure!(origin == ours, "this ledger is `{ours}`, not `{origin}`");
    }
    let index: u64 =
        index.parse().map_err(|_| {
            anyhow::anyhow!(
                "`{decision}` is neither the index of a decision (`writ log`), nor PARTY/NAME, pid:NUMBER, a certificate file or a serial number"
            )
        })?;
    let why: Explanation = client.get(&format!("/v1/decisions/{index}")).await?;
    if json {
        output::json(&why);
    } else {
        output::text(&explain(&why));
    }
    Ok(())
}

/// An explanation in words.
pub(crate) fn explain(why: &Explanation) -> String {
    let decision = &why.decision;
    let machine = decision.machine.as_deref().unwrap_or("an unknown machine");
    let mut out = format!("decision {} at {}\n", decision.index, output::time(decision.time_ms));
    if decision.kind == "outcome" {
        let (up, down) = decision.bytes.unwrap_or_default();
        out.push_str(&format!(
            "  what decision {} let happen ended: {}, {up} bytes up, {down} bytes down, after {} ms\n",
            decision.verdict.unwrap_or_default(),
            ending(decision),
            decision.duration_ms.unwrap_or_default(),
        ));
        return out;
    }
    let act = match (&decision.action, &decision.resource, &decision.service) {
        (Some(action), Some(resource), Some(service)) => format!("{action} {resource} of {service}"),
        (_, _, Some(service)) => format!("something that the service {service} does not declare"),
        _ => "something that no service declares".to_owned(),
    };
    let verdict = if decision.kind == "permitted" { "was permitted to" } else { "was refused:" };
    out.push_str(&format!("  {machine} {verdict} {act}\n"));
    if let Some(request) = &decision.request {
        out.push_str(&format!("  request   {}\n", output::plain(request)));
    }
    match (&decision.contract, &why.title) {
        (Some(contract), Some(title)) => out.push_str(&format!("  contract  {title} ({contract})\n")),
        _ => out.push_str(&format!("  reason    {}\n", decision.reason)),
    }
    for clause in &why.sentences {
        out.push_str(&format!("  clause    {}: {}\n", clause.number, clause.sentence));
    }
    if let (None, Some(detail)) = (&decision.contract, &why.detail) {
        out.push_str(&format!("  detail    {}\n", output::plain(detail)));
    }
    for tried in decision.tried.iter().filter(|tried| !tried.permitted) {
        out.push_str(&format!(
            "  trial     {} would have refused it{}: writ trial show {}\n",
            tried.instrument,
            by(&tried.clauses, &tried.reason),
            tried.instrument
        ));
    }
    if let Some(size) = decision.as_of {
        out.push_str(&format!("  decided under the first {size} entries of the control ledger\n"));
    }
    out
}

pub(crate) async fn log(client: &api::Client, follow: bool, lines: usize, json: bool) -> anyhow::Result<()> {
    let mut rows: Vec<DecisionView> = client.get(&format!("/v1/decisions?limit={lines}")).await?;
    let mut left = lines;
    let mut next = 0;
    if !json {
        output::line(row(["INDEX", "TIME", "WHAT", "MACHINE", "ACT", "GROUND"]));
    }
    loop {
        for decision in &rows {
            next = decision.index + 1;
            if json { output::line(serde_json::to_string(decision)?) } else { output::line(line(decision)) }
        }
        left = left.saturating_sub(rows.len());
        if !follow && (left == 0 || rows.is_empty()) {
            return Ok(());
        }
        let (limit, wait_ms) = if follow { (PAGE_ROWS_MAX, 20_000) } else { (left, 0) };
        rows = client.get(&format!("/v1/decisions?from={next}&limit={limit}&wait_ms={wait_ms}")).await?;
    }
}

/// How an outcome was: the status of a response; of a statement what it failed with, or how many rows it had.
fn ending(decision: &DecisionView) -> String {
    let reason = &decision.reason;
    match (&decision.error, decision.rows, decision.status) {
        (Some(error), _, _) => format!("{reason}, SQLSTATE {error}{}", masked(decision)),
        (None, Some(count), _) => format!("{reason}, {}{}", rows(count), masked(decision)),
        // The session itself has neither.
        (None, None, Some(0) | None) => reason.clone(),
        (None, None, Some(status)) => format!("{reason}, status {status}"),
    }
}

/// What was masked in rows, in words: `, masked: field 40, email 3`.
pub(crate) fn masked(outcome: &DecisionView) -> String {
    let masked = outcome.masked.iter().map(|masked| format!("{} {}", masked.what, masked.count));
    let masked: Vec<String> = masked.collect();
    if masked.is_empty() { String::new() } else { format!(", masked: {}", masked.join(", ")) }
}

/// On which ground, in words.
pub(crate) fn by(clauses: &[String], reason: &str) -> String {
    if clauses.is_empty() { format!(" ({reason})") } else { format!(" by clause {}", clauses.join(", ")) }
}

/// So many rows, in words.
pub(crate) fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn line(decision: &DecisionView) -> String {
    let act = match (&decision.action, &decision.resource, &decision.service) {
        (Some(action), Some(resource), Some(service)) => format!("{action} {service}/{resource}"),
        _ => match (decision.verdict, &decision.request) {
            (Some(verdict), _) => format!("of decision {verdict}"),
            (None, Some(request)) => output::plain(request),
            (None, None) => "-".to_owned(),
        },
    };
    let mut ground = match &decision.contract {
        Some(contract) => format!("{contract} {}", decision.clauses.join(", ")),
        None => ending(decision),
    };
    for tried in decision.tried.iter().filter(|tried| !tried.permitted) {
        ground.push_str(&format!(" ({} would refuse)", tried.instrument));
    }
    let time = output::time(decision.time_ms);
    let machine = decision.machine.as_deref().unwrap_or("-");
    // What is wider than its column still ends in a space.
    row([&decision.index.to_string(), &time, &decision.kind, machine, &act, &ground])
}

/// A row of the live table: fixed widths, since what follows is not known yet.
fn row(cells: [&str; 6]) -> String {
    let [index, time, what, machine, act, ground] = cells;
    format!("{index:<6} {time:<21} {what:<10} {machine:<23} {act:<27} {ground}")
}
