//! `GET /v1/decisions/{index}`: why: the record, the clauses it rests on, and their sentences.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::view::{ClauseView, DecisionView, Explanation, MaskedView, TriedView};
use axum::Json;
use axum::extract::{Path, State};
use contract::{Number, words};
use ledger::Entry;
use ledger::entry::decode_canonical;
use policy::record::{OUTCOME, VERDICT};
use policy::{Inputs, MaskedRecord, Outcome, VerdictRecord};
use registry::InstrumentId;

/// Explains a decision.
#[utoipa::path(get, path = "/v1/decisions/{index}", tag = "decisions", params(("index" = u64, Path,)),
    responses((status = 200, body = Explanation), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn get_decision(
    State(ports): State<Shared>,
    Path(index): Path<u64>,
) -> Result<Json<Explanation>, ApiError> {
    let entry = entry(&ports, index)?;
    let (decision, inputs) = view(&ports, index)?;
    let record = (entry.kind == VERDICT).then(|| decode_canonical::<VerdictRecord>(&entry.body)).transpose();
    let record = record.map_err(ApiError::invalid)?;
    let instrument = record.as_ref().and_then(|record| record.instrument);
    let (title, sentences) = match instrument {
        Some(instrument) => sentences(&ports, instrument, &decision.clauses)?,
        None => (None, Vec::new()),
    };
    let detail = inputs.map(|inputs| inputs.detail);
    Ok(Json(Explanation { decision, title, sentences, detail }))
}

/// One entry of the decision log, for people; and of a decision, unless that was erased, what it was made from.
pub(crate) fn view(ports: &Shared, index: u64) -> Result<(DecisionView, Option<Inputs>), ApiError> {
    let entry = entry(ports, index)?;
    let mut beside = None;
    let mut view = DecisionView {
        index,
        time_ms: entry.time_ms,
        kind: entry.kind.clone(),
        machine: None,
        service: None,
        action: None,
        resource: None,
        reason: String::new(),
        contract: None,
        above: Vec::new(),
        clauses: Vec::new(),
        request: None,
        verdict: None,
        status: None,
        bytes: None,
        as_of: None,
        session: None,
        beside: Vec::new(),
        rows: None,
        masked: Vec::new(),
        error: None,
        duration_ms: None,
        trace: None,
        parameters: None,
        touches: Vec::new(),
        tried: Vec::new(),
    };
    match entry.kind.as_str() {
        VERDICT => {
            let record: VerdictRecord = decode_canonical(&entry.body).map_err(ApiError::invalid)?;
            let rules = ports.authority.rules();
            let state = rules.state();
            let service = record.service.and_then(|id| state.services.get(&id));
            let instrument = record.instrument.and_then(|id| state.instruments.get(&id));
            view.kind = if record.permitted { "permitted" } else { "denied" }.to_owned();
            view.machine = record.identity.map(|id| state.identity_label(id));
            view.service = service.map(|service| service.name.to_string());
            view.action = record.action.map(|action| action.to_string());
            view.resource = record.resource.map(|resource| resource.to_string());
            view.reason = record.reason;
            view.contract = instrument.map(|found| format!("{}@{}", found.name, found.version));
            let name = |applied: &policy::AppliedRecord| {
                let found = state.instruments.get(&applied.instrument)?;
                Some(format!("{}@{}", found.name, found.version))
            };
            view.above = record.above.iter().filter_map(name).collect();
            let tried = |tried: &policy::TriedRecord| {
                let found = state.instruments.get(&tried.instrument)?;
                Some(TriedView {
                    instrument: format!("{}@{}", found.name, found.version),
                    permitted: tried.permits(),
                    reason: tried.reason.clone(),
                    clauses: tried.clauses.clone(),
                    rows_max: tried.most.as_ref().map(|most| most.rows),
                    rows_clause: tried.most.as_ref().map(|most| most.clause.clone()),
                })
            };
            view.tried = record.tried.iter().filter_map(tried).collect();
            view.clauses = record.clauses;
            view.session = record.session;
            view.beside =
                record.beside.iter().map(|act| format!("{} {}", act.action, act.resource)).collect();
            view.as_of = Some(record.as_of_size);
            drop(rules);
            // A statement is shown as it was said.
            let is_statement = record.under.is_some();
            beside = inputs(ports, index, &record.inputs)?;
            let number = beside.as_ref().and_then(|inputs| inputs.trace);
            view.trace = record.session.zip(number).map(|(session, number)| format!("{session}.{number}"));
            view.request = beside.as_ref().map(|inputs| match is_statement && record.session.is_some() {
                true => inputs.target.clone(),
                false if is_statement => format!("{} {}", inputs.method, inputs.target),
                false => format!("{} {}{}", inputs.method, inputs.host, inputs.target),
            });
        }
        OUTCOME => {
            let outcome: Outcome = decode_canonical(&entry.body).map_err(ApiError::invalid)?;
            view.kind = "outcome".to_owned();
            view.reason = outcome.ending.as_str().to_owned();
            view.verdict = Some(outcome.verdict);
            view.status = Some(outcome.status);
            view.bytes = Some((outcome.bytes_up, outcome.bytes_down));
            view.rows = outcome.rows;
            let masked = outcome.masked.into_iter();
            view.masked = masked.map(|MaskedRecord { what, count }| MaskedView { what, count }).collect();
            view.error = outcome.error;
            view.duration_ms = Some(outcome.duration_ms);
        }
        _ => {}
    }
    Ok((view, beside))
}

fn entry(ports: &Shared, index: u64) -> Result<Entry, ApiError> {
    let bytes = ports.decisions.entry(index)?;
    let bytes = bytes.ok_or_else(|| ApiError::not_found(format!("decision {index}")))?;
    Entry::decode(&bytes).map_err(ApiError::invalid)
}

fn inputs(ports: &Shared, index: u64, digest: &[u8; 32]) -> Result<Option<Inputs>, ApiError> {
    let Some(bytes) = ports.decisions.addendum(index)? else { return Ok(None) };
    if contract::canonical::digest_bytes(&bytes) != *digest {
        return Err(ApiError::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            format!("what is kept beside decision {index} is not what was committed to"),
            "run `writ fsck` and `writ verify`",
        ));
    }
    Ok(minicbor::decode(&bytes).ok())
}

fn sentences(
    ports: &Shared,
    instrument: InstrumentId,
    clauses: &[String],
) -> Result<(Option<String>, Vec<ClauseView>), ApiError> {
    let found = ports.authority.rules().state().instruments.get(&instrument).cloned();
    let Some(found) = found else { return Ok((None, Vec::new())) };
    let document = authority::documents::read(ports.authority.objects(), &found.document)?;
    let read = document.and_then(|document| contract::read(&document).ok());
    let sentence = |number: Number| read.as_ref().map(|read| words::clause_text(read, number));
    let sentences = clauses.iter().filter_map(|number| {
        Some(ClauseView { number: number.clone(), sentence: sentence(Number::parse(number)?)? })
    });
    Ok((Some(found.title), sentences.collect()))
}
