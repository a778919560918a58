//! `writ secret`.

use crate::args::SecretCommand;
use crate::output;
use anyhow::Context as _;
use api::view::{Done, SecretView};
use serde_json::{Value, json};
use std::io::Read as _;

pub(crate) async fn run(client: &api::Client, command: SecretCommand, json: bool) -> anyhow::Result<()> {
    match command {
        SecretCommand::From { name, file } => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            let body: Value =
                toml::from_str(&text).with_context(|| format!("`{}` is not TOML", file.display()))?;
            let done: Done = client.post(&format!("/v1/secrets/{name}/source"), &body).await?;
            super::done(
                &done,
                &format!("secret {name} renews itself; `writ secret list` says how it stands"),
                json,
            );
        }
        SecretCommand::Rotate { name, reason, at_once } => {
            let body = json!({ "reason": reason, "at_once": at_once });
            let done: Done = client.post(&format!("/v1/secrets/{name}/rotations"), &body).await?;
            super::done(&done, &format!("the next value of {name} is asked for"), json);
        }
        SecretCommand::ByHand { name, reason } => {
            let body = json!({ "reason": reason });
            let done: Done = client.post(&format!("/v1/secrets/{name}/by-hand"), &body).await?;
            super::done(&done, &format!("secret {name} is set by hand again"), json);
        }
        SecretCommand::Abandon { name, reason } => {
            let body = json!({ "reason": reason });
            let done: Done = client.post(&format!("/v1/secrets/{name}/abandon"), &body).await?;
            super::done(&done, &format!("what {name} had at its source is yours to end"), json);
        }
        SecretCommand::Set { name } => {
            let mut value = String::new();
            std::io::stdin().read_to_string(&mut value).context("the secret is read from standard input")?;
            let value = value.trim_end_matches('\n');
            client.put(&format!("/v1/secrets/{name}"), &json!({ "value": value })).await?;
            output::line(format!("secret {name} sealed"));
        }
        SecretCommand::List => {
            let secrets: Vec<SecretView> = client.get("/v1/secrets").await?;
            if json {
                output::json(&secrets);
                return Ok(());
            }
            let rows: Vec<_> = secrets.into_iter().map(row).collect();
            output::table(["NAME", "SOURCE", "IN USE", "SINCE", "NEXT", "STATE"], &rows);
        }
    }
    Ok(())
}

fn row(secret: SecretView) -> [String; 6] {
    let time = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), output::time);
    let since = time(secret.sealed_ms);
    let Some(rotating) = secret.rotating else {
        return [secret.name, "by hand".into(), "-".into(), since, "-".into(), "sealed".into()];
    };
    let state = match (rotating.failing, rotating.retiring, rotating.retires_ms) {
        (Some(failing), _, _) => format!("failing: {failing}"),
        (None, Some(retiring), until) => format!("{retiring} goes on until {}", time(until)),
        (None, None, _) if rotating.rotation.is_none() => "waiting for the first value".into(),
        (None, None, _) => "in use".into(),
    };
    let in_use = match (rotating.rotation, rotating.handle) {
        (Some(rotation), Some(handle)) => format!("{rotation}: {handle}"),
        (_, _) => "-".into(),
    };
    [secret.name, rotating.source, in_use, since, time(rotating.next_ms), state]
}
