//! What follows when somebody accountable leaves: step by step, each recorded once, none early, all of it over when
//! somebody takes over.

use crate::world::{DAY, World, sign};
use registry::command::{IssueGround, IssueRequest};
use registry::signature::INSTRUMENT;
use registry::{
    Actor, Attestation, Attested, Command, DepartureRung, DepartureStep, Event, IdentityId, Lifecycle,
    Office, Standing,
};

fn ladder() -> Vec<DepartureRung> {
    let rung = |after_ms, step, life_ms| DepartureRung { clause: "2.1".into(), after_ms, step, life_ms };
    vec![
        rung(0, DepartureStep::Warn, None),
        rung(DAY, DepartureStep::Deputy, None),
        rung(2 * DAY, DepartureStep::ShortenLife, Some(300_000)),
        rung(7 * DAY, DepartureStep::Suspend, None),
        rung(30 * DAY, DepartureStep::Kill, None),
    ]
}

/// A machine under a contract with the ladder, owned by person 1 with deputy 2.
fn governed() -> (World, IdentityId, [registry::PersonId; 4]) {
    let (mut world, acme, forge, people) = World::new();
    let identity = world.active(acme, &people);
    let service = world.service(forge, people[3]);
    world.departure = ladder();
    let instrument = world.draft(1, (forge, service), (acme, identity));
    let envelope = world.state.instruments.get(&instrument).unwrap().envelope.clone();
    for (person, n) in [(people[0], 1), (people[3], 4)] {
        let signature = sign(n, INSTRUMENT, &envelope);
        world.ok(Command::SignInstrument { instrument, person, signature });
    }
    (world, identity, people)
}

fn certificate(world: &World, identity: IdentityId, serial: u8) -> Command {
    let attested = Attested { by: Attestation::Process, evidence: [0; 32], instance: None };
    Command::IssueCredential(IssueRequest {
        identity,
        ground: IssueGround::Attested(attested),
        serial: [serial; 16],
        public_key: [1; 32],
        not_before_ms: world.now_ms,
        not_after_ms: world.now_ms + 60_000,
        tbs: [0; 32],
        root: None,
    })
}

/// Takes all that is due, as the reconciler does; gives the steps.
fn take(world: &mut World) -> Vec<DepartureStep> {
    let due = world.state.due_steps(world.now_ms);
    for (identity, step) in &due {
        let command = Command::TakeStep { identity: *identity, step: *step };
        let events = world.try_as(Actor::System, command.clone()).unwrap();
        assert!(matches!(events.as_slice(), [Event::DepartureStepTaken { clause, .. }] if clause == "2.1"));
        world.try_as(Actor::System, command).expect_err("taken twice");
    }
    due.into_iter().map(|(_, step)| step).collect()
}

#[test]
fn steps_are_taken_in_time_and_once() {
    let (mut world, identity, people) = governed();
    assert!(take(&mut world).is_empty());
    let early = Command::TakeStep { identity, step: DepartureStep::Warn };
    world.try_as(Actor::System, early.clone()).expect_err("nobody has left");
    world.ok(Command::PersonLeaves { person: people[0], grace_ms: 90 * DAY });
    assert!(world.refused(early).contains("only Writ itself"), "an operator takes no step");
    let left = world.now_ms;
    let machine = |world: &World| world.state.identities.get(&identity).unwrap().clone();
    assert_eq!(
        machine(&world).grace_until_ms,
        Some(left + 7 * DAY),
        "the instrument is stricter than the operator"
    );
    assert_eq!(take(&mut world), [DepartureStep::Warn]);
    assert!(take(&mut world).is_empty());
    world.now_ms = left + DAY - 1;
    assert!(take(&mut world).is_empty());
    // One of the two is there still: credentials go on, for less and less.
    let issue = certificate(&world, identity, 1);
    world.try_as(Actor::System, issue).unwrap();
    world.now_ms = left + 2 * DAY;
    assert_eq!(take(&mut world), [DepartureStep::Deputy, DepartureStep::ShortenLife]);
    assert_eq!(world.state.shortened_ms(&machine(&world), world.now_ms), Some(300_000));
    assert_eq!(machine(&world).standing(left + 7 * DAY - 1), Standing::Good);
    world.now_ms = left + 7 * DAY;
    // Before the step is on record it is held already.
    assert!(matches!(machine(&world).standing(world.now_ms), Standing::Refused(_)));
    assert_eq!(take(&mut world), [DepartureStep::Suspend]);
    assert_eq!(machine(&world).state, Lifecycle::Suspended);
    world.now_ms = left + 30 * DAY;
    assert_eq!(take(&mut world), [DepartureStep::Kill]);
    assert_eq!(machine(&world).state, Lifecycle::Revoked);
    world.now_ms += 365 * DAY;
    assert!(take(&mut world).is_empty());
}

#[test]
fn somebody_who_takes_over_ends_it() {
    let (mut world, identity, people) = governed();
    world.ok(Command::PersonLeaves { person: people[0], grace_ms: 90 * DAY });
    world.now_ms += 3 * DAY;
    assert_eq!(take(&mut world).len(), 3);
    world.ok(Command::HandOver { identity, office: Office::Owner, to: people[2] });
    assert!(world.state.identities.get(&identity).unwrap().departed_ms.is_some(), "offered is not accepted");
    world.accept(identity, Office::Owner, 3);
    let machine = world.state.identities.get(&identity).unwrap();
    assert_eq!((machine.departed_ms, machine.grace_until_ms), (None, None));
    assert_eq!(world.state.shortened_ms(machine, world.now_ms), None);
    assert!(machine.steps.is_empty());
    world.now_ms += 90 * DAY;
    assert!(take(&mut world).is_empty());
    // The next departure begins anew.
    world.ok(Command::PersonLeaves { person: people[1], grace_ms: 90 * DAY });
    assert_eq!(take(&mut world), [DepartureStep::Warn]);
}

#[test]
fn when_both_are_gone_nothing_is_issued_any_more() {
    let (mut world, identity, people) = governed();
    world.ok(Command::PersonLeaves { person: people[0], grace_ms: 90 * DAY });
    let issue = certificate(&world, identity, 1);
    world.try_as(Actor::System, issue).unwrap();
    world.ok(Command::PersonLeaves { person: people[1], grace_ms: 90 * DAY });
    let issue = certificate(&world, identity, 2);
    let refusal = world.try_as(Actor::System, issue).expect_err("nobody answers for it");
    assert!(refusal.reason.contains("no owner and no deputy"), "{refusal}");
}

#[test]
fn without_an_instrument_the_operators_grace_holds() {
    let (mut world, acme, _, people) = World::new();
    let identity = world.active(acme, &people);
    world.ok(Command::PersonLeaves { person: people[0], grace_ms: 3 * DAY });
    assert!(world.state.due_steps(world.now_ms + 400 * DAY).is_empty());
    let machine = world.state.identities.get(&identity).unwrap();
    assert_eq!(machine.grace_until_ms, Some(world.now_ms + 3 * DAY));
}
