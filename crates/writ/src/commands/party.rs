//! `writ party`.

use crate::args::PartyCommand;
use crate::output;
use api::view::{Done, PartyView};
use serde_json::json;

pub(crate) async fn run(client: &api::Client, command: PartyCommand, json: bool) -> anyhow::Result<()> {
    match command {
        PartyCommand::Add { name, legal_name, jurisdiction } => {
            let body = json!({ "name": name, "legal_name": legal_name, "jurisdiction": jurisdiction });
            let done: Done = client.post("/v1/parties", &body).await?;
            super::done(&done, &format!("party {name} registered"), json);
        }
        PartyCommand::List => {
            let parties: Vec<PartyView> = client.get("/v1/parties").await?;
            if json {
                output::json(&parties);
            } else {
                let rows: Vec<_> =
                    parties.into_iter().map(|p| [p.name, p.legal_name, p.jurisdiction, p.id]).collect();
                output::table(["NAME", "LEGAL NAME", "JURISDICTION", "ID"], &rows);
            }
        }
    }
    Ok(())
}
