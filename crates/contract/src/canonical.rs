//! The canonical form of an instrument (JSON Canonicalization Scheme, RFC 8785: only strings, integers,
//! arrays and objects occur) and the envelope both parties sign.

use crate::clause::Clause;
use crate::document::{Body, Instrument, Organisation, Signing};
use crate::library::{LIBRARY, Library};
use crate::norm::Norm;
use registry::Name;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What is signed: every hash that ties words and rule together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The kind of instrument.
    pub kind: &'static str,
    /// Its name.
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
    /// What services' acts mean, and the ledger it is for; absent until it is drafted.
    pub bound: Option<Bound>,
}

/// What ties an envelope to one ledger and to one description of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// SHA-256 of the service of a contract as registered.
    pub service: Option<[u8; 32]>,
    /// The trust domain of the ledger.
    pub trust_domain: String,
}

impl Envelope {
    /// The envelope of a document that was checked, and the bundle it compiles to.
    pub fn of(instrument: &Instrument, source: &str, bundle: [u8; 32], compiler: &str) -> Self {
        Self {
            kind: instrument.body.noun(),
            name: instrument.name.to_string(),
            version: instrument.version,
            clauses: Sha256::digest(to_jcs(&form(instrument))).into(),
            text: digest(source),
            bundle,
            compiler: compiler.to_owned(),
            bound: None,
        }
    }

    /// Ties it to a ledger and a service.
    pub fn bind(self, service: Option<[u8; 32]>, trust_domain: &str) -> Self {
        Self { bound: Some(Bound { service, trust_domain: trust_domain.to_owned() }), ..self }
    }

    /// The bytes that are signed.
    pub fn to_json(&self) -> String {
        to_jcs(&json!({
            "bundle": hex(&self.bundle),
            "clauses": hex(&self.clauses),
            "compiler": self.compiler,
            "instrument": self.kind,
            "library": format!("{LIBRARY} {}", hex(&Library::current().hash())),
            "name": self.name,
            "service": self.bound.as_ref().and_then(|bound| bound.service).map(|hash| hex(&hash)),
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
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The canonical form of an instrument.
pub fn form(instrument: &Instrument) -> Value {
    let organisation =
        |side: &Organisation| json!({ "legal_name": side.legal_name, "party": side.party.as_str() });
    let body = match &instrument.body {
        Body::Charter { holder, machine } => {
            json!({ "holder": organisation(holder), "machine": machine.as_str() })
        }
        Body::Contract { provider, service, consumer, machines } => json!({
            "consumer": organisation(consumer),
            "machines": machines.iter().map(Name::as_str).collect::<Vec<_>>(),
            "provider": organisation(provider),
            "service": service.as_str(),
        }),
        Body::Guardrail { holder } => json!({ "holder": organisation(holder) }),
    };
    json!({
        "body": body,
        "clauses": instrument.clauses.iter().map(clause).collect::<Vec<_>>(),
        "headings": instrument.headings,
        "instrument": instrument.body.noun(),
        "name": instrument.name.as_str(),
        "signing": signing(&instrument.signing),
        "title": instrument.title,
        "version": instrument.version,
    })
}

/// What clauses come down to beside the rules of a gateway: duties, powers, levels, values. Together
/// with the compiled rules this is the bundle.
pub fn norms(instrument: &Instrument) -> String {
    let said = instrument.statements().into_iter().filter(|(_, _, said)| !matches!(said.norm, Norm::Rule(_)));
    let said: Vec<Value> = said
        .map(|(number, at, said)| json!({ "clause": number.to_string(), "norm": said.norm, "sentence": at }))
        .collect();
    let after: Vec<Value> = instrument
        .clauses
        .iter()
        .filter(|clause| clause.on_breach.is_some() || clause.survives)
        .map(|clause| {
            json!({
                "clause": clause.number.to_string(),
                "on_breach": clause.on_breach.map(|number| number.to_string()),
                "survives": clause.survives,
            })
        })
        .collect();
    let mut norms = json!({ "after": after, "norms": said });
    // Who must sign is a rule like the others where the instrument says more than every one does.
    if let (Value::Object(members), true) = (&mut norms, instrument.signing != Signing::default()) {
        members.insert("signing".to_owned(), signing(&instrument.signing));
    }
    to_jcs(&norms)
}

fn signing(signing: &Signing) -> Value {
    let quorum =
        signing.quorum.iter().map(|(side, people)| json!({ "people": people, "side": side.as_str() }));
    json!({ "first": signing.first.map(|side| side.as_str()), "quorum": quorum.collect::<Vec<_>>() })
}

/// SHA-256 of a clause in canonical form: what a credential names it by.
pub fn clause_digest(of: &Clause) -> [u8; 32] {
    digest(&to_jcs(&clause(of)))
}

fn clause(clause: &Clause) -> Value {
    json!({
        "kind": clause.kind.as_str(),
        "number": clause.number.to_string(),
        "on_breach": clause.on_breach.map(|number| number.to_string()),
        "survives": clause.survives,
        "terms": clause.kind.terms(),
    })
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
