//! Exit codes. They are part of the interface: scripts rely on them.

use api::ClientError;
use std::process::ExitCode;

/// What a failed command means to the script that called it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// 1: it was refused, or it failed; the message says which.
    #[error("{0}")]
    Failed(String),
    /// 3: a verification found something; it was printed.
    #[error("verification failed")]
    NotVerified,
    /// 6: a solver found a counterexample; it was printed.
    #[error("it can happen")]
    Refuted,
    /// 7: nothing contradicts what was verified, but not all of it could be confirmed; it was printed.
    #[error("not confirmed")]
    Unconfirmed,
    /// 4: the server cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// 5: documents have findings; they were printed.
    #[error("{0} finding(s)")]
    Findings(usize),
}

/// The table that `writ --help` shows.
pub(crate) const HELP: &str = "Exit codes:
  0  done
  1  refused, or failed: the message says what to do
  2  the command line is wrong
  3  a verification found something
  4  the server cannot be reached
  5  documents have findings
  6  a solver found that it can happen
  7  nothing contradicts a verified file, but it rests on something not confirmed: a key nobody gave";

/// Prints what went wrong to standard error, in words or as JSON, and gives the code for it.
pub(crate) fn code(result: anyhow::Result<()>, json: bool) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    let code: u8 = match error.downcast_ref::<Failure>() {
        Some(Failure::NotVerified) => 3,
        Some(Failure::Refuted) => 6,
        Some(Failure::Unconfirmed) => 7,
        Some(Failure::Unreachable(_)) => 4,
        Some(Failure::Findings(_)) => 5,
        Some(Failure::Failed(_)) => 1,
        None => match error.downcast_ref::<ClientError>() {
            Some(ClientError::Unreachable(_)) => 4,
            Some(ClientError::Answer(_) | ClientError::Problem(_)) | None => 1,
        },
    };
    match json {
        true => crate::output::complain_json(&error, code),
        false => crate::output::complain(&error),
    }
    ExitCode::from(code)
}
