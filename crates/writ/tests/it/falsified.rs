//! Decisions that never were, in a log that is sound in every other way: whoever holds the gateway's key can append
//! and sign what they like, and the replay of `writ verify` still finds it (check 7 of the seven).

use crate::curl::{curl, world};
use crate::harness::text;
use ledger::entry::{decode_canonical, encode_body};
use ledger::{Append as _, Entry, NoteSigner, ReadLog as _, Submission, VerifierKey};
use policy::record::VERDICT;
use policy::{AppliedRecord, VerdictRecord};
use std::path::Path;
use store::{EmbeddedLog, LogConfig};

fn decisions(data: &Path) -> EmbeddedLog {
    let seed = crate::harness::key_at_rest(data, "decisions-log.key").try_into().unwrap();
    let key = std::fs::read_to_string(data.join("ledger/decisions.vkey")).unwrap();
    let name = VerifierKey::parse(key.trim()).unwrap().name().to_owned();
    let signer = NoteSigner::from_seed(&name, &seed).unwrap();
    EmbeddedLog::open(LogConfig::new(data.join("ledger/decisions"), signer)).unwrap()
}

#[test]
fn a_verdict_that_was_not_given_is_found() {
    let (mut writ, _nginx, credential) = world();
    assert!(curl(&writ, &credential, "/public/a.txt", &[]).status.success());
    curl(&writ, &credential, "/private/a.txt", &[]);
    writ.assert_verifies();

    let log = decisions(&writ.data());
    let verdicts: Vec<(Entry, VerdictRecord, Vec<u8>)> = (0..log.size())
        .filter_map(|index| {
            let entry = Entry::decode(&log.entry(index).unwrap().unwrap()).unwrap();
            let record = (entry.kind == VERDICT).then(|| decode_canonical(&entry.body).unwrap())?;
            Some((entry, record, log.addendum(index).unwrap().unwrap()))
        })
        .collect();
    let honest =
        |permitted: bool| verdicts.iter().find(|(_, record, _)| record.permitted == permitted).unwrap();
    let (_, permit, _) = honest(true);
    let last_ms = Entry::decode(&log.entry(log.size() - 1).unwrap().unwrap()).unwrap().time_ms;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let append = |permitted: bool, change: &dyn Fn(&mut VerdictRecord)| {
        let (entry, record, addendum) = honest(permitted);
        let mut record = record.clone();
        change(&mut record);
        let entry = Entry { time_ms: last_ms, body: encode_body(&record).unwrap(), ..entry.clone() };
        let submission = Submission { entry: entry.encode().unwrap(), addendum: addendum.clone() };
        runtime.block_on(log.append(submission)).unwrap().index
    };
    let above = AppliedRecord {
        instrument: permit.instrument.unwrap(),
        version: 1,
        clauses: vec!["0.1".into()],
        counted: vec![],
        bundle: [7; 32],
    };
    let false_ones = [
        (append(false, &|r| (r.permitted, r.reason) = (true, "permitted".into())), "refused by clause 2.1"),
        (
            append(true, &|r| (r.permitted, r.reason) = (false, "nothing-permits".into())),
            "permitted by clause 1.1",
        ),
        (append(false, &|r| r.reason = "nothing-permits".into()), "clause-forbids"),
        (append(true, &|r| r.clauses = vec!["2.1".into()]), "permitted by clause 1.1"),
        (append(true, &|r| r.bundle = Some([7; 32])), "another compiled rule"),
        (append(true, &|r| r.version = Some(2)), "another version"),
        (append(true, &|r| r.counted = vec!["1.1".into()]), "another quotas it counts against"),
        (append(true, &|r| r.above = vec![above.clone()]), "another charter and guardrails"),
    ];
    let same = append(true, &|_| {});
    log.publish().unwrap();
    log.close();
    drop(log);

    let output = writ.run(&["verify"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let shown = text(&output.stdout) + &text(&output.stderr);
    for (index, what) in false_ones {
        let found = shown.lines().any(|line| line.contains(&format!("{index}")) && line.contains(what));
        assert!(found, "entry {index}, `{what}`:\n{shown}");
    }
    let taken_again = shown.lines().filter(|line| line.contains("taken again it")).count();
    assert_eq!(taken_again, 8, "entry {same} says what was decided:\n{shown}");
}
