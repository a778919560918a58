//! `writ issuer`.

use crate::args::IssuerCommand;
use crate::output;
use anyhow::Context as _;
use api::view::{Done, IssuerView};
use serde_json::json;
use std::path::PathBuf;

pub(crate) async fn run(client: &api::Client, command: IssuerCommand, json: bool) -> anyhow::Result<()> {
    match command {
        IssuerCommand::Trust { name, kind, issuer, audience, keys, keys_url, party } => {
            let read = |file: PathBuf| {
                std::fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))
            };
            let given = keys.map(read).transpose()?;
            let under = if given.is_some() { "these keys" } else { "the keys it publishes" };
            let body = json!({
                "kind": kind, "issuer": issuer, "audience": audience, "keys": given, "keys_url": keys_url, "party": party,
            });
            let done: Done = client.post(&format!("/v1/issuers/{name}"), &body).await?;
            super::done(&done, &format!("tokens of {issuer} count, under {under} and no others"), json);
        }
        IssuerCommand::Read { name } => {
            let view: IssuerView = client.post(&format!("/v1/issuers/{name}/keys"), &json!({})).await?;
            if json {
                output::json(&view);
            } else {
                output::line(match &view.unread {
                    None => format!("the keys of {name} are as it publishes them"),
                    Some(why) => {
                        format!("the keys of {name} could not be read, those of before go on: {why}")
                    }
                });
            }
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
                    let keys = match (i.keys_at, i.unread) {
                        (None, _) => "given".to_owned(),
                        (Some(_), None) => "read".to_owned(),
                        (Some(_), Some(why)) => format!("of before: {why}"),
                    };
                    [i.name, i.kind, i.issuer, i.audience, party, keys]
                })
                .collect();
            output::table(["NAME", "KIND", "ISSUER", "AUDIENCE", "PARTY", "KEYS"], &rows);
        }
    }
    Ok(())
}
