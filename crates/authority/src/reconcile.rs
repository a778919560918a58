//! Periodic work. Each task takes no input, can be run again at any time, and only submits commands.

use crate::Authority;
use ledger::{ReadLog, VerifierKey};
use registry::{Actor, Command, Instrument, InstrumentStatus};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the tasks run.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// Decision logs are anchored at least this often while they grow.
pub const ANCHOR_INTERVAL: Duration = Duration::from_secs(10);

/// A decision log whose checkpoints are anchored in the control ledger.
#[derive(Clone)]
pub struct AnchoredLog {
    /// The log.
    pub log: Arc<dyn ReadLog>,
    /// Its verifier key.
    pub key: VerifierKey,
}

/// The longest wait for a token that does not work.
const ROOTS_WAIT_MAX: Duration = Duration::from_secs(60);

impl Authority {
    /// Runs all tasks until `stop`.
    pub async fn reconcile(self, logs: Vec<AnchoredLog>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(INTERVAL);
        let every = ANCHOR_INTERVAL.as_secs() / INTERVAL.as_secs();
        let mut ticks = 0;
        // On its own: a token that hangs stops nothing else.
        let roots = tokio::spawn(self.clone().rotate_intermediates(stop.clone()));
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            self.take_steps().await;
            self.suspend_ownerless().await;
            self.end_and_renew().await;
            if let Err(error) = self.succeed_jwt_key().await {
                tracing::error!(%error, "the key of JWT-SVIDs has no successor yet");
            }
            if ticks % every == 0 {
                self.anchor(&logs).await;
            }
            ticks += 1;
        }
        self.anchor(&logs).await;
        roots.abort();
    }

    /// Takes the steps that instruments name after a departure.
    pub async fn take_steps(&self) {
        let due = self.rules().state().due_steps(self.now_ms());
        for (identity, step) in due {
            if let Err(error) = self.submit(Actor::System, Command::TakeStep { identity, step }).await {
                tracing::error!(%identity, %step, %error, "a step after a departure could not be taken");
            }
        }
    }

    /// Suspends identities whose grace ran out.
    pub async fn suspend_ownerless(&self) {
        let due = self.rules().state().ownerless(self.now_ms());
        for identity in due {
            if let Err(error) = self.submit(Actor::System, Command::SuspendOwnerless { identity }).await {
                tracing::error!(%identity, %error, "an ownerless identity could not be suspended");
            }
        }
    }

    /// Ends what notice ended or a newer version replaced, and renews what nobody objected to in time.
    pub async fn end_and_renew(&self) {
        let now_ms = self.now_ms();
        let due: Vec<Command> = {
            let rules = self.rules();
            let standing = |instrument: &&Instrument| {
                matches!(instrument.status, InstrumentStatus::InForce | InstrumentStatus::Suspended)
            };
            let command = |instrument: &Instrument| {
                if instrument.is_over(now_ms) {
                    let reason = "it ended by notice".to_owned();
                    return Some(Command::EndInstrument { instrument: instrument.id, reason });
                }
                let binding = rules.state().binding_version(&instrument.name, now_ms);
                if let Some(newer) = binding.filter(|found| found.version > instrument.version) {
                    let reason = format!("replaced by version {}", newer.version);
                    return Some(Command::EndInstrument { instrument: instrument.id, reason });
                }
                let lapsed = instrument.renewed_until_ms.is_some()
                    && instrument.last_ms().is_some_and(|last| last <= now_ms);
                if lapsed {
                    let reason = "its term and its renewals are over".to_owned();
                    return Some(Command::EndInstrument { instrument: instrument.id, reason });
                }
                let renews = instrument.renewal_due_ms().is_some_and(|due| due < now_ms);
                renews.then_some(Command::RenewInstrument { instrument: instrument.id })
            };
            rules.state().instruments.values().filter(standing).filter_map(command).collect()
        };
        for command in due {
            if let Err(error) = self.submit(Actor::System, command).await {
                tracing::error!(%error, "an instrument could not be ended or renewed");
            }
        }
    }

    /// Writes the newest checkpoints of decision logs into the control ledger.
    pub async fn anchor(&self, logs: &[AnchoredLog]) {
        for anchored in logs {
            let checkpoint = match anchored.log.checkpoint() {
                Ok(Some((checkpoint, _))) => checkpoint,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(%error, "a decision log has no readable checkpoint");
                    continue;
                }
            };
            let known = self.rules().state().anchors.get(&checkpoint.origin).map(|(size, _)| *size);
            if known.is_some_and(|known| checkpoint.size <= known) {
                continue;
            }
            let command = Command::AnchorLog {
                origin: checkpoint.origin,
                key: anchored.key.to_string(),
                size: checkpoint.size,
                root: checkpoint.root.0,
            };
            if let Err(error) = self.submit(Actor::System, command).await {
                tracing::error!(%error, "a decision log could not be anchored");
            }
        }
    }

    /// Replaces intermediates when it is time. After failures it waits, at most for a minute: a token counts tries.
    async fn rotate_intermediates(self, stop: CancellationToken) {
        let mut wait = INTERVAL;
        while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            wait = match self.follow_roots().await {
                Ok(changed) => {
                    if changed {
                        tracing::info!("a new intermediate certificate is in use");
                    }
                    INTERVAL
                }
                Err(error) => {
                    tracing::error!(%error, "no new intermediate certificate");
                    (wait * 2).min(ROOTS_WAIT_MAX)
                }
            };
        }
    }
}
