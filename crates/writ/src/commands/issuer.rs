//! `writ issuer`.

use crate::args::IssuerCommand;
use crate::output;
use anyhow::Context as _;
use api::view::{Done, IssuerView};
use serde_json::json;

pub(crate) async fn run(client: &api::Client, command: IssuerCommand, json: bool) -> anyhow::Result<()> {
    match command {
        IssuerCommand::Trust { name, kind, issuer, audience, keys, party } => {
            let text = std::fs::read_to_string(&keys)
                .with_context(|| format!("cannot read `{}`", keys.display()))?;
            let body =
                json!({ "kind": kind, "issuer": issuer, "audience": audience, "keys": text, "party": party });
            let done: Done = client.post(&format!("/v1/issuers/{name}"), &body).await?;
            super::done(&done, &format!("tokens of {issuer} count, under these keys and no others"), json);
        }
        IssuerCommand::Drop { name, reason } => {
            let done: Done =
                client.post(&format!("/v1/issuers/{name}/drop"), &json!({ "reason": reason })).await?;
            super::done(&done, &format!("tokens of {name} count no more"), json);
        }
        IssuerCommand::List => {
            let issuers: Vec<IssuerView> = client.get("/v1/issuers").await?;
            if json {
                output::json(&issuers);
                return Ok(());
            }
            let rows: Vec<_> = issuers
                .into_iter()
                .map(|i| {
                    let party = i.party.unwrap_or_else(|| "-".to_owned());
                    [i.name, i.kind, i.issuer, i.audience, party]
                })
                .collect();
            output::table(["NAME", "KIND", "ISSUER", "AUDIENCE", "PARTY"], &rows);
        }
    }
    Ok(())
}
