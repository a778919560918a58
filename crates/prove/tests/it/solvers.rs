//! No solver, a wrong one, one that gives up, one that lies: nothing is ever pretended.

use prove::{Answer, Question, Solver, SolverError, Version, compare, examine};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use testkit::document;

const PERMIT: &str = "kind = \"permit\"\nactions = [\"read\"]\nresources = [\"a\"]";
const WIDE: &str = "kind = \"permit\"\nactions = [\"read\", \"write\"]\nresources = [\"a\"]";

/// A program that calls itself cvc5 and answers every question with `answer`.
fn impostor(name: &str, answer: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("writ-prove-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("cvc5");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'This is cvc5 version 9.9.9'; exit 0; fi\ncat > /dev/null\n{answer}\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_missing_solver_is_said_plainly() {
    let error = Solver::find(Some("/nowhere/cvc5".into())).await.unwrap_err();
    assert!(matches!(error, SolverError::Missing { .. }));
    assert!(error.to_string().contains("install cvc5"), "{error}");
    let error = Solver::find(Some("/bin/true".into())).await.unwrap_err();
    assert!(matches!(error, SolverError::NotCvc5 { .. }), "{error}");
}

#[tokio::test]
async fn whatever_is_no_answer_is_no_proof() {
    let (old, new) = (
        Version::read(&document("deal", &[PERMIT])).unwrap(),
        Version::read(&document("deal", &[WIDE])).unwrap(),
    );
    for (name, answer) in [
        ("unknown", "echo unknown"),
        ("silent", "true"),
        ("babble", "echo 'unsat, surely'"),
        ("dies", "kill -9 $$"),
        ("no-model", "echo sat"),
        ("wrong-model", "echo sat; echo '('; echo ')'"),
    ] {
        let solver = Solver::find(Some(impostor(name, answer).into())).await.unwrap();
        let difference = compare(&solver, &old, &new).await;
        assert!(!difference.only_narrows(), "{name}");
        assert!(matches!(difference.narrower, Answer::Unknown(_)), "{name}: {difference:#?}");
        let examination = examine(&solver, &old, &[], None).await;
        let dead = examination.findings.iter().find(|f| f.question == Question::NotDead).unwrap();
        assert!(matches!(dead.answer, Answer::Unknown(_)), "{name}: {dead:#?}");
    }
}
