//! Fail closed: each layer by itself.

use policy::{Counters, Denial, Reason, Verdict, decide};
use registry::{Event, InstrumentId};
use testkit::{NOW, SERIAL, World, document, machine, person, request};

const PERMIT: &str = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]";

fn ask(world: &World) -> Verdict {
    decide(&world.rules, &Counters::default(), request("read", "a"))
}

fn denied(verdict: Verdict) -> Denial {
    match verdict {
        Verdict::Denial(denial) => denial,
        Verdict::Permit(permit) => panic!("permitted: {permit:?}"),
    }
}

fn permitted_world() -> (World, InstrumentId) {
    let mut world = World::new();
    let contract = world.instrument(&document("deal", &[PERMIT]));
    assert!(matches!(ask(&world), Verdict::Permit(_)));
    (world, contract)
}

#[test]
fn without_a_contract() {
    assert_eq!(denied(ask(&World::new())).reason, Reason::NoContract);
}

#[test]
fn a_permit_names_what_it_rests_on() {
    let (world, contract) = permitted_world();
    let Verdict::Permit(permit) = ask(&world) else { panic!("denied") };
    assert_eq!(permit.contract().instrument, contract);
    assert_eq!(permit.contract().clauses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.1"]);
    assert_eq!(permit.as_of(), world.rules.as_of());
    assert_eq!(permit.recording(), contract::Recording::Strict);
}

#[test]
fn what_no_clause_permits_cites_the_rule_of_reading() {
    let (world, _) = permitted_world();
    let denial = denied(decide(&world.rules, &Counters::default(), request("read", "b")));
    assert_eq!(denial.reason, Reason::NothingPermits);
    let cited = denial.cited.unwrap();
    assert_eq!(cited.clause.to_string(), "0.1");
    assert!(cited.sentence.contains("whatever no clause permits is refused"));
}

#[test]
fn standing_comes_before_any_contract() {
    for (event, reason) in [
        (Event::IdentitySuspended { identity: machine(), reason: "x".into() }, Reason::IdentityNotGood),
        (Event::IdentityRevoked { identity: machine(), reason: "x".into() }, Reason::IdentityNotGood),
        (Event::IdentityRetired { identity: machine() }, Reason::IdentityNotGood),
        (Event::CredentialRevoked { serial: SERIAL, reason: "x".into() }, Reason::CredentialNotGood),
    ] {
        let (mut world, _) = permitted_world();
        let before = world.rules.stops();
        world.event(event);
        assert_eq!(denied(ask(&world)).reason, reason);
        assert_eq!(world.rules.stops(), before + 1, "gateways are told");
    }
}

#[test]
fn a_grace_that_ran_out_counts_at_once() {
    let (mut world, _) = permitted_world();
    world.event(Event::PersonLeft { person: person(1), time_ms: NOW - 10, grace_until_ms: NOW + 1 });
    assert!(matches!(ask(&world), Verdict::Permit(_)));
    let mut later = request("read", "a");
    later.now_ms = NOW + 1;
    let denial = denied(decide(&world.rules, &Counters::default(), later));
    assert!(denial.detail.contains("no accountable owner"), "{}", denial.detail);
}

#[test]
fn certificates_the_ledger_does_not_know_or_that_expired() {
    let (world, _) = permitted_world();
    let mut unknown = request("read", "a");
    unknown.serial = [9; 16];
    let denial = denied(decide(&world.rules, &Counters::default(), unknown));
    assert_eq!(denial.reason, Reason::CredentialNotGood);
    assert!(denial.detail.contains("is not in the ledger"), "{}", denial.detail);
    let mut expired = request("read", "a");
    expired.now_ms = NOW + 600_000;
    assert!(denied(decide(&world.rules, &Counters::default(), expired)).detail.contains("has expired"));
}

#[test]
fn a_missing_or_changed_document_permits_nothing() {
    let source = document("deal", &[PERMIT]);
    let mut world = World::new();
    world.instrument(&source);
    world.shelf.0.lock().unwrap().clear();
    let denial = denied(ask(&world));
    assert_eq!(denial.reason, Reason::InstrumentUnusable);
    assert!(denial.detail.contains("missing"), "{}", denial.detail);

    let mut world = World::new();
    world.instrument(&source);
    let digest = contract::canonical::digest(&source);
    world.shelf.0.lock().unwrap().insert(digest, source.replace("\"a\"", "\"b\""));
    assert!(denied(ask(&world)).detail.contains("not the one that was signed"));

    // Signed for another rule than it compiles to.
    let mut world = World::new();
    world.instrument_with(&source, |instrument| instrument.bundle = [0; 32]);
    assert!(denied(ask(&world)).detail.contains("another rule than the one that was signed"));
}

#[test]
fn several_contracts_one_prohibits_only_for_itself() {
    let mut world = World::new();
    let prohibit = "kind = \"prohibit\"\nactions = [\"read\"]\nresources = [\"a\"]";
    world.instrument(&document("deal-one", &[prohibit]));
    assert_eq!(denied(ask(&world)).reason, Reason::ClauseForbids);
    let second = world.instrument(&document("deal-two", &[PERMIT]));
    assert!(matches!(ask(&world), Verdict::Permit(_)), "any contract in force may permit");
    world.event(Event::InstrumentEnded { instrument: second, reason: "over".into() });
    assert_eq!(denied(ask(&world)).reason, Reason::ClauseForbids);
}

#[test]
fn a_quota_outlives_a_restart() {
    let quota = "kind = \"quota\"\nlimit = 2\nwindow = \"1 minute\"";
    let mut world = World::new();
    let contract = world.instrument(&document("deal", &[PERMIT, quota]));
    let counters = Counters::default();
    // What the decision log of an earlier run said.
    counters.restore((contract, contract::Number { section: 1, item: 2 }, machine()), NOW - 59_999);
    assert!(matches!(decide(&world.rules, &counters, request("read", "a")), Verdict::Permit(_)));
    let denial = denied(decide(&world.rules, &counters, request("read", "a")));
    assert_eq!(denial.reason, Reason::QuotaExhausted);
    assert_eq!(denial.cited.unwrap().clause.to_string(), "1.2");
    let mut later = request("read", "a");
    later.now_ms = NOW + 1;
    assert!(matches!(decide(&world.rules, &counters, later), Verdict::Permit(_)), "a minute after the first");
}

#[test]
fn the_last_call_of_a_quota_is_given_once() {
    let quota = "kind = \"quota\"\nlimit = 50\nwindow = \"1 minute\"";
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT, quota]));
    let counters = Counters::default();
    let permitted: usize = std::thread::scope(|scope| {
        let ask = || {
            (0..40)
                .filter(|_| {
                    matches!(decide(&world.rules, &counters, request("read", "a")), Verdict::Permit(_))
                })
                .count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(permitted, 50);
}
