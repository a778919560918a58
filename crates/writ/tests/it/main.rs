//! End-to-end tests: the real binary, and clients and servers nobody here wrote.

mod bad_input;
mod cli;
mod crash;
mod curl;
mod git;
mod harness;
mod nginx;
mod openapi;
