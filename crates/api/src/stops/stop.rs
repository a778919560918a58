//! `POST /v1/stops`: stops one machine, instance, certificate or key, or all machines of an instrument, owner or party.

use crate::Shared;
use crate::credentials::revoke::serial;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{identity, look, name, party, person};
use crate::view::Stopped;
use axum::Json;
use axum::extract::State as Path;
use registry::{Actor, Command, Event, State, StopTarget};
use serde::Deserialize;
use utoipa::ToSchema;

/// What is to be stopped, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    /// What.
    target: Target,
    /// Why.
    reason: String,
    /// Whether machines are revoked; else they are suspended and can be resumed.
    #[serde(default)]
    for_good: bool,
}

/// What is to be stopped.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// A certificate, by its serial number.
    Certificate(String),
    /// A machine: `party/name`.
    Identity(String),
    /// What a certificate was issued to (a program of a user, a pod, a job), by its serial number.
    Instance(String),
    /// An instrument in all its versions, by name; for good.
    Instrument(String),
    /// A key: the hexadecimal SHA-256 of its SPKI.
    Key(String),
    /// All machines of an owner: `party/handle`.
    Owner(String),
    /// All machines of a party.
    Party(String),
}

impl Target {
    fn resolve(&self, state: &State) -> Result<StopTarget, ApiError> {
        let pair = |text: &str| {
            let parts = text.split_once('/').map(|(party, name)| (party.to_owned(), name.to_owned()));
            parts.ok_or_else(|| ApiError::invalid(format!("`{text}` is not of the form party/name")))
        };
        Ok(match self {
            Self::Certificate(text) => StopTarget::Certificate(serial(text)?),
            Self::Identity(text) => {
                let (party, name) = pair(text)?;
                StopTarget::Identity(identity(state, &party, &name)?)
            }
            Self::Instance(text) => StopTarget::Instance(serial(text)?),
            Self::Instrument(text) => StopTarget::Instrument(name(text)?),
            Self::Key(text) => StopTarget::Key(digest(text)?),
            Self::Owner(text) => {
                let (party, name) = pair(text)?;
                StopTarget::Owner(person(state, &party, &name)?)
            }
            Self::Party(text) => StopTarget::Party(party(state, text)?),
        })
    }
}

/// Stops it. When this answers, nothing of it is permitted at the gateway any more, and what it had open is being cut.
/// JWT-SVIDs that are out already are refused when their machine is stopped; else they go on to their end.
#[utoipa::path(post, path = "/v1/stops", tag = "stops", request_body = Stop,
    responses((status = 200, body = Stopped), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn stop(
    Path(ports): Path<Shared>,
    Input(stop): Input<Stop>,
) -> Result<Json<Stopped>, ApiError> {
    let target = look(&ports, |state| stop.target.resolve(state))?;
    let for_good = stop.for_good;
    let command = Command::Stop { target, reason: stop.reason, for_good };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    let rules = ports.authority.rules();
    let mut stopped = Stopped { index: admitted.index, for_good, ..Stopped::default() };
    for event in &admitted.events {
        if let Event::IdentityRevoked { identity, .. } | Event::IdentitySuspended { identity, .. } = event {
            stopped.machines.push(rules.state().identity_label(*identity));
        } else if let Event::CredentialRevoked { serial, .. } = event {
            stopped.certificates.push(contract::canonical::hex(serial));
        } else if let Event::InstrumentEnded { instrument, .. } = event {
            let found = rules.state().instruments.get(instrument);
            stopped.instruments.extend(found.map(|found| found.name.to_string()));
        }
    }
    Ok(Json(stopped))
}

/// Reads a SHA-256 in hexadecimal.
pub(crate) fn digest(text: &str) -> Result<[u8; 32], ApiError> {
    registry::unhex(text)
        .ok_or_else(|| ApiError::invalid(format!("`{text}` is no SHA-256: 64 hexadecimal digits")))
}
