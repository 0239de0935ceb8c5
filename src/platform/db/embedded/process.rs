//! The server's process: found by its lock file, watched, asked to stop.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const POLL: Duration = Duration::from_millis(10);
/// A fast stop writes a checkpoint, which takes a while on slow disks.
const FAST_STOP_MAX: Duration = Duration::from_mins(1);
const IMMEDIATE_STOP_MAX: Duration = Duration::from_secs(10);

/// What `postmaster.pid` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) port: u16,
    pub(super) socket_folder: PathBuf,
    pub(super) status: String,
}

impl PidFile {
    /// The file of the cluster in `folder`; absent when there is none or it is not complete yet.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(folder.join("postmaster.pid")).ok()?)
    }

    /// Lines: process, folder, start time, port, folder of the socket, address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok().filter(|pid| *pid > 0)?,
            port: lines.get(3)?.parse().ok()?,
            socket_folder: PathBuf::from(lines.get(4)?),
            status: lines.get(7).copied().unwrap_or("starting").to_owned(),
        })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

/// A running server, started here or found.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// Present when this process started it; then it must also be reaped here.
    pub(super) child: Option<Child>,
}

impl Process {
    /// The server that runs on the cluster in `folder`, whoever started it.
    pub(super) fn find(folder: &Path) -> Option<Self> {
        let file = PidFile::read(folder)?;
        is_server_of(file.pid, folder).then_some(Self { pid: file.pid, child: None })
    }

    pub(super) fn is_alive(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => is_alive(self.pid),
        }
    }

    /// Stops the server: open transactions roll back, everything is on disk afterwards.
    pub(super) fn stop(&mut self) {
        for (signal, wait) in
            [(Signal::SIGINT, FAST_STOP_MAX), (Signal::SIGQUIT, IMMEDIATE_STOP_MAX)]
        {
            self.signal(signal);
            if wait_until(wait, || !self.is_alive()) {
                return;
            }
            tracing::warn!(pid = self.pid, %signal, "The private database does not stop");
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Err(error) = kill(Pid::from_raw(self.pid), signal) {
            tracing::debug!(pid = self.pid, %error, "The private database is gone already");
        }
    }
}

/// Waits for a state; tells whether it came.
pub(super) fn wait_until(limit: Duration, mut is_reached: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if is_reached() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        thread::sleep(POLL);
    }
}

/// Ends processes of a server that died: they hold its memory, and nothing they do counts any more.
pub(super) fn end_orphans(folder: &Path) {
    let orphans = || -> Vec<i32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| works_in(*pid, folder) == Some(true)).collect()
    };
    for pid in orphans() {
        Process { pid, child: None }.signal(Signal::SIGQUIT);
    }
    if !wait_until(IMMEDIATE_STOP_MAX, || orphans().is_empty()) {
        tracing::warn!("Processes of a database that died do not end");
    }
}

/// Whether the process of a lock file is still the server it was written by.
///
/// Numbers of processes come back, in containers soon. Where the system does not tell in which
/// folder a process works, being alive must do.
pub(super) fn is_server_of(pid: i32, folder: &Path) -> bool {
    is_alive(pid) && works_in(pid, folder).unwrap_or(true)
}

/// Whether a process is PostgreSQL's and has `folder` as its working folder, where it puts itself.
fn works_in(pid: i32, folder: &Path) -> Option<bool> {
    let works_in = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let is_postgres = ["postgres", "postmaster"].contains(&name.trim());
    Some(is_postgres && works_in == folder.canonicalize().ok()?)
}

fn is_alive(pid: i32) -> bool {
    // EPERM means alive and somebody else's.
    let exists = kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH);
    exists && !is_zombie(pid)
}

/// Whether a process ended and waits for its parent to notice.
fn is_zombie(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the state is in parentheses and may itself contain some.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_are_read() {
        let ready = "4711\n/data/postgres\n1795000000\n5432\n/data/run\n\n  123  4\nready   \n";
        let file = PidFile::parse(ready).unwrap();
        assert_eq!((file.pid, file.port, file.is_ready()), (4711, 5432, true));
        assert_eq!(file.socket_folder, Path::new("/data/run"));
        assert!(!PidFile::parse(&ready.replace("ready", "starting")).unwrap().is_ready());
        for incomplete in ["", "4711\n/data\n", "-1\n/data\n1\n5432\n/data/run\n"] {
            assert_eq!(PidFile::parse(incomplete), None, "{incomplete:?}");
        }
    }

    #[test]
    fn a_process_number_that_came_back_is_not_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(is_alive(own));
        if works_in(own, folder.path()).is_none() {
            eprintln!("skipped: a_process_number_that_came_back_is_not_the_server: no /proc");
            return;
        }
        assert!(!is_server_of(own, folder.path()));
    }
}
