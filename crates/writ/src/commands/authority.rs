//! `writ authority`.

use crate::args::AuthorityCommand;
use crate::output;
use api::view::{RootDone, RootView};
use serde_json::json;

pub(crate) async fn run(client: &api::Client, command: AuthorityCommand, json: bool) -> anyhow::Result<()> {
    let (step, body, said) = match command {
        AuthorityCommand::Show => return show(client, json).await,
        AuthorityCommand::Prepare { reason } => (
            "prepare",
            json!({ "reason": reason }),
            "is known; `writ authority activate` takes it in use when all can have heard of it",
        ),
        AuthorityCommand::Activate { reason, now } => (
            "activate",
            json!({ "reason": reason, "now": now }),
            "is in use; what it replaces can be tainted and retired",
        ),
        AuthorityCommand::Taint { root, reason } => (
            "taint",
            json!({ "root": root, "reason": reason }),
            "is tainted; what was recognised by its process is issued anew, what came with a token when it renews",
        ),
        AuthorityCommand::Retire { root, reason, now } => (
            "retire",
            json!({ "root": root, "reason": reason, "now": now }),
            "is retired; nothing counts that rests on it",
        ),
    };
    let done: RootDone = client.post(&format!("/v1/authority/{step}"), &body).await?;
    if json {
        output::json(&done);
    } else {
        output::line(format!("root {} {said}  (control entry {})", done.root, done.index));
    }
    Ok(())
}

async fn show(client: &api::Client, json: bool) -> anyhow::Result<()> {
    let roots: Vec<RootView> = client.get("/v1/authority").await?;
    if json {
        output::json(&roots);
        return Ok(());
    }
    let row = |root: RootView| {
        let status = match root.tainted_ms {
            Some(_) => format!("{}, tainted", root.status),
            None => root.status,
        };
        [status, output::time(root.since_ms), root.certificates.to_string(), root.root]
    };
    let rows: Vec<_> = roots.into_iter().map(row).collect();
    output::table(["STATUS", "SINCE", "CERTIFICATES", "ROOT"], &rows);
    Ok(())
}
