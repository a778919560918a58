//! Questions over all instruments in force.

use crate::solver;
use prove::{Answer, Ask, Ruling, ask};
use registry::{Event, Identity, IdentityId, IdentityKind, Lifecycle};
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
    let mut masked = World::new();
    masked.instrument(&document(
        "deal",
        &[PERMIT, "kind = \"masking\"\nfields = [\"iban\"]\nmethod = \"drop\""],
    ));
    let Answer::Unknown(why) = rule(&masked, writes()).await.answer else { panic!("it cannot be served") };
    assert!(why.contains("masking"), "{why}");
    masked.shelf.0.lock().unwrap().clear();
}
