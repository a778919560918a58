//! Questions about all instruments in force: can any such machine ever do such a thing? What the registry
//! knows of machines and services is part of the question; what changes from request to request is free.

use crate::query::{Case, Part, Query};
use crate::solver::Solver;
use crate::{Answer, Scripts};
use contract::example::explain;
use contract::norm::{Facts, Flag, Label, Measure, Test};
use contract::terms::{Effect, Zone};
use contract::{Instrument, Number};
use policy::{Channel, Counters, Permit, Request, Rules, Verdict, decide};
use registry::{
    Environment, Event, Identity, IdentityId, IdentityKind, InstrumentId, InstrumentKind, InstrumentStatus,
    Lifecycle, Millis, Name, PartyId, Recorded, Service,
};
use std::net::{IpAddr, Ipv6Addr};

/// What is asked: all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Machines of this party.
    pub party: Option<Name>,
    /// This machine.
    pub machine: Option<Name>,
    /// Machines of this kind.
    pub kind: Option<IdentityKind>,
    /// Machines with this role.
    pub role: Option<Name>,
    /// Machines that run there.
    pub environment: Option<Environment>,
    /// This act.
    pub action: Option<Name>,
    /// Acts that change something, or only read.
    pub effect: Option<Effect>,
    /// On this service.
    pub service: Option<Name>,
    /// On this resource of it.
    pub resource: Option<Name>,
}

/// The answer to a question about all instruments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The question in words, without its question mark.
    pub question: String,
    /// Proven: no such machine ever can. Refuted: here is one, in a sentence.
    pub answer: Answer<String>,
    /// How many contracts were asked about.
    pub contracts: usize,
    /// Charters and guardrails above them.
    pub above: usize,
    /// The solver and its version.
    pub solver: String,
    /// SHA-256 over the scripts.
    pub script: [u8; 32],
}

impl Ask {
    fn words(&self) -> String {
        let machine = match (&self.machine, &self.party) {
            (Some(machine), Some(party)) => format!("the machine `{party}/{machine}`"),
            (Some(machine), None) => format!("a machine `{machine}`"),
            (None, Some(party)) => format!("any machine of `{party}`"),
            (None, None) => "any machine".to_owned(),
        };
        let kind = self.kind.map(|kind| format!(" of the kind {kind}")).unwrap_or_default();
        let role = self.role.as_ref().map(|role| format!(" with the role `{role}`")).unwrap_or_default();
        let place = self.environment.map(|place| format!(" in {place}")).unwrap_or_default();
        let object = match (&self.service, &self.resource) {
            (Some(service), Some(resource)) => format!("`{service}/{resource}`"),
            (Some(service), None) => format!("the service `{service}`"),
            (None, Some(resource)) => format!("`{resource}` of any service"),
            (None, None) => "any service".to_owned(),
        };
        let act = match (&self.action, self.effect) {
            (Some(action), _) => format!("{action} {object}"),
            (None, Some(Effect::Change)) => format!("change anything of {object}"),
            (None, Some(Effect::Read)) => format!("read anything of {object}"),
            (None, None) => format!("do anything with {object}"),
        };
        format!("{machine}{kind}{role}{place} can ever {act}")
    }

    fn fits(&self, identity: &Identity, party: &Name) -> bool {
        self.party.as_ref().is_none_or(|wanted| wanted == party)
            && self.machine.as_ref().is_none_or(|wanted| *wanted == identity.name)
            && self.kind.is_none_or(|wanted| wanted == identity.kind)
            && self.role.as_ref().is_none_or(|wanted| identity.roles.contains(wanted))
            && self.environment.is_none_or(|wanted| wanted == identity.environment)
            // One that is suspended may act again; one that is over never will.
            && !matches!(identity.state, Lifecycle::Retired | Lifecycle::Revoked)
    }
}

/// Answers a question about all instruments in force.
pub async fn ask(solver: &Solver, rules: &Rules, ask: &Ask, now_ms: Millis) -> Ruling {
    let mut scripts = Scripts::default();
    let estate = Estate::of(rules, now_ms);
    let mut answer = Answer::Proven;
    let mut asked = 0;
    for (id, contract) in estate.contracts(ask) {
        asked += 1;
        match contract {
            Err(why) => answer = Answer::Unknown(why),
            Ok(contract) => match estate.contract(solver, ask, id, &contract, &mut scripts).await {
                Answer::Proven => {}
                Answer::Unknown(why) => answer = Answer::Unknown(why),
                Answer::Refuted(sentence) => {
                    answer = Answer::Refuted(sentence);
                    break;
                }
            },
        }
    }
    Ruling {
        question: ask.words(),
        answer,
        contracts: asked,
        above: estate.above,
        solver: solver.version().to_owned(),
        script: scripts.digest(),
    }
}

/// The rules, with what stands above contracts.
struct Estate<'r> {
    rules: &'r Rules,
    now_ms: Millis,
    above: usize,
}

/// What the gateway could be asked of a service: an act on a resource, and whether it changes something.
type Act = (Name, Name, bool, i64);

impl<'r> Estate<'r> {
    fn of(rules: &'r Rules, now_ms: Millis) -> Self {
        let mut estate = Self { rules, now_ms, above: 0 };
        estate.above = [InstrumentKind::Charter, InstrumentKind::Guardrail]
            .map(|kind| estate.standing(kind).count())
            .into_iter()
            .sum();
        estate
    }

    fn standing(&self, kind: InstrumentKind) -> impl Iterator<Item = &registry::Instrument> {
        let now_ms = self.now_ms;
        self.rules.state().instruments.values().filter(move |instrument| {
            instrument.kind == kind
                && matches!(instrument.status, InstrumentStatus::InForce | InstrumentStatus::Suspended)
                && !instrument.is_over(now_ms)
        })
    }

    /// Contracts the question touches. What no gateway can serve permits nothing.
    fn contracts(&self, ask: &Ask) -> Vec<(InstrumentId, Result<Instrument, String>)> {
        let state = self.rules.state();
        let touched = self.standing(InstrumentKind::Contract).filter(|contract| {
            let service = contract.service.and_then(|id| state.services.get(&id));
            let service =
                service.is_some_and(|s| ask.service.as_ref().is_none_or(|wanted| *wanted == s.name));
            service && contract.machines.iter().any(|machine| self.machine(ask, *machine).is_some())
        });
        touched
            .map(|contract| {
                let read = self.rules.instrument(contract.id);
                let read =
                    read.map_err(|why| format!("the contract `{}` cannot be read: {why}", contract.name));
                (contract.id, read)
            })
            .collect()
    }

    fn machine(&self, ask: &Ask, id: IdentityId) -> Option<&Identity> {
        let identity = self.rules.state().identities.get(&id)?;
        let party = self.rules.state().parties.get(&identity.party)?;
        ask.fits(identity, &party.name).then_some(identity)
    }

    /// Whether a contract, under everything above it, ever permits what is asked.
    async fn contract(
        &self,
        solver: &Solver,
        ask: &Ask,
        id: InstrumentId,
        contract: &Instrument,
        scripts: &mut Scripts,
    ) -> Answer<String> {
        let state = self.rules.state();
        let found =
            state.instruments.get(&id).and_then(|found| Some((found, state.services.get(&found.service?)?)));
        let Some((found, service)) = found else { return Answer::Proven };
        let acts = acts(ask, service);
        let machines: Vec<&Identity> =
            found.machines.iter().filter_map(|machine| self.machine(ask, *machine)).collect();
        if acts.is_empty() || machines.is_empty() {
            return Answer::Proven;
        }
        let part = |instrument: &Instrument, test| Part { instrument: instrument.name.to_string(), test };
        let mut query = Query::default();
        query.require(&part(contract, contract.permitted()));
        query.require(&part(contract, standing_facts(found, self.now_ms)));
        query.require(&part(contract, self.service_facts(service, &acts)));
        let consumers = machines.first().map(|machine| machine.party);
        let mut above = Vec::new();
        for party in [consumers, Some(service.party)].into_iter().flatten() {
            match self.guardrails(party) {
                Ok(guardrails) => above.extend(guardrails),
                // A guardrail nobody can enforce denies everything.
                Err(_) => return Answer::Proven,
            }
        }
        for (registered, guardrail) in &above {
            query.require(&part(guardrail, guardrail.permitted()));
            query.require(&part(guardrail, standing_facts(registered, self.now_ms)));
        }
        let mut alternatives = Vec::new();
        for machine in &machines {
            let mut parts = vec![part(contract, self.machine_facts(machine, contract, &above))];
            let Ok(charters) = self.charters(machine.id) else { continue };
            for (registered, charter) in &charters {
                parts.push(part(charter, charter.permitted()));
                parts.push(part(charter, standing_facts(registered, self.now_ms)));
            }
            alternatives.push(parts);
        }
        query.any(&alternatives);
        match query.never(solver, scripts).await {
            Answer::Proven => Answer::Proven,
            Answer::Unknown(why) => Answer::Unknown(why),
            Answer::Refuted(case) => self.tell(&case, (id, contract), service, &machines),
        }
    }

    fn guardrails(&self, party: PartyId) -> Result<Vec<(&registry::Instrument, Instrument)>, String> {
        let of_party =
            self.standing(InstrumentKind::Guardrail).filter(|guardrail| guardrail.provider == party);
        of_party.map(|guardrail| Ok((guardrail, self.rules.instrument(guardrail.id)?))).collect()
    }

    fn charters(&self, machine: IdentityId) -> Result<Vec<(&registry::Instrument, Instrument)>, String> {
        let of_machine = self.standing(InstrumentKind::Charter).filter(|c| c.machines.contains(&machine));
        of_machine.map(|charter| Ok((charter, self.rules.instrument(charter.id)?))).collect()
    }

    /// What the registry knows of a machine, and what gateways of this version can see at all.
    fn machine_facts(
        &self,
        machine: &Identity,
        contract: &Instrument,
        above: &[(&registry::Instrument, Instrument)],
    ) -> Test {
        let state = self.rules.state();
        let word = |label, word: String| Test::OneOf(label, vec![word]);
        let party = state.parties.get(&machine.party).map(|party| party.name.to_string()).unwrap_or_default();
        let flag = |flag, set: bool| if set { Test::Is(flag) } else { Test::Is(flag).negated() };
        let mut tests = vec![
            word(Label::Machine, state.identity_label(machine.id)),
            word(Label::MachineKind, machine.kind.to_string()),
            word(Label::Environment, machine.environment.to_string()),
            word(Label::CallerRegion, machine.region.as_ref().map(ToString::to_string).unwrap_or_default()),
            word(Label::Consumer, party),
            word(Label::Binding, "mtls".into()),
            word(Label::CredentialKind, "x509-svid".into()),
            Test::OneOf(Label::Attestation, vec!["join-token".into(), "renewal".into()]),
            flag(Flag::Owned, state.is_answered_for(machine)),
            flag(Flag::Chartered, self.charters(machine.id).is_ok_and(|charters| !charters.is_empty())),
            Test::MoreThan(Measure::DelegationDepth, 0).negated(),
            Test::MoreThan(Measure::CredentialLife, registry::admit::CREDENTIAL_LIFE_MAX_MS.cast_signed())
                .negated(),
            Test::AtLeast(Measure::CredentialLife, 60_000),
        ];
        let mut mentioned: Vec<Name> = Vec::new();
        for instrument in above.iter().map(|(_, guardrail)| guardrail).chain([contract]) {
            for (_, _, rule) in instrument.rules() {
                rule.when.visit(&mut |test| {
                    if let Test::HasRole(role) = test {
                        mentioned.push(role.clone());
                    }
                });
            }
        }
        for role in mentioned {
            let held = machine.roles.contains(&role);
            let test = Test::HasRole(role);
            tests.push(if held { test } else { test.negated() });
        }
        Test::and(tests)
    }

    /// What the service is and what can be asked of it.
    fn service_facts(&self, service: &Service, acts: &[Act]) -> Test {
        let state = self.rules.state();
        let word = |label, word: String| Test::OneOf(label, vec![word]);
        let party = state.parties.get(&service.party).map(|party| party.name.to_string()).unwrap_or_default();
        let act = |(action, resource, changes, class): &Act| {
            let changes = if *changes { Test::Is(Flag::Changes) } else { Test::Is(Flag::Changes).negated() };
            Test::and(vec![
                word(Label::Action, action.to_string()),
                word(Label::Resource, resource.to_string()),
                changes,
                Test::AtLeast(Measure::ResourceClass, *class),
                Test::MoreThan(Measure::ResourceClass, *class).negated(),
            ])
        };
        Test::and(vec![
            word(Label::Service, service.name.to_string()),
            word(Label::Provider, party),
            word(Label::ServiceRegion, service.region.as_ref().map(ToString::to_string).unwrap_or_default()),
            Test::Any(acts.iter().map(act).collect()),
        ])
    }

    /// Tries a counterexample on the real decision, and tells it.
    fn tell(
        &self,
        case: &Case,
        (id, contract): (InstrumentId, &Instrument),
        service: &Service,
        machines: &[&Identity],
    ) -> Answer<String> {
        let facts = match case.facts(contract.name.as_str()) {
            Ok(facts) => facts,
            Err(why) => return Answer::Unknown(why),
        };
        let state = self.rules.state();
        let machine = machines.iter().find(|machine| state.identity_label(machine.id) == facts.machine);
        let Some(machine) = machine else { return Answer::Unknown("it names no machine".into()) };
        let mut trial =
            Trial { rules: self.rules.scratch(), case, contract: id, service, machine, now_ms: self.now_ms };
        let Some(permit) = trial.run(contract.name.as_str(), &facts) else {
            return Answer::Unknown(
                "a counterexample did not hold when it was tried on the real decision".into(),
            );
        };
        let clauses: Vec<String> = permit.contract().clauses.iter().map(ToString::to_string).collect();
        let still = |fewer: &Facts| trial.run(contract.name.as_str(), fewer).is_some();
        let story = explain(contract, &facts, still);
        Answer::Refuted(format!(
            "{} It is permitted by clause {} of {} (`{}` version {}).",
            story,
            clauses.join(", "),
            contract.title,
            contract.name,
            contract.version
        ))
    }
}

/// The real decision, in a copy of the world that is otherwise as it is.
struct Trial<'t> {
    rules: Rules,
    case: &'t Case,
    contract: InstrumentId,
    service: &'t Service,
    machine: &'t Identity,
    now_ms: Millis,
}

impl Trial<'_> {
    /// The permit for a request with these facts, if it is permitted.
    fn run(&mut self, contract: &str, facts: &Facts) -> Option<Permit> {
        const SERIAL: [u8; 16] = [0xfe; 16];
        let now_ms = moment(facts, self.now_ms)?;
        let life = facts.measures.get(&Measure::CredentialLife).copied().unwrap_or(60_000).unsigned_abs();
        let age = facts.measures.get(&Measure::CredentialAge).copied().unwrap_or(0).unsigned_abs();
        let not_before_ms = now_ms.saturating_sub(age.min(life.saturating_sub(1)));
        let by_token = facts.labels.get(&Label::Attestation).is_none_or(|word| word != "renewal");
        let mut events = vec![Event::CredentialIssued {
            identity: self.machine.id,
            serial: SERIAL,
            public_key: [0; 32],
            not_before_ms,
            not_after_ms: not_before_ms + life,
            token: by_token.then_some([0; 32]),
            scope: None,
            attested: None,
        }];
        if self.machine.state == Lifecycle::Suspended {
            events.push(Event::IdentityResumed { identity: self.machine.id });
        }
        self.rules.apply(&Recorded { actor: registry::Actor::System, events }, 0);
        let counters = Counters::default();
        for (instrument, clause, count) in self.counted(contract, facts) {
            for _ in 0..count.clamp(0, COUNTED_MAX) {
                counters.restore((instrument, clause, self.machine.id), now_ms.saturating_sub(1));
            }
        }
        let request = Request {
            identity: self.machine.id,
            serial: SERIAL,
            service: self.service.id,
            action: facts.action.clone(),
            resource: facts.resource.clone(),
            changes: changes(self.service, facts)?,
            now_ms,
            channel: channel(facts),
        };
        match decide(&self.rules, &counters, request) {
            Verdict::Permit(permit) => Some(permit),
            Verdict::Denial(_) => None,
        }
    }

    /// What quotas counted before the request: this contract's by the facts, others' by the case.
    fn counted(&self, contract: &str, facts: &Facts) -> Vec<(InstrumentId, Number, i64)> {
        let state = self.rules.state();
        let named = |name: &str| {
            let mut standing = state.instruments.values().filter(|i| i.name.as_str() == name);
            standing.find(|i| i.status == InstrumentStatus::InForce).map(|i| i.id)
        };
        let own = facts.measures.iter().filter_map(|(measure, count)| {
            if let Measure::Counted(meter) = measure {
                Some((self.contract, meter.clause, *count))
            } else {
                None
            }
        });
        let elsewhere = self.case.counted_elsewhere(contract).into_iter();
        own.chain(elsewhere.filter_map(|(name, clause, count)| Some((named(name)?, clause, count)))).collect()
    }
}

/// More than any quota of calls counts.
const COUNTED_MAX: i64 = contract::kind::quota::QUOTA_LIMIT_MAX as i64 + 1;

/// Facts about an instrument's own standing, as it is.
fn standing_facts(instrument: &registry::Instrument, now_ms: Millis) -> Test {
    let renewed = instrument.renewed_until_ms.unwrap_or(0).cast_signed();
    let suspended = Test::Is(Flag::Suspended);
    Test::and(vec![
        if instrument.is_suspended(now_ms) { suspended } else { suspended.negated() },
        Test::AtLeast(Measure::RenewedUntil, renewed),
        Test::MoreThan(Measure::RenewedUntil, renewed).negated(),
    ])
}

/// The acts of a service that the question is about.
fn acts(ask: &Ask, service: &Service) -> Vec<Act> {
    let mut found = Vec::new();
    for resource in &service.resources {
        if ask.resource.as_ref().is_some_and(|wanted| *wanted != resource.name) {
            continue;
        }
        let class = resource.class.unwrap_or(registry::Classification::Restricted).rank();
        for operation in &resource.operations {
            let effect = ask.effect.is_none_or(|effect| (effect == Effect::Change) == operation.changes);
            if effect && ask.action.as_ref().is_none_or(|wanted| *wanted == operation.action) {
                let act =
                    (operation.action.clone(), resource.name.clone(), operation.changes, i64::from(class));
                if !found.contains(&act) {
                    found.push(act);
                }
            }
        }
    }
    found
}

/// Whether the act changes something: as the case says, if the service has it both ways.
fn changes(service: &Service, facts: &Facts) -> Option<bool> {
    let resource = service.resource(&facts.resource)?;
    let mut ways = resource.operations.iter().filter(|o| o.action == facts.action).map(|o| o.changes);
    let first = ways.next()?;
    let both = ways.any(|other| other != first);
    Some(if both { facts.flag(Flag::Changes) } else { first })
}

fn channel(facts: &Facts) -> Channel {
    let half = |measure| u128::from(facts.measure(&measure).cast_unsigned() ^ (1 << 63));
    let given = facts.measures.contains_key(&Measure::AddressLow);
    let bits = (half(Measure::AddressHigh) << 64) | half(Measure::AddressLow);
    let address = if given { Ipv6Addr::from_bits(bits).to_canonical() } else { IpAddr::from([127, 0, 0, 1]) };
    let known = contract::kind::credential::KeyAlgorithm::ALL;
    let algorithm = facts.labels.get(&Label::KeyAlgorithm);
    let algorithm = algorithm.and_then(|word| known.iter().find(|known| known.as_str() == word));
    Channel {
        address,
        key_algorithm: algorithm.map_or("ed25519", |known| known.as_str()),
        purpose: facts.labels.get(&Label::Purpose).filter(|word| !word.is_empty()).cloned(),
    }
}

/// A moment that fits the facts: the instant asked for, or one nearby with the local times asked for.
fn moment(facts: &Facts, now_ms: Millis) -> Option<Millis> {
    const WEEK_MINUTES: u64 = 8 * 1_440;
    let start = match facts.measures.get(&Measure::Now) {
        Some(now) => now.unsigned_abs(),
        None => now_ms,
    };
    let zones: Vec<(&Zone, i64)> = facts
        .measures
        .iter()
        .filter_map(
            |(measure, value)| {
                if let Measure::WeekMinute(zone) = measure { Some((zone, *value)) } else { None }
            },
        )
        .collect();
    (0..WEEK_MINUTES)
        .map(|minute| start + minute * 60_000)
        .find(|at| zones.iter().all(|(zone, value)| zone.week_minute(*at) == *value))
}
