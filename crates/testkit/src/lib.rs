//! Fixtures for tests and benchmarks: rules made of events, as a ledger would bring them.
//!
//! In scope: small worlds of parties, a service, machines, certificates and instruments in force; every single change
//! of every clause.
//! Out of scope: anything that is shipped.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a fixture stops where it is wrong; its names say what it is"
)]

pub mod mutation;

use contract::Body;
use policy::{AsOf, Bundle, Channel, CompileError, Documents, Request, Rules};
use registry::command::InstrumentDraft;
use registry::{
    Actor, Environment, Event, Identity, IdentityId, IdentityKind, Instrument, InstrumentId, InstrumentKind,
    InstrumentTerms, Lifecycle, Millis, Operation, Party, PartyId, Person, PersonId, Recorded, Resource,
    Seat, Service, ServiceId, State,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// 15 January 2027, 08:00 UTC, a Friday.
pub const NOW: Millis = 1_800_000_000_000;
pub const SERIAL: [u8; 16] = [7; 16];

/// Documents by their digest, in memory.
#[derive(Default)]
pub struct Shelf(pub Mutex<HashMap<[u8; 32], String>>);

impl Documents for Shelf {
    fn document(&self, digest: &[u8; 32]) -> Option<String> {
        self.0.lock().unwrap().get(digest).cloned()
    }
}

impl Shelf {
    pub fn put(&self, source: &str) -> [u8; 32] {
        let digest = contract::canonical::digest(source);
        self.0.lock().unwrap().insert(digest, source.to_owned());
        digest
    }
}

pub fn id(n: u32) -> [u8; 10] {
    let mut id = [0; 10];
    id[6..].copy_from_slice(&n.to_be_bytes());
    id
}

/// The machine `acme/robot`.
pub fn machine() -> IdentityId {
    IdentityId::from_entropy(id(1))
}

/// The service `files` of `forge`.
pub fn service() -> ServiceId {
    ServiceId::from_entropy(id(1))
}

/// Owner (1) and deputy (2) of machines; owner of the service (3).
pub fn person(n: u32) -> PersonId {
    PersonId::from_entropy(id(n))
}

pub fn acme() -> PartyId {
    PartyId::from_entropy(id(1))
}

pub fn forge() -> PartyId {
    PartyId::from_entropy(id(2))
}

pub fn channel() -> Channel {
    Channel { address: [10, 20, 0, 7].into(), key_algorithm: "ed25519", purpose: None }
}

pub fn request(action: &str, resource: &str) -> Request {
    Request {
        identity: machine(),
        serial: SERIAL,
        service: service(),
        action: action.parse().unwrap(),
        resource: resource.parse().unwrap(),
        changes: action != "read",
        now_ms: NOW,
        silence_ms: 0,
        channel: channel(),
        under: None,
        touch: None,
    }
}

fn blocks(clauses: &[&str]) -> String {
    clauses.iter().map(|clause| format!("```clause\n{}\n```\n\n", clause.trim_end())).collect()
}

fn formatted(source: &str) -> String {
    contract::format(source).unwrap_or_else(|found| panic!("{found:#?}\n{source}"))
}

/// A contract between forge (provider of `files`) and acme (with `robot`).
pub fn document(name: &str, clauses: &[&str]) -> String {
    contract_for(name, "robot", clauses)
}

pub fn contract_for(name: &str, machine: &str, clauses: &[&str]) -> String {
    formatted(&format!(
        "+++\ninstrument = \"contract\"\nname = \"{name}\"\nversion = 1\ntitle = \"Title\"\n\n[provider]\n\
         party = \"forge\"\nlegal-name = \"Forge\"\nservice = \"files\"\n\n[consumer]\nparty = \"acme\"\n\
         legal-name = \"Acme\"\nmachines = [\"{machine}\"]\n+++\n\n# Title\n\n## Clauses\n\n{}",
        blocks(clauses)
    ))
}

/// A charter of acme's `robot`.
pub fn charter(name: &str, clauses: &[&str]) -> String {
    formatted(&format!(
        "+++\ninstrument = \"charter\"\nname = \"{name}\"\nversion = 1\ntitle = \"Charter\"\n\n[holder]\n\
         party = \"acme\"\nlegal-name = \"Acme\"\nmachine = \"robot\"\n+++\n\n# Charter\n\n## Clauses\n\n{}",
        blocks(clauses)
    ))
}

/// A guardrail of `acme` or `forge`.
pub fn guardrail(name: &str, party: &str, clauses: &[&str]) -> String {
    let legal = if party == "acme" { "Acme" } else { "Forge" };
    formatted(&format!(
        "+++\ninstrument = \"guardrail\"\nname = \"{name}\"\nversion = 1\ntitle = \"Guardrail\"\n\n[holder]\n\
         party = \"{party}\"\nlegal-name = \"{legal}\"\n+++\n\n# Guardrail\n\n## Clauses\n\n{}",
        blocks(clauses)
    ))
}

/// An operation on any path.
pub fn operation(action: &str, method: &str) -> Operation {
    Operation {
        action: action.parse().unwrap(),
        methods: vec![method.into()],
        path: "/**".into(),
        query: vec![],
        changes: method != "GET",
    }
}

/// The service `files` with the resources `a`, `b`, `c`, each to read, write and delete.
pub fn files() -> Service {
    let resource = |name: &str| Resource {
        name: name.parse().unwrap(),
        operations: vec![operation("read", "GET"), operation("write", "PUT"), operation("delete", "DELETE")],
        class: None,
        objects: None,
    };
    Service {
        id: service(),
        name: "files".parse().unwrap(),
        party: forge(),
        owner: person(3),
        host: "files.localhost".into(),
        upstream: "http://127.0.0.1:1".into(),
        resources: ["a", "b", "c"].map(resource).to_vec(),
        injection: None,
        region: None,
        login: None,
    }
}

/// An active machine of acme.
pub fn robot(id: IdentityId, name: &str) -> Identity {
    let seat = |n| Seat { person: person(n), accepted_ms: Some(1), offer: [0; 10] };
    Identity {
        id,
        name: name.parse().unwrap(),
        party: acme(),
        kind: IdentityKind::Bot,
        purpose: "Sorts parcels".into(),
        environment: Environment::Production,
        owner: seat(1),
        deputy: seat(2),
        review_ms: NOW + 86_400_000,
        roles: vec!["sorter".parse().unwrap()],
        state: Lifecycle::Active,
        grace_until_ms: None,
        departed_ms: None,
        steps: Vec::new(),
        region: None,
    }
}

/// A certificate that lives 11 minutes.
pub fn certificate(identity: IdentityId, serial: [u8; 16]) -> Event {
    Event::CredentialIssued {
        identity,
        serial,
        public_key: [0; 32],
        not_before_ms: NOW - 60_000,
        not_after_ms: NOW + 600_000,
        token: Some([1; 32]),
        scope: None,
        attested: None,
        tbs: None,
        token_until_ms: None,
        root: None,
    }
}

/// Parties, people, service; no machine yet.
pub fn ground() -> Vec<Event> {
    let party = |id, name: &str, legal_name: &str| {
        Event::PartyRegistered(Party {
            id,
            name: name.parse().unwrap(),
            legal_name: legal_name.into(),
            jurisdiction: "x".into(),
        })
    };
    // The one key every fixture signs nothing with.
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAdA2/KmIWAUwOZwhxmcKj5ZbtAF2GqYSTRMmDGSp1nI";
    let people = (1..=3).map(|n| {
        Event::PersonRegistered(Person {
            id: person(n),
            name: format!("person-{n}").parse().unwrap(),
            party: if n == 3 { forge() } else { acme() },
            key: key.parse().unwrap(),
            profile: [0; 32],
            left_ms: None,
        })
    });
    [party(acme(), "acme", "Acme"), party(forge(), "forge", "Forge")]
        .into_iter()
        .chain(people)
        .chain([Event::ServiceRegistered(files())])
        .collect()
}

/// What the registry would keep of a document.
pub fn drafted(state: &State, id: InstrumentId, source: &str) -> Instrument {
    let checked = contract::check(source).unwrap_or_else(|found| panic!("{found:#?}"));
    let bundle = match Bundle::compile(&checked) {
        // What nobody would sign on purpose may still be decided on.
        Err(CompileError::Idle { .. }) => Bundle::unchecked(&checked),
        compiled => compiled.unwrap_or_else(|error| panic!("{error}")),
    };
    drafted_unchecked(state, id, source, &checked, bundle.hash())
}

/// The same for a document that is known to be sound.
pub fn drafted_unchecked(
    state: &State,
    id: InstrumentId,
    source: &str,
    checked: &contract::Instrument,
    bundle: [u8; 32],
) -> Instrument {
    let party = |side: &contract::Organisation| state.party_named(side.party.as_str()).unwrap().id;
    let consumer = party(checked.body.machine_side());
    let kind = match checked.body {
        Body::Charter { .. } => InstrumentKind::Charter,
        Body::Contract { .. } => InstrumentKind::Contract,
        Body::Guardrail { .. } => InstrumentKind::Guardrail,
    };
    // When it begins to bind follows from it, as drafting has it; that it ends is the clause's to say here.
    let start_ms = checked.clauses.iter().find_map(|clause| {
        let contract::Kind::Term(term) = &clause.kind else { return None };
        Some(term.start.0)
    });
    let draft = InstrumentDraft {
        name: checked.name.clone(),
        version: checked.version,
        title: checked.title.clone(),
        provider: party(checked.body.holder()),
        service: checked.body.service().map(|name| state.service_named(name.as_str()).unwrap().id),
        consumer,
        machines: checked
            .body
            .machines()
            .iter()
            .map(|name| state.identity_named(consumer, name).unwrap().id)
            .collect(),
        document: contract::canonical::digest(source),
        bundle,
        envelope: String::new(),
        credentials: Vec::new(),
        departure: Vec::new(),
        start_ms,
        end_ms: None,
        quota_window_max_ms: None,
        kind,
        terms: InstrumentTerms::default(),
    };
    Instrument::drafted(id, draft)
}

/// Rules one can add to.
pub struct World {
    pub rules: Rules,
    pub shelf: Arc<Shelf>,
    next: u32,
}

impl World {
    /// One active machine with a live certificate, one service, no instrument.
    pub fn new() -> Self {
        let shelf = Arc::new(Shelf::default());
        let mut world = Self { rules: Rules::new(shelf.clone()), shelf, next: 100 };
        world.apply(ground());
        world.event(Event::IdentityProposed(robot(machine(), "robot")));
        world.event(certificate(machine(), SERIAL));
        world
    }

    pub fn event(&mut self, event: Event) {
        self.apply(vec![event]);
    }

    fn apply(&mut self, events: Vec<Event>) {
        self.rules.apply(&Recorded { actor: Actor::System, events }, NOW - 1_000);
        let size = self.rules.as_of().size + 1;
        self.rules.seal(AsOf { size, root: [0; 32] });
    }

    /// Brings a document into force.
    pub fn instrument(&mut self, source: &str) -> InstrumentId {
        self.instrument_with(source, |_| {})
    }

    /// The same, after a change of what the registry keeps of it.
    pub fn instrument_with(&mut self, source: &str, change: impl FnOnce(&mut Instrument)) -> InstrumentId {
        let id = self.draft(source, change);
        self.event(Event::InstrumentInForce { instrument: id });
        id
    }

    /// Drafts a document.
    pub fn draft(&mut self, source: &str, change: impl FnOnce(&mut Instrument)) -> InstrumentId {
        self.next += 1;
        let id = InstrumentId::from_entropy(id(self.next));
        let mut drafted = drafted(self.rules.state(), id, source);
        change(&mut drafted);
        self.shelf.put(source);
        self.event(Event::InstrumentDrafted(Box::new(drafted)));
        id
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
