//! `writ contract` and `writ sign`.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::args::ContractCommand;
use crate::exit::Failure;
use crate::output;
use anyhow::Context as _;
use api::ClientError;
use api::view::{Done, InstrumentView, SignatureView};
use registry::signature::INSTRUMENT;
use serde_json::{Value, json};
use std::path::Path;

pub(crate) async fn run(client: &api::Client, command: ContractCommand, json: bool) -> anyhow::Result<()> {
    match command {
        ContractCommand::Draft { file } => {
            let document = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            let answer = client.post::<Value>("/v1/instruments", &json!({ "document": document })).await;
            match answer {
                Ok(draft) if json => output::json(&draft),
                Ok(draft) => {
                    output::line(format!("drafted  (control entry {})", draft["index"]));
                    output::line("each signatory runs: writ sign NAME --as PARTY/PERSON --key KEY");
                }
                Err(ClientError::Problem(problem)) if !problem.findings.is_empty() => {
                    let count = problem.findings.len();
                    output::findings(&file.display().to_string(), &document, problem.findings);
                    return Err(Failure::Findings(count).into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        ContractCommand::List => {
            let contracts: Vec<InstrumentView> = client.get("/v1/instruments").await?;
            if json {
                output::json(&contracts);
                return Ok(());
            }
            let rows: Vec<_> = contracts
                .into_iter()
                .map(|c| {
                    let signed = c.signatures.iter().filter(|s| s.signed_ms.is_some()).count();
                    let signed = format!("{signed} of {}", c.signatures.len());
                    [
                        format!("{}@{}", c.name, c.version),
                        c.status,
                        signed,
                        c.consumer,
                        c.service,
                        c.machines.join(", "),
                    ]
                })
                .collect();
            output::table(["CONTRACT", "STATUS", "SIGNED", "CONSUMER", "SERVICE", "MACHINES"], &rows);
        }
        ContractCommand::Statement { contract } => {
            let whole: Value = client.get(&path(&contract, "")?).await?;
            output::text(whole["instrument"]["envelope"].as_str().unwrap_or_default());
        }
        ContractCommand::Show { contract } => {
            let whole: Value = client.get(&path(&contract, "")?).await?;
            if json {
                output::json(&whole);
                return Ok(());
            }
            let view: InstrumentView = serde_json::from_value(whole["instrument"].clone())?;
            output::line(format!("{} (version {}, {})", view.title, view.version, view.status));
            signatures(&view.signatures);
            output::line("");
            output::text(whole["document"].as_str().unwrap_or_default());
        }
        ContractCommand::End { contract, reason } => {
            let done: Done = client.post(&path(&contract, "/end")?, &json!({ "reason": reason })).await?;
            super::done(&done, &format!("{contract} has ended"), json);
        }
    }
    Ok(())
}

pub(crate) async fn sign(
    client: &api::Client,
    contract: &str,
    signer: &str,
    (key, signature): (Option<&Path>, Option<&Path>),
    json: bool,
) -> anyhow::Result<()> {
    let (party, person) = super::pair(signer)?;
    let whole: Value = client.get(&path(contract, "")?).await?;
    let view: InstrumentView = serde_json::from_value(whole["instrument"].clone())?;
    // What is signed is what was read here: the text is hashed again, not taken on trust.
    let document = whole["document"].as_str().unwrap_or_default();
    let envelope: Value = serde_json::from_str(&view.envelope)?;
    let digest = ::contract::canonical::hex(&::contract::canonical::digest(document));
    if envelope["text"].as_str() != Some(digest.as_str()) || ::contract::check(document).is_err() {
        return Err(Failure::Failed(
            "the server's envelope is not for the document it shows: do not sign".into(),
        )
        .into());
    }
    if key.is_some() {
        output::line(format!("{} (version {})\n", view.title, view.version));
        let words = document.lines().filter(|line| line.starts_with("> **")).collect::<Vec<_>>().join("\n");
        output::line(words.replace("> **", "  **") + "\n");
    }
    let signature = super::signing::obtain(key, signature, INSTRUMENT, &view.envelope)?;
    let body = json!({ "party": party, "person": person, "signature": signature });
    let path = format!("/v1/instruments/{}/sign?version={}", view.name, view.version);
    let signed: Value = client.post(&path, &body).await?;
    if json {
        output::json(&signed);
        return Ok(());
    }
    let view: InstrumentView = serde_json::from_value(signed["instrument"].clone())?;
    output::line(format!("signed; {contract} is {}  (control entry {})", view.status, signed["index"]));
    signatures(&view.signatures);
    Ok(())
}

/// The path of a contract given as `name` or `name@version`.
fn path(contract: &str, operation: &str) -> anyhow::Result<String> {
    let (name, query) = match contract.split_once('@') {
        None => (contract, String::new()),
        Some((name, version)) => {
            let version: u32 = version
                .parse()
                .map_err(|_| anyhow::anyhow!("`{contract}` is not of the form name@version"))?;
            (name, format!("?version={version}"))
        }
    };
    Ok(format!("/v1/instruments/{name}{operation}{query}"))
}

fn signatures(signatures: &[SignatureView]) {
    for signature in signatures {
        let when = signature
            .signed_ms
            .map_or_else(|| "has yet to sign".to_owned(), |ms| format!("signed {}", output::time(ms)));
        output::line(format!("  {:<32}{when}", signature.person));
    }
}
