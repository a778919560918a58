//! RFC 9457 problem details, with the clause a denial rests on.

use serde::Serialize;

/// The media type.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence in words.
    pub detail: String,
    /// Where this occurrence is on record: `<log origin>/<index>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The stable code of the reason.
    pub reason: String,
    /// The clause it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<CitedClause>,
}

/// A clause of a signed instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CitedClause {
    /// The instrument's name.
    pub contract: String,
    /// Its title.
    pub title: String,
    /// Its version.
    pub version: u32,
    /// The clause's number.
    pub number: String,
    /// The sentence that was signed.
    pub sentence: String,
}

impl Problem {
    /// The document's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
