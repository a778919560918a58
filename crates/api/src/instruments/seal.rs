//! `GET /v1/instruments/{name}/seal`: envelope, keys and signatures, detached from the server.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::instruments::get::Version;
use crate::reference::{instrument, look};
use crate::view::person_label;
use axum::Json;
use axum::extract::{Path, Query, State};
use contract::Seal;
use contract::seal::{Signatory, Signature};
use registry::admit::signatories;
use serde::Serialize;
use utoipa::ToSchema;

/// A seal.
#[derive(Serialize, ToSchema)]
pub(crate) struct SealView {
    /// Canonical JSON: the envelope, and who signed or may sign it with which key.
    seal: String,
}

/// Gives the seal of an instrument, as it stands beside its document or inside its PDF.
#[utoipa::path(get, path = "/v1/instruments/{name}/seal", tag = "instruments", params(("name" = String, Path,), Version),
    responses((status = 200, body = SealView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn seal_of_instrument(
    State(ports): State<Shared>,
    Path(name): Path<String>,
    Query(version): Query<Version>,
) -> Result<Json<SealView>, ApiError> {
    let now_ms = ports.authority.now_ms();
    let seal = look(&ports, |state| {
        let id = instrument(state, &name, version.version)?;
        let found = state.instruments.get(&id).ok_or_else(|| ApiError::not_found("such instrument"))?;
        let of_side = |side: &registry::Side| {
            let signed = found.signatures.iter().filter(|s| s.sides.contains(side)).map(|s| s.person);
            // Of those who only may sign, the owners are named: they are who is waited for.
            let entitled = signatories(state, found, *side, now_ms);
            let owners = entitled.owners.iter().copied();
            let mut people: Vec<_> = signed.collect();
            people.extend(owners.filter(|_| found.status == registry::InstrumentStatus::Drafted));
            people.sort();
            people.dedup();
            let capacity = |person: &registry::PersonId| {
                if entitled.owners.contains(person) {
                    match side {
                        registry::Side::Provider => "owner of the service",
                        registry::Side::Consumer | registry::Side::Party => "owner of a machine it names",
                    }
                } else if entitled.recorded.contains(person) {
                    "signatory by recorded authority"
                } else {
                    ""
                }
            };
            let one = |person| {
                let signature = found.signatures.iter().find(|s| s.person == person);
                Signatory {
                    side: side.to_string(),
                    person: person_label(state, person),
                    capacity: capacity(&person).to_owned(),
                    key: state.people.get(&person).map(|p| p.key.to_string()).unwrap_or_default(),
                    signature: signature
                        .map(|s| Signature { time_ms: s.time_ms, armored: s.signature.clone() }),
                }
            };
            people.into_iter().map(one).collect::<Vec<_>>()
        };
        let signatories = found.sides().iter().flat_map(of_side).collect();
        Ok(Seal { envelope: found.envelope.clone(), signatories, narrowing: None })
    })?;
    Ok(Json(SealView { seal: seal.to_json() }))
}
