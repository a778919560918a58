//! `GET` and `POST /v1/instruments/{name}/notice`: what is signed to give notice, and giving it.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::instruments::get::Version;
use crate::reference::{instrument, look, person};
use crate::view::{self, InstrumentView};
use axum::Json;
use axum::extract::{Path, Query, State};
use registry::{Actor, Command, NoticeKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What is to be noticed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// The version; the newest when left out.
    version: Option<u32>,
    /// `suspension`, `resumption`, `termination`, `termination-for-cause` or `no-renewal`.
    kind: String,
    /// The signer's party.
    party: String,
    /// The signer's handle.
    person: String,
    /// On which ground; may be empty.
    #[serde(default)]
    ground: String,
}

/// A text to sign.
#[derive(Serialize, ToSchema)]
pub(crate) struct Statement {
    /// What is signed (namespace `writ.notice`).
    statement: String,
}

/// A signed notice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNotice {
    /// `suspension`, `resumption`, `termination`, `termination-for-cause` or `no-renewal`.
    kind: String,
    /// The signer's party.
    party: String,
    /// The signer's handle.
    person: String,
    /// On which ground; may be empty.
    #[serde(default)]
    ground: String,
    /// The SSH signature over the statement, namespace `writ.notice`.
    signature: String,
}

/// What a notice led to.
#[derive(Serialize, ToSchema)]
pub(crate) struct Noticed {
    /// The entry's index in the control ledger.
    index: u64,
    /// Where the instrument stands now.
    instrument: InstrumentView,
}

fn kind(text: &str) -> Result<NoticeKind, ApiError> {
    NoticeKind::parse(text).ok_or_else(|| {
        let known = NoticeKind::spellings();
        ApiError::invalid(format!("there is no notice of `{text}`; one of: {known}"))
    })
}

/// Shows what is signed to give notice.
#[utoipa::path(get, path = "/v1/instruments/{name}/notice", tag = "instruments",
    params(("name" = String, Path,), Wanted),
    responses((status = 200, body = Statement), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn show_notice(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Statement>, ApiError> {
    let kind = kind(&wanted.kind)?;
    let statement = look(&ports, |state| {
        let id = instrument(state, &name, wanted.version)?;
        let person = person(state, &wanted.party, &wanted.person)?;
        let found = state.instruments.get(&id).ok_or_else(|| ApiError::not_found("such instrument"))?;
        Ok(found.notice(kind, &wanted.ground, person))
    })?;
    Ok(Json(Statement { statement }))
}

/// Gives notice under an instrument.
#[utoipa::path(post, path = "/v1/instruments/{name}/notice", tag = "instruments", request_body = NewNotice,
    params(("name" = String, Path,), Version),
    responses((status = 200, body = Noticed), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn give_notice(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(version): Query<Version>,
    Input(new): Input<NewNotice>,
) -> Result<Json<Noticed>, ApiError> {
    let kind = kind(&new.kind)?;
    let (id, person) = look(&ports, |state| {
        Ok((instrument(state, &name, version.version)?, person(state, &new.party, &new.person)?))
    })?;
    let (ground, signature) = (new.ground, new.signature);
    let command = Command::GiveNotice { instrument: id, kind, person, ground, signature };
    let admitted = ports.authority.submit(Actor::Person(person), command).await?;
    let rules = ports.authority.rules();
    let state = rules.state();
    let found = state.instruments.get(&id).ok_or_else(|| ApiError::not_found("such instrument"))?;
    let instrument = view::instrument(state, found, ports.authority.now_ms());
    Ok(Json(Noticed { index: admitted.index, instrument }))
}
