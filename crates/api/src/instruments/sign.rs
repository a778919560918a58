//! `POST /v1/instruments/{name}/sign`: a person signs.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::instruments::get::Version;
use crate::reference::{instrument, look, person};
use crate::view::{self, ExaminationView, InstrumentView};
use authority::proofs::Examined;
use axum::Json;
use axum::extract::{Path, Query, State};
use registry::{Actor, Command};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A signature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSignature {
    /// The signer's party.
    party: String,
    /// The signer's handle.
    person: String,
    /// The SSH signature over the envelope, namespace `writ.instrument`.
    signature: String,
}

/// What a signature led to.
#[derive(Serialize, ToSchema)]
pub(crate) struct Signed {
    /// The entry's index in the control ledger.
    index: u64,
    /// Where the instrument stands now.
    instrument: InstrumentView,
    /// What was known about it when it was signed.
    examination: ExaminationView,
}

/// Signs an instrument. With the last signature it needs it is in force.
#[utoipa::path(post, path = "/v1/instruments/{name}/sign", tag = "instruments", request_body = NewSignature,
    params(("name" = String, Path,), Version),
    responses((status = 200, body = Signed), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn sign_instrument(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(version): Query<Version>,
    Input(new): Input<NewSignature>,
) -> Result<Json<Signed>, ApiError> {
    let (id, person) = look(&ports, |state| {
        Ok((instrument(state, &name, version.version)?, person(state, &new.party, &new.person)?))
    })?;
    // What stands above it may have changed since it was drafted, and with it whether one signature is enough.
    // Without a solver people sign, are told so, and strict validation is what holds.
    let examined = ports.authority.examine(id).await;
    if examined.as_ref().is_ok_and(Examined::errs) {
        return Err(ApiError::invalid(
            "a policy of this instrument can fail to be evaluated: it must not be signed",
        ));
    }
    let command = Command::SignInstrument { instrument: id, person, signature: new.signature };
    let admitted = ports.authority.submit(Actor::Person(person), command).await?;
    let rules = ports.authority.rules();
    let state = rules.state();
    let found = state.instruments.get(&id).ok_or_else(|| ApiError::not_found("such instrument"))?;
    Ok(Json(Signed {
        index: admitted.index,
        instrument: view::instrument(state, found, ports.authority.now_ms()),
        examination: view::examination(&examined),
    }))
}
