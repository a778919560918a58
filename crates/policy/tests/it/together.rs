//! Acts that happen together or not at all, and clauses about statements.

use contract::norm::SqlTouch;
use policy::{ActRecord, Counters, Permit, Reason, Request, VerdictRecord, decide_together, would_deny};
use testkit::{NOW, World, charter, document, request};

const PERMIT: &str =
    "kind = \"permit\"\nactions = [\"read\", \"write\", \"delete\"]\nresources = [\"a\", \"b\"]";

fn touching(action: &str, resource: &str, columns: Option<&[&str]>, which_rows: bool) -> Request {
    let columns = columns.map(|columns| columns.iter().map(|column| (*column).to_owned()).collect());
    Request {
        touch: Some(Box::new(SqlTouch { columns, which_rows, ..SqlTouch::plain() })),
        ..request(action, resource)
    }
}

#[test]
fn all_or_nothing_and_counted_once() {
    let mut world = World::new();
    let quota = "kind = \"quota\"\nlimit = 2\nwindow = \"1 minute\"";
    world.instrument(&document("deal", &[PERMIT, quota]));
    let counters = Counters::default();
    let both = || vec![request("write", "a"), request("read", "b")];
    for _ in 0..2 {
        let permits = decide_together(&world.rules, &counters, both()).unwrap();
        let counted: Vec<usize> = permits.iter().map(|permit| permit.contract().counted.len()).collect();
        assert_eq!(counted, [1, 0], "two acts are one call");
    }
    let denied = decide_together(&world.rules, &counters, both()).unwrap_err();
    assert_eq!((denied.1.reason, denied.0.action.as_str()), (Reason::QuotaExhausted, "write"));

    // The first that is denied is told, and nothing is counted of what stands before it.
    let counters = Counters::default();
    for _ in 0..3 {
        let acts = vec![request("read", "a"), request("read", "c")];
        let denied = decide_together(&world.rules, &counters, acts).unwrap_err();
        assert_eq!((denied.1.reason, denied.0.resource.as_str()), (Reason::NothingPermits, "c"));
    }
    assert_eq!(decide_together(&world.rules, &counters, both()).unwrap().len(), 2);
    assert!(decide_together(&world.rules, &counters, Vec::new()).unwrap().is_empty());
}

#[test]
fn what_is_recorded_names_every_act() {
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT]));
    let acts = vec![request("delete", "a"), request("read", "b")];
    let permits = decide_together(&world.rules, &Counters::default(), acts).unwrap();
    let record = VerdictRecord::of_permits(&permits, [0; 32]).unwrap();
    assert_eq!(record.action.as_ref().unwrap().as_str(), "delete");
    let [ActRecord { action, resource, clauses, .. }] = record.beside.as_slice() else {
        panic!("{record:?}")
    };
    assert_eq!(
        (action.as_str(), resource.as_str(), clauses.as_slice()),
        ("read", "b", &["1.1".to_owned()][..])
    );
    assert_eq!(VerdictRecord::of_permits(&[], [0; 32]), None);
}

#[test]
fn what_is_said_under_a_contract_is_permitted_by_no_other() {
    let mut world = World::new();
    let narrow = world
        .instrument(&document("narrow", &["kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]"]));
    let wide = world.instrument(&document("wide", &[PERMIT]));
    let asked = |under| Request { under: Some(under), ..request("write", "a") };
    assert!(would_deny(&world.rules, &asked(wide)).is_none());
    let denial = would_deny(&world.rules, &asked(narrow)).unwrap();
    assert_eq!((denial.reason, denial.cited.unwrap().name), (Reason::NothingPermits, "narrow".to_owned()));
    world.event(registry::Event::InstrumentEnded { instrument: wide, reason: "over".into() });
    assert!(would_deny(&world.rules, &asked(wide)).is_some(), "it ended");
}

#[test]
fn statements_are_of_the_form_their_clauses_ask_for() {
    let mut world = World::new();
    let columns = "kind = \"statement\"\ncolumns = [\"id\", \"t.name\"]\nonly = { resources = [\"a\"] }";
    let rows = "kind = \"statement\"\nwhich-rows = true\nonly = { actions = [\"delete\"] }";
    world.instrument(&document("deal", &[PERMIT, columns, rows]));
    let denied = |request: Request| {
        would_deny(&world.rules, &request).map(|denial| denial.cited.unwrap().clause.to_string())
    };
    let by = |clause: &str| Some(clause.to_owned());
    assert_eq!(denied(touching("read", "a", Some(&["s.t.id", "s.t.name"]), true)), None);
    assert_eq!(denied(touching("read", "a", Some(&[]), true)), None);
    assert_eq!(denied(touching("read", "a", Some(&["s.t.id", "s.t.pay"]), true)), by("1.2"));
    assert_eq!(denied(touching("read", "a", Some(&["s.u.name"]), true)), by("1.2"), "of another table");
    assert_eq!(denied(touching("read", "a", Some(&["s.t.grid"]), true)), by("1.2"), "ends alike");
    assert_eq!(denied(touching("read", "a", None, true)), by("1.2"), "any column");
    assert_eq!(denied(touching("read", "b", None, true)), None, "the clause is about the other");
    assert_eq!(denied(touching("delete", "b", Some(&[]), false)), by("1.3"));
    assert_eq!(denied(touching("delete", "b", Some(&[]), true)), None);
    // A request that is no statement has neither columns nor rows.
    assert_eq!(denied(request("read", "a")), None);
}

#[test]
fn the_shortest_transaction_counts_wherever_it_is_said() {
    let mut world = World::new();
    let within = |span: &str| format!("kind = \"statement\"\ntransaction = \"{span}\"");
    world.instrument(&document("deal", &[PERMIT, &within("30 seconds")]));
    let longest = |world: &World, request: Request| -> Option<(u64, String)> {
        let permits: Vec<Permit> =
            decide_together(&world.rules, &Counters::default(), vec![request]).unwrap();
        permits[0].longest().map(|longest| (longest.ms, longest.cited.name.clone()))
    };
    let statement = || touching("read", "a", Some(&[]), true);
    assert_eq!(longest(&world, statement()), Some((30_000, "deal".to_owned())));
    assert_eq!(longest(&world, Request { now_ms: NOW, ..request("read", "a") }), None);
    let permit = "kind = \"permit\"\nactions = \"any\"\nresources = \"any\"";
    world.instrument(&charter("robot-charter", &[permit, &within("5 seconds")]));
    assert_eq!(longest(&world, statement()), Some((5_000, "robot-charter".to_owned())));
}
