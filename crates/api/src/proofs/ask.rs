//! `POST /v1/proofs`: can any such machine ever do such a thing?

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::name;
use axum::Json;
use axum::extract::State;
use contract::terms::Effect;
use prove::{Answer, Ask};
use registry::{Actor, Environment, IdentityKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A question. All that is given must fit.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewQuestion {
    /// Machines of this party.
    party: Option<String>,
    /// This machine.
    machine: Option<String>,
    /// Machines of this kind.
    kind: Option<String>,
    /// Machines with this role.
    role: Option<String>,
    /// Machines that run there.
    environment: Option<String>,
    /// This act.
    action: Option<String>,
    /// `change` or `read`.
    effect: Option<String>,
    /// On this service.
    service: Option<String>,
    /// On this resource of it.
    resource: Option<String>,
}

/// An answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulingView {
    /// The question in words.
    question: String,
    /// `proven`: no such machine ever can. `refuted`: one can. `unknown`: nobody knows.
    verdict: String,
    /// For `refuted`: how, in a sentence that was tried on the real decision. For `unknown`: why.
    sentence: Option<String>,
    /// Contracts that were asked about.
    contracts: usize,
    /// Charters and guardrails above them.
    above: usize,
    /// The solver and its version.
    solver: String,
    /// SHA-256 over the SMT-LIB scripts, each with its length before it, hexadecimal: `/v1/proofs/{script}`.
    script: String,
    /// The record's index in the control ledger.
    index: u64,
}

/// Asks whether any such machine can ever do such a thing, over all instruments in force.
#[utoipa::path(post, path = "/v1/proofs", tag = "proofs", request_body = NewQuestion,
    responses((status = 200, body = RulingView), (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(crate) async fn ask(
    State(ports): State<Shared>,
    Input(new): Input<NewQuestion>,
) -> Result<Json<RulingView>, ApiError> {
    let unknown = |what: &str, text: &str, known: String| {
        ApiError::invalid(format!("there is no {what} `{text}`; one of: {known}"))
    };
    let kind = new.kind.as_deref().map(|text| {
        IdentityKind::parse(text).ok_or_else(|| unknown("kind of identity", text, IdentityKind::spellings()))
    });
    let environment = new.environment.as_deref().map(|text| {
        Environment::parse(text).ok_or_else(|| unknown("environment", text, Environment::spellings()))
    });
    let effect = new
        .effect
        .as_deref()
        .map(|text| text.parse::<Effect>().map_err(|_| unknown("effect", text, "change, read".to_owned())));
    let read = |text: &Option<String>| text.as_deref().map(name).transpose();
    let question = Ask {
        party: read(&new.party)?,
        machine: read(&new.machine)?,
        kind: kind.transpose()?,
        role: read(&new.role)?,
        environment: environment.transpose()?,
        action: read(&new.action)?,
        effect: effect.transpose()?,
        service: read(&new.service)?,
        resource: read(&new.resource)?,
    };
    known(&ports, &question)?;
    let (ruling, index) = ports.authority.ask(Actor::Operator, &question).await?;
    let verdict = ruling.answer.as_str().to_owned();
    let sentence = match ruling.answer {
        Answer::NoneFound | Answer::Proven => None,
        Answer::Refuted(sentence) | Answer::Unknown(sentence) => Some(sentence),
    };
    Ok(Json(RulingView {
        question: ruling.question,
        verdict,
        sentence,
        contracts: ruling.contracts,
        above: ruling.above,
        solver: ruling.solver,
        script: contract::canonical::hex(&ruling.scripts.digest()),
        index,
    }))
}

/// A question about what does not exist would be proven, and mislead.
fn known(ports: &Shared, question: &Ask) -> Result<(), ApiError> {
    let rules = ports.authority.rules();
    let state = rules.state();
    if let Some(party) = question.party.as_ref().filter(|party| state.party_named(party.as_str()).is_none()) {
        return Err(ApiError::not_found(format!("party `{party}`")));
    }
    let service = match &question.service {
        None => None,
        Some(name) => Some(
            state
                .service_named(name.as_str())
                .ok_or_else(|| ApiError::not_found(format!("service `{name}`")))?,
        ),
    };
    let services: Vec<_> =
        service.into_iter().chain(state.services.values().filter(|_| service.is_none())).collect();
    let resources = || services.iter().flat_map(|service| &service.resources);
    if let Some(wanted) = question.resource.as_ref().filter(|wanted| !resources().any(|r| r.name == **wanted))
    {
        return Err(ApiError::not_found(format!("resource `{wanted}` there")));
    }
    let mut actions = resources().flat_map(|resource| &resource.operations);
    if let Some(wanted) = question.action.as_ref().filter(|wanted| !actions.any(|o| o.action == **wanted)) {
        return Err(ApiError::not_found(format!("act `{wanted}` there")));
    }
    let machine =
        |wanted: &registry::Name| state.identities.values().any(|identity| identity.name == *wanted);
    if let Some(wanted) = question.machine.as_ref().filter(|wanted| !machine(wanted)) {
        return Err(ApiError::not_found(format!("machine `{wanted}`")));
    }
    Ok(())
}
