//! Machines recognised by what they are: rules about processes, certificates and tokens on that ground, and
//! the scope a certificate hands on to the one that renews it.

use crate::world::{DAY, World};
use registry::command::{IssueGround, IssueRequest, JwtRequest};
use registry::{
    Actor, Attestation, Attested, Command, CredentialKind, IdentityId, PersonId, Refusal, Scope, Selector,
    StopTarget, WorkloadRule, token_digest,
};

const ATTESTED: Attested = Attested { by: Attestation::Process, evidence: [9; 32], instance: None };

fn rule(selectors: Vec<Selector>) -> WorkloadRule {
    WorkloadRule { selectors, priority: 0, hint: None }
}

fn machine() -> (World, IdentityId, [PersonId; 4]) {
    let (mut world, acme, _, people) = World::new();
    let identity = world.active(acme, &people);
    (world, identity, people)
}

fn certificate(world: &World, identity: IdentityId, serial: u8, ground: IssueGround) -> Command {
    Command::IssueCredential(IssueRequest {
        identity,
        ground,
        serial: [serial; 16],
        public_key: [1; 32],
        not_before_ms: world.now_ms - 1,
        not_after_ms: world.now_ms + 3_600_000,
        tbs: [8; 32],
        root: None,
    })
}

fn token(world: &World, identity: IdentityId, audiences: &[&str], life_ms: u64) -> Command {
    Command::IssueJwt(JwtRequest {
        identity,
        jti: [1; 16],
        audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
        kid: "key".into(),
        not_after_ms: world.now_ms + life_ms,
        attested: ATTESTED,
    })
}

fn as_writ(world: &mut World, command: Command) -> Result<(), Refusal> {
    world.try_as(Actor::System, command).map(drop)
}

#[test]
fn rules_replace_those_before_and_are_bounded() {
    let (mut world, identity, _) = machine();
    let recognize = |rules| Command::RecognizeWorkload { identity, rules };
    world.ok(recognize(vec![rule(vec![Selector::Uid(1)])]));
    world.ok(recognize(vec![rule(vec![Selector::Uid(2), Selector::Path("/bin/a".into())])]));
    assert_eq!(world.state.workloads[&identity].len(), 1);
    assert!(world.refused(recognize(vec![rule(vec![])])).contains("between 1 and"), "fits everybody");
    assert!(world.refused(recognize(vec![rule(vec![Selector::Uid(1)]); 17])).contains("16 rules"));
    let hint = WorkloadRule { hint: Some("two\nlines".into()), ..rule(vec![Selector::Uid(1)]) };
    assert!(world.refused(recognize(vec![hint])).contains("one line"));
    world.ok(recognize(vec![]));
    assert!(!world.state.workloads.contains_key(&identity));
    world.ok(Command::RevokeIdentity { identity, reason: "stolen".into() });
    assert!(world.refused(recognize(vec![rule(vec![Selector::Uid(1)])])).contains("is revoked"));
}

#[test]
fn only_writ_says_whom_it_recognised() {
    let (mut world, identity, _) = machine();
    let command = certificate(&world, identity, 1, IssueGround::Attested(ATTESTED));
    assert!(world.refused(command.clone()).contains("only Writ itself"));
    as_writ(&mut world, command).unwrap();
    assert_eq!(world.state.credentials[&[1; 16]].attestation, Attestation::Process);
    let next = certificate(&world, identity, 2, IssueGround::Renewal { serial: [1; 16] });
    world.try_as(Actor::Identity(identity), next).unwrap();
    assert_eq!(world.state.credentials[&[2; 16]].attestation, Attestation::Renewal);
}

/// What a certificate was issued to is handed on: renewing is no way round the stop of an instance.
#[test]
fn a_stopped_instance_does_not_renew() {
    let (mut world, identity, _) = machine();
    let ground = IssueGround::Attested(Attested { instance: Some([8; 32]), ..ATTESTED });
    let first = certificate(&world, identity, 1, ground);
    as_writ(&mut world, first).unwrap();
    for serial in [1, 2] {
        let next = certificate(&world, identity, serial + 1, IssueGround::Renewal { serial: [serial; 16] });
        world.try_as(Actor::Identity(identity), next).unwrap();
        assert_eq!(world.state.credentials[&[serial + 1; 16]].instance, Some([8; 32]));
    }
    let reason = || "taken over".to_owned();
    world.ok(Command::Stop { target: StopTarget::Instance([3; 16]), reason: reason(), for_good: false });
    assert!((1..=3).all(|serial| world.state.credentials[&[serial; 16]].revoked.is_some()));
    let again = certificate(&world, identity, 4, ground);
    assert!(as_writ(&mut world, again.clone()).unwrap_err().to_string().contains("instance"));
    world.ok(Command::ReadmitInstances { identity, reason: reason() });
    as_writ(&mut world, again).unwrap();
    assert!(world.refused(Command::ReadmitInstances { identity, reason: reason() }).contains("no instance"));
}

#[test]
fn no_credential_without_an_owner_or_after_a_kill() {
    let (mut world, identity, people) = machine();
    world.ok(Command::PublishJwtKey {
        kid: "key".into(),
        public_key: vec![],
        expires_ms: world.now_ms + 9 * DAY,
    });
    let both = |world: &World| {
        [
            certificate(world, identity, 7, IssueGround::Attested(ATTESTED)),
            token(world, identity, &["a"], 1_000),
        ]
    };
    world.ok(Command::SuspendIdentity { identity, reason: "for now".into() });
    for command in both(&world) {
        assert!(as_writ(&mut world, command).unwrap_err().reason.contains("suspended"));
    }
    world.ok(Command::ResumeIdentity { identity });
    world.ok(Command::PersonLeaves { person: people[0], grace_ms: DAY });
    world.now_ms += DAY;
    for command in both(&world) {
        assert!(as_writ(&mut world, command).is_err(), "the grace ran out");
    }
    world.ok(Command::RevokeIdentity { identity, reason: "stolen".into() });
    for command in both(&world) {
        assert!(as_writ(&mut world, command).unwrap_err().reason.contains("revoked"));
    }
}

#[test]
fn a_token_is_for_somebody_short_lived_and_of_a_published_key() {
    let (mut world, identity, _) = machine();
    let unpublished = token(&world, identity, &["a"], 1_000);
    assert!(as_writ(&mut world, unpublished).unwrap_err().reason.contains("not published"));
    let expires_ms = world.now_ms + 1_800_000;
    let publish = Command::PublishJwtKey { kid: "key".into(), public_key: vec![1], expires_ms };
    world.ok(publish.clone());
    assert!(world.refused(publish).contains("published already"));
    for (audiences, life, expected) in [
        (&[][..], 1_000, "between 1 and"),
        (&[""], 1_000, "between 1 and"),
        (&["a\nb"], 1_000, "line break"),
        (&["a"], 0, "between a moment and an hour"),
        (&["a"], 3_600_001, "between a moment and an hour"),
        (&["a"], 1_800_001, "not published for that long"),
    ] {
        let command = token(&world, identity, audiences, life);
        let reason = as_writ(&mut world, command).unwrap_err().reason;
        assert!(reason.contains(expected), "{audiences:?} {life}: {reason}");
    }
    let good = token(&world, identity, &["a", "b"], 1_800_000);
    assert!(world.refused(good.clone()).contains("only Writ itself"));
    as_writ(&mut world, good).unwrap();
}

#[test]
fn a_scope_is_handed_on_and_never_widened() {
    let (mut world, identity, _) = machine();
    let expires_ms = world.now_ms + 60_000;
    let create = |scope| Command::CreateJoinToken { identity, digest: [3; 32], expires_ms, scope };
    assert!(world.refused(create(Some(Scope::default()))).contains("narrows nothing"));
    let huge = Scope { actions: vec!["a".parse().unwrap(); 33], on: vec![] };
    assert!(world.refused(create(Some(huge))).contains("at most"));
    let scope = Scope { actions: vec!["read".parse().unwrap()], on: vec!["files/a".parse().unwrap()] };
    world.ok(create(Some(scope.clone())));
    let first = certificate(&world, identity, 1, IssueGround::Token { digest: [3; 32] });
    world.try_as(Actor::Identity(identity), first).unwrap();
    let second = certificate(&world, identity, 2, IssueGround::Renewal { serial: [1; 16] });
    world.try_as(Actor::Identity(identity), second).unwrap();
    for serial in [1, 2] {
        assert_eq!(world.state.credentials[&[serial; 16]].scope.as_ref(), Some(&scope));
    }
}

#[test]
fn tokens_for_databases_are_known_and_others_are_not_kept() {
    let (mut world, identity, _) = machine();
    let expires_ms = world.now_ms + 9 * DAY;
    world.ok(Command::PublishJwtKey { kid: "key".into(), public_key: vec![1], expires_ms });
    let elsewhere = token(&world, identity, &["payments"], 1_000);
    as_writ(&mut world, elsewhere.clone()).unwrap();
    assert!(!world.state.credentials.contains_key(&[1; 16]), "it is verified elsewhere, by its signature");
    as_writ(&mut world, elsewhere).unwrap();
    let audiences = ["payments", "postgresql://shop.example"];
    let database = token(&world, identity, &audiences, 1_000);
    as_writ(&mut world, database.clone()).unwrap();
    let known = &world.state.credentials[&[1; 16]];
    assert_eq!((known.identity, known.kind), (identity, CredentialKind::Token));
    assert_eq!(known.not_after_ms, world.now_ms + 1_000);
    assert_eq!(known.public_key, token_digest(&audiences.map(str::to_owned), known.not_after_ms));
    // Whatever it is for, an id that stands for something is not given again.
    for again in [database, token(&world, identity, &["payments"], 1_000)] {
        assert_eq!(as_writ(&mut world, again).unwrap_err().reason, "the token's id is taken");
    }
    let number = certificate(&world, identity, 1, IssueGround::Attested(ATTESTED));
    assert!(as_writ(&mut world, number).is_err(), "nor as the serial number of a certificate");
    world.ok(Command::RevokeCredential { serial: [1; 16], reason: "stolen".into() });
    assert!(world.state.credentials[&[1; 16]].revoked.is_some());
}
