//! The only place where a request is permitted or denied. Both organisations' guardrails, the machine's
//! charter and a contract must all say yes; each is a policy set of its own, so that no prohibition
//! reaches further than its instrument.

mod asked;
mod denial;
mod facts;
mod known;
mod permit;
mod trial;

pub use denial::{Cited, Denial, Reason};
pub use permit::{Allowance, Applied, Conditions, Longest, Masked, Most, Permit};
pub use trial::Tried;

use crate::compile::Compiled;
use crate::quota::{Counted, Counters, Meters};
use crate::rules::{Rules, Slot};
use asked::Asked;
use contract::norm::SqlTouch;
use contract::{Number, Recording};
pub(crate) use known::Known;
use known::Permitted;
use registry::{IdentityId, InstrumentId, InstrumentKind, Millis, Name, RootStatus, ServiceId, Standing};
use std::net::IpAddr;
use std::sync::Arc;

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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// Decides. A permit is counted against its quotas before this returns.
pub fn decide(rules: &Rules, counters: &Counters, request: Request) -> Verdict {
    let mut counted = counters.lock(request.identity);
    let Counted { meters, known } = &mut *counted;
    match judge(rules, meters, known.as_mut(), &request) {
        Err(denial) => Verdict::Denial(*denial),
        Ok((contract, above, recording)) => {
            let tried = trial::tried(rules, meters, &request, contract.instrument);
            let request = Arc::new(request);
            let permit = Permit { as_of: rules.as_of(), contract, above, recording, request, tried };
            count(&permit, meters);
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
    let mut counted = counters.lock(identity);
    let Counted { meters, known } = &mut *counted;
    let mut permits: Vec<Permit> = Vec::with_capacity(requests.len());
    for request in requests {
        match judge(rules, meters, known.as_mut(), &request) {
            Err(denial) => return Err(Box::new((request, *denial))),
            Ok((mut contract, mut above, recording)) => {
                let mut tried = trial::tried(rules, meters, &request, contract.instrument);
                let would = tried.iter_mut().filter_map(|tried| tried.said.as_mut().ok());
                for applied in above.iter_mut().chain([&mut contract]).chain(would) {
                    let before = |number: &Number| {
                        permits.iter().any(|permit| permit.counts(applied.instrument, *number))
                    };
                    let counted = applied.counted.iter().copied().filter(|number| !before(number)).collect();
                    applied.counted = counted;
                }
                let request = Arc::new(request);
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
    permits.iter().for_each(|permit| count(permit, meters));
    Ok(permits)
}

fn count(permit: &Permit, meters: &mut Meters) {
    let Request { identity, now_ms, .. } = *permit.request;
    let count = |meters: &mut Meters, applied: &Applied| {
        applied.counted.iter().for_each(|number| meters.add((applied.instrument, *number, identity), now_ms));
    };
    permit.applied().for_each(|applied| count(meters, applied));
    permit.would_apply().for_each(|applied| count(meters.tried(), applied));
}

/// Why a request would be denied, quotas aside; nothing is counted.
pub fn would_deny(rules: &Rules, request: &Request) -> Option<Denial> {
    judge(rules, &mut Meters::default(), None, request).err().map(|denial| *denial)
}

/// Whether a request that was permitted would be permitted still, quotas aside: what is running has been
/// counted already. Nothing is counted.
pub fn still_permits(rules: &Rules, request: &Request) -> bool {
    judge(rules, &mut Meters::default(), None, request).is_ok()
}

type Judged = Result<Permitted, Box<Denial>>;

fn judge<'a>(rules: &'a Rules, meters: &mut Meters, known: Option<&mut Known>, request: &Request) -> Judged {
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
    let all = || layers.iter().chain(usable.iter().filter_map(|found| found.as_ref().ok())).copied();
    let mut known = known.filter(|_| known::is_short(request));
    let moment = known.is_some().then(|| asked.moment(all(), meters));
    let before = known.as_deref_mut().zip(moment.as_ref());
    if let Some(permitted) = before.and_then(|(known, moment)| known.get(request, moment)) {
        return Ok(permitted.clone());
    }
    let unusable = |detail| Box::new(Denial::plain(Reason::InstrumentUnusable, detail, rules.as_of()));
    let cedar = asked.cedar(all(), meters).map_err(unusable)?;
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
                let permitted = (said, applied, within);
                if let Some((known, moment)) = known.zip(moment) {
                    known.put(request, moment, &permitted);
                }
                return Ok(permitted);
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
    let label = || state.identity_label(identity);
    if let Standing::Refused(why) = found.standing(now_ms) {
        return Err((Reason::IdentityNotGood, format!("`{}` {why}", label())));
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
            Err((Reason::CredentialNotGood, format!("the {what} `{}` presented {problem}", label())))
        }
        None => Ok(()),
    }
}

fn is_retired(state: &registry::State, root: &[u8; 32]) -> bool {
    state.roots.get(root).is_some_and(|root| root.status == RootStatus::Retired)
}
