//! The single writer. Everything that changes the registry goes through [`Authority::submit`].

use crate::accounts::AccountKey;
use crate::ca::{Ca, RootMaterial};
use crate::documents::ObjectDocuments;
use crate::entry::{self, Bodies};
use crate::jwt_key::{JwtKeys, JwtSigner};
use crate::workload::{is_of_roots, may_entitle};
use crate::{Clock, KeyStore, entropy, receipt};
use ledger::{
    Append, AppendError, Edge, Hash, Objects, ReadLog, Sequenced, StoreError, Submission, VerifierKey,
};
use policy::{AsOf, Rules};
use registry::{Actor, Command, Context, Event, Millis, Recorded, Refusal, admit};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that may wait for the writer.
pub const COMMANDS_MAX: usize = 1_024;
/// Issuances that are made durable together at most.
const TOGETHER_MAX: usize = 256;

/// How often the writer says that it is there.
const HEARTBEAT: Duration = Duration::from_millis(500);

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
    /// Where keys that are made later are kept.
    pub keys: Arc<dyn KeyStore>,
    /// The key that JWT-SVIDs are signed with.
    pub jwt: JwtSigner,
    /// The key under which accounts of people elsewhere are known.
    pub accounts: AccountKey,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    pub(crate) ports: Ports,
    pub(crate) ca: Arc<Ca>,
    pub(crate) jwt: Arc<JwtKeys>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) accounts: Arc<AccountKey>,
    pub(crate) receipts: mpsc::Sender<receipt::Asked>,
    rules: Arc<RwLock<Rules>>,
    jobs: mpsc::Sender<Job>,
    changes: watch::Receiver<u64>,
    entitlements: watch::Receiver<u64>,
    roots: watch::Receiver<u64>,
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
        let now_ms = (ports.clock)();
        let ca = Ca::open(config.trust_domain, config.root, config.keys.clone(), rules.state(), now_ms)?;
        let ca = Arc::new(ca);
        let rules = Arc::new(RwLock::new(rules));
        let (jobs, queue) = mpsc::channel(COMMANDS_MAX);
        let (changed, changes) = watch::channel(0);
        let (entitled, entitlements) = watch::channel(0);
        let (rooted, roots) = watch::channel(0);
        let heartbeat = rules.read().unwrap_or_else(PoisonError::into_inner).heartbeat();
        heartbeat.store((ports.clock)(), Ordering::Release);
        let (known, ports_of_writer) = (rules.clone(), ports.clone());
        let writer =
            Writer { rules: known, ports: ports_of_writer, changed, entitled, rooted, heartbeat, last_ms };
        tokio::spawn(writer.run(queue));
        let jwt = Arc::new(JwtKeys::new(config.jwt));
        let (receipts, asked) = mpsc::channel(receipt::WAITING_MAX);
        tokio::spawn(receipt::publish(ports.log.clone(), asked));
        let accounts = Arc::new(config.accounts);
        let keys = config.keys;
        let authority =
            Self { ports, ca, jwt, keys, accounts, receipts, rules, jobs, changes, entitlements, roots };
        authority.establish().await?;
        authority.publish_first_root().await?;
        authority.publish_jwt_key().await?;
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

    /// Counts up whenever something changed that can change what a workload is given.
    pub fn entitlements(&self) -> watch::Receiver<u64> {
        self.entitlements.clone()
    }

    /// Counts up whenever the roots changed that certificates may lead to.
    pub fn roots_changed(&self) -> watch::Receiver<u64> {
        self.roots.clone()
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
                    root_certificate: Sha256::digest(self.ca.first_root()?).into(),
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
    entitled: watch::Sender<u64>,
    rooted: watch::Sender<u64>,
    heartbeat: Arc<AtomicU64>,
    last_ms: Millis,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut next = None;
        let mut beat = tokio::time::interval(HEARTBEAT);
        loop {
            // From here, between two commands: a writer that hangs is not heard.
            self.heartbeat.store((self.ports.clock)(), Ordering::Release);
            let received = match next.take() {
                Some(job) => Some(job),
                None => tokio::select! {
                    received = queue.recv() => received,
                    _ = beat.tick() => continue,
                },
            };
            let Some(job) = received else { return };
            if !job.command.is_issuance() {
                let answer = self.handle(job.actor, job.command, job.addendum).await;
                // Whoever asked may be gone; what was admitted stays.
                let _ = job.done.send(answer);
                continue;
            }
            // Issuances that wait already share one flush of the disk.
            let mut together = vec![job];
            while together.len() < TOGETHER_MAX {
                match queue.try_recv() {
                    Ok(job) if job.command.is_issuance() => together.push(job),
                    Ok(job) => {
                        next = Some(job);
                        break;
                    }
                    Err(_) => break,
                }
            }
            self.issue(together).await;
        }
    }

    /// Issuances change nothing that another of them depends on, but for the token it uses up and its serial
    /// number: all are admitted on the same state, appended together, and applied in their order.
    async fn issue(&mut self, jobs: Vec<Job>) {
        let now_ms = self.last_ms.max((self.ports.clock)());
        let mut taken = Taken::default();
        let mut pending = Vec::with_capacity(jobs.len());
        for job in jobs {
            let admitted = self.admit(&mut taken, job.actor, job.command, now_ms);
            let appended = admitted.map(|(recorded, entry)| {
                (recorded, self.ports.log.append(Submission { entry, addendum: job.addendum }))
            });
            pending.push((appended, job.done));
        }
        let mut landed = Vec::with_capacity(pending.len());
        for (appended, done) in pending {
            match appended {
                Err(error) => drop(done.send(Err(error))),
                Ok((recorded, append)) => match append.await {
                    Ok(at) => landed.push((recorded, at, done)),
                    Err(error) => drop(done.send(Err(error.into()))),
                },
            }
        }
        let Some((_, last, _)) = landed.last() else { return };
        self.last_ms = now_ms;
        let last = *last;
        {
            let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
            landed.iter().for_each(|(recorded, _, _)| rules.apply(recorded, now_ms));
            rules.seal(AsOf { size: last.size, root: last.root.0 });
        }
        for (recorded, at, done) in landed {
            self.tell(&recorded, at);
            let _ = done.send(Ok(Admitted { events: recorded.events, index: at.index }));
        }
    }

    fn admit(
        &self,
        taken: &mut Taken,
        actor: Actor,
        command: Command,
        now_ms: Millis,
    ) -> Result<(Recorded, Vec<u8>), SubmitError> {
        let context = Context { actor, now_ms, entropy: entropy()? };
        let events = {
            let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
            admit(rules.state(), command, &context)?
        };
        if events.iter().any(|event| !taken.take(event)) {
            return Err(Refusal {
                kind: registry::RefusalKind::Conflict,
                reason: "the join token or the serial number was used by another request at the same moment"
                    .into(),
                help: "try again with a new token: `writ token create`".into(),
            }
            .into());
        }
        let recorded = Recorded { actor, events };
        // An issuance always fits its leaf.
        let encoded = entry::encode(&recorded, now_ms)?;
        match encoded.body {
            None => Ok((recorded, encoded.entry)),
            Some(_) => Err(SubmitError::Internal("an issuance is too long for its entry".into())),
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
        if events.is_empty() {
            // Nothing happened: nothing is on record, and the ledger is as it was.
            return Ok(Admitted { events, index: self.ports.log.size().saturating_sub(1) });
        }
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
        self.tell(recorded, landed);
    }

    fn tell(&self, recorded: &Recorded, landed: Sequenced) {
        self.changed.send_modify(|count| *count += 1);
        if recorded.events.iter().any(may_entitle) {
            self.entitled.send_modify(|count| *count += 1);
        }
        if recorded.events.iter().any(is_of_roots) {
            self.rooted.send_modify(|count| *count += 1);
        }
        for event in &recorded.events {
            tracing::info!(index = landed.index, event = event.name(), subject = event.subject(), actor = %recorded.actor, "recorded");
        }
    }
}

/// What issuances of one batch used up.
#[derive(Default)]
struct Taken {
    tokens: HashSet<[u8; 32]>,
    serials: HashSet<[u8; 16]>,
}

impl Taken {
    /// Whether an event is the first to use its token and its serial number.
    fn take(&mut self, event: &Event) -> bool {
        let Event::CredentialIssued { serial, token, .. } = event else { return true };
        let fresh = token.is_none_or(|token| self.tokens.insert(token));
        self.serials.insert(*serial) && fresh
    }
}
