//! Guardrails of both sides AND charter AND any contract: each layer stops by itself, none reaches further
//! than it should, and what a gateway cannot enforce it refuses to serve.

use contract::norm::SqlTouch;
use policy::{Counters, Denial, Reason, Request, Verdict, decide, still_permits, would_deny};
use registry::{Attestation, Attested, DATABASE_AUDIENCE, Event, InstrumentId, Millis};
use testkit::{NOW, SERIAL, World, charter, document, files, guardrail, machine, request, robot};

const PERMIT: &str = "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\", \"b\"]";

fn ask(world: &World, request: Request) -> Result<policy::Permit, Box<Denial>> {
    match decide(&world.rules, &Counters::default(), request) {
        Verdict::Permit(permit) => Ok(permit),
        Verdict::Denial(denial) => Err(Box::new(denial)),
    }
}

fn world() -> (World, InstrumentId) {
    let mut world = World::new();
    let deal = world.instrument(&document("deal", &[PERMIT]));
    (world, deal)
}

fn cites(denial: &Denial) -> (String, String) {
    let cited = denial.cited.as_ref().unwrap_or_else(|| panic!("{denial:?}"));
    (cited.name.clone(), cited.clause.to_string())
}

#[test]
fn a_charter_narrows_every_contract() {
    let (mut world, deal) = world();
    let charter = world.instrument(&charter(
        "robot-charter",
        &["kind = \"permit\"\nactions = [\"read\"]\nresources = [\"files/a\"]"],
    ));
    let permit = ask(&world, request("read", "a")).unwrap();
    assert_eq!(permit.contract().instrument, deal);
    assert_eq!(permit.above().iter().map(|applied| applied.instrument).collect::<Vec<_>>(), [charter]);
    let denial = ask(&world, request("write", "a")).unwrap_err();
    assert_eq!(denial.reason, Reason::NothingPermits);
    assert_eq!(cites(&denial), ("robot-charter".into(), "0.1".into()));
    assert!(
        denial.detail.contains("whatever no clause of this charter permits is refused"),
        "{}",
        denial.detail
    );
    world.event(Event::InstrumentEnded { instrument: charter, reason: "over".into() });
    assert!(ask(&world, request("write", "a")).is_ok(), "without a charter the contract decides");
}

#[test]
fn a_lease_ends_where_nothing_is_heard() {
    let (mut world, _) = world();
    let lease =
        "kind = \"credential\"\nmax-ttl = \"1 day\"\nlease = \"5 seconds\"\nonly = { actions = [\"write\"] }";
    world.instrument(&guardrail("acme-rules", "acme", &[lease]));
    let silent = |action, silence_ms| Request { silence_ms, ..request(action, "a") };
    assert!(ask(&world, silent("write", 5_000)).is_ok());
    let denial = ask(&world, silent("write", 5_001)).unwrap_err();
    assert_eq!(cites(&denial), ("acme-rules".into(), "1.1".into()));
    assert!(
        still_permits(&world.rules, &silent("write", 5_000))
            && !still_permits(&world.rules, &silent("write", 5_001))
    );
    // What the clause is not about goes on a little longer.
    assert!(ask(&world, silent("read", 60_000)).is_ok());
    assert_eq!(ask(&world, silent("read", 60_001)).unwrap_err().reason, Reason::ControlSilent);
}

#[test]
fn guardrails_of_both_sides_hold_and_permit_nothing() {
    let (mut world, _) = world();
    let ours = "kind = \"prohibit\"\nactions = \"any\"\nresources = \"any\"\neffect = \"change\"\nonly = { kinds = [\"bot\"] }";
    let theirs = "kind = \"prohibit\"\nactions = [\"read\"]\nresources = [\"files/b\"]\nonly = { side = \"provider\" }";
    let acme = world.instrument(&guardrail("acme-rules", "acme", &[ours]));
    world.instrument(&guardrail("forge-rules", "forge", &[theirs]));
    assert!(ask(&world, request("read", "a")).is_ok());
    assert_eq!(cites(&ask(&world, request("write", "a")).unwrap_err()), ("acme-rules".into(), "1.1".into()));
    assert_eq!(cites(&ask(&world, request("read", "b")).unwrap_err()), ("forge-rules".into(), "1.1".into()));
    // The guardrail does not permit what the contract does not.
    assert_eq!(ask(&world, request("read", "c")).unwrap_err().reason, Reason::NothingPermits);
    // A role or kind that is not meant is not touched.
    world.event(Event::IdentityProposed(registry::Identity {
        kind: registry::IdentityKind::Microservice,
        ..robot(machine(), "robot")
    }));
    assert!(ask(&world, request("write", "a")).is_ok());
    world.event(Event::InstrumentEnded { instrument: acme, reason: "over".into() });
    // Bound as consumer only: a rule of forge for its own machines does not bind acme's.
    let own = "kind = \"prohibit\"\nactions = \"any\"\nresources = \"any\"";
    world.instrument(&guardrail("forge-own", "forge", &[own]));
    assert!(ask(&world, request("read", "a")).is_ok());
}

#[test]
fn a_suspended_contract_permits_nothing_and_cites_its_clause() {
    let (mut world, _) = world();
    let suspension = "kind = \"suspension\"\nholders = [\"provider\"]\ngrounds = [\"breach\"]";
    let resting = document("resting", &[PERMIT, suspension]);
    let mut alone = World::new();
    alone.instrument_with(&resting, |instrument| instrument.suspended_from_ms = Some(NOW));
    let denial = ask(&alone, request("read", "a")).unwrap_err();
    assert_eq!(cites(&denial), ("resting".into(), "1.2".into()));
    assert!(denial.detail.contains("While this instrument is suspended"), "{}", denial.detail);
    let before = Request { now_ms: NOW - 1, ..request("read", "a") };
    assert!(ask(&alone, before).is_ok(), "the notice had not run out");
    // Beside another contract it stops only itself.
    world.instrument_with(&resting, |instrument| instrument.suspended_from_ms = Some(NOW));
    assert!(ask(&world, request("read", "a")).is_ok());
}

#[test]
fn what_ended_by_notice_binds_nobody() {
    let (mut world, _) = world();
    let prohibit = "kind = \"prohibit\"\nactions = \"any\"\nresources = \"any\"";
    world.instrument_with(&guardrail("acme-rules", "acme", &[prohibit]), |g| g.ends_by_notice_ms = Some(NOW));
    assert!(ask(&world, request("read", "a")).is_ok());
    let mut over = World::new();
    over.instrument_with(&document("deal", &[PERMIT]), |deal| deal.ends_by_notice_ms = Some(NOW));
    assert_eq!(ask(&over, request("read", "a")).unwrap_err().reason, Reason::NoContract);
}

#[test]
fn of_two_versions_one_binds_at_a_time() {
    let (mut world, _) = world();
    let old = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"files/a\"]";
    let new = "kind = \"permit\"\nactions = [\"write\"]\nresources = [\"files/a\"]";
    world.instrument(&charter("robot-charter", &[old]));
    world.instrument_with(&charter("robot-charter", &[new]), |second| {
        second.version = 2;
        second.start_ms = Some(NOW + 1_000);
    });
    let at = |action: &str, now_ms| ask(&world, Request { now_ms, ..request(action, "a") }).is_ok();
    assert_eq!([at("read", NOW), at("write", NOW)], [true, false]);
    assert_eq!([at("read", NOW + 1_000), at("write", NOW + 1_000)], [false, true]);
}

#[test]
fn a_renewed_term_ends_when_nothing_renews_it_any_more() {
    let term = "kind = \"term\"\nstart = 2026-01-01\nend = 2027-01-01\nrenew-for = \"30 days\"\nrenewal-notice = \"10 days\"";
    let mut world = World::new();
    let end_ms = 1_798_761_600_000;
    world.instrument_with(&document("deal", &[PERMIT, term]), |deal| {
        deal.end_ms = Some(end_ms);
        deal.renewed_until_ms = Some(NOW + 1_000);
    });
    let at = |now_ms| ask(&world, Request { now_ms, ..request("read", "a") });
    assert!(at(NOW).is_ok() && NOW > end_ms, "renewed");
    assert_eq!(at(NOW + 1_000).unwrap_err().reason, Reason::NoContract);
}

#[test]
fn a_certificate_is_good_for_its_scope_only() {
    let (mut world, _) = world();
    let narrowed = |actions: &[&str], on: &[&str]| {
        let scope = registry::Scope {
            actions: actions.iter().map(|name| name.parse().unwrap()).collect(),
            on: on.iter().map(|on| on.parse().unwrap()).collect(),
        };
        let mut issued = testkit::certificate(machine(), [9; 16]);
        if let Event::CredentialIssued { scope: of, .. } = &mut issued {
            *of = Some(scope);
        }
        issued
    };
    let with = |request: Request| Request { serial: [9; 16], ..request };
    for (actions, on, permitted) in [
        (&["read"][..], &[][..], [true, true, false]),
        (&[], &["files/a"], [true, false, true]),
        (&[], &["files"], [true, true, true]),
        (&["read"], &["files/b", "mail"], [false, true, false]),
        (&[], &["mail"], [false, false, false]),
    ] {
        world.event(narrowed(actions, on));
        let asked = [request("read", "a"), request("read", "b"), request("write", "a")];
        let found = asked.map(|asked| ask(&world, with(asked)).is_ok());
        assert_eq!(found, permitted, "{actions:?} {on:?}");
    }
    let denial = ask(&world, with(request("read", "a"))).unwrap_err();
    assert_eq!(denial.reason, Reason::CredentialScope);
    assert!(denial.detail.contains("anything on mail"), "{}", denial.detail);
    assert!(ask(&world, request("read", "a")).is_ok(), "the machine's other certificate is not narrowed");
}

#[test]
fn a_throttled_call_is_told_when_to_come_back() {
    let mut world = World::new();
    let quota = "kind = \"quota\"\nlimit = 2\nwindow = \"1 minute\"\non-exceed = \"throttle\"";
    world.instrument(&document("deal", &[PERMIT, quota]));
    let counters = Counters::default();
    let at = |now_ms| match decide(&world.rules, &counters, Request { now_ms, ..request("read", "a") }) {
        Verdict::Permit(_) => None,
        Verdict::Denial(denial) => {
            assert_eq!(denial.reason, Reason::QuotaExhausted);
            denial.retry_after_ms
        }
    };
    assert_eq!([at(NOW), at(NOW + 10_000)], [None, None]);
    assert_eq!(at(NOW + 20_000), Some(40_000), "when the first call leaves the window");
    assert_eq!(at(NOW + 59_999), Some(1));
    assert_eq!(at(NOW + 60_000), None, "then it passes");
}

#[test]
fn what_this_gateway_cannot_enforce_it_does_not_serve() {
    for (clause, need) in [
        (
            "kind = \"approval\"\npeople = 1\nrole = \"lead\"\nvalid-for = \"1 hour\"\nonly = { actions = [\"write\"] }",
            "human approval",
        ),
        ("kind = \"quota\"\nmeter = \"bytes\"\nlimit = 10\nwindow = \"1 minute\"", "counting bytes"),
        (
            "kind = \"duty\"\nbearer = \"provider\"\nact = \"credential-revoked\"\nafter = \"person-left\"\nwithin = \"1 day\"",
            "acting at deadlines",
        ),
    ] {
        let mut world = World::new();
        world.instrument(&document("deal", &[PERMIT, clause]));
        let denial = ask(&world, request("read", "a")).unwrap_err();
        assert_eq!(denial.reason, Reason::InstrumentUnusable);
        assert!(denial.detail.contains(need) && denial.detail.contains("clause 1.2"), "{}", denial.detail);
    }
    // A monitored duty is no reason to refuse: nobody claims that the gateway enforces it.
    let mut world = World::new();
    let duty = "kind = \"retention\"\nbearer = \"consumer\"\ndata = \"logs\"\nmax-age = \"30 days\"\nproof = \"attestation\"";
    world.instrument(&document("deal", &[PERMIT, duty]));
    assert!(ask(&world, request("read", "a")).is_ok());
}

/// Masks, and quotas of rows, are held where rows come from a database; anything else they reach is refused.
#[test]
fn what_only_databases_can_be_held_to_refuses_the_rest() {
    let mask = "kind = \"masking\"\nfields = [\"iban\"]\nmethod = \"drop\"\nonly = { actions = [\"read\"] }";
    let rows = "kind = \"quota\"\nmeter = \"rows\"\nlimit = 10\nwindow = \"1 minute\"\nonly = { actions = [\"read\"] }";
    for (clause, what) in [(mask, "has answers masked"), (rows, "counts rows")] {
        let mut world = World::new();
        world.instrument(&document("deal", &[PERMIT, clause]));
        let denial = ask(&world, request("read", "a")).unwrap_err();
        assert_eq!(denial.reason, Reason::InstrumentUnusable, "{}", denial.detail);
        assert!(
            denial.detail.contains(what) && denial.detail.contains("for databases only"),
            "{}",
            denial.detail
        );
        assert!(ask(&world, request("write", "a")).is_ok(), "what it does not reach goes on");
        let statement = Request { touch: Some(Box::new(SqlTouch::plain())), ..request("read", "a") };
        assert!(ask(&world, statement).is_ok());
    }
}

/// Of a masked column no more may be learned than what stands in its place.
#[test]
fn what_could_tell_a_masked_column_is_refused() {
    let mut world = World::new();
    let mask = "kind = \"masking\"\nfields = [\"people.iban\"]\nmethod = \"hash\"";
    world.instrument(&document("deal", &[PERMIT, mask]));
    let using = |column: &str| {
        let touch = SqlTouch { used: vec![column.to_owned()], ..SqlTouch::plain() };
        ask(&world, Request { touch: Some(Box::new(touch)), ..request("read", "a") })
    };
    assert!(using("public.people.id").is_ok());
    assert!(using("public.otherpeople.iban").is_ok());
    for column in ["public.people.iban", "other.people.iban"] {
        let denial = using(column).unwrap_err();
        assert_eq!(denial.cited.unwrap().clause.to_string(), "1.2");
        assert!(denial.detail.contains("replaced by a keyed digest"), "{}", denial.detail);
    }
}

fn statement(now_ms: Millis) -> Request {
    Request { touch: Some(Box::new(SqlTouch::plain())), now_ms, ..request("read", "a") }
}

/// Rows are counted before they are given, and leave with their window; when there is room again is told where that is
/// promised.
#[test]
fn rows_are_counted_before_they_are_given() {
    let rows =
        "kind = \"quota\"\nmeter = \"rows\"\nlimit = 10\nwindow = \"1 minute\"\non-exceed = \"throttle\"";
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT, rows]));
    let counters = Counters::default();
    let Verdict::Permit(permit) = decide(&world.rules, &counters, statement(NOW)) else {
        panic!("it has room")
    };
    let allowances: Vec<policy::Allowance> = permit.allowances().cloned().collect();
    assert_eq!(allowances.iter().map(|one| (one.limit, one.puts_off)).collect::<Vec<_>>(), [(10, true)]);
    let take = |now_ms| {
        let taken = counters.take_row(permit.request().identity, &allowances, now_ms);
        taken.map_err(|(_, room_in)| room_in)
    };
    (0..9).for_each(|_| assert_eq!(take(NOW), Ok(())));
    assert_eq!(take(NOW + 100), Ok(()));
    assert_eq!(take(NOW + 100), Err(Some(59_900)), "nine leave a minute after they were given");
    let Verdict::Denial(denial) = decide(&world.rules, &counters, statement(NOW + 59_999)) else {
        panic!("used up")
    };
    assert_eq!((denial.reason, denial.retry_after_ms), (Reason::QuotaExhausted, Some(1)));
    (0..9).for_each(|_| assert_eq!(take(NOW + 60_000), Ok(())));
    assert_eq!(take(NOW + 60_000), Err(Some(100)), "the nine are a minute old, the one is not");
    assert_eq!(take(NOW + 60_100), Ok(()));
}

/// A quota of rows is about the machines and the side it names, and about nobody else.
#[test]
fn rows_are_counted_for_whom_the_clause_names() {
    let of = |only: &str| {
        let clause = format!(
            "kind = \"quota\"\nmeter = \"rows\"\nlimit = 1\nwindow = \"1 minute\"\nonly = {{ {only} }}"
        );
        let mut world = World::new();
        world.instrument(&document("deal", &[PERMIT, &clause]));
        let Verdict::Permit(permit) = decide(&world.rules, &Counters::default(), statement(NOW)) else {
            panic!("{only}: it has room")
        };
        permit.allowances().count()
    };
    assert_eq!(of("roles = [\"nobody-has-it\"]"), 0);
    assert_eq!(of("actions = [\"write\"]"), 0);
    assert_eq!(of("actions = [\"read\"]"), 1);
    // A provider's guardrail is about its own machines.
    let quota = "kind = \"quota\"\nmeter = \"rows\"\nlimit = 1\nwindow = \"1 minute\"";
    for (party, counted) in [("forge", 0), ("acme", 1)] {
        let mut world = World::new();
        world.instrument(&document("deal", &[PERMIT]));
        world.instrument(&guardrail(&format!("{party}-rules"), party, &[quota]));
        let Verdict::Permit(permit) = decide(&world.rules, &Counters::default(), statement(NOW)) else {
            panic!("{party}: it has room")
        };
        assert_eq!(permit.allowances().count(), counted, "{party}");
        // Over HTTP nobody counts rows: that stops those it is about, and no others.
        assert_eq!(ask(&world, request("read", "a")).is_ok(), counted == 0, "{party}");
    }
}

#[test]
fn facts_of_the_registry_and_the_connection_decide() {
    let with = |clause: &str| {
        let mut world = World::new();
        world.instrument(&document("deal", &[PERMIT, clause]));
        world
    };
    let mut purpose = with("kind = \"purpose\"\npurposes = [\"settlement\"]");
    assert!(ask(&purpose, request("read", "a")).is_err());
    let mut declared = request("read", "a");
    declared.channel.purpose = Some("settlement".into());
    assert!(ask(&purpose, declared).is_ok());
    purpose.event(Event::InstrumentEnded {
        instrument: InstrumentId::from_entropy([0; 10]),
        reason: "x".into(),
    });

    let window = with("kind = \"window\"\nnetworks = [\"10.20.0.0/16\"]");
    assert!(ask(&window, request("read", "a")).is_ok());
    let mut outside = request("read", "a");
    outside.channel.address = "10.21.0.1".parse().unwrap();
    assert!(ask(&window, outside).is_err());
    let mut mapped = request("read", "a");
    mapped.channel.address = "::ffff:10.20.3.4".parse().unwrap();
    assert!(ask(&window, mapped).is_ok());

    // Friday 08:00 UTC is 09:00 in Berlin.
    let hours =
        with("kind = \"window\"\ndays = [\"friday\"]\nhours = [\"09:00-10:00\"]\nzone = \"Europe/Berlin\"");
    assert!(ask(&hours, request("read", "a")).is_ok());
    assert!(ask(&hours, Request { now_ms: NOW - 1, ..request("read", "a") }).is_err());

    let ed25519 = with("kind = \"credential\"\nmax-ttl = \"1 hour\"\nkey-algorithms = [\"ecdsa-p256\"]");
    assert!(ask(&ed25519, request("read", "a")).is_err());

    let mut class = with("kind = \"classification\"\nmax = \"internal\"");
    assert!(ask(&class, request("read", "a")).is_err(), "what nobody classified is restricted");
    let mut service = files();
    service.resources[0].class = Some(registry::Classification::Internal);
    class.event(Event::ServiceRegistered(service));
    assert!(ask(&class, request("read", "a")).is_ok());
    assert!(ask(&class, request("read", "b")).is_err());

    let mut residency = with("kind = \"residency\"\nregions = [\"eu-west\"]\nof = \"both\"");
    assert!(ask(&residency, request("read", "a")).is_err());
    let region = || Some("eu-west".parse().unwrap());
    residency.event(Event::ServiceRegistered(registry::Service { region: region(), ..files() }));
    residency
        .event(Event::IdentityProposed(registry::Identity { region: region(), ..robot(machine(), "robot") }));
    assert!(ask(&residency, request("read", "a")).is_ok());

    let ownership = with(
        "kind = \"ownership\"\nrecertify-every = \"90 days\"\nrefuse-after = \"1 hour\"\ncharter = true",
    );
    let denial = ask(&ownership, request("read", "a")).unwrap_err();
    assert!(denial.detail.contains("shall have a charter in force"), "{}", denial.detail);
}

#[test]
fn what_runs_is_judged_again_without_counting() {
    let (mut world, _) = world();
    assert!(still_permits(&world.rules, &request("write", "a")));
    let stops = world.rules.stops();
    let prohibit = "kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"files/a\"]";
    world.instrument(&guardrail("acme-rules", "acme", &[prohibit]));
    assert!(world.rules.stops() > stops, "a new guardrail can stop what runs");
    assert!(!still_permits(&world.rules, &request("write", "a")));
    let quota = "kind = \"quota\"\nlimit = 1\nwindow = \"1 minute\"";
    let mut counted = World::new();
    counted.instrument(&document("deal", &[PERMIT, quota]));
    let counters = Counters::default();
    assert!(matches!(decide(&counted.rules, &counters, request("read", "a")), Verdict::Permit(_)));
    assert!(still_permits(&counted.rules, &request("read", "a")), "what was counted may go on");
}

#[test]
fn bursts_and_windows_count_the_same_calls() {
    let quota = "kind = \"quota\"\nlimit = 4\nwindow = \"1 minute\"\nburst = 2";
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT, quota]));
    let counters = Counters::default();
    let at = |ms: u64| {
        let request = Request { now_ms: NOW + ms, ..request("read", "a") };
        matches!(decide(&world.rules, &counters, request), Verdict::Permit(_))
    };
    assert_eq!([at(0), at(1), at(2)], [true, true, false], "two in a second");
    assert_eq!([at(1_000), at(1_001), at(2_500)], [true, true, false], "four in a minute");
    assert_eq!([at(60_000), at(60_001)], [true, true], "a minute after the first two");
}

#[test]
fn quotas_of_every_layer_count() {
    let (mut world, _) = world();
    let limit = |n| format!("kind = \"quota\"\nlimit = {n}\nwindow = \"1 minute\"");
    world.instrument(&guardrail("acme-rules", "acme", &[&limit(2)]));
    let counters = Counters::default();
    let ask = || decide(&world.rules, &counters, request("read", "a"));
    assert!(matches!(ask(), Verdict::Permit(_)) && matches!(ask(), Verdict::Permit(_)));
    let Verdict::Denial(denial) = ask() else { panic!("the third of two") };
    assert_eq!(denial.reason, Reason::QuotaExhausted);
    assert_eq!(cites(&denial), ("acme-rules".into(), "1.1".into()));
}

/// What a machine shows is a certificate, which it proves to have the key of, or a token, which whoever has it can show.
#[test]
fn a_clause_can_keep_tokens_out() {
    let token = [8; 16];
    let shown = |world: &World, serial| {
        let request = Request { serial, ..request("read", "a") };
        would_deny(&world.rules, &request).map(|denial| denial.cited.unwrap().clause.to_string())
    };
    let base = "kind = \"credential\"\nmax-ttl = \"1 day\"\nlease = \"5 seconds\"\n";
    for (terms, keeps_out) in [
        ("kinds = [\"x509-svid\"]", true),
        ("kinds = [\"x509-svid\", \"jwt-svid\"]", false),
        ("binding = [\"mtls\"]", true),
        ("binding = [\"mtls\", \"dpop\"]", true),
    ] {
        let mut world = World::new();
        world.event(Event::JwtIssued {
            identity: machine(),
            jti: token,
            audiences: vec![format!("{DATABASE_AUDIENCE}files.example")],
            kid: "key".into(),
            not_after_ms: NOW + 600_000,
            attested: Attested { by: Attestation::Process, evidence: [0; 32], instance: None },
        });
        world.instrument(&document("deal", &[PERMIT, &format!("{base}{terms}")]));
        assert_eq!(shown(&world, SERIAL), None, "{terms}");
        assert_eq!(shown(&world, token), keeps_out.then(|| "1.2".to_owned()), "{terms}");
    }
}
