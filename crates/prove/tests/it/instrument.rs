//! One instrument, and two versions of it.

use crate::solver;
use contract::check;
use prove::{Answer, Examination, Question, Version, compare, examine};
use testkit::{charter, document, guardrail};

const PERMIT: &str = "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\"]";
const QUOTA: &str = "kind = \"quota\"\nlimit = 100\nwindow = \"1 minute\"";

fn read(source: &str) -> Version {
    check(source).and_then(|_| Version::read(source)).unwrap_or_else(|found| panic!("{found:#?}"))
}

fn deal(clauses: &[&str]) -> Version {
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
    let examination = examine(&solver, &deal(&[PERMIT, QUOTA, term]), &[], None).await;
    assert!(examination.solver.starts_with("cvc5 "));
    let (compared, asked): (Vec<_>, Vec<_>) =
        examination.findings.iter().partition(|finding| finding.question == Question::NoContradiction);
    assert!(asked.iter().all(|finding| finding.answer == Answer::Proven), "{examination:#?}");
    // Finding nothing by comparison is no proof, and is not called one.
    assert_eq!((compared.len(), &compared[0].answer), (1, &Answer::NoneFound));
    assert_eq!(compared[0].answer.as_str(), "none-found");
    let again = examine(&solver, &deal(&[PERMIT, QUOTA, term]), &[], None).await;
    assert_eq!(again, examination, "the scripts are the same bytes every time");
}

#[tokio::test]
async fn dead_clauses_are_found() {
    let dead = "kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"a\"]";
    let only_write = "kind = \"permit\"\nactions = [\"write\"]\nresources = [\"a\"]";
    let idle = "kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"a\"]";
    let examination = examine(&solver().await, &deal(&[PERMIT, only_write, dead, idle]), &[], None).await;
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
    let examination = examine(&solver, &deal(&[PERMIT]), std::slice::from_ref(&rail), None).await;
    let found = answers(&examination, Question::WithinGuardrail);
    assert_eq!(found[0].0, "acme-rules");
    let Answer::Refuted(sentence) = &found[0].1 else { panic!("{found:?}") };
    assert!(sentence.contains("`acme/robot` asks to **write** `files/a`"), "{sentence}");
    let purpose = "kind = \"purpose\"\npurposes = [\"settlement\"]";
    let kept = examine(&solver, &deal(&[PERMIT, purpose]), &[rail], None).await;
    assert_eq!(answers(&kept, Question::WithinGuardrail)[0].1, Answer::Proven);
}

#[tokio::test]
async fn duties_that_cannot_both_be_kept_are_found() {
    let delete = "kind = \"retention\"\nbearer = \"provider\"\ndata = \"logs\"\nmax-age = \"30 days\"\nproof = \"attestation\"";
    let keep = "kind = \"audit\"\nauditor = \"consumer\"\naudited = \"provider\"\nscope = [\"logs\"]\nnotice = \"5 days\"\n\
                per-year = 1\nprovide-within = \"5 days\"\nkeep-records = \"365 days\"";
    let examination = examine(&solver().await, &deal(&[PERMIT, delete, keep]), &[], None).await;
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
    let heading = ("## Clauses", "## The Consumer indemnifies the Provider");
    let headed = edited(&document("deal", &[PERMIT]), &[heading]);
    let headed = compare(&solver, &deal(&[PERMIT]), &headed).await;
    assert_eq!(headed.beside, Err("its sections have other titles".into()));
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
    let examination = examine(&solver, &all, &[], None).await;
    for finding in &examination.findings {
        assert!(!matches!(finding.answer, Answer::Unknown(_)), "{finding:#?}");
    }
    assert!(compare(&solver, &all, &all.clone()).await.only_narrows());
}

fn term(start: &str, end: &str) -> String {
    format!("kind = \"term\"\nstart = {start}\nend = {end}")
}

/// A document with another title, heading or version than the fixtures give it.
fn edited(source: &str, changes: &[(&str, &str)]) -> Version {
    let mut text = source.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "`{old}` is in the document");
        text = text.replace(old, new);
    }
    read(&contract::format(&text).unwrap_or_else(|found| panic!("{found:#?}")))
}

/// Nothing is proven about what is not looked at: an end beyond the horizon of proofs is no end within it.
#[tokio::test]
async fn a_later_end_is_never_proven_equal() {
    let solver = solver().await;
    let until = |end| deal(&[PERMIT, &term("2026-01-01", end)]);
    for (before, after) in
        [("2099-12-31", "2100-01-02"), ("2100-06-01", "2199-12-31"), ("2030-01-01", "2199-01-01")]
    {
        let longer = compare(&solver, &until(before), &until(after)).await;
        let Answer::Refuted(gained) = &longer.narrower else { panic!("{before} {after}: {longer:#?}") };
        assert!(gained[0].contains(" UTC"), "the date is told: {gained:?}");
        assert!(!longer.only_narrows() && longer.wider == Answer::Proven);
        assert!(compare(&solver, &until(after), &until(before)).await.only_narrows());
    }
    // Documents of an older Writ may name dates nobody may write any more.
    let source =
        document("deal", &[PERMIT, &term("2026-01-01", "2199-01-01")]).replace("2199-01-01", "2999-01-01");
    let error = contract::format(&source).unwrap_err();
    assert!(
        error
            .iter()
            .any(|finding| finding.code == "writ::term" && finding.help.contains("before 2200-01-01")),
        "{error:#?}"
    );
}

/// One signature changes rules and nothing else.
#[tokio::test]
async fn other_words_are_no_narrowing() {
    let solver = solver().await;
    let words = "kind = \"words\"\ntext = \"The parties meet in spring.\"";
    let source = document("deal", &[PERMIT, QUOTA, words]);
    let old = read(&source);
    let tighter = ("limit = 100", "limit = 10");
    let why = |changes: &[(&'static str, &'static str)]| {
        let (solver, old, source) = (solver.clone(), old.clone(), source.clone());
        let changes = changes.to_vec();
        async move {
            let mut all = vec![tighter];
            all.extend_from_slice(&changes);
            let difference = compare(&solver, &old, &edited(&source, &all)).await;
            assert_eq!(difference.narrower, Answer::Proven, "{changes:?}");
            difference.beside.err().unwrap_or_default()
        }
    };
    assert_eq!(why(&[]).await, "");
    assert_eq!(why(&[("version = 1", "version = 2")]).await, "");
    let retitled =
        [("title = \"Title\"", "title = \"Another Title\""), ("# Title\n\n", "# Another Title\n\n")];
    assert_eq!(why(&retitled).await, "it has another title");
    assert_eq!(why(&[("## Clauses", "## Bindings")]).await, "its sections have other titles");
    // Headings that are shown nowhere are no documents at all.
    for (from, to) in
        [("# Title\n\n", "# Waiver of All Liability\n\n"), ("## Clauses", "### Aside\n\n## Clauses")]
    {
        let findings = contract::format(&source.replace(from, to)).unwrap_err();
        assert!(findings.iter().any(|finding| finding.code == "writ::heading"), "{findings:#?}");
    }
    assert_eq!(
        why(&[("limit = 10\n", "limit = 10\n# the Provider owes nothing\n")]).await,
        "people wrote other text into it"
    );
    assert_eq!(why(&[("in spring", "in autumn")]).await, "its duties, powers or words are others");
    assert_eq!(why(&[("name = \"deal\"", "name = \"bargain\"")]).await, "it has another name");
    let two = [("machines = [\"robot\"]", "machines = [\"robot\", \"helper\"]")];
    let wider = compare(&solver, &old, &edited(&source, &two)).await;
    assert_eq!(wider.beside, Err("it binds others, or is to be read otherwise".into()));
    // A promise to say when to come back is a promise to people.
    let throttled = read(&document("deal", &[PERMIT, &format!("{QUOTA}\non-exceed = \"throttle\"")]));
    let plain = deal(&[PERMIT, "kind = \"quota\"\nlimit = 10\nwindow = \"1 minute\""]);
    let difference = compare(&solver, &throttled, &plain).await;
    assert!(difference.narrower == Answer::Proven && !difference.only_narrows(), "{difference:#?}");
}

/// A clause that moved counts the same calls; a longer window counts no fewer.
#[tokio::test]
async fn quotas_are_compared_by_what_they_count() {
    let solver = solver().await;
    let prohibit = "kind = \"prohibit\"\nactions = [\"delete\"]\nresources = [\"a\"]";
    let (old, moved) = (deal(&[PERMIT, QUOTA]), deal(&[PERMIT, prohibit, QUOTA]));
    let same = compare(&solver, &old, &moved).await;
    assert_eq!((&same.narrower, &same.wider), (&Answer::Proven, &Answer::Proven), "{same:#?}");
    let hourly = deal(&[PERMIT, "kind = \"quota\"\nlimit = 100\nwindow = \"1 hour\""]);
    let fewer = compare(&solver, &old, &hourly).await;
    assert_eq!(fewer.narrower, Answer::Proven, "{fewer:#?}");
    let Answer::Refuted(lost) = &fewer.wider else { panic!("{fewer:#?}") };
    assert!(lost[0].contains("in the 1 hour before"), "{lost:?}");
    // A burst is part of what the window counts: the example has both, and was tried.
    let burst = deal(&[PERMIT, &format!("{QUOTA}\nburst = 5")]);
    let calmer = compare(&solver, &old, &burst).await;
    assert_eq!(calmer.narrower, Answer::Proven, "{calmer:#?}");
    let Answer::Refuted(lost) = &calmer.wider else { panic!("{calmer:#?}") };
    assert!(lost[0].contains("in the 1 second before"), "{lost:?}");
}

/// Local times in two zones are times of one instant.
#[tokio::test]
async fn local_times_belong_together() {
    let solver = solver().await;
    let window =
        |zone: &str, hours: &str| format!("kind = \"window\"\nhours = [\"{hours}\"]\nzone = \"{zone}\"");
    let berlin = window("Europe/Berlin", "08:00-18:00");
    // 08:00 to 18:00 in Berlin is 15:00 to 02:00 in Tokyo in summer, 16:00 to 02:00 in winter.
    let tokyo = |hours: &str| deal(&[PERMIT, &berlin, &window("Asia/Tokyo", hours)]);
    let always = deal(&[PERMIT, &berlin]);
    let cut = compare(&solver, &always, &tokyo("15:00-24:00")).await;
    let Answer::Refuted(lost) = &cut.wider else { panic!("{cut:#?}") };
    assert!(
        lost[0].contains("(time of Europe/Berlin)") || lost[0].contains("(time of Asia/Tokyo)"),
        "{lost:?}"
    );
    let never = compare(
        &solver,
        &tokyo("03:00-14:00"),
        &deal(&[PERMIT, &berlin, &window("Asia/Tokyo", "04:00-13:00")]),
    )
    .await;
    assert_eq!((never.narrower, never.wider), (Answer::Proven, Answer::Proven), "never open at both places");
    // Two clauses for one zone and a date that leaves no such day: known to be impossible only when it is tried.
    let friday = "2027-01-15T08:00:00Z";
    let day = |clauses: &[&str]| {
        let term = term(&format!("\"{friday}\""), "\"2027-01-15T09:00:00Z\"");
        let mut all = vec![PERMIT, &term];
        all.extend_from_slice(clauses);
        deal(&all)
    };
    let saturdays = "kind = \"window\"\ndays = [\"saturday\"]\nzone = \"UTC\"";
    let sundays = "kind = \"window\"\ndays = [\"sunday\"]\nzone = \"UTC\"";
    let compared = compare(&solver, &day(&[saturdays]), &day(&[sundays])).await;
    let Answer::Unknown(why) = &compared.narrower else { panic!("{compared:#?}") };
    assert!(why.contains("no instant with these local times"), "{why}");
}

/// What only later gateways will see is no example for anybody today.
#[tokio::test]
async fn what_no_gateway_can_see_is_not_shown() {
    let solver = solver().await;
    let credential =
        |more: &str| deal(&[PERMIT, &format!("kind = \"credential\"\nmax-ttl = \"1 hour\"\n{more}")]);
    let bound = |more: &str| credential(&format!("binding = [{more}]"));
    let more = compare(&solver, &bound("\"mtls\""), &bound("\"mtls\", \"dpop\"")).await;
    let Answer::Unknown(why) = &more.narrower else { panic!("{more:#?}") };
    assert!(why.contains("no gateway of this version"), "{why}");
    // What gateways do see is one.
    let joined = |more: &str| credential(&format!("attestation = [{more}]"));
    let more = compare(&solver, &joined("\"join-token\""), &joined("\"join-token\", \"kubernetes\"")).await;
    assert!(
        matches!(&more.narrower, Answer::Refuted(shown) if shown.concat().contains("kubernetes")),
        "{more:#?}"
    );
    // No certificate lives longer than a day, whatever a clause says of longer ones.
    let day = deal(&[PERMIT, "kind = \"credential\"\nmax-ttl = \"1 day\""]);
    let none = compare(&solver, &day, &deal(&[PERMIT])).await;
    assert_eq!((none.narrower, none.wider), (Answer::Proven, Answer::Proven));
}

/// A suspension clause prohibits what the rest permits, while it is used.
#[tokio::test]
async fn a_suspension_clause_is_alive() {
    let suspension = "kind = \"suspension\"\nholders = [\"provider\"]\ngrounds = [\"breach\"]";
    let examination = examine(&solver().await, &deal(&[PERMIT, suspension]), &[], None).await;
    let found = answers(&examination, Question::NotDead);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(_, answer)| *answer == Answer::Proven), "{found:?}");
}

#[tokio::test]
async fn charters_and_guardrails_are_examined_beside_each_other() {
    let solver = solver().await;
    let strict = "kind = \"prohibit\"\nactions = [\"write\"]\nresources = [\"files/a\"]";
    let rail = read(&guardrail("acme-rules", "acme", &[strict]));
    let rights = |act: &str| {
        read(&charter(
            "robot-charter",
            &[&format!("kind = \"permit\"\nactions = [\"{act}\"]\nresources = [\"files\"]")],
        ))
    };
    let examination = examine(&solver, &rights("write"), std::slice::from_ref(&rail), None).await;
    let found = answers(&examination, Question::WithinGuardrail);
    let Answer::Refuted(sentence) = &found[0].1 else { panic!("{found:?}") };
    assert!(sentence.contains("`acme/robot` asks to **write** `files/a`"), "{sentence}");
    let kept = examine(&solver, &rights("read"), std::slice::from_ref(&rail), None).await;
    assert_eq!(answers(&kept, Question::WithinGuardrail)[0].1, Answer::Proven);
    // The other way: what stands already, under a new guardrail.
    let standing = [deal(&[PERMIT]), rights("read"), rights("write")];
    let examination = examine(&solver, &rail, &standing, None).await;
    let found = answers(&examination, Question::Bounds);
    assert_eq!(
        found.iter().map(|(about, _)| about.as_str()).collect::<Vec<_>>(),
        ["deal", "robot-charter@1", "robot-charter@1"]
    );
    assert!(
        matches!(found[0].1, Answer::Refuted(_))
            && found[1].1 == Answer::Proven
            && matches!(found[2].1, Answer::Refuted(_)),
        "{found:?}"
    );
    assert!(answers(&examination, Question::WithinGuardrail).is_empty());
}

/// The registry says which machines there are: what could only be another kind of machine is no breach.
#[tokio::test]
async fn a_guardrail_is_asked_about_machines_there_are() {
    let solver = solver().await;
    let no = |kind: &str| {
        let block = format!(
            "kind = \"prohibit\"\nactions = \"any\"\nresources = \"any\"\nonly = {{ kinds = [\"{kind}\"] }}"
        );
        read(&guardrail("acme-rules", "acme", &[&block]))
    };
    let world = testkit::World::new();
    let state = Some(world.rules.state());
    let agents = examine(&solver, &deal(&[PERMIT]), &[no("ai-agent")], state).await;
    assert_eq!(answers(&agents, Question::WithinGuardrail)[0].1, Answer::Proven, "robot is a bot");
    let bots = examine(&solver, &deal(&[PERMIT]), &[no("bot")], state).await;
    let Answer::Refuted(sentence) = &answers(&bots, Question::WithinGuardrail)[0].1 else {
        panic!("{bots:#?}")
    };
    assert!(sentence.contains("`acme/robot` asks to **"), "{sentence}");
    // Whoever uses the services of the other party is bound by that party's guardrail too.
    let theirs = "kind = \"purpose\"\npurposes = [\"settlement\"]\nonly = { side = \"provider\" }";
    let provider = read(&guardrail("forge-rules", "forge", &[theirs]));
    let examination = examine(&solver, &deal(&[PERMIT]), std::slice::from_ref(&provider), state).await;
    assert!(
        matches!(answers(&examination, Question::WithinGuardrail)[0].1, Answer::Refuted(_)),
        "{examination:#?}"
    );
    let purpose = "kind = \"purpose\"\npurposes = [\"settlement\"]";
    let kept = examine(&solver, &deal(&[PERMIT, purpose]), &[provider], state).await;
    assert_eq!(answers(&kept, Question::WithinGuardrail)[0].1, Answer::Proven);
}

#[tokio::test]
async fn duties_that_contradict_each_other_or_the_rules_are_found() {
    let solver = solver().await;
    let told = |clauses: Vec<String>| {
        let solver = solver.clone();
        async move {
            let clauses: Vec<&str> = clauses.iter().map(String::as_str).collect();
            let examination = examine(&solver, &deal(&clauses), &[], None).await;
            match answers(&examination, Question::NoContradiction).remove(0).1 {
                Answer::Refuted(sentence) => sentence,
                other @ (Answer::NoneFound | Answer::Proven | Answer::Unknown(_)) => panic!("{other:?}"),
            }
        }
    };
    let report = |within: &str| {
        format!(
            "kind = \"duty\"\nbearer = \"consumer\"\nact = \"report-delivered\"\nafter = \"incident-known\"\nwithin = \"{within}\""
        )
    };
    let said = told(vec![PERMIT.into(), report("1 day"), report("3 days")]).await;
    assert!(
        said.contains(
            "clauses 1.2 and 1.3 say differently in what time there must be the delivery of the report: 1 day"
        ),
        "{said}"
    );
    let never = "kind = \"prohibit\"\nactions = \"any\"\nresources = \"any\"";
    let heartbeat = "kind = \"duty\"\nbearer = \"consumer\"\nact = \"request-permitted\"\nevery = \"1 day\"";
    let said = told(vec![PERMIT.into(), never.into(), heartbeat.into()]).await;
    assert!(said.contains("clause 1.3 asks for a request, but nothing is permitted"), "{said}");
    let available =
        "kind = \"availability\"\nbearer = \"provider\"\ntarget = \"99.9%\"\nperiod = \"30 days\"";
    let said = told(vec![PERMIT.into(), never.into(), available.into()]).await;
    assert!(said.contains("promises answers, but nothing is permitted"), "{said}");
    let masking =
        "kind = \"masking\"\nfields = [\"iban\"]\nmethod = \"drop\"\nonly = { resources = [\"b\"] }";
    let said = told(vec![PERMIT.into(), masking.into()]).await;
    assert!(said.contains("clause 1.2 masks answers, but of those requests nothing is permitted"), "{said}");
}

/// What was asked can be asked again by anybody: the scripts are kept, and hash to what is recorded.
#[tokio::test]
async fn each_verdict_has_scripts_of_its_own() {
    let solver = solver().await;
    let tighter = deal(&[PERMIT, "kind = \"quota\"\nlimit = 10\nwindow = \"1 minute\""]);
    let difference = compare(&solver, &deal(&[PERMIT, QUOTA]), &tighter).await;
    assert_ne!(difference.narrower_scripts.digest(), difference.wider_scripts.digest());
    let scripts = prove::Scripts::split(difference.narrower_scripts.as_bytes()).unwrap();
    assert_eq!(scripts.len(), 1);
    let run = std::process::Command::new("cvc5")
        .args(["--lang", "smt", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut run = run.unwrap();
    std::io::Write::write_all(&mut run.stdin.take().unwrap(), scripts[0]).unwrap();
    assert_eq!(String::from_utf8(run.wait_with_output().unwrap().stdout).unwrap().trim(), "unsat");
}

/// Too many rules for a question about each: that none can fail is asked all the same.
#[tokio::test]
async fn a_long_instrument_is_still_asked_whether_it_errs() {
    let many: Vec<String> = (0..=prove::examine::CLAUSE_BY_CLAUSE_MAX)
        .map(|n| format!("kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a{n}\"]"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let examination = examine(&solver().await, &deal(&many), &[], None).await;
    assert_eq!(answers(&examination, Question::NeverErrs)[0].1, Answer::Proven);
    let dead = answers(&examination, Question::NotDead);
    assert!(dead.len() == 1 && matches!(&dead[0].1, Answer::Unknown(why) if why.contains("150")), "{dead:?}");
}
