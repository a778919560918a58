//! The front door: a JSON API with its OpenAPI description, and the client the CLI uses.
//! One operation per file, in a folder per noun. Handlers hold no rules: they read what was asked,
//! submit a command, and show what came of it.
//!
//! It listens on loopback and asks for the operator's bearer token, except where the caller brings
//! proof of their own (a join token) or the answer is public (trust bundle, log, health).

mod authority;
pub mod client;
mod credentials;
mod decisions;
mod error;
mod estate;
mod explanations;
mod federation;
mod identities;
mod instruments;
mod issuers;
mod logs;
mod operations;
mod parties;
mod people;
mod proofs;
mod reference;
pub mod schema;
mod scim;
mod secrets;
mod security_events;
mod services;
mod stops;
pub mod view;

pub use client::{Client, ClientError};
pub use error::{ApiError, Finding, ProblemBody};
pub use scim::PersonalData;

use ::authority::Authority;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use credential::ProcessEvidence;
use ledger::ReadLog;
use std::pin::Pin;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

/// The largest request body: an estate of some thousand documents.
pub const BODY_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The largest request body of somebody without the operator's token.
pub const OPEN_BODY_BYTES_MAX: usize = 64 * 1024;
/// Rows in one page of a list.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// What a page of decisions has of texts and of what was bound to them, after which it ends.
pub const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Keeps upstream secrets.
pub trait SecretStore: Send + Sync {
    /// Seals a secret under a name, replacing an earlier one.
    fn put(&self, name: &str, secret: &[u8]) -> Result<(), String>;
}

/// Reads the keys of an issuer, or says why that failed.
pub type ReadKeys = Box<
    dyn Fn(registry::TrustedIssuer) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>>
        + Send
        + Sync,
>;

/// Reads the bundle of another trust domain, or says why that failed.
pub type ReadBundle = Box<
    dyn Fn(
            registry::FederationRelationship,
        ) -> Pin<Box<dyn Future<Output = Result<registry::TrustBundle, String>> + Send>>
        + Send
        + Sync,
>;

/// Opens what was sealed.
pub type Unseal = Box<dyn Fn(&[u8]) -> Option<Zeroizing<Vec<u8>>> + Send + Sync>;

/// What the API needs from outside.
pub struct Ports {
    /// The control plane.
    pub authority: Authority,
    /// The decision log of the gateway beside it.
    pub decisions: Arc<dyn ReadLog>,
    /// Opens what is sealed beside the decision log; `None` where it was not sealed here.
    pub unseal: Unseal,
    /// Upstream secrets.
    pub secrets: Arc<dyn SecretStore>,
    /// Finds out what a process of this host is, by its number.
    pub attest: Box<dyn Fn(i32) -> Result<ProcessEvidence, String> + Send + Sync>,
    /// Reads the keys of an issuer where it publishes them (a JWK Set).
    pub read_keys: ReadKeys,
    /// Reads the bundle of another trust domain where it publishes it.
    pub read_bundle: ReadBundle,
    /// What identity providers say about people.
    pub people: Arc<dyn PersonalData>,
    /// The operator's token.
    pub token: Zeroizing<String>,
    /// The token of whoever provisions people.
    pub scim_token: Zeroizing<String>,
    /// Says why the process is not ready, if it is not.
    pub not_ready: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// The metrics page.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

pub(crate) type Shared = Arc<Ports>;

#[derive(OpenApi)]
#[openapi(
    info(title = "Writ", description = "Identities, instruments, credentials and decisions of machines."),
    tags(
        (name = "parties", description = "Legal persons"),
        (name = "people", description = "Natural persons who answer for machines"),
        (name = "services", description = "What machines call"),
        (name = "secrets", description = "Upstream secrets"),
        (name = "identities", description = "Machine identities"),
        (name = "instruments", description = "Charters, contracts and guardrails"),
        (name = "estate", description = "The estate as a folder of files"),
        (name = "proofs", description = "Questions to a solver, over all instruments in force"),
        (name = "issuers", description = "Others whose signed tokens count"),
        (name = "federation", description = "Other trust domains whose machines are recognised"),
        (name = "authority", description = "The roots of the trust domain"),
        (name = "stops", description = "Stopping what must not go on"),
        (name = "credentials", description = "Tokens and certificates"),
        (name = "decisions", description = "What was permitted and denied"),
        (name = "logs", description = "The ledger"),
        (name = "operations", description = "Health and metrics"),
    )
)]
struct Description;

fn governed() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(parties::register::register_party))
        .routes(routes!(parties::list::list_parties))
        .routes(routes!(people::register::register_person))
        .routes(routes!(people::list::list_people))
        .routes(routes!(people::leave::person_leaves))
        .routes(routes!(people::link::link_account))
        .routes(routes!(people::link::unlink_account))
        .routes(routes!(people::authorize::grant_authority))
        .routes(routes!(people::authorize::withdraw_authority))
        .routes(routes!(services::register::register_service))
        .routes(routes!(services::list::list_services))
        .routes(routes!(secrets::list::list_secrets))
        .routes(routes!(secrets::source::source_secret))
        .routes(routes!(secrets::source::secret_by_hand))
        .routes(routes!(secrets::source::abandon_secret))
        .routes(routes!(secrets::rotate::rotate_secret))
        .routes(routes!(secrets::seal::set_secret))
        .routes(routes!(identities::propose::propose_identity))
        .routes(routes!(identities::list::list_identities))
        .routes(routes!(identities::get::get_identity))
        .routes(routes!(identities::accept::accept_ownership))
        .routes(routes!(identities::hand_over::hand_over))
        .routes(routes!(identities::change::change_identity))
        .routes(routes!(identities::recognize::recognize_workload))
        .routes(routes!(identities::join::rule_join))
        .routes(routes!(issuers::trust::trust_issuer))
        .routes(routes!(issuers::list::list_issuers))
        .routes(routes!(issuers::read::read_issuer))
        .routes(routes!(issuers::drop::drop_issuer))
        .routes(routes!(federation::establish::establish_federation))
        .routes(routes!(federation::list::list_federations))
        .routes(routes!(federation::read::read_federation))
        .routes(routes!(federation::end::end_federation))
        .routes(routes!(instruments::draft::draft_instrument))
        .routes(routes!(instruments::list::list_instruments))
        .routes(routes!(instruments::get::get_instrument))
        .routes(routes!(instruments::rehearse::rehearse))
        .routes(routes!(instruments::seal::seal_of_instrument))
        .routes(routes!(instruments::sign::sign_instrument))
        .routes(routes!(instruments::end::end_instrument))
        .routes(routes!(instruments::trial::begin_trial))
        .routes(routes!(instruments::trial::end_trial))
        .routes(routes!(instruments::examine::examine_instrument))
        .routes(routes!(instruments::notice::show_notice, instruments::notice::give_notice))
        .routes(routes!(proofs::ask::ask))
        .routes(routes!(proofs::scripts::scripts_of_proof))
        .routes(routes!(estate::plan::plan_estate))
        .routes(routes!(estate::apply::apply_estate))
        .routes(routes!(authority::show::show_authority))
        .routes(routes!(authority::step::step_authority))
        .routes(routes!(explanations::explain::explain))
        .routes(routes!(stops::stop::stop))
        .routes(routes!(credentials::token::create_token))
        .routes(routes!(credentials::revoke::revoke_credential))
        .routes(routes!(decisions::list::list_decisions))
        .routes(routes!(decisions::get::get_decision))
}

fn open() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(credentials::issue::issue_credential))
        .routes(routes!(credentials::bundle::trust_bundle))
        .routes(routes!(credentials::bundle_document::bundle_document))
        .routes(routes!(security_events::receive_event))
        .routes(routes!(logs::checkpoint::checkpoint))
        .routes(routes!(logs::proof::proof))
        .routes(routes!(logs::tile::tile))
        .routes(routes!(operations::health::live))
        .routes(routes!(operations::ready::ready))
        .routes(routes!(operations::metrics::metrics))
}

/// The API as a service.
pub fn router(ports: Ports) -> axum::Router {
    let shared: Shared = Arc::new(ports);
    let (governed, _) = governed().split_for_parts();
    let (open, _) = open().split_for_parts();
    let governed = governed.route_layer(axum::middleware::from_fn_with_state(shared.clone(), operator_only));
    let governed = governed.layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    let open = open.layer(DefaultBodyLimit::max(OPEN_BODY_BYTES_MAX));
    governed.merge(open).merge(scim::router(shared.clone())).with_state(shared)
}

/// The OpenAPI description, as committed in `docs/reference/openapi.json`.
pub fn openapi_json() -> String {
    let (_, description) =
        OpenApiRouter::with_openapi(Description::openapi()).merge(governed()).merge(open()).split_for_parts();
    // The router's way of saying "and all that follows" is not OpenAPI's.
    description.to_pretty_json().unwrap_or_default().replace("{*path}", "{path}") + "\n"
}

/// Lets only the bearer of the operator's token through.
async fn operator_only(State(ports): State<Shared>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(axum::http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match given {
        Some(token) if bool::from(token.as_bytes().ct_eq(ports.token.as_bytes())) => next.run(request).await,
        Some(_) | None => ApiError::unauthorized().into_response(),
    }
}
