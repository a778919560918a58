//! `writ trial`: drafts that are tried on what happens, and what they would have refused.

use crate::args::TrialCommand;
use crate::commands::decision::{by, rows};
use crate::commands::instrument::path;
use crate::output;
use api::view::{DecisionView, Done, InstrumentView};
use api::{Client, PAGE_ROWS_MAX};
use contract::{Number, words};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) async fn run(client: &Client, command: TrialCommand, json: bool) -> anyhow::Result<()> {
    match command {
        TrialCommand::Begin { draft, span } => {
            let body = json!({ "for_ms": super::span(&span)? });
            let done: Done = client.post(&path(&draft, "/trial")?, &body).await?;
            super::done(&done, &format!("{draft} is tried for {span}: see `writ trial show {draft}`"), json);
        }
        TrialCommand::End { draft } => {
            let done: Done = client.post(&path(&draft, "/trial/end")?, &json!({})).await?;
            super::done(&done, &format!("{draft} is tried no more"), json);
        }
        TrialCommand::List => list(client, json).await?,
        TrialCommand::Show { draft, from } => show(client, &draft, from.unwrap_or(0), json).await?,
    }
    Ok(())
}

async fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let mut tried: Vec<InstrumentView> = client.get("/v1/instruments").await?;
    tried.retain(|instrument| instrument.tried_until_ms.is_some());
    if json {
        output::json(&tried);
        return Ok(());
    }
    let row = |draft: &InstrumentView| {
        let until = draft.tried_until_ms.map(output::time).unwrap_or_default();
        [format!("{}@{}", draft.name, draft.version), draft.kind.clone(), until, draft.machines.join(", ")]
    };
    let rows: Vec<_> = tried.iter().map(row).collect();
    output::table(["DRAFT", "KIND", "UNTIL", "MACHINES"], &rows);
    Ok(())
}

/// An instrument with its words.
#[derive(serde::Deserialize)]
struct Whole {
    instrument: InstrumentView,
    document: String,
}

/// What a draft would have refused for one reason.
#[derive(Serialize)]
struct Refused {
    machine: String,
    act: String,
    /// The clause, or the reason where there is none.
    by: String,
    times: u64,
    /// The first and the last decision.
    first: u64,
    last: u64,
    /// One of them as it was said.
    example: Option<String>,
}

#[derive(Default)]
struct Report {
    /// How many decisions it had a say in.
    seen: u64,
    /// How many of those it would have refused.
    refused: u64,
    by: BTreeMap<(String, String, String), Refused>,
    /// The clauses it would have refused by.
    clauses: BTreeSet<String>,
    /// Statements that wait for their outcome, which says how many rows they had: the limit and its clause.
    limited: BTreeMap<u64, (DecisionView, u64, String)>,
}

impl Report {
    fn see(&mut self, decision: DecisionView, draft: &str) {
        if let Some((statement, most, clause)) =
            decision.verdict.and_then(|verdict| self.limited.remove(&verdict))
        {
            if decision.rows.is_some_and(|rows| rows > most) {
                self.refuse(
                    &statement,
                    &format!(" by clause {clause} (more than {})", rows(most)),
                    &[clause],
                );
            }
            return;
        }
        let Some(tried) = decision.tried.iter().find(|tried| tried.instrument == draft).cloned() else {
            return;
        };
        self.seen += 1;
        if !tried.permitted {
            self.refuse(&decision, &by(&tried.clauses, &tried.reason), &tried.clauses);
        } else if let (Some(most), Some(clause)) = (tried.rows_max, tried.rows_clause) {
            self.limited.insert(decision.index, (decision, most, clause));
        }
    }

    fn refuse(&mut self, decision: &DecisionView, by: &str, clauses: &[String]) {
        self.refused += 1;
        self.clauses.extend(clauses.iter().cloned());
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let act =
            format!("{} {}/{}", text(&decision.action), text(&decision.service), text(&decision.resource));
        let (machine, by) = (text(&decision.machine), by.trim_start().to_owned());
        let key = (by.clone(), machine.clone(), act.clone());
        let refused = self.by.entry(key).or_insert_with(|| Refused {
            machine,
            act,
            by,
            times: 0,
            first: decision.index,
            last: decision.index,
            example: decision.request.clone(),
        });
        refused.times += 1;
        refused.first = refused.first.min(decision.index);
        refused.last = refused.last.max(decision.index);
    }
}

async fn show(client: &Client, draft: &str, from: u64, json: bool) -> anyhow::Result<()> {
    let Whole { instrument, document } = client.get(&path(draft, "")?).await?;
    let name = format!("{}@{}", instrument.name, instrument.version);
    let mut report = Report::default();
    let mut next = from;
    loop {
        let rows: Vec<DecisionView> =
            client.get(&format!("/v1/decisions?from={next}&limit={PAGE_ROWS_MAX}")).await?;
        let Some(last) = rows.last().map(|row| row.index) else { break };
        next = last + 1;
        rows.into_iter().for_each(|row| report.see(row, &name));
    }
    let mut refused: Vec<&Refused> = report.by.values().collect();
    refused.sort_by_key(|refused| std::cmp::Reverse(refused.times));
    let read = contract::read(&document).ok();
    let sentences: BTreeMap<&String, String> = report
        .clauses
        .iter()
        .filter_map(|clause| Some((clause, words::clause_text(read.as_ref()?, Number::parse(clause)?))))
        .collect();
    if json {
        output::json(&json!({
            "draft": name, "status": instrument.status, "tried_until_ms": instrument.tried_until_ms,
            "seen": report.seen, "would_refuse": report.refused, "refusals": refused, "clauses": sentences,
        }));
        return Ok(());
    }
    let until = match instrument.tried_until_ms {
        Some(until) => format!("tried until {}", output::time(until)),
        None => "not tried now".to_owned(),
    };
    output::line(format!("{name} ({}, {}), {until}", instrument.kind, instrument.status));
    output::line(format!(
        "of {} that those in force permitted and that it had a say in, it would have refused {}",
        decisions(report.seen),
        report.refused
    ));
    if refused.is_empty() {
        return Ok(());
    }
    output::line("");
    let row = |refused: &&Refused| {
        let decisions = match refused.first == refused.last {
            true => refused.first.to_string(),
            false => format!("{} … {}", refused.first, refused.last),
        };
        let Refused { times, machine, act, by, .. } = refused;
        [times.to_string(), machine.clone(), act.clone(), by.clone(), decisions]
    };
    let rows: Vec<_> = refused.iter().map(row).collect();
    output::table(["TIMES", "MACHINE", "ACT", "WOULD REFUSE", "DECISIONS"], &rows);
    output::line("");
    for (clause, sentence) in sentences {
        output::line(format!("{clause}: {sentence}"));
    }
    Ok(())
}

fn decisions(count: u64) -> String {
    if count == 1 { "1 decision".to_owned() } else { format!("{count} decisions") }
}
