//! The canonical form of a contract (JSON Canonicalization Scheme, RFC 8785: only strings, integers,
//! arrays and objects occur) and the envelope both parties sign.

use crate::clause::{Clause, Kind, Recording};
use crate::document::Contract;
use registry::Name;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The version of the wording in `words`; part of every envelope.
pub const LIBRARY: &str = "writ-clauses/1";

/// What is signed: every hash that ties words and rule together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The contract's name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the canonical form of its clauses and parties.
    pub clauses: [u8; 32],
    /// SHA-256 of the document.
    pub text: [u8; 32],
    /// SHA-256 of the policy bundle.
    pub bundle: [u8; 32],
    /// Which compiler made the bundle.
    pub compiler: String,
    /// What the service's acts mean, and the ledger the contract is for; absent until it is drafted.
    pub bound: Option<Bound>,
}

/// What ties an envelope to one ledger and to one description of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// SHA-256 of the service as registered.
    pub service: [u8; 32],
    /// The trust domain of the ledger.
    pub trust_domain: String,
}

impl Envelope {
    /// The envelope of a document that was checked, and the bundle it compiles to.
    pub fn of(contract: &Contract, source: &str, bundle: [u8; 32], compiler: &str) -> Self {
        Self {
            name: contract.name.to_string(),
            version: contract.version,
            clauses: Sha256::digest(to_jcs(&form(contract))).into(),
            text: digest(source),
            bundle,
            compiler: compiler.to_owned(),
            bound: None,
        }
    }

    /// Ties it to a ledger and a service.
    pub fn bind(self, service: [u8; 32], trust_domain: &str) -> Self {
        Self { bound: Some(Bound { service, trust_domain: trust_domain.to_owned() }), ..self }
    }

    /// The bytes that are signed.
    pub fn to_json(&self) -> String {
        to_jcs(&json!({
            "bundle": hex(&self.bundle),
            "clauses": hex(&self.clauses),
            "compiler": self.compiler,
            "instrument": "contract",
            "library": LIBRARY,
            "name": self.name,
            "service": self.bound.as_ref().map(|bound| hex(&bound.service)),
            "text": hex(&self.text),
            "trust_domain": self.bound.as_ref().map(|bound| bound.trust_domain.as_str()),
            "version": self.version,
        }))
    }
}

/// SHA-256 of a document's text.
pub fn digest(source: &str) -> [u8; 32] {
    Sha256::digest(source).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The canonical form of a contract.
pub fn form(contract: &Contract) -> Value {
    json!({
        "clauses": contract.clauses.iter().map(clause).collect::<Vec<_>>(),
        "consumer": {
            "legal_name": contract.consumer.legal_name,
            "machines": names(&contract.machines),
            "party": contract.consumer.party.as_str(),
        },
        "instrument": "contract",
        "name": contract.name.as_str(),
        "provider": {
            "legal_name": contract.provider.legal_name,
            "party": contract.provider.party.as_str(),
            "service": contract.service.as_str(),
        },
        "title": contract.title,
        "version": contract.version,
    })
}

fn clause(clause: &Clause) -> Value {
    let parameters = match &clause.kind {
        Kind::Credential { max_ttl } => json!({ "max_ttl_ms": max_ttl.as_ms() }),
        Kind::Permit { actions, resources, purposes, recording } => json!({
            "actions": names(actions),
            "purposes": purposes,
            "recording_within_ms": match recording {
                Recording::Strict => 0,
                Recording::Within(span) => span.as_ms(),
            },
            "resources": names(resources),
        }),
        Kind::Prohibit { actions, resources } => {
            json!({ "actions": names(actions), "resources": names(resources) })
        }
        Kind::Quota { limit, window, actions, resources } => json!({
            "actions": names(actions),
            "limit": limit,
            "resources": names(resources),
            "window_ms": window.as_ms(),
        }),
        Kind::Term { start_ms, end_ms } => json!({ "end_ms": end_ms, "start_ms": start_ms }),
        Kind::Words { text } => json!({ "text": text }),
    };
    json!({ "kind": clause.kind.as_str(), "number": clause.number.to_string(), "parameters": parameters })
}

fn names(names: &[Name]) -> Vec<&str> {
    names.iter().map(Name::as_str).collect()
}

/// RFC 8785 for values without fractions: sorted keys, no spaces. Does not rely on the map type
/// `serde_json` was built with.
pub fn to_jcs(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(to_jcs).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            let members: Vec<String> = members
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::String(key.clone()), to_jcs(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// SHA-256 of bytes.
pub fn digest_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
