//! A no: why, by which clause, and its sentence.

use crate::rules::AsOf;
use contract::Number;
use registry::InstrumentId;

/// A no, with everything the machine's people need to understand it.
#[derive(Clone, Debug)]
pub struct Denial {
    /// Why, as a stable code.
    pub reason: Reason,
    /// Why, as a sentence.
    pub detail: String,
    /// The clause it rests on, where there is one.
    pub cited: Option<Cited>,
    /// Under which state of the control ledger.
    pub as_of: AsOf,
    /// In how many milliseconds the same request could pass, where the clause promises to say so.
    pub retry_after_ms: Option<u64>,
}

impl Denial {
    /// A denial that rests on no clause.
    pub fn plain(reason: Reason, detail: String, as_of: AsOf) -> Self {
        Self { reason, detail, cited: None, as_of, retry_after_ms: None }
    }
}

/// A clause of a signed instrument, as cited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cited {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its version.
    pub version: u32,
    /// Which clause.
    pub clause: Number,
    /// The sentence people signed.
    pub sentence: String,
    /// The compiled rule.
    pub bundle: [u8; 32],
}

/// Why a request is denied. The text forms are stable: records and clients rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A clause prohibits it or its condition is not met.
    ClauseForbids,
    /// The certificate is not in the ledger, belongs to another machine, or was revoked.
    CredentialNotGood,
    /// The machine is not active, or nobody answers for it.
    IdentityNotGood,
    /// The control ledger was not heard from for too long.
    ControlSilent,
    /// The certificate was issued for less than this.
    CredentialScope,
    /// An instrument could not be evaluated, or this gateway cannot enforce it.
    InstrumentUnusable,
    /// No contract between the machine and the service.
    NoContract,
    /// The service knows no such operation.
    NoSuchOperation,
    /// No service has this host name.
    NoSuchService,
    /// No clause permits it.
    NothingPermits,
    /// A quota is used up.
    QuotaExhausted,
    /// The request is malformed in a way that could mean two things.
    RequestAmbiguous,
    /// The machine is not registered.
    UnknownIdentity,
}

impl Reason {
    /// The stable text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClauseForbids => "clause-forbids",
            Self::ControlSilent => "control-silent",
            Self::CredentialNotGood => "credential-not-good",
            Self::CredentialScope => "credential-scope",
            Self::IdentityNotGood => "identity-not-good",
            Self::InstrumentUnusable => "instrument-unusable",
            Self::NoContract => "no-contract",
            Self::NoSuchOperation => "no-such-operation",
            Self::NoSuchService => "no-such-service",
            Self::NothingPermits => "nothing-permits",
            Self::QuotaExhausted => "quota-exhausted",
            Self::RequestAmbiguous => "request-ambiguous",
            Self::UnknownIdentity => "unknown-identity",
        }
    }
}
