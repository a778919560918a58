//! The solver: a `cvc5` executable, run once per question with the whole script on its standard input.
//! One process per question keeps answers and questions together, and gives the exact bytes to hash.

use cedar_policy_symcc::solver::{
    Decision, DecisionWithModel, Solver as Symbolic, SolverError as SymbolicError,
};
use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::process::Command;

/// How long one question may take.
pub const QUESTION_TIME_MAX: Duration = Duration::from_secs(20);
/// How long the solver may take to die after its time is over.
const GRACE: Duration = Duration::from_secs(2);

/// A solver that answered to its name.
#[derive(Clone, Debug)]
pub struct Solver {
    program: OsString,
    version: String,
}

/// Why there is no solver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SolverError {
    /// None was found.
    #[error(
        "no solver: `{program}` does not run ({reason}); install cvc5 (Debian: `apt-get install cvc5`), or name it in WRIT_CVC5"
    )]
    Missing {
        /// What was tried.
        program: String,
        /// Why it did not run.
        reason: String,
    },
    /// It is something else.
    #[error("`{program}` is not cvc5: it calls itself `{version}`")]
    NotCvc5 {
        /// What was tried.
        program: String,
        /// What it answered.
        version: String,
    },
}

impl Solver {
    /// Runs `program --version` (`cvc5` unless given).
    pub async fn find(program: Option<OsString>) -> Result<Self, SolverError> {
        let program = program.unwrap_or_else(|| "cvc5".into());
        let name = program.to_string_lossy().into_owned();
        let missing = |reason: String| SolverError::Missing { program: name.clone(), reason };
        let run = Command::new(&program).arg("--version").kill_on_drop(true).output();
        let output = tokio::time::timeout(QUESTION_TIME_MAX, run)
            .await
            .map_err(|_| missing("it does not answer".into()))?
            .map_err(|error| missing(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().next().unwrap_or_default().trim();
        let number =
            version.strip_prefix("This is cvc5 version ").and_then(|rest| rest.split_whitespace().next());
        match number {
            Some(number) => Ok(Self { program, version: format!("cvc5 {number}") }),
            None => Err(SolverError::NotCvc5 { program: name, version: version.to_owned() }),
        }
    }

    /// Its name and version, as recorded with every proof.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn script(&self) -> ScriptSolver {
        ScriptSolver { program: self.program.clone(), buffer: Vec::new(), asked: None }
    }
}

/// Collects one script, runs it, reads the answer.
pub(crate) struct ScriptSolver {
    program: OsString,
    buffer: Vec<u8>,
    /// The script that was run, up to its `(check-sat)`.
    pub(crate) asked: Option<Vec<u8>>,
}

impl ScriptSolver {
    async fn run(&mut self, model: bool) -> Result<DecisionWithModel, SymbolicError> {
        self.buffer.extend_from_slice(b"(check-sat)\n");
        let script = std::mem::take(&mut self.buffer);
        let mut child = Command::new(&self.program)
            .args(["--lang", "smt"])
            .arg(format!("--tlimit={}", QUESTION_TIME_MAX.as_millis()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin =
            child.stdin.take().ok_or_else(|| SymbolicError::Solver("it has no standard input".into()))?;
        // It answers only after the last line, so writing everything first cannot block for ever.
        stdin.write_all(&script).await?;
        if model {
            stdin.write_all(b"(get-model)\n").await?;
        }
        stdin.shutdown().await?;
        drop(stdin);
        self.asked = Some(script);
        let output = tokio::time::timeout(QUESTION_TIME_MAX + GRACE, child.wait_with_output())
            .await
            .map_err(|_| SymbolicError::Solver("it took too long".into()))??;
        let text = String::from_utf8_lossy(&output.stdout);
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        match first.trim() {
            "sat" => Ok(DecisionWithModel::Sat { model: rest.to_owned() }),
            "unsat" => Ok(DecisionWithModel::Unsat),
            "unknown" => Ok(DecisionWithModel::Unknown),
            "" => Err(SymbolicError::Solver("it gave no answer in time".into())),
            other => Err(SymbolicError::UnrecognizedSolverOutput(other.to_owned())),
        }
    }
}

impl Symbolic for ScriptSolver {
    fn smtlib_input(&mut self) -> &mut (dyn AsyncWrite + Unpin + Send) {
        &mut self.buffer
    }

    async fn enable_models(&mut self) -> Result<(), SymbolicError> {
        self.buffer.extend_from_slice(b"(set-option :produce-models true)\n");
        Ok(())
    }

    async fn check_sat(&mut self) -> Result<Decision, SymbolicError> {
        Ok(match self.run(false).await? {
            DecisionWithModel::Sat { .. } => Decision::Sat,
            DecisionWithModel::Unsat => Decision::Unsat,
            DecisionWithModel::Unknown => Decision::Unknown,
        })
    }

    async fn check_sat_with_model(&mut self) -> Result<DecisionWithModel, SymbolicError> {
        self.run(true).await
    }
}
