//! `writ service`.

#![expect(clippy::indexing_slicing, reason = "reading a JSON value by key gives null, never a panic")]

use crate::args::ServiceCommand;
use crate::output;
use anyhow::Context as _;
use api::view::{Done, ServiceView};
use serde_json::Value;

pub(crate) async fn run(client: &api::Client, command: ServiceCommand, json: bool) -> anyhow::Result<()> {
    match command {
        ServiceCommand::Add { file } => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            let body: Value =
                toml::from_str(&text).with_context(|| format!("`{}` is not TOML", file.display()))?;
            let done: Done = client.post("/v1/services", &body).await?;
            super::done(
                &done,
                &format!("service {} registered", body["name"].as_str().unwrap_or_default()),
                json,
            );
        }
        ServiceCommand::List => {
            let services: Vec<ServiceView> = client.get("/v1/services").await?;
            if json {
                output::json(&services);
                return Ok(());
            }
            let rows: Vec<_> = services
                .into_iter()
                .map(|s| {
                    let resources: Vec<String> = s
                        .resources
                        .iter()
                        .map(|r| format!("{} ({})", r.name, r.actions.join(", ")))
                        .collect();
                    [s.name, s.party, s.host, s.upstream, resources.join("; ")]
                })
                .collect();
            output::table(["NAME", "PARTY", "HOST", "UPSTREAM", "RESOURCES"], &rows);
        }
    }
    Ok(())
}
