//! The single writer. Everything that changes the registry goes through [`Authority::submit`].

use crate::ca::{Ca, RootMaterial};
use crate::documents::ObjectDocuments;
use crate::entry::{self, Bodies};
use crate::{Clock, entropy};
use ledger::{
    Append, AppendError, Edge, Hash, Objects, ReadLog, Sequenced, StoreError, Submission, VerifierKey,
};
use policy::{AsOf, Rules};
use registry::{Actor, Command, Context, Event, Millis, Recorded, Refusal, admit};
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that may wait for the writer.
pub const COMMANDS_MAX: usize = 1_024;

/// A log that can be appended to and read.
pub trait ControlLog: Append + ReadLog {}
impl<T: Append + ReadLog> ControlLog for T {}

/// What the authority needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// The control ledger.
    pub log: Arc<dyn ControlLog>,
    /// Its verifier key.
    pub log_key: VerifierKey,
    /// Documents and other immutable bytes.
    pub objects: Arc<dyn Objects>,
    /// The time.
    pub clock: Clock,
    /// The solver's executable; `cvc5` unless given.
    pub solver: Option<std::ffi::OsString>,
}

/// What the authority is told.
pub struct Config {
    /// The trust domain it speaks for.
    pub trust_domain: credential::TrustDomain,
    /// The root key and certificate.
    pub root: RootMaterial,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    pub(crate) ports: Ports,
    pub(crate) ca: Arc<Ca>,
    rules: Arc<RwLock<Rules>>,
    jobs: mpsc::Sender<Job>,
    changes: watch::Receiver<u64>,
}

struct Job {
    actor: Actor,
    command: Command,
    addendum: Vec<u8>,
    done: oneshot::Sender<Result<Admitted, SubmitError>>,
}

/// A command that was admitted: its events are durable.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The events.
    pub events: Vec<Event>,
    /// The ledger index of the entry that holds them.
    pub index: u64,
}

/// Why a command changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The ledger could not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Our fault.
    #[error("{0}")]
    Internal(String),
    /// The rules do not admit it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A body or text could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authority {
    /// Folds the ledger, starts the writer, and establishes the trust domain the first time.
    pub async fn start(config: Config, ports: Ports) -> Result<Self, StartError> {
        let documents = Arc::new(ObjectDocuments(ports.objects.clone()));
        let mut rules = Rules::new(documents);
        let last_ms = fold(ports.log.as_ref(), &|path| ports.objects.get(path), &mut rules)?;
        let rules = Arc::new(RwLock::new(rules));
        let ca = Arc::new(Ca::open(config.trust_domain, config.root, (ports.clock)())?);
        let (jobs, queue) = mpsc::channel(COMMANDS_MAX);
        let (changed, changes) = watch::channel(0);
        let writer = Writer { rules: rules.clone(), ports: ports.clone(), changed, last_ms };
        tokio::spawn(writer.run(queue));
        let authority = Self { ports, ca, rules, jobs, changes };
        authority.establish().await?;
        Ok(authority)
    }

    /// Asks for a change. Returns when its events are durable and in force, or says why not.
    pub async fn submit(&self, actor: Actor, command: Command) -> Result<Admitted, SubmitError> {
        self.submit_with(actor, command, Vec::new()).await
    }

    /// Like [`Authority::submit`], keeping `addendum` beside the first event's entry.
    pub async fn submit_with(
        &self,
        actor: Actor,
        command: Command,
        addendum: Vec<u8>,
    ) -> Result<Admitted, SubmitError> {
        let (done, answer) = oneshot::channel();
        let job = Job { actor, command, addendum, done };
        let stopped = || SubmitError::Append(AppendError::Closed);
        self.jobs.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// The rules, to read. Hold it briefly: the writer waits meanwhile.
    pub fn rules(&self) -> RwLockReadGuard<'_, Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules, to share with a gateway in the same process.
    pub fn shared_rules(&self) -> Arc<RwLock<Rules>> {
        self.rules.clone()
    }

    /// Counts up whenever something changed: pushed, so that nobody has to poll.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// The solver's executable, if one was named.
    pub fn solver(&self) -> Option<std::ffi::OsString> {
        self.ports.solver.clone()
    }

    /// The control ledger.
    pub fn log(&self) -> &dyn ControlLog {
        self.ports.log.as_ref()
    }

    /// The control ledger's verifier key.
    pub fn log_key(&self) -> &VerifierKey {
        &self.ports.log_key
    }

    /// Where immutable bytes are kept.
    pub fn objects(&self) -> &dyn Objects {
        self.ports.objects.as_ref()
    }

    /// The certificate authority.
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// The time.
    pub fn now_ms(&self) -> Millis {
        (self.ports.clock)()
    }

    async fn establish(&self) -> Result<(), StartError> {
        let trust_domain = self.ca.trust_domain().to_string();
        let there = self.rules().state().trust_domain.clone();
        match there {
            Some(there) if there == trust_domain => Ok(()),
            Some(there) => Err(StartError::OtherTrustDomain { there, given: trust_domain }),
            None => {
                let command = Command::Establish {
                    trust_domain,
                    log_key: self.ports.log_key.to_string(),
                    root_certificate: Sha256::digest(self.ca.root_der()).into(),
                };
                self.submit(Actor::System, command).await?;
                Ok(())
            }
        }
    }
}

/// Reads the whole control ledger into `rules`. Gives the time of its last entry.
pub fn fold(log: &dyn ControlLog, bodies: Bodies<'_>, rules: &mut Rules) -> Result<Millis, StartError> {
    let size = log.size();
    let mut last_ms = 0;
    let mut edge = Edge::default();
    for index in 0..size {
        let bytes = log.entry(index)?.ok_or(StartError::Gap(index))?;
        edge.append(Hash::of_leaf(&bytes));
        let (recorded, time_ms) = entry::read(&bytes, bodies)
            .map_err(|error| StartError::Unreadable { index, reason: error.to_string() })?;
        rules.apply(&recorded, time_ms);
        last_ms = time_ms;
    }
    let root = ledger::tree::range_root(log, 0, size)
        .map_err(|error| StartError::Unreadable { index: size, reason: error.to_string() })?;
    if edge.root() != root {
        // Hashes and entries are stored apart; acting on entries nobody hashed would be acting on anything.
        let reason = "the entries are not those the log's hashes were made from".to_owned();
        return Err(StartError::Unreadable { index: size, reason });
    }
    rules.seal(AsOf { size, root: root.0 });
    Ok(last_ms)
}

/// Why the authority does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The root key or certificate cannot be used.
    #[error("the certificate authority cannot be opened")]
    Ca(#[from] credential::IssueError),
    /// An entry is missing.
    #[error("entry {0} of the control ledger is missing: run `writ fsck`")]
    Gap(u64),
    /// The data directory belongs to another trust domain.
    #[error("this data directory is for the trust domain `{there}`, not `{given}`")]
    OtherTrustDomain {
        /// The one in the ledger.
        there: String,
        /// The one asked for.
        given: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The first command failed.
    #[error("the trust domain could not be established")]
    Submit(#[from] SubmitError),
    /// An entry is not what this version can read.
    #[error(
        "entry {index} of the control ledger cannot be read ({reason}): run `writ fsck`, or use the version of Writ that wrote it"
    )]
    Unreadable {
        /// Which.
        index: u64,
        /// Why.
        reason: String,
    },
}

/// Owns the order of everything that happens.
struct Writer {
    rules: Arc<RwLock<Rules>>,
    ports: Ports,
    changed: watch::Sender<u64>,
    last_ms: Millis,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(job) = queue.recv().await {
            let answer = self.handle(job.actor, job.command, job.addendum).await;
            // Whoever asked may be gone; what was admitted stays.
            let _ = job.done.send(answer);
        }
    }

    async fn handle(
        &mut self,
        actor: Actor,
        command: Command,
        addendum: Vec<u8>,
    ) -> Result<Admitted, SubmitError> {
        // A clock that steps back is held: entry times never decrease.
        let now_ms = self.last_ms.max((self.ports.clock)());
        let context = Context { actor, now_ms, entropy: entropy()? };
        let events = {
            let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
            admit(rules.state(), command, &context)?
        };
        let recorded = Recorded { actor, events };
        let encoded = entry::encode(&recorded, now_ms)?;
        if let Some((path, body)) = encoded.body {
            // The body first: a crash behind this line leaves bytes nobody refers to, which is nothing.
            self.keep(path, body).await?;
        }
        // A crash before this returns loses the command, and nobody was told it was admitted;
        // a crash after it replays the entry at the next start.
        let landed = self.ports.log.append(Submission { entry: encoded.entry, addendum }).await?;
        self.last_ms = now_ms;
        self.apply(&recorded, landed, now_ms);
        Ok(Admitted { events: recorded.events, index: landed.index })
    }

    async fn keep(&self, path: String, body: Vec<u8>) -> Result<(), SubmitError> {
        let objects = self.ports.objects.clone();
        let kept = tokio::task::spawn_blocking(move || objects.put(&path, &body)).await;
        Ok(kept.map_err(|error| SubmitError::Internal(error.to_string()))??)
    }

    fn apply(&self, recorded: &Recorded, landed: Sequenced, now_ms: Millis) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.apply(recorded, now_ms);
        rules.seal(AsOf { size: landed.size, root: landed.root.0 });
        drop(rules);
        self.changed.send_modify(|count| *count += 1);
        for event in &recorded.events {
            tracing::info!(index = landed.index, event = event.name(), subject = event.subject(), actor = %recorded.actor, "recorded");
        }
    }
}
