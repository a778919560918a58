//! `POST /v1/secrets/{name}/source`: a secret renews itself from now on; `POST …/by-hand`: it is set by hand again.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::name;
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use contract::Span;
use registry::{Actor, Command, Millis, Name, SecretSource, SecretStep, Sourced, Vault};
use serde::Deserialize;
use utoipa::ToSchema;

/// Where the values of a secret come from, and when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSource {
    /// `postgres`, `adapter`, `vault-kv` or `vault-dynamic`.
    kind: String,
    /// The form of the value: fields in braces. `postgres` has `{user}` and `{password}`, `adapter` has `{value}`, a vault what
    /// lies there.
    #[serde(default)]
    value: Option<String>,
    /// How long a value is in use (30 days unless given; of `vault-dynamic` its lease if that is shorter); of `vault-kv`
    /// how often it is looked at (1 minute).
    #[serde(default)]
    every: Option<String>,
    /// How long the value before goes on beside the new one: 1 hour unless given.
    #[serde(default)]
    overlap: Option<String>,
    /// `postgres`: `postgresql://USER@HOST:PORT/DATABASE`.
    #[serde(default)]
    server: Option<String>,
    /// `postgres`: the sealed secret with the password of that user.
    #[serde(default)]
    admin: Option<String>,
    /// `postgres`: the two roles that take turns.
    #[serde(default)]
    roles: Option<Vec<String>>,
    /// `adapter`: where it answers.
    #[serde(default)]
    url: Option<String>,
    /// The sealed secret to ask with: of an `adapter` (if it wants one) or a vault.
    #[serde(default)]
    token: Option<String>,
    /// A vault: `https://HOST:PORT`.
    #[serde(default)]
    address: Option<String>,
    /// A vault: what follows `/v1/`.
    #[serde(default)]
    path: Option<String>,
    /// A vault: its namespace, if any.
    #[serde(default)]
    namespace: Option<String>,
}

const DAY_MS: Millis = 86_400_000;
const HOUR_MS: Millis = 3_600_000;
const MINUTE_MS: Millis = 60_000;

/// Of one kind: its source, how long a value is in use, how long it overlaps, and its form, unless given.
type Kind = (SecretSource, Millis, Millis, Option<&'static str>);

impl NewSource {
    fn sourced(mut self) -> Result<Sourced, ApiError> {
        let (source, every_ms, overlap_ms, form) = self.kind()?;
        let left = [
            ("server", self.server.is_some()),
            ("admin", self.admin.is_some()),
            ("roles", self.roles.is_some()),
            ("url", self.url.is_some()),
            ("token", self.token.is_some()),
            ("address", self.address.is_some()),
            ("path", self.path.is_some()),
            ("namespace", self.namespace.is_some()),
        ];
        if let Some((other, _)) = left.into_iter().find(|(_, given)| *given) {
            return Err(
                ApiError::invalid(format!("a source of the kind `{}` has no `{other}`", self.kind)).at(other)
            );
        }
        let span = |text: Option<String>, place: &str, unless: Millis| match text {
            None => Ok(unless),
            Some(text) => Span::parse(&text).map(Span::as_ms).ok_or_else(|| {
                ApiError::invalid(format!(
                    "`{text}` is no span of time such as \"30 days\" or \"90 seconds\""
                ))
                .at(place)
            }),
        };
        let every_ms = span(self.every, "every", every_ms)?;
        // A short turn has a short overlap.
        let overlap_ms = span(self.overlap, "overlap", overlap_ms.min(every_ms / 2))?;
        let form = self.value.or_else(|| form.map(str::to_owned));
        let form = form.ok_or_else(|| missing(&self.kind, "value"))?;
        Ok(Sourced { source, form, every_ms, overlap_ms })
    }

    fn kind(&mut self) -> Result<Kind, ApiError> {
        let kind = self.kind.clone();
        let text = |field: &mut Option<String>, place| field.take().ok_or_else(|| missing(&kind, place));
        let secret = |text: &str, place| name(text).map_err(|error| error.at(place));
        Ok(match kind.as_str() {
            "postgres" => {
                let server = text(&mut self.server, "server")?;
                let admin = secret(&text(&mut self.admin, "admin")?, "admin")?;
                let roles: Result<[String; 2], _> = self.roles.take().unwrap_or_default().try_into();
                let [first, second] =
                    roles.map_err(|_| ApiError::invalid("say two roles: they take turns").at("roles"))?;
                let source = SecretSource::Postgres { server, admin, roles: (first, second) };
                (source, 30 * DAY_MS, HOUR_MS, Some("{user}:{password}"))
            }
            "adapter" => {
                let url = text(&mut self.url, "url")?;
                let token = self.token.take().map(|token| secret(&token, "token")).transpose()?;
                (SecretSource::Adapter { url, token }, 30 * DAY_MS, HOUR_MS, Some("{value}"))
            }
            "vault-kv" => (SecretSource::VaultKv(self.vault(&kind)?), MINUTE_MS, 0, None),
            "vault-dynamic" => (SecretSource::VaultDynamic(self.vault(&kind)?), 30 * DAY_MS, MINUTE_MS, None),
            other => {
                return Err(ApiError::invalid(format!("there is no kind of source `{other}`"))
                    .help("one of: postgres, adapter, vault-kv, vault-dynamic")
                    .at("kind"));
            }
        })
    }

    fn vault(&mut self, kind: &str) -> Result<Vault, ApiError> {
        let text = |field: &mut Option<String>, place| field.take().ok_or_else(|| missing(kind, place));
        let token: Name = name(&text(&mut self.token, "token")?).map_err(|error| error.at("token"))?;
        Ok(Vault {
            address: text(&mut self.address, "address")?,
            path: text(&mut self.path, "path")?,
            token,
            namespace: self.namespace.take(),
        })
    }
}

fn missing(kind: &str, field: &str) -> ApiError {
    ApiError::invalid(format!("a source of the kind `{kind}` has `{field}`")).at(field)
}

/// Says where values come from; the first comes at once.
#[utoipa::path(post, path = "/v1/secrets/{name}/source", tag = "secrets", request_body = NewSource,
    params(("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn source_secret(
    State(ports): State<Shared>,
    Path(secret): Path<String>,
    Input(new): Input<NewSource>,
) -> Result<Json<Done>, ApiError> {
    let step = SecretStep::Source(Box::new(new.sourced()?));
    let command = Command::Secret { name: name(&secret)?, step, reason: "said by an operator".to_owned() };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    /// Why.
    reason: String,
}

/// Lets it be set by hand again. What is in use goes on.
#[utoipa::path(post, path = "/v1/secrets/{name}/by-hand", tag = "secrets", request_body = Why,
    params(("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn secret_by_hand(
    State(ports): State<Shared>,
    Path(secret): Path<String>,
    Input(why): Input<Why>,
) -> Result<Json<Done>, ApiError> {
    let command = Command::Secret { name: name(&secret)?, step: SecretStep::ByHand, reason: why.reason };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}

/// Leaves to people what waits to be ended at the source: it is gone, or does not let it end.
#[utoipa::path(post, path = "/v1/secrets/{name}/abandon", tag = "secrets", request_body = Why,
    params(("name" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn abandon_secret(
    State(ports): State<Shared>,
    Path(secret): Path<String>,
    Input(why): Input<Why>,
) -> Result<Json<Done>, ApiError> {
    let command = Command::Secret { name: name(&secret)?, step: SecretStep::Abandon, reason: why.reason };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}
