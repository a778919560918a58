//! `writ person`.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::args::{AccountArgs, PersonCommand};
use crate::output;
use anyhow::Context as _;
use api::view::{Done, PersonView};
use serde_json::{Value, json};

pub(crate) async fn run(client: &api::Client, command: PersonCommand, json: bool) -> anyhow::Result<()> {
    match command {
        PersonCommand::Add { person, key, full_name, email } => {
            let (party, name) = super::pair(&person)?;
            let key =
                std::fs::read_to_string(&key).with_context(|| format!("cannot read `{}`", key.display()))?;
            let body =
                json!({ "party": party, "name": name, "key": key, "full_name": full_name, "email": email });
            let done: Done = client.post("/v1/people", &body).await?;
            super::done(&done, &format!("person {person} registered"), json);
        }
        PersonCommand::Authorize { person, kinds, until } => {
            let (party, name) = super::pair(&person)?;
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let body = json!({ "kinds": kinds, "until": until });
            let done: Done = client.post(&format!("/v1/people/{party}/{name}/authority"), &body).await?;
            super::done(&done, &format!("{person} may sign {}s for {party}", kinds.join("s, ")), json);
        }
        PersonCommand::Withdraw { person, reason } => {
            let (party, name) = super::pair(&person)?;
            let path = format!("/v1/people/{party}/{name}/authority/withdraw");
            let done: Done = client.post(&path, &json!({ "reason": reason })).await?;
            super::done(&done, &format!("{person} signs only as owner from now on"), json);
        }
        PersonCommand::Unlink(AccountArgs { person, email, issuer, subject }) => {
            let (party, name) = super::pair(&person)?;
            let body = account(email, issuer, subject);
            let done: Done =
                client.post(&format!("/v1/people/{party}/{name}/accounts/unlink"), &body).await?;
            super::done(&done, &format!("the account is not {person}'s any more"), json);
        }
        PersonCommand::Link(AccountArgs { person, email, issuer, subject }) => {
            let (party, name) = super::pair(&person)?;
            let body = account(email, issuer, subject);
            let done: Done = client.post(&format!("/v1/people/{party}/{name}/accounts"), &body).await?;
            super::done(&done, &format!("the account is {person}'s"), json);
        }
        PersonCommand::Leave { person, grace } => {
            let (party, name) = super::pair(&person)?;
            let body = json!({ "grace_ms": super::span(&grace)? });
            let left: Value = client.post(&format!("/v1/people/{party}/{name}/leave"), &body).await?;
            if json {
                output::json(&left);
                return Ok(());
            }
            output::line(format!("{person} has left  (control entry {})", left["index"]));
            for machine in left["machines"].as_array().into_iter().flatten() {
                output::line(format!(
                    "  {} is suspended at {} unless somebody takes over: `writ identity hand-over`",
                    machine[0].as_str().unwrap_or_default(),
                    output::time(machine[1].as_u64().unwrap_or_default()),
                ));
            }
        }
        PersonCommand::List => {
            let people: Vec<PersonView> = client.get("/v1/people").await?;
            if json {
                output::json(&people);
            } else {
                let rows: Vec<_> = people
                    .into_iter()
                    .map(|p| {
                        let left = p
                            .left_ms
                            .map_or_else(|| "active".to_owned(), |ms| format!("left {}", output::time(ms)));
                        [format!("{}/{}", p.party, p.name), left, p.key, p.id]
                    })
                    .collect();
                output::table(["PERSON", "STATE", "KEY", "ID"], &rows);
            }
        }
    }
    Ok(())
}

/// An account elsewhere, as the API takes it.
fn account(email: Option<String>, issuer: Option<String>, subject: Option<String>) -> Value {
    match (email, issuer, subject) {
        (Some(email), _, _) => json!({ "email": email }),
        (None, issuer, subject) => json!({ "issuer": issuer, "subject": subject }),
    }
}
