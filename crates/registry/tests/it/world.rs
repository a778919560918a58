//! A small registry with people who can sign.

use registry::command::{IdentityProposal, InstrumentDraft, ServiceDescription};
use registry::{
    Actor, Command, Context, Environment, Event, IdentityId, IdentityKind, InstrumentId, InstrumentKind,
    InstrumentTerms, Millis, Office, Operation, PartyId, PersonId, Refusal, Resource, ServiceId, State,
    admit,
};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

pub(crate) const DAY: Millis = 86_400_000;

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now_ms: Millis,
    /// When the term of what is drafted begins.
    pub(crate) start_ms: Option<Millis>,
    /// What it says about departures.
    pub(crate) departure: Vec<registry::DepartureRung>,
    history: Vec<(Event, Millis)>,
    next: u8,
}

/// The key of a person made from a number.
pub(crate) fn key(n: u8) -> PrivateKey {
    PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&[n; 32])), "somebody's name").unwrap()
}

pub(crate) fn sign(n: u8, namespace: &str, message: &str) -> String {
    key(n).sign(namespace, HashAlg::Sha512, message.as_bytes()).unwrap().to_pem(LineEnding::LF).unwrap()
}

impl World {
    /// Two parties; people 1, 2, 3 of `acme` and 4 of `forge`; nothing else.
    pub(crate) fn new() -> (Self, PartyId, PartyId, [PersonId; 4]) {
        let mut world = Self {
            state: State::default(),
            now_ms: 1_000 * DAY,
            start_ms: None,
            departure: Vec::new(),
            history: Vec::new(),
            next: 0,
        };
        let [acme, forge] = ["acme", "forge"].map(|name| {
            let command = Command::RegisterParty {
                name: name.parse().unwrap(),
                legal_name: format!("{name} Ltd"),
                jurisdiction: "Ireland".into(),
            };
            match &world.ok(command)[0] {
                Event::PartyRegistered(party) => party.id,
                other => panic!("{other:?}"),
            }
        });
        let people = [(acme, 1), (acme, 2), (acme, 3), (forge, 4)].map(|(party, n)| {
            let command = Command::RegisterPerson {
                name: format!("person-{n}").parse().unwrap(),
                party,
                key: key(n).public_key().to_openssh().unwrap().parse().unwrap(),
                profile: [n; 32],
            };
            match &world.ok(command)[0] {
                Event::PersonRegistered(person) => person.id,
                other => panic!("{other:?}"),
            }
        });
        (world, acme, forge, people)
    }

    pub(crate) fn try_as(&mut self, actor: Actor, command: Command) -> Result<Vec<Event>, Refusal> {
        self.next += 1;
        let context = Context { actor, now_ms: self.now_ms, entropy: [self.next; 10] };
        let events = admit(&self.state, command, &context)?;
        for event in &events {
            self.state.apply(event, self.now_ms);
            self.history.push((event.clone(), self.now_ms));
        }
        self.check();
        Ok(events)
    }

    pub(crate) fn attempt(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        self.try_as(Actor::Operator, command)
    }

    pub(crate) fn ok(&mut self, command: Command) -> Vec<Event> {
        self.attempt(command).unwrap_or_else(|refusal| panic!("{refusal} ({})", refusal.help))
    }

    pub(crate) fn refused(&mut self, command: Command) -> String {
        let before = self.state.clone();
        let refusal = self.attempt(command).expect_err("was admitted");
        assert_eq!(self.state, before, "a refusal changes nothing");
        refusal.reason
    }

    /// The fold laws: replay gives the same state; nobody acts without two people who accepted.
    fn check(&self) {
        let mut again = State::default();
        self.history.iter().for_each(|(event, time_ms)| again.apply(event, *time_ms));
        assert_eq!(again, self.state);
        for identity in self.state.identities.values() {
            if identity.state == registry::Lifecycle::Active && identity.grace_until_ms.is_none() {
                assert!(self.state.is_answered_for(identity), "{} is active unanswered", identity.name);
            }
        }
    }

    pub(crate) fn proposal(party: PartyId, owner: PersonId, deputy: PersonId) -> IdentityProposal {
        IdentityProposal {
            name: "robot".parse().unwrap(),
            party,
            kind: IdentityKind::Bot,
            purpose: "Sorts parcels".into(),
            environment: Environment::Production,
            owner,
            deputy,
            review_ms: 2_000 * DAY,
            roles: vec![],
            region: None,
        }
    }

    pub(crate) fn propose(&mut self, party: PartyId, owner: PersonId, deputy: PersonId) -> IdentityId {
        match &self.ok(Command::ProposeIdentity(Box::new(Self::proposal(party, owner, deputy))))[0] {
            Event::IdentityProposed(identity) => identity.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn statement(&self, identity: IdentityId, office: Office) -> String {
        self.state.identities.get(&identity).unwrap().statement(office, "acme")
    }

    pub(crate) fn accept(&mut self, identity: IdentityId, office: Office, signer: u8) {
        let signature = sign(signer, registry::signature::OWNERSHIP, &self.statement(identity, office));
        self.ok(Command::AcceptOwnership { identity, office, signature });
    }

    /// An active identity owned by person 1 with deputy 2.
    pub(crate) fn active(&mut self, acme: PartyId, people: &[PersonId; 4]) -> IdentityId {
        let identity = self.propose(acme, people[0], people[1]);
        self.accept(identity, Office::Owner, 1);
        self.accept(identity, Office::Deputy, 2);
        self.ok(Command::ActivateIdentity { identity });
        identity
    }

    pub(crate) fn service(&mut self, forge: PartyId, owner: PersonId) -> ServiceId {
        let operation = Operation {
            action: "read".parse().unwrap(),
            methods: vec!["GET".into()],
            path: "/**".into(),
            query: vec![],
            changes: false,
        };
        let description = ServiceDescription {
            name: "files".parse().unwrap(),
            party: forge,
            owner,
            host: "files.localhost".into(),
            upstream: "http://127.0.0.1:1".into(),
            resources: vec![Resource {
                name: "all".parse().unwrap(),
                operations: vec![operation],
                class: None,
                objects: None,
            }],
            injection: None,
            region: None,
            login: None,
        };
        match &self.ok(Command::RegisterService(Box::new(description)))[0] {
            Event::ServiceRegistered(service) => service.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn draft(
        &mut self,
        version: u32,
        (provider, service): (PartyId, ServiceId),
        (consumer, machine): (PartyId, IdentityId),
    ) -> InstrumentId {
        self.draft_with(version, (provider, service), (consumer, machine), InstrumentTerms::default())
    }

    pub(crate) fn draft_with(
        &mut self,
        version: u32,
        (provider, service): (PartyId, ServiceId),
        (consumer, machine): (PartyId, IdentityId),
        terms: InstrumentTerms,
    ) -> InstrumentId {
        let draft = InstrumentDraft {
            kind: InstrumentKind::Contract,
            name: "deal".parse().unwrap(),
            version,
            title: "A Deal".into(),
            provider,
            service: Some(service),
            consumer,
            machines: vec![machine],
            document: [version as u8; 32],
            bundle: [2; 32],
            envelope: format!("{{\"version\":{version}}}"),
            credentials: Vec::new(),
            departure: self.departure.clone(),
            start_ms: self.start_ms,
            end_ms: terms.renewal_ms.map(|_| self.now_ms + 100 * DAY),
            quota_window_max_ms: None,
            terms,
        };
        match &self.ok(Command::DraftInstrument(Box::new(draft)))[0] {
            Event::InstrumentDrafted(instrument) => instrument.id,
            other => panic!("{other:?}"),
        }
    }
}
