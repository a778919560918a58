//! `POST /v1/identities/{party}/{name}/joins`: with which tokens of others a machine may join.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{identity, look};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// How a machine joins: with a token of the issuer in which all claims of one rule have their values.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joins {
    /// `ISSUER,claim=value,…`, in place of those before; none means it joins with nobody's tokens.
    rules: Vec<String>,
}

/// Says with which tokens of others a machine may join.
#[utoipa::path(post, path = "/v1/identities/{party}/{name}/joins", tag = "identities", request_body = Joins,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn rule_join(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(joins): Input<Joins>,
) -> Result<Json<Done>, ApiError> {
    let identity = look(&ports, |state| identity(state, &party, &name))?;
    let rules = joins.rules.iter().map(|rule| rule.parse().map_err(|error: String| ApiError::invalid(error)));
    let command = Command::RuleJoin { identity, rules: rules.collect::<Result<_, _>>()? };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}
