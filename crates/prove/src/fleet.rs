//! Questions about all instruments in force: can any such machine ever do such a thing, from now on? What the
//! registry knows of machines and services is part of the question; what changes from request to request is
//! free, and so is what people may bring about under the instruments as they stand: a suspension ends, a term
//! is renewed, somebody answers for a machine.
//!
//! Of several signed versions one binds at a time, and what ended by notice binds no more: so each span of
//! time between such changes is a question of its own.

use crate::clock::moment;
use crate::domain::circumstances;
use crate::known::{Act, acts, machine_facts, service_facts};
use crate::query::{Case, Choice, Part, Query};
use crate::scene::{SERIAL, channel, credential, dates_of, restore, standing};
use crate::solver::Solver;
use crate::{Answer, Scripts};
use contract::Instrument;
use contract::example::explain;
use contract::norm::{Facts, Flag, Measure, SqlTouch, Test};
use contract::terms::Effect;
use contract::value::instant;
use policy::{Counters, Permit, Request, Rules, Verdict, decide};
use registry::{
    Environment, Event, Identity, IdentityId, IdentityKind, InstrumentKind, InstrumentStatus, Lifecycle,
    Millis, Name, PartyId, Person, PersonId, Recorded, Seat, Service,
};

/// Spans of time in a question about one contract at most.
const SPANS_MAX: usize = 64;

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
    /// The scripts behind it.
    pub scripts: Scripts,
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
    let estate = Estate { rules, now_ms };
    let mut answer = Answer::Proven;
    let contracts = estate.contracts(ask);
    for contract in &contracts {
        match estate.contract(solver, ask, contract, &mut scripts).await {
            Answer::NoneFound | Answer::Proven => {}
            Answer::Unknown(why) => answer = Answer::Unknown(why),
            Answer::Refuted(sentence) => {
                answer = Answer::Refuted(sentence);
                break;
            }
        }
    }
    let above = [InstrumentKind::Charter, InstrumentKind::Guardrail];
    Ruling {
        question: ask.words(),
        answer,
        contracts: contracts.len(),
        above: above.map(|kind| estate.standing(kind).count()).into_iter().sum(),
        solver: solver.version().to_owned(),
        scripts,
    }
}

/// The rules, from now on.
struct Estate<'r> {
    rules: &'r Rules,
    now_ms: Millis,
}

/// From when until when (exclusive; none means for ever) the same instruments bind.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Millis,
    until: Option<Millis>,
    /// Whether it begins later than now.
    later: bool,
}

impl Span {
    /// When something is so that is so in this span, as words before a full stop.
    fn words(&self) -> String {
        let from = if self.later { format!(" from {} on", instant(self.from)) } else { String::new() };
        let until = self.until.map(|until| format!(" until {}", instant(until))).unwrap_or_default();
        format!("{from}{until}")
    }
}

/// A signed instrument and its words.
type Signed<'r> = (&'r registry::Instrument, Instrument);

impl<'r> Estate<'r> {
    /// Everything signed that has not ended; what is suspended may go on.
    fn standing(&self, kind: InstrumentKind) -> impl Iterator<Item = &'r registry::Instrument> + use<'r> {
        let now_ms = self.now_ms;
        self.rules.state().instruments.values().filter(move |instrument| {
            instrument.kind == kind
                && matches!(instrument.status, InstrumentStatus::InForce | InstrumentStatus::Suspended)
                && !instrument.is_over(now_ms)
        })
    }

    /// Contracts the question touches.
    fn contracts(&self, ask: &Ask) -> Vec<&'r registry::Instrument> {
        let state = self.rules.state();
        let touched = self.standing(InstrumentKind::Contract).filter(|contract| {
            let service = contract.service.and_then(|id| state.services.get(&id));
            let service =
                service.is_some_and(|s| ask.service.as_ref().is_none_or(|wanted| *wanted == s.name));
            service && contract.machines.iter().any(|machine| self.machine(ask, *machine).is_some())
        });
        touched.collect()
    }

    fn machine(&self, ask: &Ask, id: IdentityId) -> Option<&'r Identity> {
        let identity = self.rules.state().identities.get(&id)?;
        let party = self.rules.state().parties.get(&identity.party)?;
        ask.fits(identity, &party.name).then_some(identity)
    }

    /// Whether a contract, under everything above it, ever permits what is asked.
    async fn contract(
        &self,
        solver: &Solver,
        ask: &Ask,
        contract: &'r registry::Instrument,
        scripts: &mut Scripts,
    ) -> Answer<String> {
        let service = contract.service.and_then(|id| self.rules.state().services.get(&id));
        let Some(service) = service else { return Answer::Proven };
        let acts: Vec<Act> = acts(service).into_iter().filter(|act| is_asked(ask, act)).collect();
        let machines: Vec<&Identity> =
            contract.machines.iter().filter_map(|machine| self.machine(ask, *machine)).collect();
        if acts.is_empty() || machines.is_empty() {
            return Answer::Proven;
        }
        let Some(spans) = self.spans(contract, service) else {
            return Answer::Unknown(format!(
                "what stands above the contract `{}` changes more than {SPANS_MAX} times",
                contract.name
            ));
        };
        let mut answer = Answer::Proven;
        for span in spans {
            match self.span(solver, contract, (service, &acts), &machines, span, scripts).await {
                Answer::NoneFound | Answer::Proven => {}
                Answer::Unknown(why) => answer = Answer::Unknown(why),
                Answer::Refuted(sentence) => return Answer::Refuted(sentence),
            }
        }
        answer
    }

    /// The spans of time in which the same instruments bind, from now on.
    fn spans(&self, contract: &registry::Instrument, service: &Service) -> Option<Vec<Span>> {
        let parties = [contract.consumer, service.party];
        let concerned = self
            .standing(InstrumentKind::Contract)
            .filter(|other| other.name == contract.name)
            .chain(self.standing(InstrumentKind::Guardrail).filter(|g| parties.contains(&g.provider)))
            .chain(self.standing(InstrumentKind::Charter).filter(|charter| {
                charter.machines.iter().any(|machine| contract.machines.contains(machine))
            }));
        let changes = concerned.flat_map(|found| [found.start_ms, found.ends_by_notice_ms]).flatten();
        let mut changes: Vec<Millis> = changes.filter(|at| *at > self.now_ms).collect();
        changes.sort_unstable();
        changes.dedup();
        if changes.len() >= SPANS_MAX {
            return None;
        }
        let starts = std::iter::once(self.now_ms).chain(changes.iter().copied());
        let ends = changes.iter().copied().map(Some).chain([None]);
        Some(starts.zip(ends).map(|(from, until)| Span { from, until, later: from > self.now_ms }).collect())
    }

    /// Whether an instrument binds at a moment, beside others that could be indexed with it.
    fn binds(&self, found: &registry::Instrument, machine: Option<IdentityId>, at: Millis) -> bool {
        let beside = |other: &registry::Instrument| {
            other.name == found.name
                && other.id != found.id
                && machine.is_none_or(|machine| other.machines.contains(&machine))
                && other.service == found.service
        };
        let alone = !self.standing(found.kind).any(beside);
        let binding = self.rules.state().binding_version(&found.name, at);
        !found.is_over(at) && (alone || binding.is_some_and(|binding| binding.id == found.id))
    }

    /// What binds of one kind in a span, with its words. What nobody can read or enforce denies everything
    /// today; whether it will is not known.
    fn binding(
        &self,
        kind: InstrumentKind,
        of: impl Fn(&registry::Instrument) -> bool,
        machine: Option<IdentityId>,
        at: Millis,
    ) -> Result<Vec<Signed<'r>>, String> {
        self.standing(kind)
            .filter(|found| of(found) && self.binds(found, machine, at))
            .map(|found| Ok((found, self.words(found)?)))
            .collect()
    }

    fn words(&self, found: &registry::Instrument) -> Result<Instrument, String> {
        let read = self.rules.instrument(found.id);
        read.map_err(|why| format!("the {} `{}` cannot be read: {why}", found.kind, found.name))
    }

    /// Whether a contract permits what is asked in a span of time.
    async fn span(
        &self,
        solver: &Solver,
        found: &'r registry::Instrument,
        (service, acts): (&'r Service, &[Act]),
        machines: &[&'r Identity],
        span: Span,
        scripts: &mut Scripts,
    ) -> Answer<String> {
        let bound: Vec<&'r Identity> =
            machines.iter().copied().filter(|m| self.binds(found, Some(m.id), span.from)).collect();
        if bound.is_empty() {
            return Answer::Proven;
        }
        let (layers, doubt) = match self.layers(found, service, &bound, span) {
            Ok(layers) => layers,
            Err(why) => return Answer::Unknown(why),
        };
        let query = layers.query(self.rules.state(), (service, acts), span);
        let answer = match query.never(solver, scripts).await {
            Answer::NoneFound | Answer::Proven => Answer::Proven,
            Answer::Unknown(why) => Answer::Unknown(why),
            Answer::Refuted(case) => match case.facts(found.name.as_str()) {
                Err(why) => Answer::Unknown(why),
                Ok(facts) => match layers.trial(self.rules, &case, (service, span), &facts.machine) {
                    Some(trial) => trial.tell(&facts),
                    None => Answer::Unknown("it names no machine".to_owned()),
                },
            },
        };
        match (answer, doubt) {
            (Answer::Proven, Some(why)) => Answer::Unknown(why),
            (answer, _) => answer,
        }
    }

    /// A contract and what stands above it in a span; and why something above cannot be known.
    fn layers(
        &self,
        found: &'r registry::Instrument,
        service: &Service,
        machines: &[&'r Identity],
        span: Span,
    ) -> Result<(Layers<'r>, Option<String>), String> {
        let of = |party: PartyId| move |guardrail: &registry::Instrument| guardrail.provider == party;
        let mut parties = vec![found.consumer, service.party];
        parties.dedup();
        let mut guardrails = Vec::new();
        for party in parties {
            guardrails.extend(self.binding(InstrumentKind::Guardrail, of(party), None, span.from)?);
        }
        let contract = (found, self.words(found)?);
        let (mut charters, mut doubt) = (Vec::new(), None);
        for machine in machines {
            let of = |charter: &registry::Instrument| charter.machines.contains(&machine.id);
            match self.binding(InstrumentKind::Charter, of, Some(machine.id), span.from) {
                Ok(binding) => charters.push((*machine, binding)),
                Err(why) => doubt = Some(why),
            }
        }
        Ok((Layers { contract, guardrails, charters }, doubt))
    }
}

/// A contract, the guardrails above it, and for each of its machines the charters.
struct Layers<'r> {
    contract: Signed<'r>,
    guardrails: Vec<Signed<'r>>,
    charters: Vec<(&'r Identity, Vec<Signed<'r>>)>,
}

impl<'r> Layers<'r> {
    fn query(&self, state: &registry::State, (service, acts): (&Service, &[Act]), span: Span) -> Query {
        let part = |instrument: &Instrument, test| Part { instrument: instrument.name.to_string(), test };
        let (found, contract) = &self.contract;
        let above = self.guardrails.iter().chain(self.charters.iter().flat_map(|(_, charters)| charters));
        let all: Vec<&Instrument> = above.map(|(_, words)| words).chain([contract]).collect();
        let mut query = Query::default();
        query.require(&part(contract, contract.permitted())).visible();
        query.require(&part(contract, renewal(found)));
        query.require(&part(contract, within(span)));
        query.require(&part(contract, service_facts(state, service, acts)));
        query.require(&part(contract, circumstances(&all)));
        for (registered, guardrail) in &self.guardrails {
            query.require(&part(guardrail, guardrail.permitted()));
            query.require(&part(guardrail, renewal(registered)));
        }
        let choice = |(machine, charters): &(&'r Identity, Vec<Signed<'r>>)| {
            // A charter that permits is in force; without one that binds there is none.
            let chartered = Test::Is(Flag::Chartered);
            let chartered = if charters.is_empty() { chartered.negated() } else { chartered };
            let facts = Test::and(vec![machine_facts(state, machine, &all), chartered]);
            let mut parts = vec![part(contract, facts)];
            for (registered, charter) in charters {
                parts.push(part(charter, charter.permitted()));
                parts.push(part(charter, renewal(registered)));
            }
            Choice { parts, review_ms: machine.review_ms }
        };
        let choices: Vec<Choice> = self.charters.iter().map(choice).collect();
        query.any(&choices);
        query
    }

    /// Where a case about a machine is tried.
    fn trial<'t>(
        &'t self,
        rules: &Rules,
        case: &'t Case,
        (service, span): (&'t Service, Span),
        machine: &str,
    ) -> Option<Trial<'t, 'r>> {
        let named = |(identity, _): &&(&Identity, _)| rules.state().identity_label(identity.id) == machine;
        let (machine, charters) = self.charters.iter().find(named)?;
        let layers = self.guardrails.iter().chain(charters).collect();
        let rules = rules.scratch();
        Some(Trial { rules, case, contract: &self.contract, layers, service, machine, span })
    }
}

/// The real decision, in a copy of the world that is otherwise as it is.
struct Trial<'t, 'r> {
    rules: Rules,
    case: &'t Case,
    contract: &'t Signed<'r>,
    layers: Vec<&'t Signed<'r>>,
    service: &'t Service,
    machine: &'t Identity,
    span: Span,
}

impl Trial<'_, '_> {
    /// Tries a counterexample on the real decision, and tells it.
    fn tell(mut self, facts: &Facts) -> Answer<String> {
        let permit = match self.run(facts) {
            Ok(permit) => permit,
            Err(why) => {
                return Answer::Unknown(format!(
                    "a counterexample did not hold when it was tried on the real decision: {why}"
                ));
            }
        };
        let clauses: Vec<String> = permit.contract().clauses.iter().map(ToString::to_string).collect();
        // Another contract for the same machine may have permitted it first.
        let by = self.rules.state().instruments.get(&permit.contract().instrument).cloned();
        let Some(by) = by else { return Answer::Unknown("nothing that is known permitted it".to_owned()) };
        let (_, words) = self.contract;
        let story = explain(words, facts, |fewer| self.run(fewer).is_ok());
        Answer::Refuted(format!(
            "{story} It is permitted by clause {} of {} (`{}` version {}){}.",
            clauses.join(", "),
            by.title,
            by.name,
            by.version,
            self.span.words()
        ))
    }

    /// The permit for a request with these facts; else why it is refused.
    fn run(&mut self, facts: &Facts) -> Result<Permit, String> {
        let (contract, words) = self.contract;
        let mut dates = dates_of(self.layers.iter().map(|(_, words)| words).chain([words]));
        dates.extend([Some(self.span.from), self.span.until].into_iter().flatten().map(u64::cast_signed));
        let facts = &self.in_span(facts);
        let now_ms =
            moment(facts, self.span.from, &dates).ok_or("there is no instant with these local times")?;
        let mut events = self.answered_for(facts);
        events.push(standing(contract, facts));
        let counters = Counters::default();
        restore(&counters, (contract.id, self.machine.id), words, facts, now_ms);
        for (layer, words) in &self.layers {
            let own = self.case.facts(layer.name.as_str())?;
            events.push(standing(layer, &own));
            restore(&counters, (layer.id, self.machine.id), words, &own, now_ms);
        }
        self.rules.apply(&Recorded { actor: registry::Actor::System, events }, 0);
        let (credential, issued_ms) = credential(facts, self.machine.id, now_ms);
        self.rules.apply(&Recorded { actor: registry::Actor::System, events: vec![credential] }, issued_ms);
        let request = Request {
            identity: self.machine.id,
            serial: SERIAL,
            service: self.service.id,
            action: facts.action.clone(),
            resource: facts.resource.clone(),
            changes: changes(self.service, facts).ok_or("the service knows no such act")?,
            now_ms,
            silence_ms: facts.measure(&Measure::Silence).unsigned_abs(),
            channel: channel(facts),
            under: None,
            touch: self.service.database().map(|_| Box::new(SqlTouch::plain())),
        };
        match decide(&self.rules, &counters, request) {
            Verdict::Permit(permit) => Ok(permit),
            Verdict::Denial(denial) => Err(denial.detail),
        }
    }

    /// Facts whose time, where they name one, lies in the span.
    fn in_span(&self, facts: &Facts) -> Facts {
        let mut facts = facts.clone();
        let inside = |now: &i64| {
            let now = now.unsigned_abs();
            now >= self.span.from && self.span.until.is_none_or(|until| now < until)
        };
        if facts.measures.get(&Measure::Now).is_some_and(|now| !inside(now)) {
            facts.measures.remove(&Measure::Now);
        }
        facts
    }

    /// The machine active, and with an owner and a deputy as the facts say.
    fn answered_for(&self, facts: &Facts) -> Vec<Event> {
        let state = self.rules.state();
        let mut machine = self.machine.clone();
        (machine.state, machine.grace_until_ms) = (Lifecycle::Active, None);
        let ownerless = facts.measures.get(&Measure::OwnerlessFor);
        let now_ms = facts.measure(&Measure::Now).unsigned_abs();
        machine.departed_ms = ownerless.map(|ms| now_ms.saturating_sub(ms.unsigned_abs()));
        let mut events = Vec::new();
        let owned = facts.flags.get(&Flag::Owned).copied().unwrap_or(true);
        if !owned {
            (machine.owner.accepted_ms, machine.deputy.accepted_ms) = (None, None);
        } else if !state.is_answered_for(&machine) {
            for (n, office) in [(0xf1, &mut machine.owner), (0xf2, &mut machine.deputy)] {
                let id = PersonId::from_entropy([n; 10]);
                let left = state.people.get(&office.person).cloned();
                let somebody = |person| Person { id, left_ms: None, ..person };
                events.extend(left.map(|person| Event::PersonRegistered(somebody(person))));
                *office = Seat { person: id, accepted_ms: Some(0), offer: [0; 10] };
            }
        }
        events.push(Event::IdentityProposed(machine));
        events
    }
}

/// The time of requests in a span.
fn within(span: Span) -> Test {
    let from = Test::AtLeast(Measure::Now, span.from.cast_signed());
    match span.until {
        None => from,
        Some(until) => Test::and(vec![from, Test::AtLeast(Measure::Now, until.cast_signed()).negated()]),
    }
}

/// Until when an instrument may have been renewed: as it is, or beyond if it still can be.
fn renewal(registered: &registry::Instrument) -> Test {
    let renewed = registered.renewed_until_ms.unwrap_or(0).cast_signed();
    let least = Test::AtLeast(Measure::RenewedUntil, renewed);
    if registered.terms.renewal_ms.is_some() && !registered.not_renewed {
        return least;
    }
    Test::and(vec![least, Test::MoreThan(Measure::RenewedUntil, renewed).negated()])
}

/// Whether a question is about an act.
fn is_asked(ask: &Ask, (action, resource, changes, _): &Act) -> bool {
    ask.resource.as_ref().is_none_or(|wanted| wanted == resource)
        && ask.action.as_ref().is_none_or(|wanted| wanted == action)
        && ask.effect.is_none_or(|effect| (effect == Effect::Change) == *changes)
}

/// Whether the act changes something: as the case says, if the service has it both ways.
fn changes(service: &Service, facts: &Facts) -> Option<bool> {
    let resource = service.resource(&facts.resource)?;
    let mut ways = resource.operations.iter().filter(|o| o.action == facts.action).map(|o| o.changes);
    let first = ways.next()?;
    let both = ways.any(|other| other != first);
    Some(if both { facts.flag(Flag::Changes) } else { first })
}
