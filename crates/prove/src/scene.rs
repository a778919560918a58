//! A small world in which the real decision tries a counterexample: one machine, one service, one act, and
//! the instruments in question in force. What a case says of machine, certificate and time is so there.

use crate::Version;
use crate::clock::{ORDINARY_MS, moment};
use crate::query::is_same;
use contract::kind::credential::KeyAlgorithm;
use contract::norm::{Facts, Flag, Label, Measure, Meter, SqlTouch, Test, Unit};
use contract::{Body, Instrument, Kind, Number};
use policy::{Bundle, Channel, Counters, Documents, Request, Rules, Verdict, decide};
use registry::command::InstrumentDraft;
use registry::{
    Actor, Attestation, Attested, Classification, Environment, Event, Identity, IdentityId, IdentityKind,
    InstrumentId, InstrumentKind, InstrumentStatus, InstrumentTerms, Lifecycle, Millis, Operation, Party,
    PartyId, Person, PersonId, PublicKey, Recorded, Resource, Seat, Service, ServiceId,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// The instruments in question, in force and indexed.
pub(crate) struct Scene<'v> {
    rules: Rules,
    placed: Vec<(registry::Instrument, &'v Version)>,
    /// Dates they change at.
    dates: Vec<i64>,
}

/// The texts of the scene.
struct Shelf(HashMap<[u8; 32], String>);

impl Documents for Shelf {
    fn document(&self, digest: &[u8; 32]) -> Option<String> {
        self.0.get(digest).cloned()
    }
}

/// The certificate of the scene.
pub(crate) const SERIAL: [u8; 16] = [0xfe; 16];
/// The life of a certificate whose life does not matter.
const LIFE_MS: u64 = 60_000;
/// A key nobody signs with: people must have one to be registered.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAdA2/KmIWAUwOZwhxmcKj5ZbtAF2GqYSTRMmDGSp1nI";
/// The party of a service whose party does not matter.
const OTHER_PARTY: &str = "another-party";
/// More than any quota of calls counts.
const COUNTED_MAX: i64 = contract::kind::quota::QUOTA_LIMIT_MAX as i64 + 1;

fn machine_id() -> IdentityId {
    IdentityId::from_entropy([1; 10])
}

fn service_id() -> ServiceId {
    ServiceId::from_entropy([2; 10])
}

fn party_id(name: &str) -> PartyId {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let mut entropy = [0; 10];
    entropy.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    PartyId::from_entropy(entropy)
}

impl<'v> Scene<'v> {
    /// A scene with these instruments in force.
    pub(crate) fn of(versions: &[&'v Version]) -> Self {
        let shelf = versions.iter().map(|v| (contract::canonical::digest(v.source()), v.source().to_owned()));
        let mut rules = Rules::new(Arc::new(Shelf(shelf.collect())));
        let placed: Vec<(registry::Instrument, &Version)> = versions
            .iter()
            .zip(10..)
            .map(|(version, n)| (registered(version, version.source(), n), *version))
            .collect();
        for (instrument, _) in &placed {
            put(&mut rules, instrument);
        }
        let dates = dates_of(versions.iter().map(|version| version.instrument()));
        Self { rules, placed, dates }
    }

    /// Whether the scene permits a request with these facts; else why not. What other instruments than the
    /// one the facts are of saw by themselves (counts, renewals, suspensions) stands beside, by name.
    pub(crate) fn decide(&self, facts: &Facts, beside: &[(&str, &Facts)]) -> Result<Verdict, String> {
        let (consumer, machine) =
            facts.machine.split_once('/').ok_or("the case names no machine of a party")?;
        let word = |label: Label| facts.labels.get(&label).map(String::as_str);
        if word(Label::Consumer).is_some_and(|party| party != consumer) {
            return Err("the machine is of another party than the case says".to_owned());
        }
        let contract = self.placed.iter().find_map(|(_, version)| match &version.body {
            Body::Contract { provider, .. } => Some(provider.party.as_str()),
            Body::Charter { .. } | Body::Guardrail { .. } => None,
        });
        let provider = contract.or(word(Label::Provider)).unwrap_or(OTHER_PARTY);
        let now_ms =
            moment(facts, ORDINARY_MS, &self.dates).ok_or("there is no instant with these local times")?;
        let mut rules = self.rules.scratch();
        let mut events = parties(&[consumer, provider])?;
        events.extend(people(consumer)?);
        events.push(identity(facts, machine, consumer, now_ms)?);
        events.push(service(facts, provider)?);
        let counters = Counters::default();
        for (instrument, version) in &self.placed {
            let name = version.name.as_str();
            let own = beside.iter().find(|(of, _)| *of == name).map_or(facts, |(_, own)| *own);
            events.push(standing(instrument, own));
            restore(&counters, (instrument.id, machine_id()), version, own, now_ms);
        }
        rules.apply(&Recorded { actor: Actor::System, events }, 0);
        let (credential, issued_ms) = credential(facts, machine_id(), now_ms);
        rules.apply(&Recorded { actor: Actor::System, events: vec![credential] }, issued_ms);
        let rules = self.with_open(rules, facts, (consumer, machine), provider)?;
        let request = Request {
            identity: machine_id(),
            serial: SERIAL,
            service: service_id(),
            action: facts.action.clone(),
            resource: facts.resource.clone(),
            changes: facts.flag(Flag::Changes),
            now_ms,
            silence_ms: facts.measure(&Measure::Silence).unsigned_abs(),
            channel: channel(facts),
            under: None,
            touch: Some(Box::new(SqlTouch::plain())),
        };
        Ok(decide(&rules, &counters, request))
    }

    /// Whether a verdict is a refusal by the last of the instruments, under one of its own clauses.
    pub(crate) fn refuses(&self, verdict: &Verdict) -> bool {
        let last = self.placed.last().map(|(instrument, _)| instrument.id);
        match verdict {
            Verdict::Denial(denial) => denial.cited.as_ref().map(|cited| cited.instrument) == last,
            Verdict::Permit(_) => false,
        }
    }

    /// What else a request needs to pass: a contract if none is in question, and a charter if it has one.
    fn with_open(
        &self,
        mut rules: Rules,
        facts: &Facts,
        (consumer, machine): (&str, &str),
        provider: &str,
    ) -> Result<Rules, String> {
        let there = |wanted: InstrumentKind| self.placed.iter().any(|(placed, _)| placed.kind == wanted);
        let permit = |on: &str| {
            format!(
                "## Open\n\n```clause\nkind = \"permit\"\nactions = [\"{}\"]\nresources = [\"{on}\"]\n```\n",
                facts.action
            )
        };
        let mut open = Vec::new();
        if !there(InstrumentKind::Contract) {
            open.push(format!(
                "+++\ninstrument = \"contract\"\nname = \"open-contract\"\nversion = 1\ntitle = \"Open\"\n[provider]\n\
                 party = \"{provider}\"\nlegal-name = \"Provider\"\nservice = \"{}\"\n[consumer]\nparty = \"{consumer}\"\n\
                 legal-name = \"Consumer\"\nmachines = [\"{machine}\"]\n+++\n\n# Open\n\n{}",
                facts.service,
                permit(facts.resource.as_str()),
            ));
        }
        if !there(InstrumentKind::Charter) && facts.flag(Flag::Chartered) {
            open.push(format!(
                "+++\ninstrument = \"charter\"\nname = \"open-charter\"\nversion = 1\ntitle = \"Open\"\n[holder]\n\
                 party = \"{consumer}\"\nlegal-name = \"Consumer\"\nmachine = \"{machine}\"\n+++\n\n# Open\n\n{}",
                permit(&format!("{}/{}", facts.service, facts.resource)),
            ));
        }
        for (source, n) in open.iter().zip(100..) {
            let read = contract::read(source).map_err(|found| {
                let first = found.first().map_or_else(String::new, |finding| finding.message.clone());
                format!("the scene cannot be set: {first}")
            })?;
            rules = rules.with_document(source);
            put(&mut rules, &registered(&read, source, n));
        }
        Ok(rules)
    }
}

fn put(rules: &mut Rules, instrument: &registry::Instrument) {
    let events = vec![
        Event::InstrumentDrafted(Box::new(instrument.clone())),
        Event::InstrumentInForce { instrument: instrument.id },
    ];
    rules.apply(&Recorded { actor: Actor::System, events }, 0);
}

/// What a registry would keep of an instrument for the scene's machine and service.
fn registered(instrument: &Instrument, source: &str, n: u8) -> registry::Instrument {
    let (kind, machines, service) = match &instrument.body {
        Body::Charter { .. } => (InstrumentKind::Charter, vec![machine_id()], None),
        Body::Contract { .. } => (InstrumentKind::Contract, vec![machine_id()], Some(service_id())),
        Body::Guardrail { .. } => (InstrumentKind::Guardrail, Vec::new(), None),
    };
    let term = instrument.clauses.iter().find_map(|clause| {
        if let Kind::Term(term) = &clause.kind { Some((term.start.0, term.end.0)) } else { None }
    });
    let draft = InstrumentDraft {
        name: instrument.name.clone(),
        version: instrument.version,
        title: instrument.title.clone(),
        provider: party_id(instrument.body.holder().party.as_str()),
        service,
        consumer: party_id(instrument.body.machine_side().party.as_str()),
        machines,
        document: contract::canonical::digest(source),
        bundle: Bundle::unchecked(instrument).hash(),
        envelope: String::new(),
        credentials: Vec::new(),
        departure: Vec::new(),
        start_ms: term.map(|(start, _)| start),
        end_ms: term.map(|(_, end)| end),
        quota_window_max_ms: None,
        kind,
        terms: InstrumentTerms::default(),
    };
    let drafted = registry::Instrument::drafted(InstrumentId::from_entropy([n; 10]), draft);
    registry::Instrument { status: InstrumentStatus::InForce, ..drafted }
}

/// An instrument renewed and suspended as the facts say. It stays where it is indexed.
pub(crate) fn standing(instrument: &registry::Instrument, facts: &Facts) -> Event {
    let mut instrument = instrument.clone();
    if let Some(until) = facts.measures.get(&Measure::RenewedUntil) {
        instrument.renewed_until_ms = Some(until.unsigned_abs()).filter(|until| *until > 0);
    }
    if let Some(bound_for) = facts.measures.get(&Measure::BoundFor) {
        let now_ms = facts.measure(&Measure::Now).unsigned_abs();
        instrument.in_force_ms = Some(now_ms.saturating_sub(bound_for.unsigned_abs()));
    }
    instrument.suspended_from_ms = facts.flag(Flag::Suspended).then_some(0);
    Event::InstrumentDrafted(Box::new(instrument))
}

fn parties(names: &[&str]) -> Result<Vec<Event>, String> {
    let party = |name: &&str| {
        let (id, name) = (party_id(name), name.parse().map_err(|error| format!("{error}"))?);
        let legal_name = String::new();
        Ok(Event::PartyRegistered(Party { id, name, legal_name, jurisdiction: String::new() }))
    };
    names.iter().map(party).collect()
}

/// An owner and a deputy.
fn people(party: &str) -> Result<Vec<Event>, String> {
    let person = |n: u8| {
        Ok(Event::PersonRegistered(Person {
            id: PersonId::from_entropy([n; 10]),
            name: format!("person-{n}").parse().map_err(|error| format!("{error}"))?,
            party: party_id(party),
            key: KEY.parse::<PublicKey>().map_err(|error| error.to_string())?,
            profile: [0; 32],
            left_ms: None,
        }))
    };
    [1, 2].map(person).into_iter().collect()
}

fn identity(facts: &Facts, machine: &str, party: &str, now_ms: Millis) -> Result<Event, String> {
    let word = |label: Label| facts.labels.get(&label).map(String::as_str);
    let unknown = |text: &str| format!("no registry knows `{text}`");
    let kind = match word(Label::MachineKind) {
        Some(text) => IdentityKind::parse(text).ok_or_else(|| unknown(text))?,
        None => IdentityKind::Bot,
    };
    let environment = match word(Label::Environment) {
        Some(text) => Environment::parse(text).ok_or_else(|| unknown(text))?,
        None => Environment::Production,
    };
    let region = word(Label::CallerRegion).filter(|text| !text.is_empty());
    let owned = facts.flags.get(&Flag::Owned).copied().unwrap_or(true);
    let seat = |n: u8| Seat {
        person: PersonId::from_entropy([n; 10]),
        accepted_ms: owned.then_some(0),
        offer: [0; 10],
    };
    Ok(Event::IdentityProposed(Identity {
        id: machine_id(),
        name: machine.parse().map_err(|error| format!("{error}"))?,
        party: party_id(party),
        kind,
        purpose: String::new(),
        environment,
        owner: seat(1),
        deputy: seat(2),
        review_ms: review(facts, now_ms),
        roles: facts.roles.clone(),
        state: Lifecycle::Active,
        grace_until_ms: None,
        departed_ms: facts
            .measures
            .get(&Measure::OwnerlessFor)
            .map(|ownerless| now_ms.saturating_sub(ownerless.unsigned_abs())),
        steps: Vec::new(),
        region: region.map(str::parse).transpose().map_err(|error| format!("{error}"))?,
    }))
}

/// When the review was due that is overdue by what the facts say.
fn review(facts: &Facts, now_ms: Millis) -> Millis {
    let overdue = facts.measure(&Measure::ReviewOverdue);
    now_ms.checked_add_signed(overdue.saturating_neg()).unwrap_or_default()
}

fn service(facts: &Facts, provider: &str) -> Result<Event, String> {
    let class = facts.measures.get(&Measure::ResourceClass);
    let class =
        class.and_then(|rank| Classification::ALL.iter().copied().find(|c| i64::from(c.rank()) == *rank));
    let region = facts.labels.get(&Label::ServiceRegion).filter(|text| !text.is_empty());
    let operation = Operation {
        action: facts.action.clone(),
        methods: vec!["GET".to_owned()],
        path: "/**".to_owned(),
        query: Vec::new(),
        changes: facts.flag(Flag::Changes),
    };
    Ok(Event::ServiceRegistered(Service {
        id: service_id(),
        name: facts.service.clone(),
        party: party_id(provider),
        owner: PersonId::from_entropy([1; 10]),
        host: String::new(),
        upstream: String::new(),
        resources: vec![Resource {
            name: facts.resource.clone(),
            operations: vec![operation],
            class,
            objects: None,
        }],
        injection: None,
        login: None,
        region: region.map(|text| text.parse()).transpose().map_err(|error| format!("{error}"))?,
    }))
}

/// A certificate or token of the age and the life the facts say, and when it was issued.
pub(crate) fn credential(facts: &Facts, identity: IdentityId, now_ms: Millis) -> (Event, Millis) {
    let measured = |measure| facts.measures.get(&measure).map(|ms: &i64| ms.unsigned_abs());
    let age = measured(Measure::CredentialAge).unwrap_or(0);
    let life = measured(Measure::CredentialLife).unwrap_or_else(|| LIFE_MS.max(age.saturating_add(1)));
    let not_before_ms = now_ms.saturating_sub(age.min(life.saturating_sub(1)));
    let by = facts.labels.get(&Label::Attestation).and_then(|word| Attestation::parse(word));
    let (token, attested) = match by {
        None | Some(Attestation::JoinToken) => (Some([0; 32]), None),
        Some(Attestation::Renewal) => (None, None),
        Some(
            by @ (Attestation::CiOidc
            | Attestation::DeviceCertificate
            | Attestation::Kubernetes
            | Attestation::Process),
        ) => (None, Some(Attested { by, evidence: [0; 32], instance: None })),
    };
    let word = |label: Label| facts.labels.get(&label).map(String::as_str);
    if word(Label::Binding) == Some("bearer") || word(Label::CredentialKind) == Some("jwt-svid") {
        let attested =
            attested.unwrap_or(Attested { by: Attestation::Process, evidence: [0; 32], instance: None });
        let event = Event::JwtIssued {
            identity,
            jti: SERIAL,
            audiences: vec![registry::DATABASE_AUDIENCE.to_owned()],
            kid: String::new(),
            not_after_ms: not_before_ms.saturating_add(life),
            attested,
        };
        return (event, not_before_ms);
    }
    let event = Event::CredentialIssued {
        identity,
        serial: SERIAL,
        public_key: [0; 32],
        not_before_ms,
        not_after_ms: not_before_ms.saturating_add(life),
        token,
        scope: None,
        attested,
        tbs: None,
        token_until_ms: None,
        root: None,
    };
    (event, 0)
}

/// How a request with these facts came.
pub(crate) fn channel(facts: &Facts) -> Channel {
    let half = |measure| u128::from(facts.measure(&measure).cast_unsigned() ^ (1 << 63));
    let given = facts.measures.contains_key(&Measure::AddressLow)
        || facts.measures.contains_key(&Measure::AddressHigh);
    let bits = (half(Measure::AddressHigh) << 64) | half(Measure::AddressLow);
    let address = if given { Ipv6Addr::from_bits(bits).to_canonical() } else { IpAddr::from([127, 0, 0, 1]) };
    let algorithm = match facts.labels.get(&Label::KeyAlgorithm) {
        None => "ed25519",
        Some(word) => {
            KeyAlgorithm::ALL.iter().find(|known| known.as_str() == word).map_or("", |k| k.as_str())
        }
    };
    let purpose = facts.labels.get(&Label::Purpose).filter(|word| !word.is_empty()).cloned();
    Channel { address, key_algorithm: algorithm, purpose }
}

/// Counts what the facts say was counted before: for each clause of an instrument, by the number of the
/// meters that count alike. Longer windows hold what shorter ones do, and what is older.
pub(crate) fn restore(
    counters: &Counters,
    (instrument, machine): (InstrumentId, IdentityId),
    words: &Instrument,
    facts: &Facts,
    now_ms: Millis,
) {
    let mut clauses: BTreeMap<(Number, Unit), Vec<(u64, i64)>> = BTreeMap::new();
    for (meter, enough) in meters(words) {
        let measure = Measure::Counted(meter.clone());
        let count = facts.measures.iter().find(|(known, _)| is_same(known, &measure)).map_or(0, |(_, n)| *n);
        clauses
            .entry((meter.clause, meter.unit))
            .or_default()
            .push((meter.window.as_ms(), count.clamp(0, enough)));
    }
    for ((clause, unit), mut windows) in clauses {
        windows.sort_unstable();
        // From the longest window to the shortest: times are counted in their order.
        for (at, (_, count)) in windows.iter().enumerate().rev() {
            let shorter = at.checked_sub(1).and_then(|before| windows.get(before));
            let (older, counted) = shorter.map_or((0, 0), |(window, counted)| (*window, *counted));
            let (key, at_ms) = ((instrument, clause, machine), now_ms.saturating_sub(older));
            if unit == Unit::Rows {
                counters.restore_rows(key, at_ms, (count - counted).unsigned_abs());
                continue;
            }
            for _ in counted..*count {
                counters.restore(key, at_ms);
            }
        }
    }
}

/// What the quotas of an instrument count, of those gateways can count, each with a count beyond which it does
/// not matter how many more there are.
fn meters(instrument: &Instrument) -> BTreeMap<Meter, i64> {
    let mut found = BTreeMap::new();
    for (_, _, rule) in instrument.rules() {
        rule.when.visit(&mut |test| {
            if let Test::AtLeast(Measure::Counted(meter), bound)
            | Test::MoreThan(Measure::Counted(meter), bound) = test
                && matches!(meter.unit, Unit::Calls | Unit::Rows)
            {
                // Calls are remembered one by one.
                let most = if meter.unit == Unit::Calls { COUNTED_MAX } else { i64::MAX };
                let enough = found.entry(meter.clone()).or_insert(0);
                *enough = bound.saturating_add(1).clamp(*enough, most);
            }
        });
    }
    found
}

/// The dates at which instruments change what they say.
pub(crate) fn dates_of<'i>(instruments: impl Iterator<Item = &'i Instrument>) -> Vec<i64> {
    let mut dates = Vec::new();
    for instrument in instruments {
        for (_, _, rule) in instrument.rules() {
            rule.when.visit(&mut |test| match test {
                Test::AtLeast(Measure::Now, date) => dates.push(*date),
                Test::MoreThan(Measure::Now, date) => dates.push(date.saturating_add(1)),
                Test::AtLeast(..)
                | Test::MoreThan(..)
                | Test::All(_)
                | Test::Any(_)
                | Test::Not(_)
                | Test::OneOf(..)
                | Test::Is(_)
                | Test::HasRole(_) => {}
            });
        }
    }
    dates
}
