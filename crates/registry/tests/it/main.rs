//! The rules of admission, told as stories; every story ends with the fold checked again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod departure;
mod events;
mod federation;
mod ownership;
mod secrets;
mod security_keys;
mod signing;
mod trials;
mod workloads;
mod world;
