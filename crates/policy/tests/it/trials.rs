//! Drafts on trial: they say what they would have refused, and refuse nothing.

use contract::norm::SqlTouch;
use policy::{Counters, Permit, Request, TriedRecord, Verdict, VerdictRecord, decide, decide_together};
use registry::{Event, InstrumentId};
use testkit::{NOW, World, charter, document, guardrail, request};

const WIDE: &str = "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\", \"b\"]";
/// The same for a charter, which is for every service.
const WIDE_ANYWHERE: &str =
    "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"files/a\", \"files/b\"]";
const NARROW_ANYWHERE: &str = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"files/a\"]";
const NARROW: &str = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]";

fn tried(world: &mut World, source: &str) -> InstrumentId {
    let id = world.draft(source, |_| {});
    world.event(Event::TrialBegun { instrument: id, until_ms: NOW + 1 });
    id
}

/// A document as the next version of what it is.
fn next(document: &str) -> String {
    let (head, clauses) = document.split_once("```clause").unwrap();
    let (clauses, _) = clauses.split_once("<!-- annex of Writ -->").unwrap_or((clauses, ""));
    contract::format(&format!("{}```clause{clauses}", head.replace("version = 1", "version = 2"))).unwrap()
}

fn permit(world: &World, counters: &Counters, request: Request) -> Permit {
    match decide(&world.rules, counters, request) {
        Verdict::Permit(permit) => permit,
        Verdict::Denial(denial) => panic!("{denial:?}"),
    }
}

/// What each draft said: its reason and clauses.
fn said(permit: &Permit) -> Vec<(String, Vec<String>)> {
    let record = VerdictRecord::of_permit(permit, [0; 32]);
    record.tried.into_iter().map(|tried| (tried.reason, tried.clauses)).collect()
}

fn by(reason: &str, clause: &str) -> (String, Vec<String>) {
    (reason.to_owned(), vec![clause.to_owned()])
}

#[test]
fn each_kind_of_draft_says_what_it_would_have_refused() {
    let mut world = World::new();
    world.instrument(&document("deal", &[WIDE]));
    let counters = Counters::default();
    assert_eq!(said(&permit(&world, &counters, request("write", "a"))), []);
    tried(&mut world, &next(&document("deal", &[NARROW])));
    tried(&mut world, &charter("own", &[NARROW_ANYWHERE]));
    let prohibits = "kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"files/a\"]";
    tried(&mut world, &guardrail("rail", "acme", &[prohibits]));
    let prohibits = format!("{prohibits}\nonly = {{ side = \"provider\" }}");
    tried(&mut world, &guardrail("other-rail", "forge", &[&prohibits]));
    assert_eq!(
        said(&permit(&world, &counters, request("write", "a"))),
        [
            by("nothing-permits", "0.1"),
            by("nothing-permits", "0.1"),
            by("clause-forbids", "1.1"),
            by("clause-forbids", "1.1"),
        ]
    );
    let passed = said(&permit(&world, &counters, request("read", "a")));
    assert_eq!(passed.len(), 4);
    assert!(passed.iter().all(|(reason, _)| reason == "permitted"), "{passed:?}");
    // Another contract would take nothing away from what this one permits.
    tried(&mut world, &document("beside", &[NARROW]));
    assert_eq!(said(&permit(&world, &counters, request("write", "a"))).len(), 4);
    // What is not permitted by those in force is not permitted by a draft.
    assert!(matches!(decide(&world.rules, &counters, request("read", "c")), Verdict::Denial(_)));
}

#[test]
fn a_trial_ends_with_its_time_its_end_its_signing_and_its_draft() {
    let mut world = World::new();
    world.instrument(&document("deal", &[WIDE]));
    let counters = Counters::default();
    let draft = tried(&mut world, &charter("own", &[NARROW_ANYWHERE]));
    let says = |world: &World, now_ms| {
        let request = Request { now_ms, ..request("write", "a") };
        said(&permit(world, &counters, request)).len()
    };
    assert_eq!(says(&world, NOW), 1);
    assert_eq!(says(&world, NOW + 1), 0, "its time is over");
    world.event(Event::TrialEnded { instrument: draft });
    assert_eq!(says(&world, NOW), 0);
    world.event(Event::TrialBegun { instrument: draft, until_ms: NOW + 1 });
    world.event(Event::TrialBegun { instrument: draft, until_ms: NOW + 1 });
    assert_eq!(says(&world, NOW), 1, "once, however often it was begun");
    world.event(Event::InstrumentEnded { instrument: draft, reason: "not wanted".into() });
    assert_eq!(says(&world, NOW), 0);

    let draft = tried(&mut world, &charter("signed", &[NARROW_ANYWHERE]));
    world.event(Event::InstrumentInForce { instrument: draft });
    let denied = decide(&world.rules, &counters, request("write", "a"));
    assert!(matches!(denied, Verdict::Denial(_)), "signed, it is the rule");
    assert_eq!(said(&permit(&world, &counters, request("read", "a"))), []);
}

#[test]
fn quotas_of_a_draft_count_by_themselves_and_refuse_nothing() {
    let mut world = World::new();
    let quota = |limit: u32| format!("kind = \"quota\"\nlimit = {limit}\nwindow = \"1 minute\"");
    world.instrument(&document("deal", &[WIDE, &quota(4)]));
    tried(&mut world, &charter("own", &[WIDE_ANYWHERE, &quota(2)]));
    let counters = Counters::default();
    let acts = || vec![request("read", "a"), request("write", "b")];
    let mut reasons = Vec::new();
    for _ in 0..4 {
        let permits = decide_together(&world.rules, &counters, acts()).unwrap();
        let record = VerdictRecord::of_permits(&permits, [0; 32]).unwrap();
        let [TriedRecord { reason, counted, .. }] = record.tried.as_slice() else { panic!("{record:?}") };
        reasons.push((
            reason.clone(),
            counted.len(),
            (record.counts().count(), record.tried_counts().count()),
        ));
    }
    let of = |reason: &str, counted| (reason.to_owned(), counted, (1, counted));
    assert_eq!(
        reasons,
        [of("permitted", 1), of("permitted", 1), of("quota-exhausted", 0), of("quota-exhausted", 0)]
    );
    assert!(decide_together(&world.rules, &counters, acts()).is_err(), "the quota in force is used up");

    // What it would refuse one act of, it does not count.
    let mut world = World::new();
    world.instrument(&document("deal", &[WIDE]));
    tried(&mut world, &charter("own", &[NARROW_ANYWHERE, &quota(2)]));
    let counters = Counters::default();
    for _ in 0..3 {
        let permits = decide_together(&world.rules, &counters, acts()).unwrap();
        let record = VerdictRecord::of_permits(&permits, [0; 32]).unwrap();
        assert_eq!((record.tried[0].reason.as_str(), record.tried_counts().count()), ("nothing-permits", 0));
    }
    assert_eq!(said(&permit(&world, &counters, request("read", "a")))[0].0, "permitted");

    // What was counted on trial is nothing to it once it is signed.
    let mut world = World::new();
    world.instrument(&document("deal", &[WIDE]));
    let draft = tried(&mut world, &charter("own", &[WIDE_ANYWHERE, &quota(2)]));
    let counters = Counters::default();
    for _ in 0..2 {
        permit(&world, &counters, request("read", "a"));
    }
    world.event(Event::InstrumentInForce { instrument: draft });
    for _ in 0..2 {
        permit(&world, &counters, request("read", "a"));
    }
    assert!(matches!(decide(&world.rules, &counters, request("read", "a")), Verdict::Denial(_)));
}

#[test]
fn of_acts_that_happen_together_one_refusal_is_enough() {
    let mut world = World::new();
    world.instrument(&document("deal", &[WIDE]));
    let rows = |rows: u32, on: &str| {
        format!("kind = \"statement\"\nrows = {rows}\nonly = {{ resources = [\"files/{on}\"] }}")
    };
    tried(&mut world, &charter("own", &[WIDE_ANYWHERE, &rows(7, "a"), &rows(5, "b")]));
    tried(&mut world, &charter("narrow", &[NARROW_ANYWHERE]));
    let touching =
        |action, resource| Request { touch: Some(Box::new(SqlTouch::plain())), ..request(action, resource) };
    let acts = vec![touching("read", "a"), touching("read", "b")];
    let permits = decide_together(&world.rules, &Counters::default(), acts).unwrap();
    let record = VerdictRecord::of_permits(&permits, [0; 32]).unwrap();
    let [own, narrow] = record.tried.as_slice() else { panic!("{record:?}") };
    assert!(own.permits() && !narrow.permits());
    let most = own.most.as_ref().unwrap();
    assert_eq!((most.rows, most.clause.as_str()), (5, "1.3"), "the fewest");
    assert_eq!(
        (narrow.reason.as_str(), narrow.clauses.as_slice()),
        ("nothing-permits", &["0.1".to_owned()][..])
    );
}

#[test]
fn a_draft_is_tried_as_it_will_be_when_its_term_has_begun() {
    let mut world = World::new();
    world.instrument(&document("deal", &[WIDE]));
    let term = "kind = \"term\"\nstart = 2040-01-01\nend = 2041-01-01";
    tried(&mut world, &next(&document("deal", &[WIDE, term])));
    assert_eq!(said(&permit(&world, &Counters::default(), request("read", "a"))), [by("permitted", "1.1")]);
}

#[test]
fn what_cannot_be_read_would_refuse_and_refuses_nothing() {
    let mut world = World::new();
    world.instrument(&document("deal", &[WIDE]));
    let draft = world.draft(&charter("own", &[WIDE_ANYWHERE]), |draft| draft.document = [9; 32]);
    world.event(Event::TrialBegun { instrument: draft, until_ms: NOW + 1 });
    let permit = permit(&world, &Counters::default(), request("read", "a"));
    assert_eq!(said(&permit), [("instrument-unusable".to_owned(), Vec::new())]);
}
