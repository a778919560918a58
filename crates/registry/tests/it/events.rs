//! The eternal bytes of events. Vectors may be added, never changed: an old ledger must be readable.

use crate::world::World;
use minicbor::{decode, to_vec};
use registry::{
    Actor, Apart, Attestation, Attested, Event, Identity, Office, Recorded, Scope, Selector, WorkloadRule,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn vector(name: &str, event: Event, actor: Actor) -> String {
    let recorded = Recorded { actor, events: vec![event] };
    let bytes = to_vec(&recorded).unwrap();
    assert_eq!(decode::<Recorded>(&bytes).unwrap(), recorded);
    format!("{name} {}\n", hex(&bytes))
}

fn identity() -> Identity {
    let (mut world, acme, _, people) = World::new();
    let id = world.propose(acme, people[0], people[1]);
    world.state.identities.get(&id).unwrap().clone()
}

#[test]
fn golden_vectors() {
    let mut found = String::new();
    let identity = identity();
    let (id, person) = (identity.id, identity.owner.person);
    found += &vector("identity-proposed", Event::IdentityProposed(identity), Actor::Operator);
    let accepted = Event::OwnershipAccepted {
        identity: id,
        office: Office::Deputy,
        person,
        time_ms: 1_700_000_000_000,
        signature: "signature".into(),
    };
    found += &vector("ownership-accepted", accepted, Actor::Person(person));
    found += &vector(
        "identity-revoked",
        Event::IdentityRevoked { identity: id, reason: "stolen".into() },
        Actor::System,
    );
    let left = Event::PersonLeft { person, time_ms: 5, grace_until_ms: 9 };
    found += &vector("person-left", left, Actor::Identity(id));
    let issued = Event::CredentialIssued {
        identity: id,
        serial: [1; 16],
        public_key: [2; 32],
        not_before_ms: 3,
        not_after_ms: 4,
        token: None,
        scope: None,
        attested: None,
        tbs: None,
        token_until_ms: None,
    };
    found += &vector("credential-issued", issued, Actor::System);
    let anchored = Event::LogAnchored { origin: "log".into(), key: "key".into(), size: 256, root: [7; 32] };
    found += &vector("log-anchored", anchored, Actor::System);
    found += &vector("secret-sealed", Event::SecretSealed { name: "key".parse().unwrap() }, Actor::Operator);
    let rule = WorkloadRule {
        selectors: vec![
            Selector::Uid(1000),
            Selector::Path("/usr/bin/app".into()),
            Selector::Sha256([3; 32]),
        ],
        priority: 2,
        hint: Some("main".into()),
    };
    let recognized = Event::WorkloadRecognized { identity: id, rules: vec![rule] };
    found += &vector("workload-recognized", recognized, Actor::Operator);
    let attested = Attested { by: Attestation::Process, evidence: [9; 32] };
    let jwt = Event::JwtIssued {
        identity: id,
        jti: [1; 16],
        audiences: vec!["payments".into()],
        kid: "key".into(),
        not_after_ms: 4,
        attested,
    };
    found += &vector("jwt-issued", jwt, Actor::System);
    let scope = Scope { actions: vec!["read".parse().unwrap()], on: vec!["files/a".parse().unwrap()] };
    let attested = Event::CredentialIssued {
        identity: id,
        serial: [1; 16],
        public_key: [2; 32],
        not_before_ms: 3,
        not_after_ms: 4,
        token: None,
        scope: Some(scope),
        attested: Some(attested),
        tbs: None,
        token_until_ms: None,
    };
    found += &vector("credential-attested", attested.clone(), Actor::System);
    let mut logged = attested;
    if let Event::CredentialIssued { tbs, .. } = &mut logged {
        *tbs = Some([6; 32]);
    }
    found += &vector("credential-logged", logged, Actor::System);
    let apart = Apart { digest: [9; 32], bytes: 1_000_000, events: 2_000 };
    let bytes = to_vec(&apart).unwrap();
    assert_eq!(decode::<Apart>(&bytes).unwrap(), apart);
    found += &format!("apart {}\n", hex(&bytes));
    assert_eq!(found, include_str!("../../testdata/events.txt"));
}
