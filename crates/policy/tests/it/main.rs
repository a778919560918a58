//! Decisions against a naive reading of the contract, and every way they must fail closed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod closed;
mod kinds;
mod known;
mod layers;
mod mutation;
mod oracle;
mod oracle_layers;
mod rebuild;
mod records;
mod together;
mod trials;
