//! The embedded store: restarts, torn writes, damage, full disks, rivals.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod damage;
mod faults;
mod log;
mod secrets;

use ledger::{Append as _, AppendError, NoteSigner, Sequenced, Submission};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use store::{EmbeddedLog, LogConfig};

const ORIGIN: &str = "example.com/log";

fn signer() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[9; 32]).unwrap()
}

fn open(directory: &Path) -> EmbeddedLog {
    EmbeddedLog::open(LogConfig::new(directory.to_owned(), signer())).unwrap()
}

fn entry(n: u64) -> Vec<u8> {
    format!("entry number {n} {}", "x".repeat((n % 50) as usize)).into_bytes()
}

fn submission(n: u64) -> Submission {
    Submission { entry: entry(n), addendum: n.to_be_bytes().to_vec() }
}

/// Waits for a future without a runtime.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Appends entries `from..to`, a few hundred at a time, and waits for all.
fn append(log: &EmbeddedLog, from: u64, to: u64) -> Vec<Result<Sequenced, AppendError>> {
    let mut landed = Vec::new();
    let numbers: Vec<u64> = (from..to).collect();
    for chunk in numbers.chunks(700) {
        let pending: Vec<_> = chunk.iter().map(|n| log.append(submission(*n))).collect();
        landed.extend(pending.into_iter().map(wait));
    }
    landed
}
