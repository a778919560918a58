//! No identity without an owner; no secret law; signatures that are not quite right.

use crate::world::{DAY, World, sign};
use registry::command::{IssueGround, IssueRequest};
use registry::signature::{INSTRUMENT, OWNERSHIP};
use registry::{Actor, Command, Event, InstrumentStatus, Lifecycle, Office, Standing};

#[test]
fn an_identity_acts_only_when_two_people_accepted() {
    let (mut world, acme, _, people) = World::new();
    let identity = world.propose(acme, people[0], people[1]);
    let state = |world: &World| world.state.identities.get(&identity).unwrap().standing(world.now_ms);
    assert!(matches!(state(&world), Standing::Refused(_)));
    let reason = world.refused(Command::ActivateIdentity { identity });
    assert!(reason.contains("no owner and no deputy"), "{reason}");
    world.accept(identity, Office::Owner, 1);
    let reason = world.refused(Command::ActivateIdentity { identity });
    assert!(reason.contains("no deputy"), "{reason}");
    let token =
        Command::CreateJoinToken { identity, digest: [0; 32], expires_ms: world.now_ms + 1, scope: None };
    world.refused(token);
    world.accept(identity, Office::Deputy, 2);
    world.ok(Command::ActivateIdentity { identity });
    assert_eq!(state(&world), Standing::Good);
    world.refused(Command::ActivateIdentity { identity });
}

#[test]
fn owner_and_deputy_are_two_people_of_the_party_who_are_there() {
    let (mut world, acme, forge, people) = World::new();
    let proposal =
        |party, owner, deputy| Command::ProposeIdentity(Box::new(World::proposal(party, owner, deputy)));
    assert!(world.refused(proposal(acme, people[0], people[0])).contains("same person"));
    assert!(world.refused(proposal(acme, people[0], people[3])).contains("does not act for"));
    assert!(world.refused(proposal(forge, people[0], people[1])).contains("does not act for"));
    world.ok(Command::PersonLeaves { person: people[1], grace_ms: 0 });
    assert!(world.refused(proposal(acme, people[0], people[1])).contains("has left"));
    let mut past = World::proposal(acme, people[0], people[2]);
    past.review_ms = world.now_ms;
    assert!(world.refused(Command::ProposeIdentity(Box::new(past))).contains("past"));
}

#[test]
fn signatures_that_are_not_quite_right() {
    let (mut world, acme, _, people) = World::new();
    let identity = world.propose(acme, people[0], people[1]);
    let statement = world.statement(identity, Office::Owner);
    let mut attempt = |signature: String| {
        world.refused(Command::AcceptOwnership { identity, office: Office::Owner, signature })
    };
    let wrong_key = attempt(sign(2, OWNERSHIP, &statement));
    assert!(wrong_key.contains("but the person's key is"), "{wrong_key}");
    let changed = attempt(sign(1, OWNERSHIP, &statement.replace("Bot", "bot").replace("parcels", "money")));
    assert!(changed.contains("does not fit"), "{changed}");
    let namespace = attempt(sign(1, INSTRUMENT, &statement));
    assert!(namespace.contains("ssh-keygen -Y sign -n writ.ownership"), "{namespace}");
    let nonsense = attempt("not a signature".into());
    assert!(nonsense.contains("not an SSH signature"), "{nonsense}");
    // The deputy's statement is another one, and so is that of another machine.
    let deputy = world.statement(identity, Office::Deputy);
    let replayed = world.refused(Command::AcceptOwnership {
        identity,
        office: Office::Owner,
        signature: sign(1, OWNERSHIP, &deputy),
    });
    assert!(replayed.contains("does not fit"), "{replayed}");
}

#[test]
fn when_the_owner_leaves_the_clock_runs() {
    let (mut world, acme, _, people) = World::new();
    let identity = world.active(acme, &people);
    let events = world.ok(Command::PersonLeaves { person: people[0], grace_ms: 7 * DAY });
    assert_eq!(events.len(), 1);
    let find = |world: &World| world.state.identities.get(&identity).unwrap().clone();
    assert_eq!(find(&world).grace_until_ms, Some(world.now_ms + 7 * DAY));
    assert_eq!(find(&world).standing(world.now_ms), Standing::Good, "within the grace");
    assert!(world.refused(Command::SuspendOwnerless { identity }).contains("not run out"));
    world.now_ms += 7 * DAY;
    // The grace counts from its moment on, whether or not the reconciler was awake.
    assert!(matches!(find(&world).standing(world.now_ms), Standing::Refused(_)));
    assert_eq!(world.state.ownerless(world.now_ms), [identity]);
    world.try_as(Actor::System, Command::SuspendOwnerless { identity }).unwrap();
    assert_eq!(find(&world).state, Lifecycle::Suspended);
    assert!(world.refused(Command::ResumeIdentity { identity }).contains("no owner"));
    // Somebody takes over, accepts, and it goes on.
    world.ok(Command::HandOver { identity, office: Office::Owner, to: people[2] });
    assert!(world.refused(Command::ResumeIdentity { identity }).contains("no owner"));
    world.accept(identity, Office::Owner, 3);
    assert_eq!(find(&world).grace_until_ms, None);
    world.ok(Command::ResumeIdentity { identity });
    assert_eq!(find(&world).standing(world.now_ms), Standing::Good);
}

#[test]
fn an_active_identity_is_never_left_without_an_accepted_owner() {
    let (mut world, acme, _, people) = World::new();
    let identity = world.active(acme, &people);
    let reason = world.refused(Command::HandOver { identity, office: Office::Owner, to: people[2] });
    assert!(reason.contains("without an accepted office holder"), "{reason}");
    let both = world.refused(Command::HandOver { identity, office: Office::Owner, to: people[1] });
    assert!(both.contains("same person"), "{both}");
}

#[test]
fn a_kill_is_final() {
    let (mut world, acme, _, people) = World::new();
    let identity = world.active(acme, &people);
    world.ok(Command::RevokeIdentity { identity, reason: "stolen".into() });
    for command in [
        Command::ResumeIdentity { identity },
        Command::ActivateIdentity { identity },
        Command::RetireIdentity { identity },
        Command::RevokeIdentity { identity, reason: "again".into() },
        Command::HandOver { identity, office: Office::Owner, to: people[2] },
        Command::CreateJoinToken { identity, digest: [0; 32], expires_ms: world.now_ms + 1, scope: None },
    ] {
        world.refused(command);
    }
}

#[test]
fn a_contract_is_in_force_when_both_sides_have_signed() {
    let (mut world, acme, forge, people) = World::new();
    let machine = world.active(acme, &people);
    let service = world.service(forge, people[3]);
    let deal = world.draft(1, (forge, service), (acme, machine));
    let envelope = world.state.instruments.get(&deal).unwrap().envelope.clone();
    let status = |world: &World| world.state.instruments.get(&deal).unwrap().status;
    let signed = |n: u8, person| Command::SignInstrument {
        instrument: deal,
        person,
        signature: sign(n, INSTRUMENT, &envelope),
    };
    // A deputy does not sign; nobody signs for somebody else; nobody signs twice.
    assert!(world.refused(signed(2, people[1])).contains("does not sign"));
    assert!(world.refused(signed(1, people[3])).contains("but the person's key is"));
    world.ok(signed(1, people[0]));
    assert_eq!(status(&world), InstrumentStatus::Drafted);
    assert!(world.refused(signed(1, people[0])).contains("signed already"));
    let events = world.ok(signed(4, people[3]));
    assert!(matches!(events.last(), Some(Event::InstrumentInForce { .. })));
    assert_eq!(status(&world), InstrumentStatus::InForce);
    // The signature of version 1 is worth nothing under version 2; with version 2 in force, 1 ends.
    let second = world.draft(2, (forge, service), (acme, machine));
    let replay = Command::SignInstrument {
        instrument: second,
        person: people[0],
        signature: sign(1, INSTRUMENT, &envelope),
    };
    assert!(world.refused(replay).contains("under `deal` version 1: it cannot be used again"));
    let envelope = world.state.instruments.get(&second).unwrap().envelope.clone();
    for (n, person) in [(1, people[0]), (4, people[3])] {
        world.ok(Command::SignInstrument {
            instrument: second,
            person,
            signature: sign(n, INSTRUMENT, &envelope),
        });
    }
    assert_eq!(status(&world), InstrumentStatus::Ended);
}

#[test]
fn a_token_is_good_once_and_for_its_machine() {
    let (mut world, acme, _, people) = World::new();
    let identity = world.active(acme, &people);
    let (now_ms, digest) = (world.now_ms, [5; 32]);
    let too_long = Command::CreateJoinToken { identity, digest, expires_ms: now_ms + 2 * DAY, scope: None };
    assert!(world.refused(too_long).contains("24 hours"));
    world.ok(Command::CreateJoinToken { identity, digest, expires_ms: now_ms + 600_000, scope: None });
    let issue = |serial: u8, ground, not_after_ms| {
        Command::IssueCredential(IssueRequest {
            identity,
            ground,
            serial: [serial; 16],
            public_key: [7; 32],
            not_before_ms: now_ms,
            not_after_ms,
            tbs: [8; 32],
            root: None,
        })
    };
    let token = IssueGround::Token { digest };
    assert!(
        world.refused(issue(1, IssueGround::Token { digest: [6; 32] }, now_ms + 1_000)).contains("token")
    );
    assert!(world.refused(issue(1, token, now_ms + 2 * DAY)).contains("24 hours"));
    world.ok(issue(1, token, now_ms + 3_600_000));
    assert!(world.refused(issue(2, token, now_ms + 3_600_000)).contains("used"), "spent twice");
    // Renewal rests on a live certificate.
    let renewal = IssueGround::Renewal { serial: [1; 16] };
    world.ok(issue(3, renewal, now_ms + 3_600_000));
    assert!(world.refused(issue(3, renewal, now_ms + 3_600_000)).contains("taken"));
    world.ok(Command::RevokeCredential { serial: [1; 16], reason: "lost".into() });
    assert!(world.refused(issue(4, renewal, now_ms + 3_600_000)).contains("not live"));
    world.ok(Command::SuspendIdentity { identity, reason: "wait".into() });
    assert!(
        world
            .refused(issue(5, IssueGround::Renewal { serial: [3; 16] }, now_ms + 3_600_000))
            .contains("suspended")
    );
}

/// An acceptance is of one offer: given again later, it is worth nothing.
#[test]
fn an_old_acceptance_cannot_be_replayed() {
    let (mut world, acme, _, people) = World::new();
    let identity = world.active(acme, &people);
    let signature = sign(1, OWNERSHIP, &world.statement(identity, Office::Owner));
    world.ok(Command::SuspendIdentity { identity, reason: "handing over".into() });
    world.ok(Command::HandOver { identity, office: Office::Owner, to: people[2] });
    world.accept(identity, Office::Owner, 3);
    world.ok(Command::HandOver { identity, office: Office::Owner, to: people[0] });
    let replay = Command::AcceptOwnership { identity, office: Office::Owner, signature };
    assert!(world.refused(replay).contains("does not fit"));
}

#[test]
fn an_old_draft_cannot_come_back_and_a_name_cannot_be_taken_over() {
    let (mut world, acme, forge, people) = World::new();
    let machine = world.active(acme, &people);
    let service = world.service(forge, people[3]);
    let first = world.draft(1, (forge, service), (acme, machine));
    let sign_it = |world: &World, instrument, n: u8, person| {
        let envelope = world.state.instruments.get(&instrument).unwrap().envelope.clone();
        Command::SignInstrument { instrument, person, signature: sign(n, INSTRUMENT, &envelope) }
    };
    let half = sign_it(&world, first, 4, people[3]);
    world.ok(half);
    let second = world.draft(2, (forge, service), (acme, machine));
    let late = sign_it(&world, first, 1, people[0]);
    assert!(world.refused(late).contains("newer version"));
    for (n, person) in [(1, people[0]), (4, people[3])] {
        let command = sign_it(&world, second, n, person);
        world.ok(command);
    }
    assert_eq!(world.state.instruments.get(&first).unwrap().status, InstrumentStatus::Ended);
    // Somebody else's contract of the same name would end this one.
    let foreign = registry::command::InstrumentDraft {
        kind: registry::InstrumentKind::Contract,
        name: "deal".parse().unwrap(),
        version: 3,
        title: "x".into(),
        provider: acme,
        service: Some(service),
        consumer: acme,
        machines: vec![machine],
        document: [0; 32],
        bundle: [0; 32],
        envelope: String::new(),
        credentials: Vec::new(),
        departure: Vec::new(),
        start_ms: None,
        end_ms: None,
        quota_window_max_ms: None,
        terms: registry::InstrumentTerms::default(),
    };
    world.refused(Command::DraftInstrument(Box::new(foreign)));
}

#[test]
fn nobody_is_two_people() {
    let (mut world, acme, _, _) = World::new();
    let key = crate::world::key(1).public_key().to_openssh().unwrap().parse().unwrap();
    let twin = Command::RegisterPerson { name: "twin".parse().unwrap(), party: acme, key, profile: [0; 32] };
    assert!(world.refused(twin).contains("signs with this key already"));
}
