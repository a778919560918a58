//! `POST /v1/federation/{trust_domain}/bundle`: reads now what another trust domain publishes.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::view::FederationView;
use ::authority::SubmitError;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command, RefusalKind};

/// How often it is tried when what is known changes meanwhile.
const TRIES: u32 = 3;

/// Reads its bundle, which is done as often as it asks for in any case.
#[utoipa::path(post, path = "/v1/federation/{trust_domain}/bundle", tag = "federation",
    params(("trust_domain" = String, Path,)),
    responses((status = 200, body = FederationView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn read_federation(
    State(ports): State<Shared>,
    Path(trust_domain): Path<String>,
) -> Result<Json<FederationView>, ApiError> {
    for again in (0..TRIES).rev() {
        let known = ports.authority.rules().state().federations.get(&trust_domain).cloned();
        let known = known
            .ok_or_else(|| ApiError::invalid(format!("there is no federation with `{trust_domain}`")))?;
        if known.relationship.endpoint.is_none() {
            return Err(ApiError::invalid(format!("the bundle of `{trust_domain}` was given by hand"))
                .help("`writ federation trust` with --url says where it is read"));
        }
        let read = (ports.read_bundle)(known.relationship.clone()).await;
        let command = Command::ReadFederatedBundle { asked: Box::new(known.relationship), read };
        match ports.authority.submit(Actor::System, command).await {
            // It was read by itself at the same moment, or said anew.
            Err(SubmitError::Refused(refusal)) if refusal.kind == RefusalKind::Conflict && again > 0 => {}
            done => {
                drop(done?);
                break;
            }
        }
    }
    let rules = ports.authority.rules();
    let found = rules.state().federations.get(&trust_domain);
    let found = found.map(|federation| super::list::view(rules.state(), federation));
    found.map(Json).ok_or_else(|| ApiError::invalid(format!("`{trust_domain}` was ended meanwhile")))
}
