//! Proofs that an entry is in the control ledger, for certificates that are about to leave. Whoever waits at the same
//! time shares one checkpoint: it is signed and kept once for all of them.

use crate::plane::ControlLog;
use crate::{Authority, SubmitError};
use ledger::proof::inclusion;
use ledger::proof_file::ProofFile;
use ledger::{AppendError, Checkpoint};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Those that may wait for a checkpoint.
pub const WAITING_MAX: usize = 4_096;

type Published = Result<(Checkpoint, Arc<str>), String>;
pub(crate) type Asked = oneshot::Sender<Published>;

/// Publishes a checkpoint whenever somebody asks, until nobody can ask any more.
pub(crate) async fn publish(log: Arc<dyn ControlLog>, mut asked: mpsc::Receiver<Asked>) {
    let mut together = Vec::new();
    while asked.recv_many(&mut together, WAITING_MAX).await > 0 {
        let log = log.clone();
        // Everybody here waits for an entry that is durable already: what is signed from now on covers it.
        let published = tokio::task::spawn_blocking(move || log.publish()).await;
        let published: Published = match published {
            Ok(Ok((checkpoint, note))) => Ok((checkpoint, note.into())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        for waiting in together.drain(..) {
            // Whoever asked may be gone.
            let _ = waiting.send(published.clone());
        }
    }
}

impl Authority {
    /// The proof that entry `index`, which is durable, is in the control ledger, with the entry itself.
    pub(crate) async fn receipt(&self, index: u64) -> Result<ProofFile, SubmitError> {
        let closed = || SubmitError::Append(AppendError::Closed);
        let (answer, published) = oneshot::channel();
        self.receipts.send(answer).await.map_err(|_| closed())?;
        let (checkpoint, note) = published.await.map_err(|_| closed())?.map_err(SubmitError::Internal)?;
        let log = self.log();
        let extra = log.entry(index)?.ok_or_else(|| SubmitError::Internal(format!("no entry {index}")))?;
        let path = inclusion(log, index, checkpoint.size)
            .map_err(|error| SubmitError::Internal(error.to_string()))?;
        Ok(ProofFile { extra, index, path, checkpoint: note.as_ref().to_owned() })
    }
}
