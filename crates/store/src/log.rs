//! The embedded log: a write-ahead log, one sequencer thread with natural group commit, sealed
//! segments, signed checkpoints.
//!
//! ```text
//! append ─▶ bounded queue ─▶ sequencer: drain ▸ index ▸ hash ▸ frame ▸ one write ▸ one flush ▸ acknowledge
//!                                                              every 65,536 entries: seal the segment
//! publisher (every second, and on demand): sign ▸ compare-and-swap `heads/checkpoint`
//! ```
//! A crash before the flush loses only what nobody was told about. A failed write or flush makes
//! the log refuse everything until the process is started again and has re-read the disk.

mod recover;

use crate::directory::{Directory, create_dir, io_error};
use crate::disk::{Disk, RealDisk, WalFile};
use ledger::frame;
use ledger::segment::{self, Layout, Pile, SEGMENT_ENTRIES};
use ledger::tree::{MissingHash, fold_complete};
use ledger::{
    Append, AppendError, Checkpoint, ENTRY_BYTES_MAX, Edge, Hash, Heads as _, NoteSigner, Objects as _,
    ReadLog, Sequenced, StoreError, Submission, SubtreeHashes, VerifierKey,
    port::{Done, Pending},
};
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Submissions that may wait until they are durable; one more is refused with [`AppendError::Overloaded`].
pub const QUEUE_MAX: usize = 16_384;
/// Bytes of entries and addenda that may wait; whatever goes beyond is refused likewise.
pub const QUEUE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Entries in one frame at most.
pub const BATCH_ENTRIES_MAX: usize = 4_096;
/// Bytes of entries and addenda in one frame at most.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest an entry waits for others, whatever patience it has.
pub const PATIENCE_MAX: Duration = Duration::from_millis(10);
/// How much a WAL file grows at a time: zeros written ahead, so that a flush writes no metadata.
pub const EXTEND_BYTES: u64 = 4 * 1024 * 1024;
/// A checkpoint is published at least this often while the log grows.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// Segments that may be in memory: the open one and those that wait to be sealed. With more, appends
/// are refused until the sealer has caught up.
const UNSEALED_MAX: usize = 8;
/// The sealer reads what begins in so many bytes of a file together.
const SEAL_READ_BYTES: u64 = 256 * 1024;
/// How long the sealer waits before it tries again what it could not do.
const SEAL_RETRY: Duration = Duration::from_secs(2);

/// What a log needs to run.
pub struct LogConfig {
    /// Its directory: `wal/`, `heads/`, `objects/`.
    pub directory: PathBuf,
    /// Its checkpoint key; the key's name is the log's origin.
    pub signer: NoteSigner,
    /// The disk; [`RealDisk`] but in tests.
    pub disk: Box<dyn Disk>,
}

impl LogConfig {
    /// A log in `directory` on the real disk.
    pub fn new(directory: PathBuf, signer: NoteSigner) -> Self {
        Self { directory, signer, disk: Box::new(RealDisk) }
    }
}

/// An open log. Dropping it stops its threads after what was queued is durable.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    /// Bounded by the room.
    queue: Mutex<Option<Sender<Job>>>,
    hurry: Arc<Hurry>,
    room: Arc<Room>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Job {
    submission: Submission,
    waiter: Waiter,
    /// How long it can wait for others.
    patience: Duration,
}

/// Who waits for a submission, which takes up room for as long. Told in any case.
struct Waiter {
    done: Option<Done>,
    taken: Option<Taken>,
}

impl Waiter {
    fn tell(mut self, sequenced: Result<Sequenced, AppendError>) {
        // What it makes room for can be what whoever is told submits.
        self.say(sequenced);
    }

    fn say(&mut self, sequenced: Result<Sequenced, AppendError>) {
        self.taken = None;
        if let Some(done) = self.done.take()
            && catch_unwind(AssertUnwindSafe(|| done(sequenced))).is_err()
        {
            tracing::error!("whoever was told of an entry panicked; the log goes on");
        }
    }

    /// It was not queued: whoever asked is told so in person.
    fn forget(mut self) {
        self.done = None;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.say(Err(AppendError::Closed));
    }
}

/// How much waits.
#[derive(Default)]
struct Room {
    submissions: AtomicUsize,
    bytes: AtomicUsize,
}

struct Taken {
    room: Arc<Room>,
    bytes: usize,
}

impl Room {
    /// Takes up room for a submission, if there is so much left.
    fn take(self: &Arc<Self>, bytes: usize) -> Option<Taken> {
        let taken = Taken { room: self.clone(), bytes };
        let submissions = self.submissions.fetch_add(1, Ordering::AcqRel) + 1;
        let bytes = self.bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        (submissions <= QUEUE_MAX && bytes <= QUEUE_BYTES_MAX).then_some(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.submissions.fetch_sub(1, Ordering::AcqRel);
        self.room.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

struct Shared {
    origin: String,
    signer: NoteSigner,
    directory: Directory,
    wal: PathBuf,
    disk: Box<dyn Disk>,
    /// Written by the sequencer and the sealer, read by everybody.
    state: RwLock<State>,
    /// The checkpoint we published last; held while the next is signed and swapped in.
    published: Mutex<(Checkpoint, String)>,
    /// Says of a frame that this log wrote it.
    frame_key: Zeroizing<[u8; 32]>,
    closing: AtomicBool,
}

struct State {
    segments: Vec<Segment>,
    edge: Edge,
    failed: Option<AppendError>,
}

enum Segment {
    /// In the WAL; its hashes in memory (4 MiB when full).
    Live(Arc<Live>),
    /// In objects; the hash over all its entries in memory.
    Sealed(Hash),
}

struct Live {
    file: Box<dyn WalFile>,
    rows: RwLock<Rows>,
}

/// The rows of a segment that is not sealed yet.
#[derive(Default)]
struct Rows {
    /// The hashes of complete subtrees, those of single leaves first: a proof of a fresh entry is looked up, not
    /// computed from all leaves beside it.
    levels: Vec<Vec<Hash>>,
    spans: Vec<Span>,
}

impl Rows {
    fn push(&mut self, leaf: Hash, span: Span) {
        self.spans.push(span);
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.push(hash);
            match row.as_slice() {
                [.., left, right] if row.len().is_multiple_of(2) => hash = Hash::of_node(left, right),
                _ => return,
            }
        }
    }

    fn leaves(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The hash of a complete subtree of 2^`level` leaves.
    fn subtree(&self, level: u8, index: u64) -> Option<Hash> {
        self.levels.get(usize::from(level))?.get(usize::try_from(index).ok()?).copied()
    }
}

#[derive(Clone, Copy)]
struct Span {
    at: u64,
    entry: u32,
    addendum: u32,
}

impl Span {
    /// Where the next thing in the file begins.
    fn end(self) -> u64 {
        self.at + u64::from(self.entry) + u64::from(self.addendum)
    }
}

impl EmbeddedLog {
    /// Opens the log, reads what is there, repairs a torn tail, and starts the threads.
    /// Refuses a log that is damaged, or shorter than its last checkpoint says.
    pub fn open(config: LogConfig) -> Result<Self, StoreError> {
        let origin = config.signer.verifier().name().to_owned();
        let wal = config.directory.join("wal");
        create_dir(&wal)?;
        let directory = Directory::open(&config.directory)?;
        let frame_key = config.signer.derive("frames");
        let published = match read_checkpoint(&directory, &config.signer.verifier())? {
            Some(published) => published,
            None => recover::first_checkpoint(&directory, &wal, &config.signer)?,
        };
        let (state, writer) =
            recover::recover(&directory, &wal, config.disk.as_ref(), &published.0, &frame_key)?;
        let shared = Arc::new(Shared {
            origin,
            signer: config.signer,
            directory,
            wal,
            disk: config.disk,
            state: RwLock::new(state),
            published: Mutex::new(published),
            frame_key,
            closing: AtomicBool::new(false),
        });
        let (queue, jobs) = channel();
        let (seal, full) = sync_channel(1);
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(format!("log-{name}"))
                .spawn(run)
                .map_err(|source| io_error("start a thread for", &config.directory, source))
        };
        let (sequencing, sealing, publishing) = (shared.clone(), shared.clone(), shared.clone());
        let hurry = Arc::<Hurry>::default();
        let hurried = hurry.clone();
        let threads = vec![
            spawn(
                "sequencer",
                Box::new(move || Sequencer { shared: sequencing, hurry: hurried, writer, seal }.run(&jobs)),
            )?,
            spawn("sealer", Box::new(move || sealing.seal_all(&full)))?,
            spawn("publisher", Box::new(move || publishing.publish_regularly()))?,
        ];
        let (queue, room) = (Mutex::new(Some(queue)), Arc::default());
        Ok(Self { shared, queue, hurry, room, threads: Mutex::new(threads) })
    }

    /// The key its checkpoints verify under.
    pub fn verifier(&self) -> VerifierKey {
        self.shared.signer.verifier()
    }

    /// Why the log refuses to go on, if it does.
    pub fn failure(&self) -> Option<AppendError> {
        read(&self.shared.state).failed.clone()
    }

    /// Waits for what was queued, publishes a last checkpoint, stops the threads.
    pub fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.hurry.ask();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let (here, shared) = (std::thread::current().id(), self.shared.clone());
        let own = threads.iter().any(|thread| thread.thread().id() == here);
        let join = move || shared.join(threads);
        if own {
            // Whoever is told of an entry can be the last who holds the log: a thread of it does not wait for itself.
            if let Err(error) = std::thread::Builder::new().name("log-closing".into()).spawn(join) {
                tracing::error!(%error, "the log closes without a last checkpoint");
            }
        } else {
            join();
        }
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether somebody waits who has no patience.
#[derive(Default)]
struct Hurry {
    asked: Mutex<bool>,
    told: Condvar,
}

impl Hurry {
    fn ask(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_one();
    }

    /// Waits so long, or until somebody is in a hurry.
    fn wait(&self, patience: Duration) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.told.wait_timeout_while(asked, patience, |asked| !*asked));
    }

    /// Whoever was in a hurry is in the queue by now, and is taken next.
    fn over(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

impl Append for EmbeddedLog {
    fn append(&self, submission: Submission) -> Pending<Result<Sequenced, AppendError>> {
        let (done, landed) = oneshot::channel();
        let done = Box::new(|sequenced| drop(done.send(sequenced)));
        let queued = self.submit(submission, Duration::ZERO, done);
        Box::pin(async move {
            queued?;
            landed.await.unwrap_or(Err(AppendError::Closed))
        })
    }

    fn submit(&self, submission: Submission, patience: Duration, done: Done) -> Result<(), AppendError> {
        if submission.entry.len() > ENTRY_BYTES_MAX || submission.addendum.len() > BATCH_BYTES_MAX / 2 {
            return Err(AppendError::TooLong(submission.entry.len().max(submission.addendum.len())));
        }
        let taken = self.room.take(submission.entry.len() + submission.addendum.len());
        let waiter = Waiter { done: Some(done), taken: Some(taken.ok_or(AppendError::Overloaded)?) };
        let job = Job { submission, waiter, patience };
        let queued = match &*self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(queue) => queue.send(job).map_err(|SendError(job)| job),
            None => Err(job),
        };
        if patience.is_zero() {
            self.hurry.ask();
        }
        queued.map_err(|job| {
            job.waiter.forget();
            AppendError::Closed
        })
    }

    fn publish(&self) -> Result<(Checkpoint, String), StoreError> {
        self.shared.publish()
    }
}

impl SubtreeHashes for EmbeddedLog {
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MissingHash> {
        self.shared.subtree(level, index).map_err(|reason| MissingHash { level, index, reason })
    }
}

impl ReadLog for EmbeddedLog {
    fn size(&self) -> u64 {
        read(&self.shared.state).edge.size()
    }

    fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.item(index, Part::Entry)
    }

    fn addendum(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.shared.item(index, Part::Addendum)?.filter(|bytes| !bytes.is_empty()))
    }

    fn checkpoint(&self) -> Result<Option<(Checkpoint, String)>, StoreError> {
        read_checkpoint(&self.shared.directory, &self.verifier())
    }
}

// === the sequencer ===

struct Sequencer {
    shared: Arc<Shared>,
    hurry: Arc<Hurry>,
    writer: Writer,
    seal: SyncSender<()>,
}

/// Where the next frame goes; the chain of digests starts anew in each file. Owned by the sequencer.
struct Writer {
    at: u64,
    extended: u64,
    previous: [u8; 32],
}

impl Sequencer {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            // Who comes first says how long others may come too, unless one of them is in a hurry.
            if !first.patience.is_zero() {
                self.hurry.wait(first.patience.min(PATIENCE_MAX));
            }
            self.hurry.over();
            let mut waiting = VecDeque::from([first]);
            // Natural group commit: whatever came while the previous flush ran is one batch.
            waiting.extend(jobs.try_iter().take(BATCH_ENTRIES_MAX - 1));
            while !waiting.is_empty() {
                let batch = self.take_batch(&mut waiting);
                self.commit(batch);
            }
        }
    }

    /// The front of the queue that fits one frame of the current segment.
    fn take_batch(&self, waiting: &mut VecDeque<Job>) -> Vec<Job> {
        let size = read(&self.shared.state).edge.size();
        let room = (SEGMENT_ENTRIES - size % SEGMENT_ENTRIES) as usize;
        let mut bytes = 0;
        let mut batch = Vec::new();
        while let Some(job) = waiting.pop_front() {
            bytes += job.submission.entry.len() + job.submission.addendum.len();
            if !batch.is_empty() && (batch.len() == room || bytes > BATCH_BYTES_MAX) {
                waiting.push_front(job);
                break;
            }
            batch.push(job);
        }
        batch
    }

    fn commit(&mut self, batch: Vec<Job>) {
        let (submissions, waiters): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|job| (job.submission, job.waiter)).unzip();
        match self.write(&submissions) {
            Ok((first, size, root)) => {
                for (index, waiter) in (first..).zip(waiters) {
                    waiter.tell(Ok(Sequenced { index, size, root }));
                }
                if size.is_multiple_of(SEGMENT_ENTRIES) {
                    self.start_segment(size);
                }
            }
            Err(error) => {
                tracing::error!(log = %self.shared.origin, %error, "entries refused");
                if matches!(error, AppendError::Failed(_)) {
                    write(&self.shared.state).failed = Some(error.clone());
                }
                for waiter in waiters {
                    waiter.tell(Err(error.clone()));
                }
            }
        }
    }

    /// One frame, one write, one flush; only then does memory change.
    fn write(&mut self, batch: &[Submission]) -> Result<(u64, u64, Hash), AppendError> {
        let (live, mut edge) = {
            let state = read(&self.shared.state);
            if let Some(failure) = &state.failed {
                return Err(failure.clone());
            }
            let live = state.segments.iter().filter(|segment| matches!(segment, Segment::Live(_))).count();
            if live > UNSEALED_MAX {
                // The sealer cannot write: memory must not grow for as long as it cannot.
                return Err(AppendError::DiskFull);
            }
            match state.segments.last() {
                Some(Segment::Live(live)) => (live.clone(), state.edge.clone()),
                Some(Segment::Sealed(_)) | None => {
                    return Err(AppendError::Failed("the log has no open segment".into()));
                }
            }
        };
        let first = edge.size();
        let leaves: Vec<Hash> = batch.iter().map(|s| Hash::of_leaf(&s.entry)).collect();
        leaves.iter().for_each(|leaf| edge.append(*leaf));
        let root = edge.root();
        let mut bytes = Vec::new();
        let digest =
            frame::encode(&self.shared.frame_key, first, &self.writer.previous, &root, batch, &mut bytes);
        let end = self.writer.at + bytes.len() as u64;
        if end > self.writer.extended {
            // Running out of space shows here, before anything of the frame is written.
            let length = end.next_multiple_of(EXTEND_BYTES);
            live.file.extend(length).map_err(disk_error)?;
            self.writer.extended = length;
        }
        let failed = |error: io::Error| AppendError::Failed(error.to_string());
        live.file.write_at(self.writer.at, &bytes).map_err(failed)?;
        live.file.sync().map_err(failed)?;

        let mut at = self.writer.at + frame::HEADER_BYTES as u64;
        let mut rows = write(&live.rows);
        for (submission, leaf) in batch.iter().zip(&leaves) {
            let (entry, addendum) = (submission.entry.len() as u32, submission.addendum.len() as u32);
            rows.push(*leaf, Span { at: at + frame::ITEM_BYTES as u64, entry, addendum });
            at += frame::ITEM_BYTES as u64 + u64::from(entry) + u64::from(addendum);
        }
        drop(rows);
        let size = edge.size();
        write(&self.shared.state).edge = edge;
        self.writer.at = end;
        self.writer.previous = digest;
        Ok((first, size, root))
    }

    fn start_segment(&mut self, first: u64) {
        match self.shared.open_wal(first) {
            Ok(file) => {
                let live = Live { file, rows: RwLock::default() };
                write(&self.shared.state).segments.push(Segment::Live(Arc::new(live)));
                self.writer = Writer { at: 0, extended: 0, previous: [0; 32] };
                // A wake-up; one that is under way already will do.
                let _ = self.seal.try_send(());
            }
            Err(error) => write(&self.shared.state).failed = Some(AppendError::Failed(error.to_string())),
        }
    }
}

fn disk_error(error: io::Error) -> AppendError {
    if matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    ) {
        AppendError::DiskFull
    } else {
        AppendError::Failed(error.to_string())
    }
}

// === reading, sealing, publishing ===

#[derive(Clone, Copy)]
enum Part {
    Entry,
    Addendum,
}

impl Shared {
    fn item(&self, index: u64, part: Part) -> Result<Option<Vec<u8>>, StoreError> {
        let (segment, n) = (index / SEGMENT_ENTRIES, index % SEGMENT_ENTRIES);
        let live = {
            let state = read(&self.state);
            if index >= state.edge.size() {
                return Ok(None);
            }
            match state.segments.get(segment as usize) {
                Some(Segment::Live(live)) => Some(live.clone()),
                Some(Segment::Sealed(_)) => None,
                None => return Ok(None),
            }
        };
        let Some(live) = live else { return self.sealed_item(segment, n, part).map(Some) };
        let Some(span) = read(&live.rows).spans.get(n as usize).copied() else { return Ok(None) };
        let (at, length) = match part {
            Part::Entry => (span.at, span.entry),
            Part::Addendum => (span.at + u64::from(span.entry), span.addendum),
        };
        let mut bytes = vec![0; length as usize];
        live.file.read_at(at, &mut bytes).map_err(|source| io_error("read", &self.wal, source))?;
        Ok(Some(bytes))
    }

    fn sealed_item(&self, segment: u64, n: u64, part: Part) -> Result<Vec<u8>, StoreError> {
        let path = match part {
            Part::Entry => segment_path(segment),
            Part::Addendum => pile_path(segment),
        };
        let (span, base) = match part {
            Part::Entry => {
                let pair = self.directory.get_range(&path, Layout::offsets_of(n), 8)?;
                let span = segment::read_span(&pair).map(|(start, end)| (u64::from(start), u64::from(end)));
                (span, Layout::entries())
            }
            Part::Addendum => {
                let pair = self.directory.get_range(&path, Pile::offsets_of(n), 16)?;
                (Pile::read_span(&pair), Pile::blobs())
            }
        };
        let (start, end) = span
            .filter(|(start, end)| end - start <= BATCH_BYTES_MAX as u64)
            .ok_or_else(|| damaged(&path, "offsets run backwards or too far"))?;
        self.directory.get_range(&path, base + start, (end - start) as usize)
    }

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, String> {
        if level >= 16 {
            let (first, count) = (index << (level - 16), 1u64 << (level - 16));
            let roots: Result<Vec<Hash>, String> =
                (first..first + count).map(|s| self.segment_root(s)).collect();
            return roots.map(|roots| fold_complete(&roots));
        }
        let start = index << level;
        let (segment, n, width) = (start / SEGMENT_ENTRIES, start % SEGMENT_ENTRIES, 1usize << level);
        let live = match read(&self.state).segments.get(segment as usize) {
            Some(Segment::Live(live)) => Some(live.clone()),
            Some(Segment::Sealed(_)) => None,
            None => return Err("beyond the end of the log".into()),
        };
        if let Some(live) = live {
            let found = read(&live.rows).subtree(level, n >> level);
            return found.ok_or_else(|| "beyond the end of the log".into());
        }
        let (at, count) =
            if level < 8 { (Layout::leaf(n), width) } else { (Layout::level8(n / 256), width / 256) };
        let bytes =
            self.directory.get_range(&segment_path(segment), at, 32 * count).map_err(|e| e.to_string())?;
        Ok(fold_complete(&bytes.chunks(32).filter_map(Hash::from_slice).collect::<Vec<_>>()))
    }

    fn segment_root(&self, segment: u64) -> Result<Hash, String> {
        let live = match read(&self.state).segments.get(segment as usize) {
            Some(Segment::Sealed(root)) => return Ok(*root),
            Some(Segment::Live(live)) => live.clone(),
            None => return Err("beyond the end of the log".into()),
        };
        // A full segment is one subtree.
        let found = read(&live.rows).subtree(SEGMENT_ENTRIES.ilog2() as u8, 0);
        found.ok_or_else(|| "the segment is not full yet".into())
    }

    fn open_wal(&self, first: u64) -> io::Result<Box<dyn WalFile>> {
        self.disk.open(&wal_path(&self.wal, first))
    }

    /// Full segments that are still in the WAL.
    fn unsealed(&self) -> Vec<u64> {
        let state = read(&self.state);
        let full = |segment: &Segment| match segment {
            Segment::Live(live) => read(&live.rows).leaves().len() as u64 == SEGMENT_ENTRIES,
            Segment::Sealed(_) => false,
        };
        (0..).zip(&state.segments).filter(|(_, segment)| full(segment)).map(|(number, _)| number).collect()
    }

    /// Seals whatever is full, at every wake-up, and tries again what could not be done.
    fn seal_all(&self, wake: &Receiver<()>) {
        loop {
            for segment in self.unsealed() {
                match self.seal(segment) {
                    Ok(()) => {}
                    Err(error @ StoreError::Damaged { .. }) => {
                        tracing::error!(log = %self.origin, segment, %error, "the log stops");
                        write(&self.state).failed = Some(AppendError::Failed(error.to_string()));
                        return;
                    }
                    Err(error) => {
                        tracing::error!(log = %self.origin, segment, %error, "could not seal a segment")
                    }
                }
            }
            if let Err(RecvTimeoutError::Disconnected) = wake.recv_timeout(SEAL_RETRY) {
                self.unsealed().into_iter().for_each(|segment| {
                    if let Err(error) = self.seal(segment) {
                        tracing::error!(log = %self.origin, segment, %error, "left in the WAL until the next start");
                    }
                });
                return;
            }
        }
    }

    /// Moves a full segment from the WAL to objects. A crash between two steps repeats them at
    /// the next start: objects are put again with equal bytes, the WAL file goes last.
    fn seal(&self, number: u64) -> Result<(), StoreError> {
        let live = match read(&self.state).segments.get(number as usize) {
            Some(Segment::Live(live)) => live.clone(),
            Some(Segment::Sealed(_)) | None => return Ok(()),
        };
        let first = number * SEGMENT_ENTRIES;
        let (leaves, spans) = {
            let rows = read(&live.rows);
            (rows.leaves().to_vec(), rows.spans.clone())
        };
        // What begins in the same part of the file is read together.
        let together = |one: &Span, next: &Span| one.at / SEAL_READ_BYTES == next.at / SEAL_READ_BYTES;
        let run = |run: &[Span]| {
            let start = run.first().map_or(0, |span| span.at);
            let mut bytes = vec![0; run.last().map_or(0, |span| span.end().saturating_sub(start)) as usize];
            live.file.read_at(start, &mut bytes).map_err(|source| io_error("read", &self.wal, source))?;
            Ok((start, bytes))
        };
        let runs: Result<Vec<(u64, Vec<u8>)>, StoreError> = spans.chunk_by(together).map(run).collect();
        let runs = runs?;
        let mut entries = Vec::with_capacity(SEGMENT_ENTRIES as usize);
        let mut addenda = Vec::with_capacity(SEGMENT_ENTRIES as usize);
        let mut expected = (first..).zip(&leaves);
        for (run, (start, bytes)) in spans.chunk_by(together).zip(&runs) {
            for span in run {
                let missing = || damaged(&segment_path(number), "an entry is missing");
                let within = |at: u64| Some(at.checked_sub(*start)? as usize);
                let within = within(span.at).zip(within(span.end()));
                let item = within.and_then(|(at, end)| bytes.get(at..end));
                let item = item.and_then(|item| item.split_at_checked(span.entry as usize));
                let (entry, addendum) = item.ok_or_else(missing)?;
                let (index, leaf) = expected.next().ok_or_else(missing)?;
                if Hash::of_leaf(entry) != *leaf {
                    let reason = format!("entry {index} is not what was acknowledged");
                    return Err(damaged(&segment_path(number), &reason));
                }
                entries.push(entry);
                addenda.push(addendum);
            }
        }
        if expected.next().is_some() {
            return Err(damaged(&segment_path(number), "an entry is missing"));
        }
        self.directory.put(&pile_path(number), &Pile::encode(&addenda))?;
        self.directory.put(&segment_path(number), &segment::encode(first, &entries, &leaves))?;
        if let Some(slot) = write(&self.state).segments.get_mut(number as usize) {
            *slot = Segment::Sealed(fold_complete(&leaves));
        }
        let path = wal_path(&self.wal, first);
        std::fs::remove_file(&path).map_err(|source| io_error("remove", &path, source))
    }

    /// Never signs a smaller size, or two roots for one size: what we published last is what must
    /// still stand in the register, and the tree only grows.
    fn publish(&self) -> Result<(Checkpoint, String), StoreError> {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let checkpoint = {
            let state = read(&self.state);
            if let Some(failure) = &state.failed {
                return Err(damaged(&self.origin, &failure.to_string()));
            }
            Checkpoint::of(&self.origin, &state.edge)
        };
        if checkpoint == published.0 {
            return Ok(published.clone());
        }
        let note = signed(&checkpoint, &self.signer)?;
        if self.directory.swap("checkpoint", Some(published.1.as_bytes()), note.as_bytes())? {
            *published = (checkpoint, note);
            return Ok(published.clone());
        }
        let error = damaged("heads/checkpoint", "somebody else changed it: two writers, or a restored copy");
        write(&self.state).failed = Some(AppendError::Failed(error.to_string()));
        Err(error)
    }

    /// Waits for sequencer, sealer, publisher, in this order: the last checkpoint covers everything.
    fn join(&self, threads: Vec<JoinHandle<()>>) {
        for thread in threads {
            if thread.thread().name() == Some("log-publisher") {
                self.closing.store(true, Ordering::Release);
                thread.thread().unpark();
            }
            if thread.join().is_err() {
                tracing::error!(log = %self.origin, "a thread of the log had stopped by a panic");
            }
        }
    }

    fn publish_regularly(&self) {
        loop {
            std::thread::park_timeout(CHECKPOINT_INTERVAL);
            let closing = self.closing.load(Ordering::Acquire);
            if let Err(error) = self.publish() {
                tracing::error!(log = %self.origin, %error, "no checkpoint published");
            }
            if closing {
                return;
            }
        }
    }
}

fn signed(checkpoint: &Checkpoint, signer: &NoteSigner) -> Result<String, StoreError> {
    let note = checkpoint.sign(signer).map_err(|error| damaged("checkpoint", &error.to_string()))?;
    Ok(note.to_string())
}

fn read_checkpoint(
    directory: &Directory,
    key: &VerifierKey,
) -> Result<Option<(Checkpoint, String)>, StoreError> {
    let Some(bytes) = directory.get_head("checkpoint")? else { return Ok(None) };
    let note = String::from_utf8(bytes).map_err(|_| damaged("heads/checkpoint", "not text"))?;
    let checkpoint = Checkpoint::open(&note, key).map_err(|e| damaged("heads/checkpoint", &e.to_string()))?;
    Ok(Some((checkpoint, note)))
}

pub(crate) fn segment_path(number: u64) -> String {
    format!("segments/{number:010}")
}

pub(crate) fn pile_path(number: u64) -> String {
    format!("addenda/{number:010}")
}

pub(crate) fn wal_path(wal: &Path, first: u64) -> PathBuf {
    wal.join(format!("{first:020}.wal"))
}

pub(crate) fn damaged(path: &str, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

pub(crate) fn directory_object(directory: &Directory, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
    ledger::Objects::get(directory, path)
}

impl Directory {
    fn has(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.object_path(name)?.is_file())
    }

    fn get_head(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        ledger::Heads::get(self, name)
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
