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
    pub(crate) party: String,
    /// Its name.
    pub(crate) name: String,
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

impl NewIdentity {
    /// What it says, with the ids of those it names.
    pub(crate) fn proposal(self, state: &registry::State) -> Result<IdentityProposal, ApiError> {
        let unknown = |what: &str, text: &str, known: String| {
            ApiError::invalid(format!("there is no {what} `{text}`; one of: {known}"))
        };
        let (kinds, environments) = (IdentityKind::spellings(), Environment::spellings());
        let party = party(state, &self.party).map_err(|error| error.at("party"))?;
        let person = |field: &str, name: &str| person(state, &self.party, name).map_err(|e| e.at(field));
        let (owner, deputy) = (person("owner", &self.owner)?, person("deputy", &self.deputy)?);
        Ok(IdentityProposal {
            name: name(&self.name).map_err(|error| error.at("name"))?,
            party,
            kind: IdentityKind::parse(&self.kind)
                .ok_or_else(|| unknown("kind of identity", &self.kind, kinds).at("kind"))?,
            purpose: self.purpose,
            environment: Environment::parse(&self.environment)
                .ok_or_else(|| unknown("environment", &self.environment, environments).at("environment"))?,
            owner,
            deputy,
            review_ms: contract::value::parse_instant(&self.review).ok_or_else(|| {
                ApiError::invalid(format!("`{}` is not a date such as 2027-01-31", self.review)).at("review")
            })?,
            roles: self
                .roles
                .iter()
                .map(|role| name(role))
                .collect::<Result<_, _>>()
                .map_err(|e| e.at("roles"))?,
            region: self.region.as_deref().map(name).transpose().map_err(|error| error.at("region"))?,
        })
    }
}

/// Documents a machine identity.
#[utoipa::path(post, path = "/v1/identities", tag = "identities", request_body = NewIdentity,
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn propose_identity(
    State(ports): State<Shared>,
    Input(new): Input<NewIdentity>,
) -> Result<Json<Done>, ApiError> {
    let proposal = look(&ports, |state| new.proposal(state))?;
    let command = Command::ProposeIdentity(Box::new(proposal));
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
