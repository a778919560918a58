//! `POST /v1/issuers/{name}`: somebody's tokens count from here on, under these keys and no others.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, name, party};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use credential::foreign::IssuerKeys;
use registry::{Actor, Command, IssuerKind, KeysAt, TrustedIssuer};
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
    /// Its keys: a JWK Set (RFC 7517), as text; of a manufacturer of devices, its roots (PEM). Unless given, they are read where
    /// the issuer publishes them, now and from then on.
    #[serde(default)]
    keys: Option<String>,
    /// Where it publishes them (a JWK Set), if not where its discovery document says.
    #[serde(default)]
    keys_url: Option<String>,
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
    let keys_at = match (&new.keys, new.keys_url) {
        (Some(_), None) => None,
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("keys are given, or read somewhere, not both").at("keys_url"));
        }
        (None, Some(url)) => Some(KeysAt::Set(url)),
        (None, None) => Some(KeysAt::Discovery),
    };
    let issuer = TrustedIssuer {
        name: name(&issuer)?,
        kind,
        issuer: new.issuer,
        audience: new.audience,
        jwks: new.keys.unwrap_or_default(),
        party: new.party.map(|text| look(&ports, |state| party(state, &text))).transpose()?,
        keys_at,
    };
    // Nobody is asked at an address that would be refused.
    if let Some(problem) = issuer.problem() {
        return Err(ApiError::invalid(problem));
    }
    let issuer = match &issuer.keys_at {
        Some(_) => {
            let read = (ports.read_keys)(issuer.clone()).await;
            let jwks = read.map_err(|why| {
                ApiError::invalid(format!("its keys cannot be read: {why}"))
                    .help("give them with --keys FILE, or where they are published with --keys-url URL")
                    .at("keys")
            })?;
            TrustedIssuer { jwks, ..issuer }
        }
        None => issuer,
    };
    match kind {
        IssuerKind::Devices => drop(
            credential::device::roots(&issuer.jwks)
                .map_err(|_| ApiError::invalid("these are no root certificates (PEM)").at("keys"))?,
        ),
        IssuerKind::GithubActions
        | IssuerKind::GitlabCi
        | IssuerKind::Kubernetes
        | IssuerKind::SecurityEvents => {
            drop(IssuerKeys::parse(&issuer.jwks).map_err(|error| ApiError::invalid(error).at("keys"))?);
        }
    }
    let command = Command::TrustIssuer(Box::new(issuer));
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}
