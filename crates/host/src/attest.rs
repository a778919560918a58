//! What a process is, from what the kernel says of it under `/proc`. Read anew at every call: a process may
//! have changed its user or executed another file since it connected.

use crate::caller::Caller;
use credential::ProcessEvidence;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat2, statx};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The largest executable that is hashed.
const EXECUTABLE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// The largest file of `/proc` that is read.
const PROC_BYTES_MAX: u64 = 256 * 1024;

/// Why nothing can be said of a process.
#[derive(Debug, thiserror::Error)]
pub enum AttestError {
    /// It is gone.
    #[error("the process has ended")]
    Ended,
    /// The kernel's words cannot be read.
    #[error("`{path}` cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
}

/// Finds out what a process is; the digest of its executable only if that is wanted. May wait for a file system, as long
/// as whoever serves that likes.
pub fn attest(caller: &Caller, wanted_hash: bool) -> Result<ProcessEvidence, AttestError> {
    let link = executable(caller.pid());
    let sha256 = if wanted_hash { digest(&link) } else { None };
    of_caller(caller, read(caller.pid(), path(&link), sha256))
}

/// The same without the digest, and without waiting for anybody: nothing when it cannot be told at once.
pub(crate) fn attest_at_once(caller: &Caller) -> Option<Result<ProcessEvidence, AttestError>> {
    let path = path_at_once(&executable(caller.pid()))?;
    Some(of_caller(caller, read(caller.pid(), Some(path), None)))
}

fn of_caller(
    caller: &Caller,
    evidence: Result<ProcessEvidence, AttestError>,
) -> Result<ProcessEvidence, AttestError> {
    // Only now is it certain that all of it was read of the process that connected.
    if caller.is_alive() { evidence } else { Err(AttestError::Ended) }
}

fn executable(pid: i32) -> PathBuf {
    format!("/proc/{pid}/exe").into()
}

fn read(pid: i32, path: Option<String>, sha256: Option<[u8; 32]>) -> Result<ProcessEvidence, AttestError> {
    let status = text(&format!("/proc/{pid}/status"))?;
    let id = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        // Real, effective, saved, file system.
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let missing = || AttestError::Unreadable {
        path: format!("/proc/{pid}/status"),
        error: std::io::Error::new(ErrorKind::InvalidData, "it names no user"),
    };
    let (uid, gid) = id("Uid:").zip(id("Gid:")).ok_or_else(missing)?;
    let cgroup = cgroup(&text(&format!("/proc/{pid}/cgroup")).unwrap_or_default());
    Ok(ProcessEvidence { unit: cgroup.as_deref().and_then(unit), cgroup, gid, path, sha256, uid })
}

fn text(path: &str) -> Result<String, AttestError> {
    let unreadable = |error: std::io::Error| {
        if error.kind() == ErrorKind::NotFound {
            AttestError::Ended
        } else {
            AttestError::Unreadable { path: path.to_owned(), error }
        }
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(PROC_BYTES_MAX).read_to_string(&mut text))
        .map_err(unreadable)?;
    Ok(text)
}

/// Where the file that is executed stands, if that very file stands there for us too: a process with mounts of its
/// own can give its executable any path it likes, and that of a deleted or replaced file means nothing any more.
fn path(link: &Path) -> Option<String> {
    let path = std::fs::read_link(link).ok()?;
    if is_same_file(link, &path) { path.to_str().map(str::to_owned) } else { None }
}

/// The same from what the kernel has at hand: a file system that a user serves is not asked.
fn path_at_once(link: &Path) -> Option<String> {
    let named = std::fs::read_link(link).ok()?;
    let at_hand = AtFlags::STATX_DONT_SYNC;
    let one = statx(CWD, link, at_hand, StatxFlags::INO).ok()?;
    let there =
        openat2(CWD, &named, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED).ok()?;
    let other = statx(&there, "", at_hand | AtFlags::EMPTY_PATH, StatxFlags::INO).ok()?;
    let file = |stat: &Statx| (stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino);
    if file(&one) == file(&other) { named.to_str().map(str::to_owned) } else { None }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let [one, other] = [one, other].map(|path| std::fs::metadata(path).map(|file| (file.dev(), file.ino())));
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}

/// The digest of the file that is executed: the link leads to the very file, whatever its name means now.
fn digest(link: &Path) -> Option<[u8; 32]> {
    let mut file = File::open(link).ok()?;
    if file.metadata().ok()?.len() > EXECUTABLE_BYTES_MAX {
        return None;
    }
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).ok()?;
    Some(hash.finalize().into())
}

/// The path in the unified hierarchy (version 2).
fn cgroup(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// The unit of the system's manager a control group is of: the first part below the slices. What a service or a
/// user's own manager calls the groups further down is their own business.
fn unit(cgroup: &str) -> Option<String> {
    let mut parts = cgroup.split('/').filter(|part| !part.is_empty());
    let first = parts.find(|part| !part.ends_with(".slice"))?;
    (first.ends_with(".service") || first.ends_with(".scope")).then(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_very_process() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let exe = std::env::current_exe().unwrap();
        let caller = Caller::of_pid(pid).unwrap();
        let evidence = attest(&caller, true).unwrap();
        assert_eq!(evidence.path.as_deref(), exe.to_str());
        assert_eq!(evidence.uid, rustix::process::geteuid().as_raw());
        assert_eq!(evidence.sha256, Some(Sha256::digest(std::fs::read(exe).unwrap()).into()));
        let without = attest(&caller, false).unwrap();
        assert_eq!(without.sha256, None);
        assert_eq!(attest_at_once(&caller).unwrap().unwrap(), without, "what is at hand says the same");
        assert!(matches!(read(i32::MAX, None, None), Err(AttestError::Ended)));
    }

    #[test]
    fn a_path_is_that_of_the_very_file() {
        let folder = tempfile::tempdir().unwrap();
        let [named, other, hard] = ["named", "other", "hard"].map(|name| folder.path().join(name));
        std::fs::write(&named, "app").unwrap();
        std::fs::write(&other, "app").unwrap();
        std::fs::hard_link(&named, &hard).unwrap();
        assert!(is_same_file(&named, &hard) && !is_same_file(&named, &other));
        assert!(!is_same_file(&named, &folder.path().join("gone")));
    }

    /// Another file where the executable stood is not what runs.
    #[test]
    fn a_binary_that_is_swapped_after_exec_has_no_path() {
        let folder = tempfile::tempdir().unwrap();
        let [app, next] = ["app", "next"].map(|name| folder.path().join(name));
        // Copied by a process of its own: a file this process writes may stay open in a child that another test
        // just forked, and what is open for writing does not run (ETXTBSY).
        for (from, to) in [("/bin/sleep", &app), ("/bin/cat", &next)] {
            assert!(std::process::Command::new("cp").arg(from).arg(to).status().unwrap().success());
        }
        let mut child = std::process::Command::new(&app).arg("60").spawn().unwrap();
        let link = executable(i32::try_from(child.id()).unwrap());
        while std::fs::read_link(&link).ok().as_ref() != Some(&app) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let named = app.to_str().map(str::to_owned);
        let before = [path(&link), path_at_once(&link)];
        let running = digest(&link);
        std::fs::rename(&next, &app).unwrap();
        let (after, still) = ([path(&link), path_at_once(&link)], digest(&link));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(before[0], named);
        assert!(before[1].is_none() || before[1] == named, "told at once, or later");
        assert_eq!(after, [None, None]);
        assert_eq!((still, running.is_some()), (running, true), "the digest is of what runs");
    }

    /// Whoever has the number of a process that ended, or its socket, is not that process.
    #[tokio::test]
    async fn a_caller_that_ended_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        // The process that connects ends, and leaves the connection to a child of its own.
        let script = "import os, socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nif os.fork() == 0:\n    time.sleep(60)";
        let mut parent =
            std::process::Command::new("python3").args(["-c", script]).arg(&socket).spawn().unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let caller = Caller::of(&stream).unwrap();
        assert_eq!(u32::try_from(caller.pid()).unwrap(), parent.id());
        parent.wait().unwrap();
        caller.ended().await;
        assert!(!caller.is_alive());
        assert!(matches!(attest(&caller, true), Err(AttestError::Ended)));
        assert!(!matches!(attest_at_once(&caller), Some(Ok(_))));
        // One that connected before and is looked at only now: the kernel took hold of it when it connected.
        assert!(!Caller::of(&stream).is_ok_and(|late| late.is_alive()));
    }

    /// A process that mounts its own file over another's path is not executed from there.
    #[test]
    fn a_mount_of_its_own_gives_a_process_no_path() {
        let folder = tempfile::tempdir().unwrap();
        let [named, other] = ["named", "other"].map(|name| folder.path().join(name));
        std::fs::write(&named, "app").unwrap();
        std::fs::copy("/bin/sleep", &other).unwrap();
        let script = "mount --bind \"$1\" \"$2\" && exec \"$2\" 60";
        let mut child = std::process::Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
            .args([&other, &named])
            .spawn()
            .unwrap();
        let exe = format!("/proc/{}/exe", child.id());
        let fakes = || std::fs::read_link(&exe).is_ok_and(|path| path == named);
        while !fakes() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let (faked, told) = (fakes(), [path(Path::new(&exe)), path_at_once(Path::new(&exe))]);
        child.kill().unwrap();
        child.wait().unwrap();
        // Where the kernel lets nobody have mounts of his own, nobody can.
        match faked {
            true => assert_eq!(told, [None, None]),
            false => eprintln!("not tested: the kernel gives nobody mounts of his own here"),
        }
    }

    #[test]
    fn units_are_found_in_control_groups() {
        assert_eq!(
            cgroup("1:name=systemd:/x\n0::/system.slice/app.service\n").as_deref(),
            Some("/system.slice/app.service")
        );
        assert_eq!(unit("/system.slice/app.service/worker").as_deref(), Some("app.service"));
        assert_eq!(unit("/user.slice/user-1000.slice/session-2.scope").as_deref(), Some("session-2.scope"));
        assert_eq!(unit("/system.slice"), None);
        assert_eq!(unit("/app/app.service"), None);
        let of_a_user = "/user.slice/user-1000.slice/user@1000.service/app.slice/app.service";
        assert_eq!(unit(of_a_user).as_deref(), Some("user@1000.service"), "anybody names units of his own");
        assert_eq!(unit("/system.slice/app.service/other.service").as_deref(), Some("app.service"));
    }
}
