//! One file per noun; each turns arguments into calls and answers into text.

mod contract;
mod decision;
mod document;
mod identity;
mod issue;
mod ledger;
mod party;
mod person;
mod service;
mod signing;
mod up;

use crate::args::{Args, Command};
use crate::{client, output, quickstart};
use clap::CommandFactory as _;
use tracing_subscriber::EnvFilter;

/// Runs a command.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    log_to_stderr(&args.log, args.log_json)?;
    match args.command {
        // Commands that need no server and no runtime.
        Command::Fmt { files, check } => return document::format(&files, check),
        Command::Check { files } => return document::check(&files, args.json),
        Command::Verify { directory, key } => {
            return ledger::verify(&directory.unwrap_or(args.data), key.as_deref(), args.json);
        }
        Command::Fsck { quick } => return ledger::fsck(&args.data, quick, args.json),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "writ", &mut out);
            output::text(&String::from_utf8_lossy(&out));
            return Ok(());
        }
        Command::Openapi => {
            output::text(&api::openapi_json());
            return Ok(());
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (data, json) = (args.data, args.json);
    runtime.block_on(async move {
        match args.command {
            Command::Quickstart { check } => quickstart::run(check).await,
            Command::Up { trust_domain, listen, api, upstream_roots } => {
                up::run(crate::serve::Options { data, trust_domain, listen, api, upstream_roots }).await
            }
            Command::Issue { token, out, api } => issue::run(&data, &token, &out, api, json).await,
            Command::Status => up::status(&data, json).await,
            command => {
                let client = client::client(&data)?;
                match command {
                    Command::Party(command) => party::run(&client, command, json).await,
                    Command::Person(command) => person::run(&client, command, json).await,
                    Command::Service(command) => service::run(&client, command, json).await,
                    Command::Identity(command) => identity::run(&client, command, json).await,
                    Command::Contract(command) => contract::run(&client, command, json).await,
                    Command::Sign { contract, signer, key } => {
                        contract::sign(&client, &contract, &signer, &key, json).await
                    }
                    Command::Token(command) => issue::token(&client, command, json).await,
                    Command::Credential(command) => issue::credential(&client, command, json).await,
                    Command::Secret(command) => service::secret(&client, command).await,
                    Command::Why { decision } => decision::why(&client, &decision, json).await,
                    Command::Log { follow, lines } => decision::log(&client, follow, lines, json).await,
                    Command::Check { .. }
                    | Command::Completions { .. }
                    | Command::Fmt { .. }
                    | Command::Fsck { .. }
                    | Command::Issue { .. }
                    | Command::Openapi
                    | Command::Quickstart { .. }
                    | Command::Status
                    | Command::Up { .. }
                    | Command::Verify { .. } => Ok(()),
                }
            }
        }
    })
}

fn log_to_stderr(filter: &str, json: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        subscriber.json().init();
    } else {
        subscriber.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
    }
    Ok(())
}

/// Splits `party/name`.
fn pair(text: &str) -> anyhow::Result<(&str, &str)> {
    text.split_once('/')
        .filter(|(party, name)| !party.is_empty() && !name.is_empty())
        .ok_or_else(|| anyhow::anyhow!("`{text}` is not of the form party/name"))
}

/// Reads a span of time from the command line.
fn span(text: &str) -> anyhow::Result<u64> {
    ::contract::Span::parse(text)
        .map(::contract::Span::as_ms)
        .ok_or_else(|| anyhow::anyhow!("`{text}` is not a span of time such as \"10 minutes\" or \"7 days\""))
}

/// Prints that something was done.
fn done(done: &api::view::Done, what: &str, json: bool) {
    if json {
        output::json(done);
    } else {
        output::line(format!("{what}  (control entry {})", done.index));
    }
}

pub(crate) use decision::explain;
pub(crate) use issue::join;
pub(crate) use ledger::show as show_verdict;
