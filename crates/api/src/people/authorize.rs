//! `POST /v1/people/{party}/{name}/authority` and `…/authority/withdraw`: who may sign for their party.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, person};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command, InstrumentKind};
use serde::Deserialize;
use utoipa::ToSchema;

/// An authority to sign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAuthority {
    /// Which kinds of instrument: `charter`, `contract`, `guardrail`.
    kinds: Vec<String>,
    /// Until when: a date or an instant; without end if left out.
    #[serde(default)]
    until: Option<String>,
}

/// Why an authority ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdrawal {
    /// Why.
    reason: String,
}

/// Lets a person sign instruments for their party.
#[utoipa::path(post, path = "/v1/people/{party}/{name}/authority", tag = "people", request_body = NewAuthority,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn grant_authority(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(new): Input<NewAuthority>,
) -> Result<Json<Done>, ApiError> {
    let person = look(&ports, |state| person(state, &party, &name))?;
    let kind = |text: &String| {
        InstrumentKind::parse(text).ok_or_else(|| {
            let known = InstrumentKind::spellings();
            ApiError::invalid(format!("there is no kind of instrument `{text}`; one of: {known}"))
        })
    };
    let until = new.until.map(|text| {
        contract::value::parse_instant(&text)
            .ok_or_else(|| ApiError::invalid(format!("`{text}` is not a date such as 2027-01-31")))
    });
    let kinds = new.kinds.iter().map(kind).collect::<Result<_, _>>()?;
    let command = Command::GrantAuthority { person, kinds, until_ms: until.transpose()? };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}

/// Ends a person's authority to sign.
#[utoipa::path(post, path = "/v1/people/{party}/{name}/authority/withdraw", tag = "people", request_body = Withdrawal,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn withdraw_authority(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(withdrawal): Input<Withdrawal>,
) -> Result<Json<Done>, ApiError> {
    let person = look(&ports, |state| person(state, &party, &name))?;
    let command = Command::WithdrawAuthority { person, reason: withdrawal.reason };
    let admitted = ports.authority.submit(Actor::Operator, command).await?;
    Ok(Json(Done::of(&admitted)))
}
