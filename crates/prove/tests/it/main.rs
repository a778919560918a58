//! Proofs with a real solver, counterexamples tried on the real decision, and solvers that misbehave.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod fleet;
mod instrument;
mod solvers;

/// The solver of the tests: Debian's package, installed by the project's own command.
async fn solver() -> prove::Solver {
    prove::Solver::find(None).await.unwrap_or_else(|error| panic!("{error}"))
}
