//! `POST /v1/people/{party}/{name}/accounts`: an account elsewhere is a person's, so that an identity provider can say
//! what becomes of them.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, person};
use crate::view::Done;
use authority::Account;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// An account: an e-mail address, or a subject of an issuer. What it is does not enter the ledger, only a digest.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// The address.
    #[serde(default)]
    email: Option<String>,
    /// Or the issuer …
    #[serde(default)]
    issuer: Option<String>,
    /// … and its name for the person.
    #[serde(default)]
    subject: Option<String>,
}

impl NewAccount {
    fn account(self) -> Result<Account, ApiError> {
        match (self.email, self.issuer, self.subject) {
            (Some(email), None, None) if email.contains('@') => Ok(Account::Email(email)),
            (None, Some(issuer), Some(subject)) => Ok(Account::Subject { issuer, subject }),
            _ => Err(ApiError::invalid("give an e-mail address, or an issuer and a subject")),
        }
    }
}

/// Links an account.
#[utoipa::path(post, path = "/v1/people/{party}/{name}/accounts", tag = "people", request_body = NewAccount,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn link_account(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(new): Input<NewAccount>,
) -> Result<Json<Done>, ApiError> {
    let person = look(&ports, |state| person(state, &party, &name))?;
    let command = Command::LinkAccount { person, account: ports.authority.account(&new.account()?) };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}

/// Takes a link back. What was said of the person by then stays.
#[utoipa::path(post, path = "/v1/people/{party}/{name}/accounts/unlink", tag = "people", request_body = NewAccount,
    params(("party" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn unlink_account(
    State(ports): State<Shared>,
    Path((party, name)): Path<(String, String)>,
    Input(old): Input<NewAccount>,
) -> Result<Json<Done>, ApiError> {
    let person = look(&ports, |state| person(state, &party, &name))?;
    let command = Command::UnlinkAccount { person, account: ports.authority.account(&old.account()?) };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}
