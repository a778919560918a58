//! The only place where a request is permitted or denied.

use crate::compile::Compiled;
use crate::quota::{Counters, Meters};
use crate::rules::{AsOf, Rules, Slot};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, RestrictedExpression,
};
use contract::{Number, Recording, words};
use registry::{IdentityId, InstrumentId, Millis, Name, Service, ServiceId, Standing};
use std::str::FromStr as _;
use std::sync::LazyLock;

/// What a machine asks to do.
#[derive(Clone, Debug)]
pub struct Request {
    /// The machine.
    pub identity: IdentityId,
    /// The serial number of the certificate it presented.
    pub serial: [u8; 16],
    /// The service.
    pub service: ServiceId,
    /// The act.
    pub action: Name,
    /// On what.
    pub resource: Name,
    /// Whether the act can change something.
    pub changes: bool,
    /// When.
    pub now_ms: Millis,
}

/// Yes or no, each with its ground.
#[derive(Debug)]
pub enum Verdict {
    /// No.
    Denial(Denial),
    /// Yes.
    Permit(Permit),
}

/// The proof that a request was permitted. Only [`decide`] makes one; forwarding consumes it.
#[derive(Debug)]
pub struct Permit {
    request: Request,
    as_of: AsOf,
    instrument: InstrumentId,
    version: u32,
    bundle: [u8; 32],
    clauses: Vec<Number>,
    counted: Vec<Number>,
    recording: Recording,
}

impl Permit {
    /// What was permitted.
    pub fn request(&self) -> &Request {
        &self.request
    }
    /// Under which state of the control ledger.
    pub fn as_of(&self) -> AsOf {
        self.as_of
    }
    /// By which instrument.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }
    /// In which version.
    pub fn version(&self) -> u32 {
        self.version
    }
    /// By which compiled rule.
    pub fn bundle(&self) -> [u8; 32] {
        self.bundle
    }
    /// By which clauses.
    pub fn clauses(&self) -> &[Number] {
        &self.clauses
    }
    /// Against which quotas it was counted.
    pub fn counted(&self) -> &[Number] {
        &self.counted
    }
    /// When it must be on record.
    pub fn recording(&self) -> Recording {
        self.recording
    }
}

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
    /// The contract could not be evaluated.
    ContractUnusable,
    /// The certificate is not in the ledger, belongs to another machine, or was revoked.
    CredentialNotGood,
    /// The machine is not active, or nobody answers for it.
    IdentityNotGood,
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
            Self::ContractUnusable => "contract-unusable",
            Self::CredentialNotGood => "credential-not-good",
            Self::IdentityNotGood => "identity-not-good",
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

/// Decides. A permit is counted against its quotas before this returns.
pub fn decide(rules: &Rules, counters: &Counters, request: Request) -> Verdict {
    let deny = |reason, detail: String| {
        Verdict::Denial(Denial { reason, detail, cited: None, as_of: rules.as_of() })
    };
    if let Err((reason, detail)) = standing(rules, request.identity, &request.serial, request.now_ms) {
        return deny(reason, detail);
    }
    let state = rules.state();
    let label = state.identity_label(request.identity);
    let Some(service) = state.services.get(&request.service) else {
        return deny(Reason::NoSuchService, "the service is not registered".into());
    };
    let slots = rules.slots(request.identity, request.service);
    if slots.is_empty() {
        let detail = format!("no contract in force lets `{label}` use the service `{}`", service.name);
        return deny(Reason::NoContract, detail);
    }
    let credential_life_ms = state
        .credentials
        .get(&request.serial)
        .map_or(Millis::MAX, |credential| credential.not_after_ms - credential.not_before_ms);
    let asked = Asked { request: &request, label: &label, service, credential_life_ms };
    let mut meters = counters.lock(request.identity);
    let mut denial: Option<Denial> = None;
    // Any contract in force may permit; a prohibition in one does not reach into another.
    for slot in slots {
        match evaluate(rules, slot, &asked, &mut meters) {
            Ok(permitted) => {
                for number in &permitted.counted {
                    meters.add((slot.instrument, *number, request.identity), request.now_ms);
                }
                return Verdict::Permit(Permit {
                    as_of: rules.as_of(),
                    instrument: slot.instrument,
                    version: slot.version,
                    bundle: permitted.bundle,
                    clauses: permitted.clauses,
                    counted: permitted.counted,
                    recording: permitted.recording,
                    request,
                });
            }
            Err(found) => {
                // Of several denials the one with an explicit clause says most.
                let better = denial.as_ref().is_none_or(|before| before.reason == Reason::NothingPermits);
                if better {
                    denial = Some(*found);
                }
            }
        }
    }
    match denial {
        Some(denial) => Verdict::Denial(denial),
        None => deny(Reason::NoContract, "no contract could be evaluated".into()),
    }
}

/// Whether the identity exists, may act, and presented a certificate that the ledger knows as its own.
pub fn standing(
    rules: &Rules,
    identity: IdentityId,
    serial: &[u8; 16],
    now_ms: Millis,
) -> Result<(), (Reason, String)> {
    let state = rules.state();
    let Some(found) = state.identities.get(&identity) else {
        return Err((Reason::UnknownIdentity, format!("`{identity}` is not registered")));
    };
    let label = state.identity_label(identity);
    if let Standing::Refused(why) = found.standing(now_ms) {
        return Err((Reason::IdentityNotGood, format!("`{label}` {why}")));
    }
    let credential_problem = match state.credentials.get(serial) {
        None => Some("is not in the ledger, so nobody can have been given it".to_owned()),
        Some(credential) if credential.identity != identity => {
            Some("was issued to another machine".to_owned())
        }
        Some(credential) if credential.not_after_ms <= now_ms => Some("has expired".to_owned()),
        Some(credential) => credential.revoked.as_ref().map(|reason| format!("was revoked: {reason}")),
    };
    match credential_problem {
        Some(problem) => {
            Err((Reason::CredentialNotGood, format!("the certificate `{label}` presented {problem}")))
        }
        None => Ok(()),
    }
}

struct Asked<'a> {
    request: &'a Request,
    label: &'a str,
    service: &'a Service,
    credential_life_ms: Millis,
}

struct Permitted {
    bundle: [u8; 32],
    clauses: Vec<Number>,
    counted: Vec<Number>,
    recording: Recording,
}

/// One contract's answer.
fn evaluate(
    rules: &Rules,
    slot: &Slot,
    asked: &Asked<'_>,
    meters: &mut Meters,
) -> Result<Permitted, Box<Denial>> {
    let unusable = |why: &str| {
        let detail = format!("the contract `{}` cannot be applied: {why}", slot.name);
        Box::new(Denial { reason: Reason::ContractUnusable, detail, cited: None, as_of: rules.as_of() })
    };
    let compiled = slot.compiled(rules.documents()).map_err(|why| unusable(&why))?;
    let request = asked.request;
    let mut counts = Vec::with_capacity(compiled.quotas.len());
    let mut counted = Vec::new();
    for quota in &compiled.quotas {
        let key = (slot.instrument, quota.number, request.identity);
        counts.push((quota.attribute.clone(), i64::from(meters.count(key, quota.window_ms, request.now_ms))));
        if quota.covers(&request.action, &request.resource) {
            counted.push(quota.number);
        }
    }
    let cedar = cedar_request(asked, counts).map_err(|error| unusable(&error))?;
    let response = Authorizer::new().is_authorized(&cedar, &compiled.policies, &Entities::empty());
    if let Some(error) = response.diagnostics().errors().next() {
        return Err(unusable(&error.to_string()));
    }
    let mut clauses: Vec<Number> =
        response.diagnostics().reason().filter_map(|id| compiled.numbers.get(id)).copied().collect();
    clauses.sort_unstable();
    match response.decision() {
        Decision::Allow if !clauses.is_empty() => {
            let recording = compiled.recording(&clauses);
            Ok(Permitted { bundle: compiled.bundle, clauses, counted, recording })
        }
        Decision::Allow | Decision::Deny => {
            Err(Box::new(refusal(rules, slot, compiled, asked, clauses.first().copied())))
        }
    }
}

/// The denial of a contract: by the clause that forbids, or by the rule of reading.
fn refusal(rules: &Rules, slot: &Slot, compiled: &Compiled, asked: &Asked<'_>, by: Option<Number>) -> Denial {
    let clause = by.and_then(|number| compiled.contract.clause(number));
    let (reason, number, sentence) = match clause {
        Some(clause) => {
            let reason = match clause.kind {
                contract::Kind::Quota { .. } => Reason::QuotaExhausted,
                contract::Kind::Credential { .. }
                | contract::Kind::Permit { .. }
                | contract::Kind::Prohibit { .. }
                | contract::Kind::Term { .. }
                | contract::Kind::Words { .. } => Reason::ClauseForbids,
            };
            (reason, clause.number, words::sentence(&compiled.contract, &clause.kind))
        }
        None => (Reason::NothingPermits, Number::READING, words::reading().to_owned()),
    };
    let detail = format!(
        "`{}` may not {} `{}` of the service `{}`: clause {number} of {} (version {}) says: {sentence}",
        asked.label,
        asked.request.action,
        asked.request.resource,
        asked.service.name,
        slot.title,
        slot.version
    );
    let cited = Cited {
        instrument: slot.instrument,
        name: slot.name.clone(),
        title: slot.title.clone(),
        version: slot.version,
        clause: number,
        sentence,
        bundle: compiled.bundle,
    };
    Denial { reason, detail, cited: Some(cited), as_of: rules.as_of() }
}

static TYPES: LazyLock<Option<[EntityTypeName; 3]>> = LazyLock::new(|| {
    let of = |name| EntityTypeName::from_str(name).ok();
    Some([of("Machine")?, of("Action")?, of("Resource")?])
});

fn cedar_request(asked: &Asked<'_>, counts: Vec<(String, i64)>) -> Result<cedar_policy::Request, String> {
    let [machine, action, resource] = TYPES.as_ref().ok_or("entity types")?;
    let long = |value: Millis| RestrictedExpression::new_long(i64::try_from(value).unwrap_or(i64::MAX));
    let pairs =
        counts.into_iter().map(|(name, count)| (name, RestrictedExpression::new_long(count))).chain([
            ("now".to_owned(), long(asked.request.now_ms)),
            ("credential_life".to_owned(), long(asked.credential_life_ms)),
        ]);
    let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
    let uid =
        |kind: &EntityTypeName, id: &str| EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id));
    cedar_policy::Request::new(
        uid(machine, asked.label),
        uid(action, asked.request.action.as_str()),
        uid(resource, &format!("{}/{}", asked.service.name, asked.request.resource)),
        context,
        None,
    )
    .map_err(|error| error.to_string())
}
