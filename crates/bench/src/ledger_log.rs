//! The embedded log against what the disk does: the same bytes in batches of the same size, written
//! and flushed by hand into a file that was made ready the same way.

use ledger::frame::{Found, read};
use ledger::{Append as _, NoteSigner, Submission};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{EmbeddedLog, LogConfig};

const ENTRY_BYTES: usize = 512;
const PER_RUN: usize = 40_000;
const ROUNDS: usize = 3;

pub(crate) fn run() -> anyhow::Result<()> {
    println!(
        "\nledger append, {ENTRY_BYTES} B entries, durable before acknowledged, {ROUNDS} interleaved rounds"
    );
    println!(
        "  {:>9}  {:>12}  {:>12}  {:>6}  {:>14}",
        "in flight", "ours /s", "raw /s", "ratio", "batch (mean)"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
    for in_flight in [1usize, 64, 1024] {
        let count = if in_flight == 1 { PER_RUN / 40 } else { PER_RUN };
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let folder = tempfile::TempDir::new_in(".")?;
            let (ours, batch) = ours(&runtime, folder.path(), count, in_flight)?;
            let raw = raw(folder.path(), count, batch)?;
            rounds.push((ours, raw, batch));
        }
        rounds.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
        let (ours, raw, batch) = rounds[ROUNDS / 2];
        println!("  {in_flight:>9}  {ours:>12.0}  {raw:>12.0}  {:>6.2}  {batch:>14}", ours / raw);
    }
    Ok(())
}

/// Entries per second of the embedded log, and its mean batch.
fn ours(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    count: usize,
    in_flight: usize,
) -> anyhow::Result<(f64, usize)> {
    let signer = NoteSigner::from_seed("bench.example/log", &[7; 32])?;
    let log = std::sync::Arc::new(EmbeddedLog::open(LogConfig::new(folder.to_owned(), signer))?);
    let submission = || Submission { entry: vec![42; ENTRY_BYTES], addendum: Vec::new() };
    runtime.block_on(log.append(submission()))?;
    let started = Instant::now();
    runtime.block_on(async {
        let mut waiters = tokio::task::JoinSet::new();
        for _ in 0..in_flight {
            let log = log.clone();
            let each = count / in_flight;
            waiters.spawn(async move {
                for _ in 0..each {
                    log.append(submission()).await?;
                }
                Ok::<_, ledger::AppendError>(())
            });
        }
        while let Some(done) = waiters.join_next().await {
            done??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    let took = started.elapsed();
    drop(log);
    let bytes = std::fs::read(folder.join("wal/00000000000000000000.wal"))?;
    let (mut at, mut frames) = (0, 0usize);
    while let Found::Frame(frame) = read(&bytes[at..]) {
        at += frame.length;
        frames += 1;
    }
    Ok((rate(count, took), (count / frames.max(1)).max(1)))
}

/// Entries per second of write + fdatasync at the same batch.
fn raw(folder: &Path, count: usize, batch: usize) -> io::Result<f64> {
    let file = File::create_new(folder.join("raw"))?;
    let bytes = vec![42u8; ENTRY_BYTES * batch];
    let batches = (count / batch).max(1);
    for n in 0..batches {
        file.write_all_at(&vec![0; bytes.len()], (n * bytes.len()) as u64)?;
    }
    file.sync_all()?;
    let started = Instant::now();
    for n in 0..batches {
        file.write_all_at(&bytes, (n * bytes.len()) as u64)?;
        file.sync_data()?;
    }
    Ok(rate(batches * batch, started.elapsed()))
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
