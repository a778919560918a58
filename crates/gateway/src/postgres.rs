//! PostgreSQL: the module list is the path of a session.
//!
//! ```text
//! open ─▶ authenticate, decide `use`, record ─▶ upstream (TLS; SCRAM or a certificate) ─▶ session
//!                                                                                          │ each statement:
//!            sql::read ─▶ resolve by the catalog ─▶ decide ─▶ record ─▶ forward ─▶ record the outcome
//!                                                      └ deny: what is sent in its place fails on the server,
//!                                                        which keeps transactions and pipelines in order; its
//!                                                        error is replaced by the clause
//! ```
//! What servers say passes in large pieces, and is read along the way as far as needed.

mod cancel;
mod catalogs;
mod going;
mod judge;
mod masking;
mod names;
mod open;
mod parameters;
mod pool;
mod reply;
mod rows;
mod session;
mod talk;
mod texts;
mod upstream;
mod waiting;

pub(crate) use open::{Opened, opened, serve};

use crate::Config;
use crate::accept::TlsError;
use crate::forward::upstream_tls;
use crate::limits::CANCELS_MAX;
use cancel::Cancels;
use catalogs::Catalogs;
use pool::Pool;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use texts::Texts;
use tokio::sync::Semaphore;

/// What all sessions with databases share.
pub(crate) struct Databases {
    tls: Arc<rustls::ClientConfig>,
    catalogs: Arc<Catalogs>,
    cancels: Arc<Cancels>,
    texts: Texts,
    pool: Arc<Pool>,
    /// Turns to cancel what runs on a server and has nobody to answer, by its host and port.
    cancelling: Mutex<HashMap<(String, u16), Arc<Semaphore>>>,
}

impl Databases {
    pub(crate) fn new(config: &Config) -> Result<Self, TlsError> {
        let mut tls = upstream_tls(config)?;
        tls.alpn_protocols = vec![wire::postgres::startup::ALPN.to_vec()];
        Ok(Self {
            tls: Arc::new(tls),
            catalogs: Arc::default(),
            cancels: Arc::default(),
            texts: Texts::default(),
            pool: Arc::default(),
            cancelling: Mutex::default(),
        })
    }

    /// The turns there are to cancel what runs on a server.
    fn turns(&self, server: &upstream::Server) -> Arc<Semaphore> {
        let key = (server.address.host.clone(), server.address.port);
        let mut all = self.cancelling.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key).or_insert_with(|| Arc::new(Semaphore::new(CANCELS_MAX))).clone()
    }
}
