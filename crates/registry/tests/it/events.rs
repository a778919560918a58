//! The eternal bytes of events. Vectors may be added, never changed: an old ledger must be readable.

use crate::world::World;
use minicbor::{decode, to_vec};
use registry::{Actor, Apart, Event, Identity, Office, Recorded};

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
    };
    found += &vector("credential-issued", issued, Actor::System);
    let anchored = Event::LogAnchored { origin: "log".into(), key: "key".into(), size: 256, root: [7; 32] };
    found += &vector("log-anchored", anchored, Actor::System);
    found += &vector("secret-sealed", Event::SecretSealed { name: "key".parse().unwrap() }, Actor::Operator);
    let apart = Apart { digest: [9; 32], bytes: 1_000_000, events: 2_000 };
    let bytes = to_vec(&apart).unwrap();
    assert_eq!(decode::<Apart>(&bytes).unwrap(), apart);
    found += &format!("apart {}\n", hex(&bytes));
    assert_eq!(found, include_str!("../../testdata/events.txt"));
}
