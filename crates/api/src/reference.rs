//! From the names people use to the ids commands take.

use crate::{ApiError, Shared};
use registry::{IdentityId, InstrumentId, Name, PartyId, PersonId, State};

/// Reads a name.
pub(crate) fn name(text: &str) -> Result<Name, ApiError> {
    text.parse().map_err(ApiError::invalid)
}

/// Runs `find` on the state.
pub(crate) fn look<T>(
    ports: &Shared,
    find: impl FnOnce(&State) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    find(ports.authority.rules().state())
}

pub(crate) fn party(state: &State, text: &str) -> Result<PartyId, ApiError> {
    state
        .party_named(text)
        .map(|party| party.id)
        .ok_or_else(|| ApiError::not_found(format!("party `{text}`")))
}

pub(crate) fn person(state: &State, party_name: &str, text: &str) -> Result<PersonId, ApiError> {
    let party = party(state, party_name)?;
    state
        .person_named(party, text)
        .map(|person| person.id)
        .ok_or_else(|| ApiError::not_found(format!("person `{text}` of `{party_name}`")))
}

pub(crate) fn identity(state: &State, party_name: &str, text: &str) -> Result<IdentityId, ApiError> {
    let party = party(state, party_name)?;
    state
        .identity_named(party, &name(text)?)
        .map(|identity| identity.id)
        .ok_or_else(|| ApiError::not_found(format!("identity `{party_name}/{text}`")))
}

/// An instrument by name: the newest version, or the one given.
pub(crate) fn instrument(state: &State, text: &str, version: Option<u32>) -> Result<InstrumentId, ApiError> {
    let name = name(text)?;
    let found = match version {
        Some(version) => state.instrument_named(&name, version),
        None => state.instrument_versions(&name).last(),
    };
    let what = || match version {
        Some(version) => format!("version {version} of the instrument `{text}`"),
        None => format!("instrument `{text}`"),
    };
    found.map(|instrument| instrument.id).ok_or_else(|| ApiError::not_found(what()))
}
