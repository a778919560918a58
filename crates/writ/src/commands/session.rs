//! `writ session`: what was said in sessions with databases, from the decision log.

use crate::args::SessionCommand;
use crate::commands::decision;
use crate::output;
use api::view::DecisionView;
use api::{Client, PAGE_ROWS_MAX};
use std::collections::BTreeMap;
use std::time::Duration;

/// A statement in a table is cut here, in characters.
const SHOWN_CHARS: usize = 100;

pub(crate) async fn run(client: &Client, command: SessionCommand, json: bool) -> anyhow::Result<()> {
    match command {
        SessionCommand::List { last } => list(client, last, json).await,
        SessionCommand::Show { session, parameters } => {
            show(client, &Which::parse(&session)?, parameters, json).await
        }
        SessionCommand::Replay { session, speed, longest, parameters } => {
            let session = read(client, &Which::parse(&session)?, parameters).await?;
            replay(&session, speed, Duration::from_secs(longest), json).await
        }
    }
}

/// A session, or one text of it.
struct Which {
    session: u64,
    text: Option<u64>,
}

impl Which {
    /// The index of a decision; or `origin/index`, as the server's own log has it in `application_name`; or `/*writ:index.number*/`
    /// as that has it at the end of a text, with or without what is around it.
    fn parse(said: &str) -> anyhow::Result<Self> {
        let said = said.trim();
        let numbers = said.strip_prefix("/*").and_then(|said| said.strip_suffix("*/")).unwrap_or(said);
        let numbers = numbers.strip_prefix("writ:").unwrap_or(numbers);
        let numbers = numbers.rsplit('/').next().unwrap_or_default();
        let read = match numbers.split_once('.') {
            None => numbers.parse().ok().map(|session| Self { session, text: None }),
            Some((session, text)) => session
                .parse()
                .ok()
                .zip(text.parse().ok())
                .map(|(session, text)| Self { session, text: Some(text) }),
        };
        read.ok_or_else(|| {
            anyhow::anyhow!("`{said}` is no session, and no text of one: see `writ session list`")
        })
    }
}

/// One statement and what came of it.
struct Said {
    decision: DecisionView,
    outcome: Option<DecisionView>,
}

/// A session, from the decision that opened it to its end or to now.
struct Session {
    opened: DecisionView,
    ended: Option<DecisionView>,
    said: Vec<Said>,
}

/// Sessions begin with this word in the record.
const CONNECT: &str = "CONNECT ";

fn opens(decision: &DecisionView) -> bool {
    decision.session.is_none()
        && decision.kind == "permitted"
        && decision.request.as_ref().is_some_and(|request| request.starts_with(CONNECT))
}

/// From a decision on; with what was bound to parameters in a session.
async fn page(client: &Client, from: u64, parameters: Option<u64>) -> anyhow::Result<Vec<DecisionView>> {
    let parameters = parameters.map_or_else(String::new, |session| format!("&parameters={session}"));
    Ok(client.get(&format!("/v1/decisions?from={from}&limit={PAGE_ROWS_MAX}{parameters}")).await?)
}

/// What is on record of a session, or of one text of it.
async fn read(client: &Client, which: &Which, parameters: bool) -> anyhow::Result<Session> {
    let mut session = read_all(client, which.session, parameters).await?;
    if let Some(text) = which.text {
        let mark = format!("{}.{text}", which.session);
        session.said.retain(|said| said.decision.trace.as_deref() == Some(&mark));
        anyhow::ensure!(
            !session.said.is_empty(),
            "nothing is on record of `{mark}`: what a program prepares is decided on as often as it runs; see `writ session show {}`",
            which.session
        );
    }
    Ok(session)
}

async fn read_all(client: &Client, index: u64, parameters: bool) -> anyhow::Result<Session> {
    let parameters = parameters.then_some(index);
    let mut rows = page(client, index, parameters).await?.into_iter();
    let opened = rows.next().filter(opens);
    let opened = opened
        .ok_or_else(|| anyhow::anyhow!("decision {index} opens no session: see `writ session list`"))?;
    let mut session = Session { opened, ended: None, said: Vec::new() };
    let mut waiting: BTreeMap<u64, usize> = BTreeMap::new();
    loop {
        let mut last = None;
        for decision in rows {
            last = Some(decision.index);
            if decision.session == Some(index) {
                waiting.insert(decision.index, session.said.len());
                session.said.push(Said { decision, outcome: None });
            } else if decision.verdict == Some(index) {
                session.ended = Some(decision);
            } else if let Some(at) = decision.verdict.and_then(|verdict| waiting.remove(&verdict))
                && let Some(said) = session.said.get_mut(at)
            {
                said.outcome = Some(decision);
            }
        }
        // What was under way when the session ended is recorded just after.
        let over = session.ended.is_some() && waiting.is_empty();
        match last {
            Some(last) if !over => rows = page(client, last + 1, parameters).await?.into_iter(),
            Some(_) | None => return Ok(session),
        }
        if rows.len() == 0 {
            return Ok(session);
        }
    }
}

async fn list(client: &Client, last: u64, json: bool) -> anyhow::Result<()> {
    let newest: Vec<DecisionView> = client.get("/v1/decisions?limit=1").await?;
    let end = newest.last().map_or(0, |decision| decision.index + 1);
    let mut found = Vec::new();
    let mut until = end;
    while until > 0 && (found.len() as u64) < last {
        let from = until.saturating_sub(PAGE_ROWS_MAX as u64);
        let mut opened = Vec::new();
        let mut next = from;
        while next < until {
            let rows = page(client, next, None).await?;
            let Some(last) = rows.last().map(|row| row.index) else { break };
            next = last + 1;
            opened.extend(rows.into_iter().filter(|row| row.index < until && opens(row)));
        }
        opened.append(&mut found);
        found = opened;
        until = from;
    }
    let skip = found.len().saturating_sub(usize::try_from(last).unwrap_or(usize::MAX));
    found.drain(..skip);
    if json {
        output::json(&found);
        return Ok(());
    }
    let rows: Vec<[String; 5]> = found
        .into_iter()
        .map(|row| {
            [
                row.index.to_string(),
                output::time(row.time_ms),
                row.machine.unwrap_or_default(),
                row.service.unwrap_or_default(),
                row.contract.unwrap_or_default(),
            ]
        })
        .collect();
    output::table(["SESSION", "OPENED", "MACHINE", "DATABASE", "CONTRACT"], &rows);
    Ok(())
}

async fn show(client: &Client, which: &Which, parameters: bool, json: bool) -> anyhow::Result<()> {
    let session = read(client, which, parameters).await?;
    if json {
        let said: Vec<_> = session
            .said
            .iter()
            .map(|said| serde_json::json!({ "decision": said.decision, "outcome": said.outcome }))
            .collect();
        output::json(
            &serde_json::json!({ "opened": session.opened, "ended": session.ended, "statements": said }),
        );
        return Ok(());
    }
    output::line(heading(&session));
    let rows: Vec<[String; 6]> = session
        .said
        .iter()
        .map(|said| {
            let text = said.decision.request.as_deref().unwrap_or("(erased)");
            let cell = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
            let outcome = said.outcome.as_ref();
            let index = said.decision.index;
            [
                said.decision
                    .trace
                    .as_ref()
                    .map_or_else(|| index.to_string(), |mark| format!("{index} ({mark})")),
                since(&session.opened, &said.decision),
                format!("{}{}", result(said), masked(said)),
                cell(outcome.and_then(|outcome| outcome.rows)),
                cell(outcome.and_then(|outcome| outcome.duration_ms)),
                short(&format!("{text}{}", bound(&said.decision))),
            ]
        })
        .collect();
    output::table(["DECISION", "AFTER", "RESULT", "ROWS", "MS", "STATEMENT"], &rows);
    if let Some(ended) = &session.ended {
        output::line(format!(
            "ended {} after {} ms: {}",
            output::time(ended.time_ms),
            ended.duration_ms.unwrap_or(0),
            ended.reason
        ));
    }
    Ok(())
}

fn heading(session: &Session) -> String {
    let opened = &session.opened;
    format!(
        "session {}: {} with {} under {}, opened {}",
        opened.index,
        opened.machine.as_deref().unwrap_or("-"),
        opened.service.as_deref().unwrap_or("-"),
        opened.contract.as_deref().unwrap_or("-"),
        output::time(opened.time_ms)
    )
}

/// What came of a statement, in a word.
fn result(said: &Said) -> String {
    match (&said.outcome, said.decision.kind.as_str()) {
        (_, "denied") => match said.decision.clauses.as_slice() {
            [] => format!("denied: {}", said.decision.reason),
            clauses => format!("denied by {}", clauses.join(", ")),
        },
        (None, _) => "under way".to_owned(),
        (Some(outcome), _) => match &outcome.error {
            Some(error) => format!("failed {error}"),
            None => outcome.reason.clone(),
        },
    }
}

/// What was masked in its rows, in words.
fn masked(said: &Said) -> String {
    said.outcome.as_ref().map_or_else(String::new, decision::masked)
}

fn since(opened: &DecisionView, decision: &DecisionView) -> String {
    format!("{:.3} s", decision.time_ms.saturating_sub(opened.time_ms) as f64 / 1_000.0)
}

/// What was bound, as psql writes it: `\bind 'x' NULL`.
fn bound(decision: &DecisionView) -> String {
    let Some(parameters) = &decision.parameters else { return String::new() };
    let value = |value: &Option<String>| match value {
        Some(value) => format!("'{}'", value.replace('\'', "''")),
        None => "NULL".to_owned(),
    };
    let values: Vec<String> = parameters.values.iter().map(value).collect();
    let cut =
        parameters.cut.as_ref().map_or_else(String::new, |digest| format!(" … (SHA-256 of all: {digest})"));
    format!(" \\bind {}{cut}", values.join(" "))
}

/// On one line, and not longer than a screen.
fn short(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = output::plain(&line.join(" "));
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

/// The session again, at its own pace or a faster one.
async fn replay(session: &Session, speed: f64, longest: Duration, json: bool) -> anyhow::Result<()> {
    anyhow::ensure!(speed > 0.0, "--speed is more than 0");
    if !json {
        output::line(heading(session));
    }
    let mut before = session.opened.time_ms;
    for said in &session.said {
        let pause = said.decision.time_ms.saturating_sub(before) as f64 / 1_000.0 / speed;
        before = said.decision.time_ms;
        tokio::time::sleep(Duration::from_secs_f64(pause).min(longest)).await;
        if json {
            output::line(serde_json::to_string(&serde_json::json!({
                "after_ms": said.decision.time_ms.saturating_sub(session.opened.time_ms),
                "statement": said.decision.request,
                "parameters": said.decision.parameters,
                "result": result(said),
                "rows": said.outcome.as_ref().and_then(|outcome| outcome.rows),
                "masked": said.outcome.as_ref().map(|outcome| &outcome.masked),
            }))?);
            continue;
        }
        output::line(format!("\n[{}]", since(&session.opened, &said.decision)));
        output::line(output::plain(said.decision.request.as_deref().unwrap_or("(erased)")));
        if said.decision.parameters.is_some() {
            output::line(output::plain(bound(&said.decision).trim_start()));
        }
        let rows = said.outcome.as_ref().and_then(|outcome| outcome.rows);
        let rows = rows.map_or_else(String::new, |count| format!(", {}", decision::rows(count)));
        output::line(format!("-- {}{rows}{}", result(said), masked(said)));
    }
    Ok(())
}
