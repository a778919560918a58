//! Who is at the other end of a unix socket: a process that is held by a file descriptor of its own, so that
//! its number cannot come to mean another process.

use nix::sys::socket::{getsockopt, sockopt::PeerPidfd};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

/// A process that connected.
#[derive(Clone, Debug)]
pub struct Caller {
    pid: i32,
    process: Arc<AsyncFd<OwnedFd>>,
}

/// The caller cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The socket says nothing of it.
    #[error("the socket does not say which process connected")]
    Nobody,
    /// No process has the number, or it cannot be held.
    #[error("no process {0} can be looked at: {1}")]
    Gone(i32, std::io::Error),
    /// The kernel has no way to hold it (Linux before 6.5).
    #[error("the process that connected cannot be held: {0} (Linux 6.5 or newer is needed)")]
    Unheld(std::io::Error),
}

impl Caller {
    /// The process at the other end of a connection: the one that connected, whoever holds the socket now.
    pub fn of(stream: &UnixStream) -> Result<Self, CallerError> {
        let pid = rustix::net::sockopt::socket_peercred(stream)
            .map_err(|_| CallerError::Nobody)?
            .pid
            .as_raw_nonzero()
            .get();
        // The kernel took the reference when the process connected: a number that was given anew is not it.
        let held = getsockopt(stream, PeerPidfd).map_err(|error| CallerError::Unheld(error.into()))?;
        Self::held(pid, held)
    }

    /// A process by its number: whichever has it now.
    pub fn of_pid(pid: i32) -> Result<Self, CallerError> {
        let process = rustix::process::Pid::from_raw(pid).ok_or(CallerError::Nobody)?;
        let held = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty());
        Self::held(pid, held.map_err(|error| CallerError::Gone(pid, error.into()))?)
    }

    fn held(pid: i32, held: OwnedFd) -> Result<Self, CallerError> {
        #[expect(
            deprecated,
            reason = "sound here: an OwnedFd stays open, and the same, for as long as it is registered"
        )]
        let process = AsyncFd::with_interest(held, Interest::READABLE).map_err(CallerError::Unheld)?;
        Ok(Self { pid, process: Arc::new(process) })
    }

    /// Its number, while [`Caller::is_alive`].
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether it has not ended. What was read under its number before this said yes was read of it.
    pub fn is_alive(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut polled = [PollFd::new(self.process.get_ref(), PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut polled, Some(&now)), Ok(0))
    }

    /// Returns when it has ended.
    pub async fn ended(&self) {
        // A pidfd becomes readable when its process ends, and stays so.
        let _ = self.process.readable().await;
    }
}
