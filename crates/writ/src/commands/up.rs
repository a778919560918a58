//! `writ up` and `writ status`.

use crate::output;
use crate::serve::{Options, Running};
use serde_json::json;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let data = options.data.clone();
    let mut running = Running::start(options).await?;
    output::line(format!("writ is up on {}", data.display()));
    output::line(format!("  machines connect to  https://{}", running.gateway));
    output::line(format!("  the API listens on   http://{}", running.api));
    if let Some(socket) = &running.workload_api {
        output::line(format!("  workloads ask        unix://{}", socket.display()));
    }
    if let Some(address) = running.bundle_endpoint {
        output::line(format!("  the bundle is at     https://{address}"));
    }
    output::line(format!("  ledger key           {}", running.control.verifier()));
    if !running.locked {
        output::line("  keys                 protected by their files' rights only: `writ keys lock --help`");
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let failed = tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped.map_err(Into::into),
        _ = terminate.recv() => Ok(()),
        failed = running.failed() => failed,
    };
    let stopped = running.stop().await;
    failed.and(stopped)
}

pub(crate) async fn status(data: &Path, json: bool) -> anyhow::Result<()> {
    let address = crate::client::address(data)?;
    let client = api::Client::new(&address.api, Some(&address.token));
    client.get_text("/health/ready").await?;
    let control = client.get_text("/v1/logs/control/checkpoint").await.unwrap_or_default();
    let decisions = client.get_text("/v1/logs/decisions/checkpoint").await.unwrap_or_default();
    let size = |note: &str| note.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).unwrap_or(0);
    if json {
        output::json(&json!({
            "ready": true, "api": address.api, "gateway": format!("https://{}", address.gateway),
            "control_entries": size(&control), "decision_entries": size(&decisions),
        }));
    } else {
        output::line("ready");
        output::line(format!("  api        {}", address.api));
        output::line(format!("  gateway    https://{}", address.gateway));
        output::line(format!("  control    {} entries signed", size(&control)));
        output::line(format!("  decisions  {} entries signed", size(&decisions)));
    }
    Ok(())
}
