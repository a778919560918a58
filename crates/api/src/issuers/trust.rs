//! `POST /v1/issuers/{name}`: somebody's tokens count from here on, under these keys and no others.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, name, party};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use credential::foreign::IssuerKeys;
use registry::{Actor, Command, IssuerKind, TrustedIssuer};
use serde::Deserialize;
use utoipa::ToSchema;

/// An issuer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIssuer {
    /// `devices`, `github-actions`, `gitlab-ci`, `kubernetes` or `security-events`.
    kind: String,
    /// Who it is: the claim `iss` of its tokens, exactly.
    issuer: String,
    /// Who we are to it: one of the claim `aud`.
    audience: String,
    /// Its keys: a JWK Set (RFC 7517), as text; of a manufacturer of devices, its roots (PEM).
    keys: String,
    /// Of an identity provider: of which party's people it speaks.
    #[serde(default)]
    party: Option<String>,
}

/// Counts somebody's tokens; replaces what was said before under this name.
#[utoipa::path(post, path = "/v1/issuers/{name}", tag = "issuers", request_body = NewIssuer,
    params(("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn trust_issuer(
    State(ports): State<Shared>,
    Path(issuer): Path<String>,
    Input(new): Input<NewIssuer>,
) -> Result<Json<Done>, ApiError> {
    let kind = IssuerKind::parse(&new.kind).ok_or_else(|| {
        ApiError::invalid(format!("there is no kind of issuer `{}`", new.kind))
            .help(IssuerKind::spellings())
            .at("kind")
    })?;
    match kind {
        IssuerKind::Devices => drop(
            credential::device::roots(&new.keys)
                .map_err(|_| ApiError::invalid("these are no root certificates (PEM)").at("keys"))?,
        ),
        IssuerKind::GithubActions
        | IssuerKind::GitlabCi
        | IssuerKind::Kubernetes
        | IssuerKind::SecurityEvents => {
            drop(IssuerKeys::parse(&new.keys).map_err(|error| ApiError::invalid(error).at("keys"))?);
        }
    }
    let issuer = TrustedIssuer {
        name: name(&issuer)?,
        kind,
        issuer: new.issuer,
        audience: new.audience,
        jwks: new.keys,
        party: new.party.map(|text| look(&ports, |state| party(state, &text))).transpose()?,
    };
    let command = Command::TrustIssuer(Box::new(issuer));
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}
