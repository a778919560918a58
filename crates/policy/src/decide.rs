//! The only place where a request is permitted or denied. Both organisations' guardrails, the machine's
//! charter and a contract must all say yes; each is a policy set of its own, so that no prohibition
//! reaches further than its instrument.

use crate::attribute::Attribute;
use crate::compile::{Compiled, Held, RowQuota, cedar_request};
use crate::quota::{Counters, Key, Meters};
use crate::rules::{AsOf, Rules, Slot};
use cedar_policy::{Authorizer, Context, Decision, Entities, RestrictedExpression};
use contract::norm::{
    Bound, Facts, Flag, Label, Masking, Measure, Meter, Rule, SqlTouch, StatementBound, Test, Unit,
};
use contract::{Number, Recording, Span, words};
use registry::{
    Credential, CredentialKind, Identity, IdentityId, InstrumentId, InstrumentKind, Millis, Name, RootStatus,
    Service, ServiceId, Standing,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

mod trial;

pub use trial::Tried;

/// After so long without a word from the control ledger nothing is permitted, whatever clauses say.
pub const SILENCE_MAX_MS: Millis = 60_000;

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
    /// For how long nothing had been heard from the control ledger then.
    pub silence_ms: Millis,
    /// How it came.
    pub channel: Channel,
    /// The one contract that can permit it, where it is said under one; any otherwise.
    pub under: Option<InstrumentId>,
    /// For what a statement to a database does: which columns and rows.
    pub touch: Option<Box<SqlTouch>>,
}

/// How a request came to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The address it came from.
    pub address: IpAddr,
    /// The algorithm of the certificate's key, as clauses spell it; empty if none of those.
    pub key_algorithm: &'static str,
    /// The purpose the request declares.
    pub purpose: Option<String>,
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
    contract: Applied,
    above: Vec<Applied>,
    recording: Recording,
    tried: Vec<Tried>,
}

/// An instrument that permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Which.
    pub instrument: InstrumentId,
    /// In which version.
    pub version: u32,
    /// The compiled rule.
    pub bundle: [u8; 32],
    /// The clauses that permitted.
    pub clauses: Vec<Number>,
    /// The quotas it was counted against.
    pub counted: Vec<Number>,
    /// What is held while it goes on; none where there is no such.
    pub conditions: Option<Box<Conditions>>,
}

/// What an instrument has held while a statement to a database goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// How long a transaction in which it happens may be open.
    pub longest: Option<Longest>,
    /// How many rows it may have.
    pub most: Option<Most>,
    /// How many rows may be got in a time.
    pub allowances: Vec<Allowance>,
    /// What is masked in the answer.
    pub masks: Vec<Masked>,
}

/// How many rows one statement may have, by which clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Most {
    /// So many.
    pub rows: u64,
    /// The clause.
    pub cited: Cited,
}

/// How many rows may be got in any period of a length, by which clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// So many.
    pub limit: u64,
    /// The length of the period, in milliseconds.
    pub window_ms: u64,
    /// Whether it promises to say when there is room again.
    pub puts_off: bool,
    /// The clause.
    pub cited: Cited,
}

/// What is masked in an answer, by which clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The resource whose fields are meant.
    pub resource: Name,
    /// What, and how.
    pub masking: Arc<Masking>,
    /// The clause.
    pub cited: Cited,
}

/// How long a transaction may be open, by which clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Longest {
    /// In milliseconds.
    pub ms: u64,
    /// The clause.
    pub cited: Cited,
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
    /// By which contract.
    pub fn contract(&self) -> &Applied {
        &self.contract
    }
    /// Which charter and guardrails permitted it too.
    pub fn above(&self) -> &[Applied] {
        &self.above
    }
    /// When it must be on record.
    pub fn recording(&self) -> Recording {
        self.recording
    }

    /// What drafts on trial would have said.
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }

    fn applied(&self) -> impl Iterator<Item = &Applied> {
        self.above.iter().chain([&self.contract])
    }

    /// Drafts that would have permitted it.
    fn would_apply(&self) -> impl Iterator<Item = &Applied> {
        self.tried.iter().filter_map(|tried| tried.said.as_ref().ok())
    }

    fn conditions(&self) -> impl Iterator<Item = &Conditions> {
        self.applied().filter_map(|applied| applied.conditions.as_deref())
    }

    /// How long a transaction in which it happens may be open.
    pub fn longest(&self) -> Option<&Longest> {
        self.conditions().filter_map(|held| held.longest.as_ref()).min_by_key(|longest| longest.ms)
    }

    /// How many rows the statement may have that does it.
    pub fn most(&self) -> Option<&Most> {
        self.conditions().filter_map(|held| held.most.as_ref()).min_by_key(|most| most.rows)
    }

    /// How many rows may be got in a time.
    pub fn allowances(&self) -> impl Iterator<Item = &Allowance> {
        self.conditions().flat_map(|held| &held.allowances)
    }

    /// What is masked in the answer.
    pub fn masks(&self) -> impl Iterator<Item = &Masked> {
        self.conditions().flat_map(|held| &held.masks)
    }

    fn counts(&self, instrument: InstrumentId, number: Number) -> bool {
        let of = |applied: &Applied| applied.instrument == instrument && applied.counted.contains(&number);
        self.applied().chain(self.would_apply()).any(of)
    }

    /// When several that belong together must be on record: as the strictest of them says.
    pub fn recording_of(permits: &[Self]) -> Recording {
        permits.iter().map(Self::recording).reduce(stricter).unwrap_or(Recording::Strict)
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

/// Decides. A permit is counted against its quotas before this returns.
pub fn decide(rules: &Rules, counters: &Counters, request: Request) -> Verdict {
    let mut meters = counters.lock(request.identity);
    match judge(rules, &mut meters, &request) {
        Err(denial) => Verdict::Denial(*denial),
        Ok((contract, above, recording)) => {
            let tried = trial::tried(rules, &mut meters, &request, contract.instrument);
            let permit = Permit { as_of: rules.as_of(), contract, above, recording, request, tried };
            count(&permit, &mut meters);
            Verdict::Permit(permit)
        }
    }
}

/// Decides on acts of one machine that happen together or not at all: permits for all of them, in their order, or the
/// denial of the first that is denied, with what was denied. Whatever is counted is counted once for all of them.
pub fn decide_together(
    rules: &Rules,
    counters: &Counters,
    requests: Vec<Request>,
) -> Result<Vec<Permit>, Box<(Request, Denial)>> {
    let Some(identity) = requests.first().map(|request| request.identity) else { return Ok(Vec::new()) };
    let mut meters = counters.lock(identity);
    let mut permits: Vec<Permit> = Vec::with_capacity(requests.len());
    for request in requests {
        match judge(rules, &mut meters, &request) {
            Err(denial) => return Err(Box::new((request, *denial))),
            Ok((mut contract, mut above, recording)) => {
                let mut tried = trial::tried(rules, &mut meters, &request, contract.instrument);
                let would = tried.iter_mut().filter_map(|tried| tried.said.as_mut().ok());
                for applied in above.iter_mut().chain([&mut contract]).chain(would) {
                    let before = |number: &Number| {
                        permits.iter().any(|permit| permit.counts(applied.instrument, *number))
                    };
                    let counted = applied.counted.iter().copied().filter(|number| !before(number)).collect();
                    applied.counted = counted;
                }
                permits.push(Permit { as_of: rules.as_of(), contract, above, recording, request, tried });
            }
        }
    }
    // What a draft would refuse one act of, it would not have counted.
    let refusing: Vec<InstrumentId> =
        permits.iter().flat_map(|permit| &permit.tried).filter_map(Tried::refusing).collect();
    for tried in permits.iter_mut().flat_map(|permit| &mut permit.tried) {
        if let (Ok(applied), true) = (&mut tried.said, refusing.contains(&tried.instrument)) {
            applied.counted.clear();
        }
    }
    permits.iter().for_each(|permit| count(permit, &mut meters));
    Ok(permits)
}

fn count(permit: &Permit, meters: &mut Meters) {
    let Request { identity, now_ms, .. } = permit.request;
    let count = |meters: &mut Meters, applied: &Applied| {
        applied.counted.iter().for_each(|number| meters.add((applied.instrument, *number, identity), now_ms));
    };
    permit.applied().for_each(|applied| count(meters, applied));
    permit.would_apply().for_each(|applied| count(meters.tried(), applied));
}

/// Why a request would be denied, quotas aside; nothing is counted.
pub fn would_deny(rules: &Rules, request: &Request) -> Option<Denial> {
    judge(rules, &mut Meters::default(), request).err().map(|denial| *denial)
}

/// Whether a request that was permitted would be permitted still, quotas aside: what is running has been
/// counted already. Nothing is counted.
pub fn still_permits(rules: &Rules, request: &Request) -> bool {
    judge(rules, &mut Meters::default(), request).is_ok()
}

type Judged = Result<(Applied, Vec<Applied>, Recording), Box<Denial>>;

fn judge<'a>(rules: &'a Rules, meters: &mut Meters, request: &Request) -> Judged {
    let deny = |reason, detail: String| Err(Box::new(Denial::plain(reason, detail, rules.as_of())));
    if let Err((reason, detail)) = standing(rules, request.identity, &request.serial, request.now_ms) {
        return deny(reason, detail);
    }
    if request.silence_ms > SILENCE_MAX_MS {
        let detail =
            "nothing was heard from the control ledger for too long: what was stopped meanwhile is not known";
        return deny(Reason::ControlSilent, detail.to_owned());
    }
    let state = rules.state();
    let label = state.identity_label(request.identity);
    let found = state.identities.get(&request.identity).zip(state.credentials.get(&request.serial));
    let Some((identity, credential)) = found else {
        return deny(Reason::UnknownIdentity, "the machine is not registered".into());
    };
    let Some(service) = state.services.get(&request.service) else {
        return deny(Reason::NoSuchService, "the service is not registered".into());
    };
    if let Some(scope) = &credential.scope
        && !rules.within_scope(scope, &label, &service.name, request)
    {
        let detail = format!(
            "the certificate of `{label}` was issued for: {scope}; `{}` of `{}` of the service `{}` is not in that",
            request.action, request.resource, service.name
        );
        return deny(Reason::CredentialScope, detail);
    }
    let contracts = rules.contracts(request.identity, request.service);
    let under = |slot: &Arc<Slot>| request.under.is_none_or(|contract| slot.instrument == contract);
    if !contracts.iter().any(under) {
        let detail = format!("no contract in force lets `{label}` use the service `{}`", service.name);
        return deny(Reason::NoContract, detail);
    }
    let provider = if service.party == identity.party { &[][..] } else { rules.guardrails(service.party) };
    let above = [rules.guardrails(identity.party), provider, rules.charters(request.identity)];
    let asked = Asked { rules, request, label: &label, identity, credential, service, begins_ms: 0 };
    let binding =
        |slots: &'a [Arc<Slot>]| slots.iter().filter(move |slot| rules.binds(slot, slots, request.now_ms));
    let layers: Result<Vec<(&Slot, &Compiled)>, _> =
        above.into_iter().flat_map(binding).map(|slot| asked.compiled(slot)).collect();
    let layers = layers?;
    let usable: Vec<Result<(&Slot, &Compiled), Box<Denial>>> =
        binding(contracts).filter(|slot| under(slot)).map(|slot| asked.compiled(slot)).collect();
    let all = layers.iter().chain(usable.iter().filter_map(|found| found.as_ref().ok()));
    let unusable = |detail| Box::new(Denial::plain(Reason::InstrumentUnusable, detail, rules.as_of()));
    let cedar = asked.cedar(all.copied(), meters).map_err(unusable)?;
    let mut applied = Vec::with_capacity(layers.len());
    let mut strictest = None;
    for (slot, compiled) in layers {
        let (said, within) = asked.evaluate(slot, compiled, &cedar, meters)?;
        applied.push(said);
        // A guardrail permits by its rule of reading, which says nothing of recording.
        if slot.kind == InstrumentKind::Charter {
            strictest = Some(strictest.map_or(within, |before| stricter(before, within)));
        }
    }
    let mut denial: Option<Box<Denial>> = None;
    // Any contract in force may permit; a prohibition in one does not reach into another.
    for found in usable {
        match found.and_then(|(slot, compiled)| asked.evaluate(slot, compiled, &cedar, meters)) {
            Ok((said, within)) => {
                let within = strictest.map_or(within, |before| stricter(before, within));
                return Ok((said, applied, within));
            }
            // Of several denials the one with an explicit clause says most.
            Err(found) if denial.as_ref().is_none_or(|before| before.reason == Reason::NothingPermits) => {
                denial = Some(found);
            }
            Err(_) => {}
        }
    }
    match denial {
        Some(denial) => Err(denial),
        None => deny(Reason::NoContract, "no contract could be evaluated".into()),
    }
}

fn stricter(one: Recording, other: Recording) -> Recording {
    match (one, other) {
        (Recording::Strict, _) | (_, Recording::Strict) => Recording::Strict,
        (Recording::Within(one), Recording::Within(other)) => {
            Recording::Within(if one.as_ms() <= other.as_ms() { one } else { other })
        }
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
        Some(credential) if credential.root.is_some_and(|root| is_retired(state, &root)) => {
            Some("rests on a root of the trust domain that was retired".to_owned())
        }
        Some(credential) => credential.revoked.as_ref().map(|reason| format!("was revoked: {reason}")),
    };
    match credential_problem {
        Some(problem) => {
            // Of what the ledger does not know nobody knows what it is.
            let what = state.credentials.get(serial).map(|credential| credential.kind.to_string());
            let what = what.as_deref().unwrap_or("credential");
            Err((Reason::CredentialNotGood, format!("the {what} `{label}` presented {problem}")))
        }
        None => Ok(()),
    }
}

fn is_retired(state: &registry::State, root: &[u8; 32]) -> bool {
    state.roots.get(root).is_some_and(|root| root.status == RootStatus::Retired)
}

/// A request with everything the registry knows about it.
struct Asked<'a> {
    rules: &'a Rules,
    request: &'a Request,
    label: &'a str,
    identity: &'a Identity,
    credential: &'a Credential,
    service: &'a Service,
    /// It is looked at as if it was asked no earlier than that.
    begins_ms: Millis,
}

impl<'a> Asked<'a> {
    fn unusable(&self, slot: &Slot, why: &str) -> Box<Denial> {
        let detail = format!("the {} `{}` cannot be applied: {why}", slot.kind, slot.name);
        Box::new(Denial::plain(Reason::InstrumentUnusable, detail, self.rules.as_of()))
    }

    fn compiled(&self, slot: &'a Arc<Slot>) -> Result<(&'a Slot, &'a Compiled), Box<Denial>> {
        let slot = slot.as_ref();
        let compiled = slot.compiled(self.rules.documents()).map_err(|why| self.unusable(slot, &why))?;
        Ok((slot, compiled))
    }

    /// One request for all instruments: its context holds every fact any of them asks for.
    fn cedar(
        &self,
        layers: impl Iterator<Item = (&'a Slot, &'a Compiled)>,
        meters: &mut Meters,
    ) -> Result<cedar_policy::Request, String> {
        let mut pairs: Vec<(String, RestrictedExpression)> = Vec::with_capacity(16);
        for (slot, compiled) in layers {
            for (name, attribute) in &compiled.attributes {
                if !pairs.iter().any(|(known, _)| known == name) {
                    pairs.push((name.clone(), self.value(slot, compiled, attribute, meters)));
                }
            }
        }
        let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
        let resource = format!("{}/{}", self.service.name, self.request.resource);
        cedar_request(self.label, self.request.action.as_str(), &resource, context)
    }

    fn value(
        &self,
        slot: &Slot,
        compiled: &Compiled,
        attribute: &Attribute,
        meters: &mut Meters,
    ) -> RestrictedExpression {
        match attribute {
            Attribute::Measure(measure) => {
                RestrictedExpression::new_long(self.measure(slot, compiled, measure, meters))
            }
            Attribute::Label(label) => RestrictedExpression::new_string(self.word(*label)),
            Attribute::Flag(flag) => RestrictedExpression::new_bool(self.flag(slot, *flag)),
            Attribute::Roles => {
                let roles = self.identity.roles.iter();
                RestrictedExpression::new_set(
                    roles.map(|role| RestrictedExpression::new_string(role.to_string())),
                )
            }
        }
    }

    fn measure(&self, slot: &Slot, compiled: &Compiled, measure: &Measure, meters: &mut Meters) -> i64 {
        let now_ms = self.request.now_ms;
        let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        match measure {
            Measure::Now => long(now_ms.max(self.begins_ms)),
            Measure::CredentialLife => {
                long(self.credential.not_after_ms.saturating_sub(self.credential.not_before_ms))
            }
            Measure::CredentialAge => long(now_ms.saturating_sub(self.credential.not_before_ms)),
            // Nobody can present authority of somebody else yet: every call is direct.
            Measure::DelegationDepth => 0,
            Measure::ResourceClass => {
                let class = self.service.resource(&self.request.resource).and_then(|resource| resource.class);
                i64::from(class.map_or(registry::Classification::Restricted.rank(), |class| class.rank()))
            }
            Measure::AddressHigh => contract::terms::halves(self.request.channel.address).0,
            Measure::AddressLow => contract::terms::halves(self.request.channel.address).1,
            Measure::RenewedUntil => {
                let instrument = self.rules.state().instruments.get(&slot.instrument);
                long(instrument.and_then(|instrument| instrument.renewed_until_ms).unwrap_or(0))
            }
            Measure::Silence => long(self.request.silence_ms),
            Measure::OwnerlessFor => long(self.identity.ownerless_for_ms(now_ms)),
            Measure::BoundFor => {
                let instrument = self.rules.state().instruments.get(&slot.instrument);
                long(instrument.map_or(0, |instrument| instrument.bound_for_ms(now_ms)))
            }
            Measure::WeekMinute(zone) => zone.week_minute(now_ms),
            Measure::Counted(meter) => {
                let key: Key = (slot.instrument, meter.clause, self.request.identity);
                let window = meter.window.as_ms();
                match meter.unit {
                    Unit::Calls => {
                        let longest = compiled.longest_of(meter.clause).unwrap_or(window);
                        i64::from(meters.count(key, window, longest, now_ms))
                    }
                    Unit::Rows => long(meters.rows(key, window, now_ms)),
                    // Not reached: an instrument that needs them is refused before it is evaluated.
                    Unit::Bytes | Unit::Cost => i64::MAX,
                }
            }
            Measure::Approvals(_) => 0,
            Measure::ReviewOverdue => long(now_ms).saturating_sub(long(self.identity.review_ms)),
        }
    }

    fn word(&self, label: Label) -> String {
        let state = self.rules.state();
        let party = |id| state.parties.get(id).map(|party| party.name.to_string()).unwrap_or_default();
        let region = |region: &Option<Name>| region.as_ref().map(ToString::to_string).unwrap_or_default();
        match label {
            Label::Action => self.request.action.to_string(),
            Label::Machine => self.label.to_owned(),
            Label::Resource => self.request.resource.to_string(),
            Label::Attestation => self.credential.attestation.as_str().to_owned(),
            Label::Binding => match self.credential.kind {
                CredentialKind::Certificate => "mtls".to_owned(),
                // Whoever has it can show it.
                CredentialKind::Token => "bearer".to_owned(),
            },
            Label::CallerRegion => region(&self.identity.region),
            Label::Consumer => party(&self.identity.party),
            Label::CredentialKind => match self.credential.kind {
                CredentialKind::Certificate => "x509-svid".to_owned(),
                CredentialKind::Token => "jwt-svid".to_owned(),
            },
            Label::Environment => self.identity.environment.to_string(),
            Label::KeyAlgorithm => self.request.channel.key_algorithm.to_owned(),
            Label::MachineKind => self.identity.kind.to_string(),
            Label::Provider => party(&self.service.party),
            Label::Purpose => self.request.channel.purpose.clone().unwrap_or_default(),
            Label::Service => self.service.name.to_string(),
            Label::ServiceRegion => region(&self.service.region),
        }
    }

    fn flag(&self, slot: &Slot, flag: Flag) -> bool {
        let (state, now_ms) = (self.rules.state(), self.request.now_ms);
        match flag {
            Flag::Changes => self.request.changes,
            Flag::Chartered => {
                let charters = self.rules.charters(self.request.identity);
                charters.iter().any(|charter| self.rules.is_in_force(charter.instrument, now_ms))
            }
            Flag::Owned => state.is_answered_for(self.identity),
            Flag::Suspended => {
                let instrument = state.instruments.get(&slot.instrument);
                instrument.is_none_or(|instrument| instrument.is_suspended(now_ms))
            }
        }
    }

    /// One instrument's answer.
    fn evaluate(
        &self,
        slot: &Slot,
        compiled: &Compiled,
        cedar: &cedar_policy::Request,
        meters: &Meters,
    ) -> Result<(Applied, Recording), Box<Denial>> {
        let response = Authorizer::new().is_authorized(cedar, &compiled.policies, &Entities::empty());
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(self.unusable(slot, &error.to_string()));
        }
        let resting = compiled.sources(response.diagnostics().reason());
        match response.decision() {
            Decision::Allow if !resting.is_empty() => {
                if let Some(beyond) = self.beyond(slot, compiled) {
                    return Err(beyond);
                }
                let conditions = Conditions {
                    longest: self.longest(slot, compiled),
                    most: self.most(slot, compiled),
                    allowances: self.allowances(slot, compiled)?,
                    masks: self.masks(slot, compiled)?,
                };
                let mut clauses: Vec<Number> = resting.iter().map(|source| source.clause).collect();
                clauses.dedup();
                let covers = |meter: &Meter| meter.unit == Unit::Calls && self.counts(meter);
                let mut counted: Vec<Number> =
                    compiled.meters.iter().filter(|meter| covers(meter)).map(|meter| meter.clause).collect();
                counted.sort_unstable();
                counted.dedup();
                let spans: Option<Vec<Span>> =
                    resting.iter().map(|source| source.rule.recorded_within).collect();
                let shortest = spans.and_then(|spans| spans.into_iter().min_by_key(|span| span.as_ms()));
                let applied = Applied {
                    instrument: slot.instrument,
                    version: slot.version,
                    bundle: compiled.bundle,
                    clauses,
                    counted,
                    conditions: (conditions != Conditions::default()).then(|| Box::new(conditions)),
                };
                Ok((applied, shortest.map_or(Recording::Strict, Recording::Within)))
            }
            Decision::Allow | Decision::Deny => {
                let mut denial = self.refusal(slot, compiled, resting.first().copied());
                // Every rule that puts the call off must have room again.
                let put_off = resting.iter().filter(|source| source.rule.puts_off);
                if denial.reason == Reason::QuotaExhausted {
                    denial.retry_after_ms =
                        put_off.filter_map(|source| self.room_in(slot, source, meters)).max();
                }
                Err(Box::new(denial))
            }
        }
    }

    /// The denial of a statement that is not of the form an instrument asks for.
    fn beyond(&self, slot: &Slot, compiled: &Compiled) -> Option<Box<Denial>> {
        let touch = self.request.touch.as_deref()?;
        let mut bounds = compiled.bounds.iter();
        let held = bounds.find(|held| self.concerns(&held.norm.rule) && !held.norm.allows(touch))?;
        let mut denial = self.forbidden(slot, compiled, held);
        if let (Bound::Rows(_), Some(why)) = (&held.norm.bound, &touch.uncounted) {
            denial.detail.push_str(&format!(" Here {why}."));
        }
        Some(Box::new(denial))
    }

    /// The strictest bound of a kind that an instrument puts on a statement that does this.
    fn strictest<'c>(
        &self,
        compiled: &'c Compiled,
        of: impl Fn(&Bound) -> Option<u64>,
    ) -> Option<(u64, &'c Held<StatementBound>)> {
        self.request.touch.as_deref()?;
        let bounds = compiled.bounds.iter().filter(|held| self.concerns(&held.norm.rule));
        bounds.filter_map(|held| Some((of(&held.norm.bound)?, held))).min_by_key(|(most, _)| *most)
    }

    /// How long an instrument lets a transaction be open in which this happens.
    fn longest(&self, slot: &Slot, compiled: &Compiled) -> Option<Longest> {
        let (ms, held) = self.strictest(compiled, |bound| match bound {
            Bound::Transaction(span) => Some(span.as_ms()),
            Bound::Columns(_) | Bound::WhichRows | Bound::Rows(_) => None,
        })?;
        Some(Longest { ms, cited: held.cited(slot, compiled) })
    }

    /// How many rows an instrument lets a statement have that does this.
    fn most(&self, slot: &Slot, compiled: &Compiled) -> Option<Most> {
        let (rows, held) = self.strictest(compiled, |bound| match bound {
            Bound::Rows(rows) => Some((*rows).into()),
            Bound::Transaction(_) | Bound::Columns(_) | Bound::WhichRows => None,
        })?;
        Some(Most { rows, cited: held.cited(slot, compiled) })
    }

    /// Whether a quota counts what this does.
    fn counts(&self, meter: &Meter) -> bool {
        let Request { action, resource, changes, .. } = self.request;
        meter.covers(action, &self.service.name, resource, *changes)
    }

    /// How many rows an instrument lets be got in a time; or the denial of what has rows nobody counts.
    fn allowances(&self, slot: &Slot, compiled: &Compiled) -> Result<Vec<Allowance>, Box<Denial>> {
        // It is about this request if it would stop it once the rows are used up.
        let counts = |quota: &RowQuota| {
            let used_up = BTreeMap::from([(Measure::Counted(quota.meter.clone()), i64::MAX)]);
            self.counts(&quota.meter) && self.concerns_at(&quota.rule, used_up)
        };
        let counting = compiled.row_quotas.iter().filter(|held| counts(&held.norm));
        let allowance = |held: &Held<RowQuota>| {
            if self.request.touch.is_none() {
                let why = format!("its clause {} counts rows, which is done for databases only", held.clause);
                return Err(self.unusable(slot, &why));
            }
            Ok(Allowance {
                limit: held.norm.limit,
                window_ms: held.norm.meter.window.as_ms(),
                puts_off: held.norm.rule.puts_off,
                cited: held.cited(slot, compiled),
            })
        };
        counting.map(allowance).collect()
    }

    /// What an instrument has masked in the answer; or the denial of what cannot be answered that way.
    fn masks(&self, slot: &Slot, compiled: &Compiled) -> Result<Vec<Masked>, Box<Denial>> {
        let concerned = compiled.maskings.iter().filter(|held| self.concerns(&held.norm.rule));
        let masked = |held: &Held<Arc<Masking>>| {
            let Some(touch) = &self.request.touch else {
                let why = format!(
                    "its clause {} has answers masked, which is done for databases only",
                    held.clause
                );
                return Err(self.unusable(slot, &why));
            };
            if !held.norm.allows(touch) {
                return Err(Box::new(self.forbidden(slot, compiled, held)));
            }
            let (resource, cited) = (self.request.resource.clone(), held.cited(slot, compiled));
            Ok(Masked { resource, masking: held.norm.clone(), cited })
        };
        concerned.map(masked).collect()
    }

    fn forbidden<T>(&self, slot: &Slot, compiled: &Compiled, held: &Held<T>) -> Denial {
        self.denial(slot, compiled, Reason::ClauseForbids, held.clause, held.sentence.clone())
    }

    /// Whether a rule that is no policy is about this request. Its condition narrows machines and nothing else.
    fn concerns(&self, rule: &Rule) -> bool {
        self.concerns_at(rule, BTreeMap::new())
    }

    /// The same where these measures are so.
    fn concerns_at(&self, rule: &Rule, measures: BTreeMap<Measure, i64>) -> bool {
        let request = self.request;
        if !rule.reaches(&self.label.to_owned(), &request.action, &self.service.name, &request.resource) {
            return false;
        }
        let mut labels = BTreeMap::new();
        rule.when.visit(&mut |test| {
            if let Test::OneOf(label, _) = test {
                labels.insert(*label, self.word(*label));
            }
        });
        let facts = Facts {
            machine: self.label.to_owned(),
            action: request.action.clone(),
            service: self.service.name.clone(),
            resource: request.resource.clone(),
            roles: self.identity.roles.clone(),
            measures,
            labels,
            flags: BTreeMap::from([(Flag::Changes, request.changes)]),
        };
        rule.when.holds(&facts)
    }

    /// In how many milliseconds the quota behind a rule has room again.
    fn room_in(&self, slot: &Slot, source: &crate::compile::Source, meters: &Meters) -> Option<u64> {
        let mut longest = None;
        source.rule.when.visit(&mut |test| {
            if let contract::norm::Test::AtLeast(Measure::Counted(meter), limit) = test {
                let key = (slot.instrument, meter.clause, self.request.identity);
                let (window, now_ms) = (meter.window.as_ms(), self.request.now_ms);
                longest = longest.max(match meter.unit {
                    Unit::Rows => meters.rows_room_in(key, window, limit.unsigned_abs(), now_ms),
                    Unit::Calls | Unit::Bytes | Unit::Cost => meters.room_in(key, window, *limit, now_ms),
                });
            }
        });
        longest
    }

    /// The denial of an instrument: by the sentence that forbids, or by the rule of reading.
    fn refusal(&self, slot: &Slot, compiled: &Compiled, by: Option<&crate::compile::Source>) -> Denial {
        let (reason, number, sentence) = match by {
            Some(source) => {
                let mut counts = false;
                source.rule.when.visit(&mut |test| {
                    counts |= matches!(test, contract::norm::Test::AtLeast(Measure::Counted(_), _));
                });
                let reason = if counts { Reason::QuotaExhausted } else { Reason::ClauseForbids };
                (reason, source.clause, words::cited(&compiled.instrument, source.clause, source.sentence))
            }
            None => (Reason::NothingPermits, Number::READING, words::reading(&compiled.instrument.body)),
        };
        self.denial(slot, compiled, reason, number, sentence)
    }

    fn denial(
        &self,
        slot: &Slot,
        compiled: &Compiled,
        reason: Reason,
        number: Number,
        sentence: String,
    ) -> Denial {
        let detail = format!(
            "`{}` may not {} `{}` of the service `{}`: clause {number} of {} (version {}) says: {sentence}",
            self.label,
            self.request.action,
            self.request.resource,
            self.service.name,
            slot.title,
            slot.version
        );
        let cited = Some(cited(slot, compiled, number, sentence));
        Denial { reason, detail, cited, as_of: self.rules.as_of(), retry_after_ms: None }
    }
}

impl<T> Held<T> {
    fn cited(&self, slot: &Slot, compiled: &Compiled) -> Cited {
        cited(slot, compiled, self.clause, self.sentence.clone())
    }
}

fn cited(slot: &Slot, compiled: &Compiled, clause: Number, sentence: String) -> Cited {
    Cited {
        instrument: slot.instrument,
        name: slot.name.clone(),
        title: slot.title.clone(),
        version: slot.version,
        clause,
        sentence,
        bundle: compiled.bundle,
    }
}
