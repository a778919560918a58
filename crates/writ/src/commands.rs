//! One file per noun; each turns arguments into calls and answers into text.

mod authority;
mod certificate;
mod decision;
mod document;
mod estate;
mod export;
mod federation;
mod identity;
mod instrument;
mod issue;
mod issuer;
mod kill;
mod learn;
mod ledger;
mod library;
mod party;
mod person;
mod proof;
mod redline;
mod seal;
mod secret;
mod service;
mod session;
mod signing;
mod trial;
mod up;
mod why;

use crate::args::{
    Args, ClientCommand, Command, KeysCommand, LocalCommand, ProcessCommand, ProofCommand, SchemaOf,
};
use crate::{client, output, quickstart};
use clap::CommandFactory as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// How long what blocks may go on when a process ends.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// Runs a command.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    log_to_stderr(&args.log, args.log_json)?;
    let (data, json) = (args.data, args.json);
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match args.command {
        Command::Client(command) => runtime()?.block_on(ask(&data, command, json)),
        Command::Local(command) => local(&data, command, json),
        Command::Process(command) => {
            let runtime = runtime()?;
            let done = runtime.block_on(process(data, command, json));
            // Whatever a token still does holds nobody up.
            runtime.shutdown_timeout(STOP_TIME_MAX);
            done
        }
    }
}

fn local(data: &Path, command: LocalCommand, json: bool) -> anyhow::Result<()> {
    match command {
        LocalCommand::Check { files } => document::check(&files, json),
        LocalCommand::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "writ", &mut out);
            output::text(&String::from_utf8_lossy(&out));
            Ok(())
        }
        LocalCommand::Fmt { files, check } => document::format(&files, check),
        LocalCommand::Keys { command: KeysCommand::Lock { with, unlock } } => {
            crate::keys::lock(data, &with, unlock.as_deref())
        }
        LocalCommand::Fsck { quick } => ledger::fsck(data, quick, json),
        LocalCommand::Library { kind } => library::show(kind.as_deref(), json),
        LocalCommand::Schema { of } => {
            output::text(&match of {
                SchemaOf::Clause => api::schema::clause_json(),
                SchemaOf::Estate => api::schema::estate_json(),
                SchemaOf::FrontMatter => api::schema::front_matter_json(),
                SchemaOf::Service => api::schema::service_json(),
            });
            Ok(())
        }
        LocalCommand::Openapi => {
            output::text(&api::openapi_json());
            Ok(())
        }
        LocalCommand::Pdf { files } => export::drafts(&files),
        LocalCommand::Redline { old, new, html, pdf, decisions, from, to, scripts } => {
            let out = redline::Out { html, pdf, scripts, period: redline::period(decisions, from, to)? };
            tokio::runtime::Runtime::new()?.block_on(redline::run(data, &old, &new, out, json))
        }
        LocalCommand::Verify { directory: Some(file), key, .. } if certificate::is_one(&file) => {
            certificate::verify(&file, data, key.as_deref(), json)
        }
        LocalCommand::Verify { directory: Some(file), people, .. } if file.is_file() => {
            tokio::runtime::Runtime::new()?.block_on(seal::verify(&file, &people, json))
        }
        LocalCommand::Verify { directory: Some(missing), .. } if !missing.exists() => {
            anyhow::bail!("there is no `{}`", missing.display())
        }
        LocalCommand::Verify { directory, key, .. } => {
            ledger::verify(directory.as_deref().unwrap_or(data), key.as_deref(), json)
        }
    }
}

async fn process(data: PathBuf, command: ProcessCommand, json: bool) -> anyhow::Result<()> {
    match command {
        ProcessCommand::Issue { token, device_cert, device_key, manufacturer, audience, out, api } => {
            let with = match (token, device_cert, device_key, manufacturer) {
                (_, Some(chain), Some(key), Some(manufacturer)) => {
                    issue::With::Device { chain, key, manufacturer, audience }
                }
                (Some(token), ..) => issue::With::Token(token),
                _ => anyhow::bail!("a device joins with --device-cert, --device-key and --manufacturer"),
            };
            issue::run(&data, with, &out, api, json).await
        }
        ProcessCommand::Quickstart { check } => quickstart::run(check).await,
        ProcessCommand::Status => up::status(&data, json).await,
        ProcessCommand::Up {
            trust_domain,
            listen,
            api,
            advise,
            upstream_roots,
            workload_api,
            unlock,
            root_keys,
            bundle_endpoint,
            bundle_certificate,
            bundle_key,
        } => {
            let web = bundle_certificate.zip(bundle_key);
            up::run(crate::serve::Options {
                data,
                trust_domain,
                listen,
                api,
                advise,
                upstream_roots,
                workload_api,
                unlock,
                root_keys,
                bundle_endpoint: bundle_endpoint
                    .map(|listen| crate::bundle_endpoint::Options { listen, web }),
            })
            .await
        }
    }
}

async fn ask(data: &Path, command: ClientCommand, json: bool) -> anyhow::Result<()> {
    let client = client::client(data)?;
    match command {
        ClientCommand::Authority(command) => authority::run(&client, command, json).await,
        ClientCommand::Credential(command) => issue::credential(&client, command, json).await,
        ClientCommand::Identity(command) => identity::run(&client, command, json).await,
        ClientCommand::Federation(command) => federation::run(&client, command, json).await,
        ClientCommand::Issuer(command) => issuer::run(&client, command, json).await,
        ClientCommand::Instrument(command) => instrument::run(&client, command, json).await,
        ClientCommand::Kill { target } => kill::run(&client, target, json).await,
        ClientCommand::Session(command) => session::run(&client, command, json).await,
        ClientCommand::Trial(command) => trial::run(&client, command, json).await,
        ClientCommand::Learn { machine, from, out } => {
            learn::run(&client, &machine, from.unwrap_or(0), out.as_deref(), json).await
        }
        ClientCommand::Log { follow, lines } => decision::log(&client, follow, lines, json).await,
        ClientCommand::Apply { folder, removals_max } => {
            estate::apply(&client, &folder, removals_max, json).await
        }
        ClientCommand::Plan { folder } => estate::plan(&client, &folder, json).await,
        ClientCommand::Party(command) => party::run(&client, command, json).await,
        ClientCommand::Person(command) => person::run(&client, command, json).await,
        ClientCommand::Prove(question) => proof::ask(&client, question, json).await,
        ClientCommand::Proof(ProofCommand::Dump { of, out }) => proof::dump(&client, &of, &out, json).await,
        ClientCommand::Secret(command) => secret::run(&client, command, json).await,
        ClientCommand::Service(command) => service::run(&client, command, json).await,
        ClientCommand::Notice { instrument, of, ground, signer, key, signature } => {
            let by = (key.as_deref(), signature.as_deref());
            instrument::notice(&client, &instrument, (of, &ground), &signer, by, json).await
        }
        ClientCommand::Sign { instrument, signer, key, signature } => {
            let by = (key.as_deref(), signature.as_deref());
            instrument::sign(&client, &instrument, &signer, by, json).await
        }
        ClientCommand::Token(command) => issue::token(&client, command, json).await,
        ClientCommand::Why { subject } => why::run(&client, &subject, json).await,
    }
}

fn log_to_stderr(filter: &str, json: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // What cannot be logged is not told on the same stream: where nobody reads it, that would end the process.
    let subscriber = subscriber.log_internal_errors(false);
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
