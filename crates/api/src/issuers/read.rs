//! `POST /v1/issuers/{name}/keys`: reads now what an issuer publishes.

use crate::Shared;
use crate::error::{ApiError, ProblemBody};
use crate::reference::name;
use crate::view::IssuerView;
use axum::Json;
use axum::extract::{Path, State};
use registry::{Actor, Command};

/// Reads its keys, which is done every few minutes in any case.
#[utoipa::path(post, path = "/v1/issuers/{name}/keys", tag = "issuers",
    params(("name" = String, Path,)),
    responses((status = 200, body = IssuerView), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn read_issuer(
    State(ports): State<Shared>,
    Path(issuer): Path<String>,
) -> Result<Json<IssuerView>, ApiError> {
    let name = name(&issuer)?;
    let known = ports.authority.rules().state().issuers.get(&name).cloned();
    let known =
        known.ok_or_else(|| ApiError::invalid(format!("nobody here trusts an issuer called `{name}`")))?;
    if known.keys_at.is_none() {
        return Err(ApiError::invalid(format!("the keys of `{name}` were given by hand"))
            .help("trust it again without --keys, and they are read where it publishes them"));
    }
    let read = (ports.read_keys)(known).await;
    ports.authority.submit(Actor::System, Command::ReadIssuerKeys { name: name.clone(), read }).await?;
    let rules = ports.authority.rules();
    let found = rules.state().issuers.get(&name).map(|issuer| super::list::view(rules.state(), issuer));
    found.map(Json).ok_or_else(|| ApiError::invalid(format!("`{name}` was dropped meanwhile")))
}
