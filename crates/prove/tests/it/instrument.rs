//! One instrument, and two versions of it.

use crate::solver;
use contract::{Instrument, check};
use prove::{Answer, Examination, Question, compare, examine};
use testkit::{charter, document, guardrail};

const PERMIT: &str = "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\"]";
const QUOTA: &str = "kind = \"quota\"\nlimit = 100\nwindow = \"1 minute\"";

fn read(source: &str) -> Instrument {
    check(source).unwrap_or_else(|found| panic!("{found:#?}"))
}

fn deal(clauses: &[&str]) -> Instrument {
    read(&document("deal", clauses))
}

fn answers(examination: &Examination, question: Question) -> Vec<(String, Answer<String>)> {
    let of = examination.findings.iter().filter(|finding| finding.question == question);
    of.map(|finding| (finding.about.clone(), finding.answer.clone())).collect()
}

#[tokio::test]
async fn a_sound_contract_is_proven_sound() {
    let solver = solver().await;
    let term = "kind = \"term\"\nstart = 2026-01-01\nend = 2036-01-01";
    let examination = examine(&solver, &deal(&[PERMIT, QUOTA, term]), &[]).await;
    assert!(examination.solver.starts_with("cvc5 "));
    assert!(examination.findings.iter().all(|finding| finding.answer == Answer::Proven), "{examination:#?}");
    let again = examine(&solver, &deal(&[PERMIT, QUOTA, term]), &[]).await;
    assert_eq!(again, examination, "the scripts are the same bytes every time");
}

#[tokio::test]
async fn dead_clauses_are_found() {
    let dead = "kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"a\"]";
    let only_write = "kind = \"permit\"\nactions = [\"write\"]\nresources = [\"a\"]";
    let idle = "kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"a\"]";
    let examination = examine(&solver().await, &deal(&[PERMIT, only_write, dead, idle]), &[]).await;
    let found = answers(&examination, Question::NotDead);
    let Answer::Refuted(permit) = &found[1].1 else { panic!("{found:?}") };
    assert!(found[0].1 == Answer::Proven && permit.contains("other clauses prohibit all of it"));
    assert_eq!(found[2].1, Answer::Proven, "the prohibition stops what is otherwise permitted");
    let Answer::Refuted(precaution) = &found[3].1 else { panic!("{found:?}") };
    assert!(precaution.contains("precaution only"));
}

#[tokio::test]
async fn a_guardrail_is_kept_or_the_breach_is_told() {
    let strict = "kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"files/a\"]\nunless = { purposes = [\"settlement\"] }";
    let rail = read(&guardrail("acme-rules", "acme", &[strict]));
    let solver = solver().await;
    let examination = examine(&solver, &deal(&[PERMIT]), std::slice::from_ref(&rail)).await;
    let found = answers(&examination, Question::WithinGuardrail);
    assert_eq!(found[0].0, "acme-rules");
    let Answer::Refuted(sentence) = &found[0].1 else { panic!("{found:?}") };
    assert!(sentence.contains("`acme/robot` asks to **write** `files/a`"), "{sentence}");
    let purpose = "kind = \"purpose\"\npurposes = [\"settlement\"]";
    let kept = examine(&solver, &deal(&[PERMIT, purpose]), &[rail]).await;
    assert_eq!(answers(&kept, Question::WithinGuardrail)[0].1, Answer::Proven);
}

#[tokio::test]
async fn duties_that_cannot_both_be_kept_are_found() {
    let delete = "kind = \"retention\"\nbearer = \"provider\"\ndata = \"logs\"\nmax-age = \"30 days\"\nproof = \"attestation\"";
    let keep = "kind = \"audit\"\nauditor = \"consumer\"\naudited = \"provider\"\nscope = [\"logs\"]\nnotice = \"5 days\"\n\
                per-year = 1\nprovide-within = \"5 days\"\nkeep-records = \"365 days\"";
    let examination = examine(&solver().await, &deal(&[PERMIT, delete, keep]), &[]).await;
    let Answer::Refuted(sentence) = &answers(&examination, Question::NoContradiction)[0].1 else { panic!() };
    assert!(
        sentence.contains("clause 1.2 deletes after 30 days what clause 1.3 keeps for 365 days"),
        "{sentence}"
    );
}

#[tokio::test]
async fn narrower_wider_and_neither() {
    let solver = solver().await;
    let old = deal(&[PERMIT, QUOTA]);
    let tighter = deal(&[PERMIT, "kind = \"quota\"\nlimit = 10\nwindow = \"1 minute\""]);
    let less = compare(&solver, &old, &tighter).await;
    assert!(less.only_narrows(), "{less:#?}");
    let Answer::Refuted(lost) = &less.wider else { panic!("{less:#?}") };
    assert!(lost[0].contains("permitted calls in the 1 minute before"), "{lost:?}");
    let more = compare(&solver, &tighter, &old).await;
    assert!(!more.only_narrows() && more.wider == Answer::Proven);
    let Answer::Refuted(gained) = &more.narrower else { panic!("{more:#?}") };
    assert!(gained[0].contains("`acme/robot` asks to **"), "{gained:?}");
    let other = deal(&["kind = \"permit\"\nactions = [\"read\", \"delete\"]\nresources = [\"a\"]", QUOTA]);
    let neither = compare(&solver, &old, &other).await;
    let (Answer::Refuted(gained), Answer::Refuted(lost)) = (&neither.narrower, &neither.wider) else {
        panic!()
    };
    assert!(gained[0].contains("**delete**") && lost[0].contains("**write**"), "{neither:#?}");
    let same = compare(&solver, &old, &old.clone()).await;
    assert!(same.narrower == Answer::Proven && same.wider == Answer::Proven && same.only_narrows());
}

/// What takes nothing from machines but something from people is not "only narrower".
#[tokio::test]
async fn a_dropped_duty_or_later_recording_is_no_narrowing() {
    let solver = solver().await;
    let duty = "kind = \"incident-notice\"\nbearer = \"provider\"\nto = \"soc\"\nseverity = \"high\"\nwithin = \"72 hours\"\ncontent = [\"what happened\"]";
    let dropped = compare(&solver, &deal(&[PERMIT, duty]), &deal(&[PERMIT])).await;
    assert_eq!(dropped.narrower, Answer::Proven);
    assert_eq!(dropped.beside, Err("its duties, powers or words are others".into()));
    let relaxed = format!("{PERMIT}\nrecording = \"within 50 ms\"");
    let later = compare(&solver, &deal(&[PERMIT]), &deal(&[&relaxed])).await;
    assert!(later.narrower == Answer::Proven && !later.only_narrows(), "{later:#?}");
    assert!(compare(&solver, &deal(&[&relaxed]), &deal(&[PERMIT])).await.only_narrows());
    // Title and headings are signed too: one side alone does not change them.
    let mut headed = deal(&[PERMIT]);
    headed.headings = vec!["The Consumer indemnifies the Provider".into()];
    let headed = compare(&solver, &deal(&[PERMIT]), &headed).await;
    assert_eq!(headed.beside, Err("its title or its headings are others".into()));
    // Counting fewer acts under the same limit is wider, though no number changed.
    let fewer = "kind = \"quota\"\nlimit = 100\nwindow = \"1 minute\"\nonly = { actions = [\"write\"] }";
    let counted = compare(&solver, &deal(&[PERMIT, QUOTA]), &deal(&[PERMIT, fewer])).await;
    assert!(!counted.only_narrows(), "{counted:#?}");
    let lead = read(&charter(
        "robot-charter",
        &["kind = \"permit\"\nactions = [\"read\"]\nresources = [\"files\"]"],
    ));
    assert!(!compare(&solver, &deal(&[PERMIT]), &lead).await.only_narrows(), "another kind of instrument");
}

/// Every kind of clause goes through the solver, with its facts.
#[tokio::test]
async fn every_kind_of_clause_is_encoded() {
    let solver = solver().await;
    let mut blocks = vec![PERMIT.to_owned()];
    for kind in contract::Kind::NAMES.iter().filter(|kind| **kind != "permit") {
        let sample = contract::Kind::sample(kind).unwrap().replace("\"checkout\"", "\"robot\"");
        blocks.push(format!("kind = \"{kind}\"\n{sample}"));
    }
    let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
    let all = deal(&blocks);
    let examination = examine(&solver, &all, &[]).await;
    for finding in &examination.findings {
        assert!(!matches!(finding.answer, Answer::Unknown(_)), "{finding:#?}");
    }
    assert!(compare(&solver, &all, &all.clone()).await.only_narrows());
}
