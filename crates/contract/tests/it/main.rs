//! Documents: what is generated is stable, what is wrong is named, and no parameter hides.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod findings;
mod kinds;
mod library;
mod mutation;
mod redline;
mod samples;
mod wording;

/// The contract of the quickstart.
const EXAMPLE: &str = include_str!("../../../../examples/quickstart/card-payments.writ.md");
