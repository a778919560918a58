//! `POST /v1/federation/{trust_domain}`: another trust domain's machines are recognised from here on.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, party};
use crate::view::Done;
use axum::Json;
use axum::extract::{Path, State};
use credential::{SpiffeId, TrustDomain, bundle};
use registry::{
    Actor, BundleEndpoint, BundleFrom, Command, EndpointProfile, FederationRelationship, TrustBundle,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// A relationship with another trust domain.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFederation {
    /// Whose machines recognise its machines.
    parties: Vec<String>,
    /// Where it publishes its bundle: `https://…`. Unless given, it is read nowhere if the bundle is given, or else where it
    /// was read before.
    #[serde(default)]
    url: Option<String>,
    /// The SPIFFE ID by which the server there is recognised (profile `https_spiffe`); by a public authority unless given
    /// (profile `https_web`).
    #[serde(default)]
    endpoint_id: Option<String>,
    /// Its bundle, as text (SPIFFE Trust Domain and Bundle §4): it counts, whatever was there before. Unless given, it is
    /// the one of before, if it is read where it was, or it is read at once and must follow the one of before.
    #[serde(default)]
    bundle: Option<String>,
}

/// Recognises another trust domain's machines; replaces what was said of it before.
#[utoipa::path(post, path = "/v1/federation/{trust_domain}", tag = "federation", request_body = NewFederation,
    params(("trust_domain" = String, Path,)),
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn establish_federation(
    State(ports): State<Shared>,
    Path(trust_domain): Path<String>,
    Input(new): Input<NewFederation>,
) -> Result<Json<Done>, ApiError> {
    let of: TrustDomain = trust_domain.parse().map_err(|error| {
        ApiError::invalid(format!("`{trust_domain}`: {error}")).help("for example partner.example")
    })?;
    let endpoint = match (new.url, new.endpoint_id) {
        (None, None) => None,
        (None, Some(_)) => {
            return Err(ApiError::invalid("a server was named, and no address").at("url"));
        }
        (Some(url), None) => Some(BundleEndpoint { url, profile: EndpointProfile::Web }),
        (Some(url), Some(id)) => {
            let id: SpiffeId = id
                .parse()
                .map_err(|error| ApiError::invalid(format!("`{id}`: {error}")).at("endpoint_id"))?;
            Some(BundleEndpoint { url, profile: EndpointProfile::Spiffe(id.to_string()) })
        }
    };
    let given = new.bundle.map(|text| bundle::parse(&text, &of)).transpose();
    let given = given.map_err(|error| ApiError::invalid(error.to_string()).at("bundle"))?;
    let before = look(&ports, |state| {
        Ok(state.federations.get(&trust_domain).map(|known| known.relationship.clone()))
    })?;
    let endpoint = match (&given, &before) {
        (None, Some(before)) => endpoint.or_else(|| before.endpoint.clone()),
        (Some(_), _) | (None, None) => endpoint,
    };
    let from = match (&given, &before) {
        (Some(_), _) => BundleFrom::Hand,
        (None, Some(before)) if before.endpoint == endpoint => BundleFrom::Before,
        (None, _) => BundleFrom::Read,
    };
    // Who is known already vouches for the next.
    let bundle = given.or_else(|| before.map(|before| before.bundle)).unwrap_or_default();
    let parties = new.parties.iter().map(|text| look(&ports, |state| party(state, text)));
    let relationship = FederationRelationship {
        trust_domain,
        endpoint,
        parties: parties.collect::<Result<_, _>>()?,
        bundle,
    };
    // Nobody is asked at an address that would be refused.
    if let Some(problem) = relationship.problem() {
        return Err(ApiError::invalid(problem));
    }
    let relationship = match from {
        BundleFrom::Hand | BundleFrom::Before => relationship,
        BundleFrom::Read => {
            let bundle = read(&ports, &relationship).await?;
            FederationRelationship { bundle, ..relationship }
        }
    };
    let command = Command::EstablishFederation { relationship: Box::new(relationship), from };
    Ok(Json(Done::of(&ports.authority.submit(Actor::Operator, command).await?)))
}

async fn read(ports: &Shared, relationship: &FederationRelationship) -> Result<TrustBundle, ApiError> {
    if relationship.endpoint.is_none() {
        let help = "give its bundle with --bundle FILE, or where it is published with --url URL";
        return Err(ApiError::invalid("neither its bundle is given nor where to read it")
            .help(help)
            .at("bundle"));
    }
    (ports.read_bundle)(relationship.clone()).await.map_err(|why| {
        ApiError::invalid(format!("its bundle cannot be read: {why}"))
            .help("give it with --bundle FILE; it is read there later all the same")
            .at("bundle")
    })
}
