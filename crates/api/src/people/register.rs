//! `POST /v1/people`: registers a natural person. Their name and address are kept beside the
//! ledger, committed to by a blinded digest.

use crate::Shared;
use crate::error::{ApiError, Input, ProblemBody};
use crate::reference::{look, name, party};
use crate::view::Done;
use axum::Json;
use axum::extract::State;
use minicbor::Encode;
use registry::{Actor, Command};
use serde::Deserialize;
use utoipa::ToSchema;

/// A natural person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    /// Their party.
    pub(crate) party: String,
    /// A handle without personal data.
    pub(crate) name: String,
    /// The SSH public key they sign with: the line of a `.pub` file.
    pub(crate) key: String,
    /// Their full name; kept beside the ledger.
    #[serde(default)]
    full_name: String,
    /// Their e-mail address; kept beside the ledger.
    #[serde(default)]
    email: String,
}

impl NewPerson {
    /// The first key that names more than a handle and a key to sign with.
    pub(crate) fn personal_data(&self) -> Option<&'static str> {
        let fields = [("full_name", &self.full_name), ("email", &self.email)];
        fields.into_iter().find(|(_, text)| !text.is_empty()).map(|(key, _)| key)
    }

    /// The command that registers them, with a commitment to what is kept beside it.
    pub(crate) fn command(self, state: &registry::State, profile: [u8; 32]) -> Result<Command, ApiError> {
        Ok(Command::RegisterPerson {
            name: name(&self.name).map_err(|error| error.at("name"))?,
            party: party(state, &self.party).map_err(|error| error.at("party"))?,
            key: self.key.parse().map_err(|error| ApiError::invalid(error).at("key"))?,
            profile,
        })
    }
}

/// What is kept beside the entry.
#[derive(Encode)]
#[cbor(map)]
struct Profile {
    #[cbor(n(0), with = "minicbor::bytes")]
    nonce: [u8; 16],
    #[n(1)]
    full_name: String,
    #[n(2)]
    email: String,
}

/// Registers a natural person.
#[utoipa::path(post, path = "/v1/people", tag = "people", request_body = NewPerson,
    responses((status = 200, body = Done), (status = "4XX", body = ProblemBody)))]
pub(crate) async fn register_person(
    State(ports): State<Shared>,
    Input(new): Input<NewPerson>,
) -> Result<Json<Done>, ApiError> {
    let (full_name, email) = (new.full_name.clone(), new.email.clone());
    let profile = Profile { nonce: authority::entropy()?, full_name, email };
    let addendum = minicbor::to_vec(&profile).map_err(ApiError::invalid)?;
    let digest = contract::canonical::digest_bytes(&addendum);
    let command = look(&ports, |state| new.command(state, digest))?;
    let admitted = ports.authority.submit_with(Actor::Operator, command, addendum).await?;
    Ok(Json(Done::of(&admitted)))
}
