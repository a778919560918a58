//! The certificates that Writ's own servers show, kept fresh: of the gateway with the host names of the services behind it,
//! of the bundle endpoint with Writ's SPIFFE ID and nothing else, because anybody can look at it.

use authority::Authority;
use gateway::ServerIdentity;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often is looked whether one is to be renewed.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What a certificate shows.
#[derive(Clone, Copy)]
pub(crate) enum Shows {
    /// The host names of the services.
    Services,
    /// Writ's SPIFFE ID.
    Writ,
}

/// A certificate and whoever shows it.
pub(crate) struct ServerCertificate {
    authority: Authority,
    shows: Shows,
    shown: watch::Sender<Option<Arc<ServerIdentity>>>,
    names: Vec<String>,
    root: [u8; 32],
    renew_ms: u64,
}

impl ServerCertificate {
    pub(crate) fn new(
        authority: Authority,
        shows: Shows,
        shown: watch::Sender<Option<Arc<ServerIdentity>>>,
    ) -> Self {
        Self { authority, shows, shown, names: Vec::new(), root: [0; 32], renew_ms: 0 }
    }

    /// Makes the first.
    pub(crate) async fn first(mut self) -> anyhow::Result<Self> {
        self.renew().await?;
        Ok(self)
    }

    /// Renews it in time and in step with what it shows, until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut changes = self.authority.changes();
        let mut signs = self.authority.ca().changed();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
                changed = changes.changed() => if changed.is_err() { break },
                changed = signs.changed() => if changed.is_err() { break },
            }
            if let Err(error) = self.renew().await {
                // The certificate shown now has half its life left: there is time to try again.
                tracing::error!(%error, "a server's certificate could not be renewed");
            }
        }
        Ok(())
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let names = self.names();
        let now_ms = self.authority.now_ms();
        let root = self.authority.server_root();
        if names == self.names && root == self.root && now_ms < self.renew_ms {
            return Ok(());
        }
        let made = self.authority.certify_server(&names).await?;
        let identity = ServerIdentity::new(made.chain, &made.key)?;
        self.renew_ms = now_ms + (made.not_after_ms.saturating_sub(now_ms)) / 2;
        (self.names, self.root) = (names, root);
        self.shown.send_replace(Some(Arc::new(identity)));
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        match self.shows {
            Shows::Services => {
                let rules = self.authority.rules();
                let mut hosts: Vec<String> = rules.services().map(|service| service.host.clone()).collect();
                hosts.push("localhost".to_owned());
                hosts.sort();
                hosts.dedup();
                hosts
            }
            Shows::Writ => vec![self.authority.ca().trust_domain().writ().to_string()],
        }
    }
}
