//! The one binary: reads arguments, composes the parts, turns answers into text and exit codes.

mod args;
mod bundle_endpoint;
mod client;
mod commands;
mod exit;
mod keys;
mod node;
mod output;
mod quickstart;
mod recorder;
mod replay;
mod serve;
mod server_certificate;
mod tls_client;
mod verify;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let json = args.json;
    exit::code(commands::run(args), json)
}
