//! End-to-end tests: the real binary, and clients and servers nobody here wrote.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod bad_input;
mod cli;
mod crash;
mod curl;
mod database;
mod departures;
mod envoy;
mod estate;
mod estate_drift;
mod estate_files;
mod estate_scale;
mod falsified;
mod federation;
mod git;
mod harness;
mod instruments;
mod join;
mod keys_at_rest;
mod kill;
mod logged;
mod logs;
mod nginx;
mod openapi;
mod postgres;
mod rebuild;
mod roots;
mod schema;
mod secrets;
mod spiffe_rust;
mod stub;
mod workload_api;
