//! The envelope of an instrument with its signatures, detached from any server: what stands beside a
//! `*.writ.md`, and inside its PDF.

use serde_json::{Value, json};

/// The envelope with its signatures, detached from any server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// What is signed, canonical JSON.
    pub envelope: String,
    /// Who signs for which side, and has.
    pub signatories: Vec<Signatory>,
}

/// Somebody who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatory {
    /// For which side: `provider`, `consumer`, `party`.
    pub side: String,
    /// `party/person`.
    pub person: String,
    /// Their public key, OpenSSH.
    pub key: String,
    /// Their signature, if they have signed.
    pub signature: Option<Signature>,
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// When, milliseconds since 1970.
    pub time_ms: u64,
    /// The armored SSH signature.
    pub armored: String,
}

impl Seal {
    /// The detached form: what stands beside a `*.writ.md`, and in its PDF.
    pub fn to_json(&self) -> String {
        let one = |s: &Signatory| {
            json!({
                "key": s.key,
                "person": s.person,
                "side": s.side,
                "signature": s.signature.as_ref().map(|signature| signature.armored.as_str()),
                "time_ms": s.signature.as_ref().map(|signature| signature.time_ms),
            })
        };
        let signatories: Vec<Value> = self.signatories.iter().map(one).collect();
        crate::canonical::to_jcs(&json!({ "envelope": self.envelope, "signatories": signatories }))
    }

    /// Reads the detached form.
    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
        let one = |value: &Value| {
            let signature = text(value, "signature").zip(value.get("time_ms").and_then(Value::as_u64));
            Some(Signatory {
                side: text(value, "side")?,
                person: text(value, "person")?,
                key: text(value, "key")?,
                signature: signature.map(|(armored, time_ms)| Signature { time_ms, armored }),
            })
        };
        let signatories = value.get("signatories")?.as_array()?.iter().map(one).collect::<Option<_>>()?;
        Some(Self { envelope: text(&value, "envelope")?, signatories })
    }

    /// The trust domain of the ledger it is for; empty before it was drafted.
    pub fn trust_domain(&self) -> String {
        self.named("trust_domain").unwrap_or_default()
    }

    /// A value of the envelope.
    pub fn named(&self, key: &str) -> Option<String> {
        let envelope: Value = serde_json::from_str(&self.envelope).ok()?;
        envelope.get(key)?.as_str().map(str::to_owned)
    }
}
