//! What the instruments in force ask of a machine's credentials, and saying so in the credential itself: which
//! clause of which instrument it was issued under.
//!
//! Out of scope: finding the clauses (`policy`).

use crate::tbs::{NotDer, take, wrap};
use registry::{CredentialClause, InstrumentId, Millis};
use serde_json::{Value, json};

/// The content of the object identifier 1.2.840.113556.1.8000.2554.14244.59464.34464.19466.42124.7956669.498662.2: the clauses.
pub const TERMS: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0xbe, 0x40, 0x93, 0x7a, 0xef, 0x24, 0x83, 0xd0, 0x48, 0x82,
    0x8d, 0x20, 0x81, 0x98, 0x0a, 0x82, 0xc9, 0x0c, 0x83, 0xe5, 0xd1, 0x3d, 0x9e, 0xb7, 0x66, 0x02,
];
/// The claim of JWT-SVIDs that says the same.
pub const CLAIM: &str = "urn:oid:1.2.840.113556.1.8000.2554.14244.59464.34464.19466.42124.7956669.498662.2";
/// Clauses that are named in one credential at most.
pub const CLAUSES_MAX: usize = 16;
/// A certificate is renewed when this much of its life is over, unless a clause says otherwise.
pub const RENEW_AT_PERCENT: u8 = 50;

const SEQUENCE: u8 = 0x30;
const UTF8_STRING: u8 = 0x0c;
const OCTET_STRING: u8 = 0x04;

/// What credentials of a machine must be: the strictest of all instruments in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuanceTerms {
    /// The longest life, from the first to the last valid moment.
    pub life_max_ms: Millis,
    /// Which keys may be certified, best first; never empty.
    pub algorithms: Vec<KeyAlgorithm>,
    /// For whom JWT-SVIDs may be; `None` means for anybody.
    pub audiences: Option<Vec<String>>,
    /// A certificate is renewed when this much of its life is over, in percent.
    pub renew_at_percent: u8,
    /// The clauses it rests on.
    pub clauses: Vec<ClauseRef>,
}

/// No credential can be issued that all instruments in force allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("clause {clause} of `{instrument}` and those beside it allow no common {what}")]
pub struct NoTerms {
    /// The instrument that left nothing.
    pub instrument: InstrumentId,
    /// Its clause.
    pub clause: String,
    /// Of what nothing is left.
    pub what: &'static str,
}

impl IssuanceTerms {
    /// The strictest of all clauses: what each of them allows.
    pub fn strictest<'a>(
        clauses: impl Iterator<Item = (InstrumentId, &'a CredentialClause)>,
        life_max_ms: Millis,
    ) -> Result<Self, NoTerms> {
        let mut terms = Self {
            life_max_ms,
            algorithms: KeyAlgorithm::ALL.to_vec(),
            audiences: None,
            renew_at_percent: RENEW_AT_PERCENT,
            clauses: Vec::new(),
        };
        for (instrument, clause) in clauses {
            let none = |what| NoTerms { instrument, clause: clause.clause.clone(), what };
            terms.life_max_ms = terms.life_max_ms.min(clause.life_max_ms);
            if !clause.key_algorithms.is_empty() {
                terms.algorithms.retain(|known| clause.key_algorithms.iter().any(|a| a == known.as_str()));
            }
            if terms.algorithms.is_empty() {
                return Err(none("key algorithm"));
            }
            if !clause.audiences.is_empty() {
                let mut common = terms.audiences.unwrap_or_else(|| clause.audiences.clone());
                common.retain(|audience| clause.audiences.contains(audience));
                terms.audiences = Some(common);
            }
            if let Some(percent) = clause.renew_at_percent {
                terms.renew_at_percent = terms.renew_at_percent.min(percent);
            }
            terms.clauses.push(ClauseRef {
                instrument: instrument.to_string(),
                clause: clause.clause.clone(),
                digest: clause.digest,
            });
        }
        terms.clauses.sort();
        terms.clauses.truncate(CLAUSES_MAX);
        Ok(terms)
    }

    /// Whether a JWT-SVID may be for this audience.
    pub fn allows_audience(&self, audience: &str) -> bool {
        self.audiences.as_ref().is_none_or(|known| known.iter().any(|known| known == audience))
    }

    /// The clauses, for a sentence that says why not.
    pub fn cited(&self) -> String {
        let each = |of: &ClauseRef| format!("clause {} of `{}`", of.clause, of.instrument);
        match self.clauses.as_slice() {
            [] => "no clause asks for anything else".to_owned(),
            clauses => clauses.iter().map(each).collect::<Vec<_>>().join(", "),
        }
    }

    /// The key a host makes: the first kind it may.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithms.first().copied().unwrap_or(KeyAlgorithm::EcdsaP256)
    }
}

/// A clause of a version of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClauseRef {
    /// The instrument's id.
    pub instrument: String,
    /// The clause's number.
    pub clause: String,
    /// SHA-256 of the clause in canonical form.
    pub digest: [u8; 32],
}

/// Keys that can be certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// RSA with at least 2048 bits.
    Rsa,
}

impl KeyAlgorithm {
    /// All of them, those a host would make first.
    pub const ALL: [Self; 5] = [Self::EcdsaP256, Self::EcdsaP384, Self::Ed25519, Self::MlDsa65, Self::Rsa];

    /// As clauses spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::Ed25519 => "ed25519",
            Self::MlDsa65 => "ml-dsa-65",
            Self::Rsa => "rsa",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// How keys of this kind are made.
    pub fn generator(self) -> &'static rcgen::SignatureAlgorithm {
        match self {
            Self::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::Ed25519 => &rcgen::PKCS_ED25519,
            Self::MlDsa65 => &rcgen::PKCS_ML_DSA_65,
            Self::Rsa => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

/// The clauses as the value of an extension: a sequence of (instrument, clause, digest).
pub fn to_der(clauses: &[ClauseRef]) -> Vec<u8> {
    let of = |clause: &ClauseRef| {
        let parts = [
            wrap(UTF8_STRING, clause.instrument.as_bytes()),
            wrap(UTF8_STRING, clause.clause.as_bytes()),
            wrap(OCTET_STRING, &clause.digest),
        ];
        wrap(SEQUENCE, &parts.concat())
    };
    wrap(SEQUENCE, &clauses.iter().flat_map(of).collect::<Vec<u8>>())
}

/// Reads what [`to_der`] writes.
pub fn from_der(der: &[u8]) -> Result<Vec<ClauseRef>, NotDer> {
    let (mut rest, nothing) = take(der, SEQUENCE)?;
    if !nothing.is_empty() {
        return Err(NotDer);
    }
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| NotDer);
    let mut clauses = Vec::new();
    while !rest.is_empty() {
        let (parts, after) = take(rest, SEQUENCE)?;
        let (instrument, parts) = take(parts, UTF8_STRING)?;
        let (clause, parts) = take(parts, UTF8_STRING)?;
        let (digest, nothing) = take(parts, OCTET_STRING)?;
        if !nothing.is_empty() || clauses.len() == CLAUSES_MAX {
            return Err(NotDer);
        }
        let digest = digest.try_into().map_err(|_| NotDer)?;
        clauses.push(ClauseRef { instrument: text(instrument)?, clause: text(clause)?, digest });
        rest = after;
    }
    Ok(clauses)
}

/// The clauses as a claim.
pub fn to_json(clauses: &[ClauseRef]) -> Value {
    let hex = |digest: &[u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let of = |clause: &ClauseRef| json!({ "instrument": clause.instrument, "clause": clause.clause, "sha256": hex(&clause.digest) });
    Value::Array(clauses.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_come_back_as_they_were() {
        let clause =
            |n: u8| ClauseRef { instrument: format!("ins_{n}"), clause: format!("{n}.2"), digest: [n; 32] };
        for count in [0, 1, 3, CLAUSES_MAX] {
            let clauses: Vec<ClauseRef> = (0..count).map(|n| clause(n as u8)).collect();
            let der = to_der(&clauses);
            assert_eq!(from_der(&der), Ok(clauses));
            for cut in 0..der.len() {
                assert_eq!(from_der(&der[..cut]), Err(NotDer), "{cut}");
            }
        }
        let many: Vec<ClauseRef> = (0..=CLAUSES_MAX).map(|n| clause(n as u8)).collect();
        assert_eq!(from_der(&to_der(&many)), Err(NotDer));
    }

    #[test]
    fn the_strictest_of_all_clauses_holds() {
        let clause = |life_max_ms, keys: &[&str], audiences: &[&str], renew_at_percent| CredentialClause {
            clause: "1.1".into(),
            digest: [1; 32],
            life_max_ms,
            key_algorithms: keys.iter().map(|&key| key.to_owned()).collect(),
            audiences: audiences.iter().map(|&audience| audience.to_owned()).collect(),
            renew_at_percent,
        };
        let id = |n| InstrumentId::from_entropy([n; 10]);
        let meet = |clauses: &[CredentialClause]| {
            let clauses = clauses.iter().enumerate().map(|(n, clause)| (id(n as u8), clause));
            IssuanceTerms::strictest(clauses, 3_600_000)
        };
        let free = meet(&[]).unwrap();
        assert_eq!(
            (free.life_max_ms, free.algorithm(), free.audiences),
            (3_600_000, KeyAlgorithm::EcdsaP256, None)
        );
        let a = clause(900_000, &["ed25519", "ml-dsa-65"], &["a", "b"], Some(70));
        let b = clause(1_200_000, &["ml-dsa-65", "rsa"], &["b", "c"], Some(30));
        let both = meet(&[a.clone(), b.clone()]).unwrap();
        assert_eq!((both.life_max_ms, both.algorithm()), (900_000, KeyAlgorithm::MlDsa65));
        assert_eq!((both.audiences, both.renew_at_percent), (Some(vec!["b".into()]), 30));
        assert_eq!(both.clauses.len(), 2);
        assert_eq!(
            meet(std::slice::from_ref(&a)).unwrap().renew_at_percent,
            50,
            "nobody renews later for a clause"
        );
        let none = meet(&[a, clause(1_000, &["rsa"], &[], None), b]).unwrap_err();
        assert_eq!((none.what, none.instrument), ("key algorithm", id(1)));
        let nobody = meet(&[clause(1, &[], &["a"], None), clause(1, &[], &["b"], None)]).unwrap();
        assert_eq!(nobody.audiences, Some(Vec::new()), "tokens for nobody; certificates go on");
        let many: Vec<CredentialClause> = (0..40).map(|_| clause(5, &[], &[], None)).collect();
        assert_eq!(meet(&many).unwrap().clauses.len(), CLAUSES_MAX);
    }

    #[test]
    fn algorithms_are_spelled_as_in_clauses() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(KeyAlgorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        assert_eq!(KeyAlgorithm::parse("dsa"), None);
    }
}
