//! The envelope of an instrument with its signatures, detached from any server: what stands beside a
//! `*.writ.md`, and inside its PDF.

use serde_json::{Value, json};

/// Versions a seal carries behind one another at most, each resting on the one before.
pub const NARROWINGS_MAX: usize = 16;

/// The envelope with its signatures, detached from any server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// What is signed, canonical JSON.
    pub envelope: String,
    /// Who signs for which side, and has.
    pub signatories: Vec<Signatory>,
    /// Why the signature of one side is enough, where it is.
    pub narrowing: Option<Box<Narrowing>>,
}

/// Somebody who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatory {
    /// For which side: `provider`, `consumer`, `party`.
    pub side: String,
    /// `party/person`.
    pub person: String,
    /// As what they sign; empty if that is not known any more.
    pub capacity: String,
    /// Their public key, OpenSSH.
    pub key: String,
    /// Their signature, if they have signed.
    pub signature: Option<Signature>,
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// When it reached the registry, milliseconds since 1970. The signature does not cover it.
    pub time_ms: u64,
    /// The armored SSH signature.
    pub armored: String,
}

/// The version that both sides signed and this one only narrows, whole: whoever has the file can prove
/// it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowing {
    /// The version that is narrowed.
    pub version: u32,
    /// The solver that proved it when it was signed, as the ledger recorded it.
    pub solver: String,
    /// SHA-256 of its scripts, hexadecimal.
    pub script: String,
    /// The text of that version.
    pub text: String,
    /// Its seal.
    pub seal: Seal,
}

impl Seal {
    /// The detached form: what stands beside a `*.writ.md`, and in its PDF.
    pub fn to_json(&self) -> String {
        crate::canonical::to_jcs(&self.value())
    }

    fn value(&self) -> Value {
        let one = |s: &Signatory| {
            json!({
                "capacity": s.capacity,
                "key": s.key,
                "person": s.person,
                "side": s.side,
                "signature": s.signature.as_ref().map(|signature| signature.armored.as_str()),
                "time_ms": s.signature.as_ref().map(|signature| signature.time_ms),
            })
        };
        let narrowing = self.narrowing.as_ref().map(|narrowing| {
            json!({
                "script": narrowing.script,
                "seal": narrowing.seal.value(),
                "solver": narrowing.solver,
                "text": narrowing.text,
                "version": narrowing.version,
            })
        });
        let signatories: Vec<Value> = self.signatories.iter().map(one).collect();
        json!({ "envelope": self.envelope, "narrowing": narrowing, "signatories": signatories })
    }

    /// Reads the detached form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(&serde_json::from_str(text).ok()?, NARROWINGS_MAX)
    }

    fn read(value: &Value, narrowings_max: usize) -> Option<Self> {
        let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
        let one = |value: &Value| {
            let signature = text(value, "signature").zip(value.get("time_ms").and_then(Value::as_u64));
            Some(Signatory {
                side: text(value, "side")?,
                person: text(value, "person")?,
                capacity: text(value, "capacity").unwrap_or_default(),
                key: text(value, "key")?,
                signature: signature.map(|(armored, time_ms)| Signature { time_ms, armored }),
            })
        };
        let signatories = value.get("signatories")?.as_array()?.iter().map(one).collect::<Option<_>>()?;
        let narrowing = match value.get("narrowing") {
            None | Some(Value::Null) => None,
            Some(narrowing) => Some(Box::new(Narrowing {
                version: narrowing.get("version")?.as_u64()?.try_into().ok()?,
                solver: text(narrowing, "solver")?,
                script: text(narrowing, "script")?,
                text: text(narrowing, "text")?,
                seal: Self::read(narrowing.get("seal")?, narrowings_max.checked_sub(1)?)?,
            })),
        };
        Some(Self { envelope: text(value, "envelope")?, signatories, narrowing })
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

    /// How many different keys signed for a side. The signatures are not looked at.
    pub fn signed(&self, side: &str) -> usize {
        let of_side = self.signatories.iter().filter(|s| s.side == side && s.signature.is_some());
        of_side.map(|signatory| &signatory.key).collect::<std::collections::BTreeSet<_>>().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> Seal {
        let narrowing = depth.checked_sub(1).map(|depth| {
            let (solver, script, text) = ("cvc5".to_owned(), "00".to_owned(), "+++".to_owned());
            Box::new(Narrowing { version: 1, solver, script, text, seal: nested(depth) })
        });
        Seal { envelope: "{}".to_owned(), signatories: Vec::new(), narrowing }
    }

    #[test]
    fn a_seal_carries_earlier_versions_up_to_a_limit() {
        let seal = nested(NARROWINGS_MAX);
        assert_eq!(Seal::parse(&seal.to_json()), Some(seal));
        assert_eq!(Seal::parse(&nested(NARROWINGS_MAX + 1).to_json()), None);
        assert_eq!(Seal::parse("{\"envelope\":\"{}\",\"signatories\":[],\"narrowing\":{}}"), None);
    }
}
