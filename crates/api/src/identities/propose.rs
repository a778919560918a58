//! `POST /v1/identities`: documents a machine identity.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, name, party, person};
use crate::view::Done;
use axum::Json;
use axum::extract::State;
use registry::command::IdentityProposal;
use registry::{Actor, Command, Environment, IdentityKind};
use serde::Deserialize;
use utoipa::ToSchema;

/// The documentation of a machine identity. Nothing but roles may be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIdentity {
    /// Its party.
    party: String,
    /// Its name.
    name: String,
    /// One of the nine kinds, for example `ci-pipeline`.
    kind: String,
    /// What it is for, in a sentence.
    purpose: String,
    /// Where it runs: `production`, `staging`, `development` or `test`.
    environment: String,
    /// The handle of the person who will answer for it.
    owner: String,
    /// The handle of their deputy.
    deputy: String,
    /// When it must be reviewed: a date.
    review: String,
    /// Its roles.
    #[serde(default)]
    roles: Vec<String>,
    /// The region it is in.
    #[serde(default)]
    region: Option<String>,
}

/// Documents a machine identity.
#[utoipa::path(post, path = "/v1/identities", tag = "identities", request_body = NewIdentity,
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn propose_identity(
    State(ports): State<Shared>,
    Input(new): Input<NewIdentity>,
) -> Result<Json<Done>, ApiError> {
    let (party, owner, deputy) = look(&ports, |state| {
        Ok((
            party(state, &new.party)?,
            person(state, &new.party, &new.owner)?,
            person(state, &new.party, &new.deputy)?,
        ))
    })?;
    let unknown = |what: &str, text: &str, known: String| {
        ApiError::invalid(format!("there is no {what} `{text}`; one of: {known}"))
    };
    let proposal = IdentityProposal {
        name: name(&new.name)?,
        party,
        kind: IdentityKind::parse(&new.kind)
            .ok_or_else(|| unknown("kind of identity", &new.kind, IdentityKind::spellings()))?,
        purpose: new.purpose,
        environment: Environment::parse(&new.environment)
            .ok_or_else(|| unknown("environment", &new.environment, Environment::spellings()))?,
        owner,
        deputy,
        review_ms: contract::value::parse_instant(&new.review)
            .ok_or_else(|| ApiError::invalid(format!("`{}` is not a date such as 2027-01-31", new.review)))?,
        roles: new.roles.iter().map(|role| name(role)).collect::<Result<_, _>>()?,
        region: new.region.as_deref().map(name).transpose()?,
    };
    let command = Command::ProposeIdentity(Box::new(proposal));
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
