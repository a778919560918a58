//! Questions over all instruments in force.

use crate::solver;
use prove::{Answer, Ask, Ruling, ask};
use registry::{Event, Identity, IdentityId, IdentityKind, InstrumentTerms, Lifecycle};
use testkit::{NOW, World, charter, contract_for, document, guardrail, id, machine, robot};

const PERMIT: &str = "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\"]";

async fn rule(world: &World, question: Ask) -> Ruling {
    ask(&solver().await, &world.rules, &question, NOW).await
}

fn writes() -> Ask {
    Ask { action: Some("write".parse().unwrap()), service: Some("files".parse().unwrap()), ..Ask::default() }
}

#[tokio::test]
async fn no_machine_can_or_one_can_and_how() {
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT, "kind = \"credential\"\nmax-ttl = \"10 minutes\""]));
    let ruling = rule(&world, writes()).await;
    assert_eq!(ruling.question, "any machine can ever write the service `files`");
    let Answer::Refuted(sentence) = &ruling.answer else { panic!("{ruling:#?}") };
    assert!(sentence.contains("`acme/robot` asks to **write** `a`"), "{sentence}");
    assert!(sentence.contains("permitted by clause 1.1 of Title (`deal` version 1)"), "{sentence}");
    let deletes = Ask { action: Some("delete".parse().unwrap()), ..writes() };
    assert_eq!(rule(&world, deletes).await.answer, Answer::Proven);
    let pipelines = Ask { kind: Some(IdentityKind::CiPipeline), ..writes() };
    let ruling = rule(&world, pipelines).await;
    assert_eq!(
        (ruling.answer, ruling.contracts),
        (Answer::Proven, 0),
        "there is no pipeline under any contract"
    );
}

#[tokio::test]
async fn what_stands_above_contracts_counts() {
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT]));
    let no_bots = "kind = \"prohibit\"\nactions = \"any\"\nresources = \"any\"\neffect = \"change\"\nonly = { kinds = [\"bot\"] }\nunless = { roles = [\"lead\"] }";
    world.instrument(&guardrail("acme-rules", "acme", &[no_bots]));
    let ruling = rule(&world, writes()).await;
    assert_eq!((ruling.answer, ruling.above), (Answer::Proven, 1));
    // A machine with the excepted role.
    let lead = IdentityId::from_entropy(id(9));
    let mut identity = robot(lead, "lead-bot");
    identity.roles = vec!["lead".parse().unwrap()];
    world.event(Event::IdentityProposed(identity));
    world.instrument(&contract_for("deal-two", "lead-bot", &[PERMIT]));
    let Answer::Refuted(sentence) = rule(&world, writes()).await.answer else { panic!("the lead can") };
    assert!(sentence.contains("`acme/lead-bot`") && sentence.contains("deal-two"), "{sentence}");
    // A charter without writing ends that too.
    let source =
        charter("lead-charter", &["kind = \"permit\"\nactions = [\"read\"]\nresources = [\"files\"]"]);
    let source = contract::format(&source.replace("machine = \"robot\"", "machine = \"lead-bot\"")).unwrap();
    world.instrument(&source);
    assert_eq!(rule(&world, writes()).await.answer, Answer::Proven);
}

/// What is masked can be done at a database alone: of anything else nobody is told that it could.
#[tokio::test]
async fn what_cannot_be_masked_is_not_told_to_be_possible() {
    let mut world = World::new();
    let mask = "kind = \"masking\"\nfields = [\"iban\"]\nmethod = \"drop\"";
    world.instrument(&document("deal", &[PERMIT, mask]));
    let Answer::Unknown(why) = rule(&world, writes()).await.answer else { panic!("nobody masks it") };
    assert!(why.contains("for databases only"), "{why}");
}

#[tokio::test]
async fn the_way_it_can_be_done_is_told() {
    let mut world = World::new();
    let window = "kind = \"window\"\ndays = [\"saturday\"]\nhours = [\"02:00-03:00\"]\nzone = \"Europe/Berlin\"\nnetworks = [\"192.0.2.0/24\"]";
    let purpose = "kind = \"purpose\"\npurposes = [\"repair\"]";
    let quota = "kind = \"quota\"\nlimit = 1\nwindow = \"1 minute\"";
    world.instrument(&document("deal", &[PERMIT, window, purpose, quota]));
    let Answer::Refuted(sentence) = rule(&world, writes()).await.answer else { panic!("on Saturdays") };
    for part in ["on a Saturday at 02:", "from 192.0.2.", "“repair”"] {
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
}

#[tokio::test]
async fn machines_that_are_over_and_instruments_nobody_serves_permit_nothing() {
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT]));
    world.event(Event::IdentityProposed(Identity { state: Lifecycle::Revoked, ..robot(machine(), "robot") }));
    assert_eq!(rule(&world, writes()).await.answer, Answer::Proven);
    let mut approved = World::new();
    approved.instrument(&document(
        "deal",
        &[PERMIT, "kind = \"approval\"\npeople = 1\nrole = \"lead\"\nvalid-for = \"1 hour\""],
    ));
    let Answer::Unknown(why) = rule(&approved, writes()).await.answer else { panic!("it cannot be served") };
    assert!(why.contains("approval"), "{why}");
    approved.shelf.0.lock().unwrap().clear();
}

const DAY: u64 = 86_400_000;
const NO_WRITES: &str = "kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"files/a\"]";

/// A suspension can end: it is no reason why something could never happen.
#[tokio::test]
async fn what_is_only_suspended_can_go_on() {
    let suspension = "kind = \"suspension\"\nholders = [\"provider\"]\ngrounds = [\"breach\"]";
    let mut world = World::new();
    world.instrument_with(&document("deal", &[PERMIT, suspension]), |deal| {
        deal.suspended_from_ms = Some(NOW - DAY)
    });
    let Answer::Refuted(sentence) = rule(&world, writes()).await.answer else { panic!("it may go on") };
    assert!(sentence.contains("permitted by clause 1.1"), "{sentence}");
    let rest = suspension.replace("provider", "party");
    let all = "kind = \"permit\"\nactions = [\"write\"]\nresources = [\"files\"]";
    world.instrument_with(&charter("robot-charter", &[all, &rest]), |charter| {
        charter.suspended_from_ms = Some(NOW - DAY)
    });
    assert!(matches!(rule(&world, writes()).await.answer, Answer::Refuted(_)), "and so may the charter");
}

/// A term that is renewed unless somebody objects may go on beyond its end.
#[tokio::test]
async fn a_term_that_can_be_renewed_is_no_end() {
    let term = "kind = \"term\"\nstart = 2026-01-01\nend = 2027-01-01\nrenew-for = \"365 days\"\nrenewal-notice = \"30 days\"";
    let renewing = |not_renewed| {
        let mut world = World::new();
        world.instrument_with(&document("deal", &[PERMIT, term]), |deal| {
            deal.terms = InstrumentTerms {
                renewal_ms: Some(365 * DAY),
                renewal_notice_ms: Some(30 * DAY),
                ..InstrumentTerms::default()
            };
            deal.not_renewed = not_renewed;
        });
        world
    };
    assert!(matches!(rule(&renewing(false), writes()).await.answer, Answer::Refuted(_)));
    assert_eq!(rule(&renewing(true), writes()).await.answer, Answer::Proven, "it is over, and stays over");
}

/// A guardrail that is to be replaced, or to end, does not bind for ever.
#[tokio::test]
async fn what_binds_later_counts_and_what_ends_does_not() {
    let strict = guardrail("acme-rules", "acme", &[NO_WRITES]);
    let loose = "kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"files/a\"]";
    let next = guardrail("acme-rules", "acme", &[loose]).replace("version = 1", "version = 2");
    let next = contract::format(&next).unwrap();
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT]));
    world.instrument(&strict);
    assert_eq!(rule(&world, writes()).await.answer, Answer::Proven);
    world.instrument_with(&next, |next| next.start_ms = Some(NOW + 30 * DAY));
    let Answer::Refuted(sentence) = rule(&world, writes()).await.answer else {
        panic!("from then on it can")
    };
    assert!(sentence.contains("from 14 February 2027"), "{sentence}");
    let deletes = Ask { action: Some("delete".parse().unwrap()), ..writes() };
    assert_eq!(rule(&world, deletes).await.answer, Answer::Proven, "the contract permits no deleting");

    let mut ending = World::new();
    ending.instrument(&document("deal", &[PERMIT]));
    ending.instrument_with(&strict, |rail| rail.ends_by_notice_ms = Some(NOW + DAY));
    let Answer::Refuted(sentence) = rule(&ending, writes()).await.answer else {
        panic!("after the notice it can")
    };
    assert!(sentence.contains("from 16 January 2027"), "{sentence}");
}

/// A contract's next version counts from its start, and the one before until then.
#[tokio::test]
async fn both_signed_versions_of_a_contract_count() {
    let read_only = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]";
    let versions = |first: &str, second: &str| {
        let mut world = World::new();
        world.instrument(&document("deal", &[first]));
        let next = document("deal", &[second]).replace("version = 1", "version = 2");
        world.instrument_with(&contract::format(&next).unwrap(), |next| next.start_ms = Some(NOW + DAY));
        world
    };
    let Answer::Refuted(sentence) = rule(&versions(read_only, PERMIT), writes()).await.answer else {
        panic!("later")
    };
    assert!(sentence.contains("version 2) from 16 January 2027"), "{sentence}");
    let Answer::Refuted(sentence) = rule(&versions(PERMIT, read_only), writes()).await.answer else {
        panic!("now")
    };
    assert!(sentence.contains("version 1) until 16 January 2027"), "{sentence}");
    assert_eq!(rule(&versions(read_only, read_only), writes()).await.answer, Answer::Proven);
}

/// A machine that nobody activated yet, and one whose owner left, may act again.
#[tokio::test]
async fn machines_may_be_activated_and_answered_for() {
    let owned = "kind = \"ownership\"\nrecertify-every = \"365 days\"";
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT, owned]));
    world.event(Event::PersonLeft {
        person: testkit::person(1),
        time_ms: NOW - DAY,
        grace_until_ms: NOW - 1,
    });
    world.event(Event::IdentitySuspended { identity: machine(), reason: "nobody".into() });
    assert!(matches!(rule(&world, writes()).await.answer, Answer::Refuted(_)));
    let mut proposed = World::new();
    proposed.instrument(&document("deal", &[PERMIT]));
    proposed
        .event(Event::IdentityProposed(Identity { state: Lifecycle::Proposed, ..robot(machine(), "robot") }));
    assert!(matches!(rule(&proposed, writes()).await.answer, Answer::Refuted(_)));
}

/// A guardrail nobody can read denies today; that is no proof about tomorrow.
#[tokio::test]
async fn what_cannot_be_read_above_is_not_proven() {
    let mut world = World::new();
    world.instrument(&document("deal", &[PERMIT]));
    world.instrument(&guardrail(
        "acme-rules",
        "acme",
        &["kind = \"approval\"\npeople = 1\nrole = \"lead\"\nvalid-for = \"1 hour\""],
    ));
    let Answer::Unknown(why) = rule(&world, writes()).await.answer else { panic!("nobody knows") };
    assert!(why.contains("acme-rules") && why.contains("approval"), "{why}");
}
