//! Rules made of events, as a ledger would bring them.

use contract::Contract;
use policy::{AsOf, Bundle, Documents, Request, Rules};
use registry::{
    Actor, Environment, Event, Identity, IdentityId, IdentityKind, Instrument, InstrumentId,
    InstrumentStatus, Lifecycle, Millis, Operation, Party, PartyId, PersonId, Recorded, Resource, Seat,
    Service, ServiceId,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub(crate) const NOW: Millis = 1_800_000_000_000;
pub(crate) const SERIAL: [u8; 16] = [7; 16];

#[derive(Default)]
pub(crate) struct Shelf(pub(crate) Mutex<HashMap<[u8; 32], String>>);

impl Documents for Shelf {
    fn document(&self, digest: &[u8; 32]) -> Option<String> {
        self.0.lock().unwrap().get(digest).cloned()
    }
}

pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) shelf: Arc<Shelf>,
    next: u8,
}

pub(crate) fn machine() -> IdentityId {
    IdentityId::from_entropy([1; 10])
}

pub(crate) fn service() -> ServiceId {
    ServiceId::from_entropy([2; 10])
}

fn person(n: u8) -> PersonId {
    PersonId::from_entropy([n; 10])
}

pub(crate) fn request(action: &str, resource: &str) -> Request {
    Request {
        identity: machine(),
        serial: SERIAL,
        service: service(),
        action: action.parse().unwrap(),
        resource: resource.parse().unwrap(),
        changes: true,
        now_ms: NOW,
    }
}

/// The text of a contract with these clause blocks.
pub(crate) fn document(name: &str, clauses: &[&str]) -> String {
    let blocks: String = clauses.iter().map(|clause| format!("```clause\n{clause}\n```\n\n")).collect();
    let source = format!(
        "+++\ninstrument = \"contract\"\nname = \"{name}\"\nversion = 1\ntitle = \"Title\"\n\n[provider]\n\
         party = \"forge\"\nlegal-name = \"Forge\"\nservice = \"files\"\n\n[consumer]\nparty = \"acme\"\n\
         legal-name = \"Acme\"\nmachines = [\"robot\"]\n+++\n\n# Title\n\n## Clauses\n\n{blocks}"
    );
    contract::format(&source).unwrap_or_else(|found| panic!("{found:#?}"))
}

impl World {
    /// One active machine with a live certificate, one service, no contract.
    pub(crate) fn new() -> Self {
        let shelf = Arc::new(Shelf::default());
        let mut world = Self { rules: Rules::new(shelf.clone()), shelf, next: 0 };
        let party = |n: u8, name: &str| {
            Event::PartyRegistered(Party {
                id: PartyId::from_entropy([n; 10]),
                name: name.parse().unwrap(),
                legal_name: name.into(),
                jurisdiction: "x".into(),
            })
        };
        world.event(party(1, "acme"));
        world.event(party(2, "forge"));
        let seat = |n| Seat { person: person(n), accepted_ms: Some(1), offer: [n; 10] };
        world.event(Event::IdentityProposed(Identity {
            id: machine(),
            name: "robot".parse().unwrap(),
            party: PartyId::from_entropy([1; 10]),
            kind: IdentityKind::Bot,
            purpose: "x".into(),
            environment: Environment::Test,
            owner: seat(1),
            deputy: seat(2),
            review_ms: u64::MAX,
            roles: vec![],
            state: Lifecycle::Active,
            grace_until_ms: None,
        }));
        let operation = |action: &str| Operation {
            action: action.parse().unwrap(),
            methods: vec!["GET".into()],
            path: "/**".into(),
            query: vec![],
            changes: true,
        };
        world.event(Event::ServiceRegistered(Service {
            id: service(),
            name: "files".parse().unwrap(),
            party: PartyId::from_entropy([2; 10]),
            owner: person(3),
            host: "files.localhost".into(),
            upstream: "http://127.0.0.1:1".into(),
            resources: vec![Resource { name: "a".parse().unwrap(), operations: vec![operation("read")] }],
            injection: None,
        }));
        world.issue(SERIAL, NOW - 60_000, NOW + 600_000);
        world
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.rules.apply(&Recorded { actor: Actor::System, events: vec![event] }, NOW - 1_000_000);
        self.rules.seal(AsOf { size: 1, root: [1; 32] });
    }

    pub(crate) fn issue(&mut self, serial: [u8; 16], not_before_ms: Millis, not_after_ms: Millis) {
        self.event(Event::CredentialIssued {
            identity: machine(),
            serial,
            public_key: [1; 32],
            not_before_ms,
            not_after_ms,
            token: None,
        });
    }

    /// Brings a contract into force.
    pub(crate) fn contract(&mut self, source: &str) -> InstrumentId {
        let contract: Contract = contract::check(source).unwrap();
        let bundle = Bundle::compile(&contract).unwrap_or_else(|error| panic!("{error}")).hash();
        self.contract_with(source, bundle)
    }

    /// Brings a contract into force that was signed for `bundle`.
    pub(crate) fn contract_with(&mut self, source: &str, bundle: [u8; 32]) -> InstrumentId {
        self.next += 1;
        let id = InstrumentId::from_entropy([self.next; 10]);
        let digest = contract::canonical::digest(source);
        self.shelf.0.lock().unwrap().insert(digest, source.to_owned());
        self.event(Event::InstrumentDrafted(Instrument {
            id,
            name: format!("deal-{}", self.next).parse().unwrap(),
            version: 1,
            title: "Title".into(),
            provider: PartyId::from_entropy([2; 10]),
            service: service(),
            consumer: PartyId::from_entropy([1; 10]),
            machines: vec![machine()],
            document: digest,
            bundle,
            envelope: String::new(),
            credential_ttl_max_ms: None,
            start_ms: None,
            end_ms: None,
            signatures: vec![],
            status: InstrumentStatus::Drafted,
            quota_window_max_ms: None,
        }));
        self.event(Event::InstrumentInForce { instrument: id });
        id
    }
}
