//! The cluster on disk: where its files are, how it is made, how its server is started.

use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::Uid;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::binaries::Binaries;
use super::error::{EmbeddedError, io_error};
use super::process::{PidFile, Process, end_orphans, wait_until};
use super::user::RunAs;

/// Longest path of a socket, in bytes, and what PostgreSQL appends to its folder.
const SOCKET_PATH_MAX: usize = 107;
const SOCKET_NAME: &str = "/.s.PGSQL.5432";
/// Role and database that Luna uses in its private cluster.
const NAME: &str = "luna";
/// A log above this size is put aside at the start.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Recovery after a crash replays at most `max_wal_size`, which takes seconds even on slow disks.
const START_MAX: Duration = Duration::from_mins(5);

/// What the server must be good at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Keep what was committed, in little memory.
    Durable,
    /// Be fast for tests; a crash of the machine may lose everything.
    #[cfg(test)]
    Throwaway,
}

/// Settings of every private server. Little memory: Luna shares its box with others, and the
/// system's file cache serves what these buffers do not hold.
const SETTINGS: [&str; 18] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "port=5432",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] ",
    "log_checkpoints=off",
    "shared_buffers=64MB",
    "work_mem=8MB",
    "maintenance_work_mem=64MB",
    "max_wal_size=256MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_logical_replication_workers=0",
    "max_parallel_workers_per_gather=0",
    "autovacuum_max_workers=2",
    "jit=off",
    "timescaledb.telemetry_level=off",
];
const DURABLE: [&str; 1] = ["max_connections=40"];
#[cfg(test)]
const THROWAWAY: [&str; 6] = [
    "max_connections=200",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    // A template with a connected background worker cannot be copied.
    "timescaledb.max_background_workers=0",
];

/// A private cluster under a data folder.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    data_dir: PathBuf,
    profile: Profile,
    postgres_bin: Option<PathBuf>,
    /// Settings that outrank those of the profile.
    settings: Vec<String>,
}

impl Cluster {
    /// The cluster of `data_dir`, which is made when it is not there.
    pub(crate) fn new(
        data_dir: &Path,
        profile: Profile,
        postgres_bin: Option<&Path>,
    ) -> Result<Self, EmbeddedError> {
        fs::create_dir_all(data_dir).map_err(io_error("make the folder", data_dir))?;
        let data_dir = data_dir.canonicalize().map_err(io_error("find", data_dir))?;
        let postgres_bin = postgres_bin.map(Path::to_owned);
        Ok(Self { data_dir, profile, postgres_bin, settings: Vec::new() })
    }

    /// The same cluster, its server with other settings.
    #[cfg(test)]
    pub(crate) fn with_settings(self, settings: Vec<String>) -> Self {
        Self { settings, ..self }
    }

    /// Makes sure that a server runs and leaves it running when this process ends.
    #[cfg(test)]
    pub(crate) fn start_and_leave(&self) -> Result<(), EmbeddedError> {
        self.ensure_running().map(drop)
    }

    /// Stops the server that runs, whoever started it.
    #[cfg(test)]
    pub(crate) fn stop(&self) {
        if let Some(mut process) = Process::find(&self.folder()) {
            process.stop();
        }
    }

    /// Folder of the database's files.
    pub(super) fn folder(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.data_dir.join("logs/postgres.log")
    }

    /// Waits for everybody else who is about to start or stop the server; free when dropped.
    pub(crate) fn lock(&self) -> Result<File, EmbeddedError> {
        let path = self.data_dir.join("postgres.lock");
        let file = open_to_append(&path)?;
        file.lock().map_err(io_error("lock", &path))?;
        Ok(file)
    }

    /// Makes sure that a server runs and is ready; call it with the lock held.
    ///
    /// Joins one that is there, also when whoever started it has died; otherwise makes the
    /// cluster if need be and starts its server, which recovers by itself after a crash.
    pub(super) fn ensure_running(&self) -> Result<Process, EmbeddedError> {
        if let Some(found) = self.join()? {
            return Ok(found);
        }
        let (folder, log) = (self.folder(), self.log());
        let logs = self.data_dir.join("logs");
        fs::create_dir_all(&logs).map_err(io_error("make the folder", &logs))?;
        let made_by = fs::read_to_string(folder.join("PG_VERSION")).ok();
        let made_by = made_by.as_deref().map(str::trim);
        let binaries = Binaries::find(self.postgres_bin.as_deref(), &folder, made_by)?;
        let run_as = RunAs::find(&folder)?;
        run_as.check_reach(&folder)?;
        put_aside(&log);
        if made_by.is_none() {
            self.initialise(&binaries, &run_as)?;
        }
        let socket_folder = self.socket_folder(run_as.uid());
        run_as.private_folder(&socket_folder)?;
        run_as.check_reach(&socket_folder)?;
        end_orphans(&folder);
        remove_stale_locks(&folder, &socket_folder);
        self.start(&binaries, &run_as, &socket_folder)
    }

    /// Connection string of the running server for one of its databases.
    pub(crate) fn url(&self, database: &str) -> Option<SecretString> {
        let file = PidFile::read(&self.folder())?;
        let host = percent_encoded(file.socket_folder.as_os_str().as_bytes());
        let port = file.port;
        Some(format!("postgresql:///{database}?host={host}&port={port}&user={NAME}").into())
    }

    /// The server that runs already, once it is ready; one that is stopping is waited for.
    fn join(&self) -> Result<Option<Process>, EmbeddedError> {
        let folder = self.folder();
        let Some(mut process) = Process::find(&folder) else { return Ok(None) };
        let ready = || PidFile::read(&folder).is_some_and(|file| file.is_ready());
        let settled = wait_until(START_MAX, || ready() || !process.is_alive());
        match (settled, process.is_alive()) {
            (true, true) => Ok(Some(process)),
            (true, false) => Ok(None),
            (false, _) => Err(self.failed("joining the running private database")),
        }
    }

    /// Makes the cluster beside its place and moves it there, so that half a cluster never counts.
    fn initialise(&self, binaries: &Binaries, run_as: &RunAs) -> Result<(), EmbeddedError> {
        let (folder, unfinished) = (self.folder(), self.data_dir.join("postgres.new"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(io_error("remove", &unfinished))?;
        }
        let started = Instant::now();
        let mut result = Err(self.failed("initdb"));
        // Sorting by code points in UTF-8; systems without that locale have plain C.
        for locale in ["C.UTF-8", "C"] {
            run_as.private_folder(&unfinished)?;
            let mut initdb = run_as.command(&binaries.program("initdb"));
            initdb.arg("-D").arg(&unfinished).args(["-U", NAME, "-E", "UTF8", "-k"]);
            // Who may enter the socket's folder is the database's user or root: no password needed.
            initdb.args(["--auth-local=trust", "--auth-host=reject"]);
            initdb.arg(format!("--locale={locale}"));
            // Its own way to the disk is file by file, which takes seconds; see `flush` below.
            initdb.arg("--no-sync");
            result = self.run(initdb, "initdb");
            if result.is_ok() {
                break;
            }
            fs::remove_dir_all(&unfinished).map_err(io_error("remove", &unfinished))?;
        }
        result?;
        if self.profile == Profile::Durable {
            flush(&unfinished)?;
        }
        fs::rename(&unfinished, &folder).map_err(io_error("put in place", &unfinished))?;
        let duration_ms = started.elapsed().as_millis();
        tracing::info!(folder = %folder.display(), duration_ms, "Made a private database");
        Ok(())
    }

    fn run(&self, mut command: Command, what: &str) -> Result<(), EmbeddedError> {
        let log = self.log();
        let output = open_to_append(&log)?;
        let errors = output.try_clone().map_err(io_error("write", &log))?;
        command.current_dir("/").stdin(Stdio::null()).stdout(output).stderr(errors);
        let status = command.status().map_err(io_error("run", Path::new(command.get_program())))?;
        if status.success() { Ok(()) } else { Err(self.failed(what)) }
    }

    fn start(
        &self,
        binaries: &Binaries,
        run_as: &RunAs,
        socket_folder: &Path,
    ) -> Result<Process, EmbeddedError> {
        let (folder, log) = (self.folder(), self.log());
        let output = open_to_append(&log)?;
        let errors = output.try_clone().map_err(io_error("write", &log))?;
        let mut command = run_as.command(&binaries.program("postgres"));
        command.arg("-D").arg(&folder).arg("-k").arg(socket_folder);
        let of_profile: &[&str] = match self.profile {
            Profile::Durable => &DURABLE,
            #[cfg(test)]
            Profile::Throwaway => &THROWAWAY,
        };
        for setting in SETTINGS.iter().chain(of_profile) {
            command.arg("-c").arg(setting);
        }
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        if binaries.has_timescale() {
            command.args(["-c", "shared_preload_libraries=timescaledb"]);
        }
        // Ctrl-C on the terminal is for Luna, which then stops its database after its last write.
        command.process_group(0).current_dir("/");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let program = binaries.program("postgres");
        let child = command.spawn().map_err(io_error("run", &program))?;
        let pid = child.id().cast_signed();
        let mut process = Process { pid, child: Some(child) };
        let ready =
            || PidFile::read(&folder).is_some_and(|file| file.pid == pid && file.is_ready());
        wait_until(START_MAX, || ready() || !process.is_alive());
        if process.is_alive() && ready() {
            return Ok(process);
        }
        process.stop();
        Err(self.failed("starting the private database"))
    }

    /// Where the socket is: in the data folder, or in a short one when that makes its path too long.
    fn socket_folder(&self, uid: Uid) -> PathBuf {
        let near = self.data_dir.join("run");
        let bytes = near.as_os_str().as_bytes();
        // A comma separates folders in the server's setting and hosts in a connection string.
        if bytes.len() + SOCKET_NAME.len() <= SOCKET_PATH_MAX && !bytes.contains(&b',') {
            return near;
        }
        let name = hex::encode(&Sha256::digest(self.data_dir.as_os_str().as_bytes())[..6]);
        let own = PathBuf::from(format!("/run/user/{uid}"));
        if own.is_dir() {
            return own.join(format!("luna-{name}"));
        }
        PathBuf::from(format!("/tmp/luna-{uid}-{name}"))
    }

    fn failed(&self, what: &str) -> EmbeddedError {
        let log = self.log();
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut lines: Vec<&str> = text.lines().rev().take(4).collect();
        lines.reverse();
        EmbeddedError::Failed { what: what.to_owned(), said: lines.join(" | "), log }
    }
}

/// Brings everything below `folder` to the disk, in one go with the rest of its file system.
fn flush(folder: &Path) -> Result<(), EmbeddedError> {
    #[cfg(target_os = "linux")]
    {
        let file = File::open(folder).map_err(io_error("open", folder))?;
        nix::unistd::syncfs(file).map_err(|error| io_error("flush", folder)(error.into()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        nix::unistd::sync();
        Ok(())
    }
}

fn open_to_append(path: &Path) -> Result<File, EmbeddedError> {
    OpenOptions::new().create(true).append(true).open(path).map_err(io_error("open", path))
}

/// Starts a new log when the old one is large; the one before is given up.
fn put_aside(log: &Path) {
    let is_large = fs::metadata(log).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX);
    if is_large && let Err(error) = fs::rename(log, log.with_extension("log.1")) {
        tracing::warn!(%error, "The private database's log could not be put aside");
    }
}

/// PostgreSQL refuses to start when the number in an old lock file belongs to any living process,
/// or to one that died unnoticed by its parent; the caller has made sure that no server lives here.
fn remove_stale_locks(folder: &Path, socket_folder: &Path) {
    let lock = folder.join("postmaster.pid");
    if lock.exists() {
        tracing::info!("The private database was not stopped last time; it recovers now");
    }
    for stale in [lock, socket_folder.join(".s.PGSQL.5432.lock")] {
        if stale.exists()
            && let Err(error) = fs::remove_file(&stale)
        {
            tracing::warn!(%error, file = %stale.display(), "A stale lock file stays");
        }
    }
}

fn percent_encoded(bytes: &[u8]) -> String {
    let encode = |&byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(data_dir: &str) -> Cluster {
        let data_dir = PathBuf::from(data_dir);
        Cluster { data_dir, profile: Profile::Durable, postgres_bin: None, settings: Vec::new() }
    }

    #[test]
    fn sockets_of_deep_folders_are_put_where_the_path_is_short() {
        let uid = Uid::from_raw(54_321);
        let longest_near = format!("/{}", "d".repeat(SOCKET_PATH_MAX - SOCKET_NAME.len() - 5));
        let near = cluster(&longest_near).socket_folder(uid);
        assert_eq!(near, Path::new(&longest_near).join("run"));
        for far in [format!("{longest_near}d"), "/data,old".to_owned()] {
            let folder = cluster(&far).socket_folder(uid);
            assert!(folder.starts_with("/tmp") && folder.as_os_str().len() < 40, "{folder:?}");
            assert_ne!(folder, cluster("/other,folder").socket_folder(uid));
        }
    }

    #[test]
    fn paths_survive_a_connection_string() {
        assert_eq!(percent_encoded(b"/data/Luna & Co%"), "/data/Luna%20%26%20Co%25");
    }
}
