//! The built program as a person runs it: in a folder of its own, on a port nobody else uses.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

/// Longest wait for a start: making a database cluster on a busy machine.
const START_MAX: Duration = Duration::from_secs(90);
/// Pause between two looks at something another process does.
const LOOK: Duration = Duration::from_millis(50);
/// Ports of these tests.
const PORTS: std::ops::Range<u16> = 18_100..19_000;

/// A folder in which Luna lives, with its private database; gone when it is dropped.
pub(crate) struct Home {
    folder: TempDir,
    pub(crate) port: u16,
    variables: Vec<(&'static str, String)>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output of a command that went well, as JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("luna-test-").tempdir_in("/tmp").unwrap();
        // The database runs as another user when the tests run as root, and must get in.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self { folder, port: free_port(), variables: Vec::new() }
    }

    /// The home, with a variable for everything that runs in it.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// A home with a log and a port of its own, on the database and the files of this one, whose
    /// private database runs.
    pub(crate) fn sibling(&self) -> Self {
        let socket = self.data("run");
        Self::new()
            .with("LUNA_DATA_DIR", self.path("data").display().to_string())
            .with("DATABASE_URL", format!("postgresql:///luna?host={}&user=luna", socket.display()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.path("data").join(name)
    }

    /// A file of the home with this text.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The program with arguments, in this home and with nothing of the caller's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_luna"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("LUNA_DATA_DIR", self.path("data")).env("API_PORT", self.port.to_string());
        // A server on a machine with more cores than people would only make the tests wait.
        command.env("OMP_WAIT_POLICY", "passive").env("LUNA_SERVER__HOST", "127.0.0.1");
        // No test asks the internet.
        command.env("LUNA_SOURCES__ENABLED", "false");
        // Minutes of computing beside everything else.
        command.env("LUNA_MODELS__ENSEMBLE", "false");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs a command to its end, with something on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        run(self.command(arguments), input)
    }

    /// Starts the server without waiting for it.
    pub(crate) fn start(&self) -> Served<'_> {
        let log = File::options().create(true).append(true).open(self.path("serve.log")).unwrap();
        let mut command = self.command(&["serve"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Served { home: self, child: command.spawn().unwrap() }
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn serve(&self) -> Served<'_> {
        let mut served = self.start();
        let client = client().build().unwrap();
        let until = Instant::now() + START_MAX;
        loop {
            let answer = client.get(self.url("/health/ready")).send().await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return served;
            }
            if let Some(status) = served.child.try_wait().unwrap() {
                panic!("the server ended with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < until, "the server is not ready:\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The process of the private database, if there is one.
    pub(crate) fn database(&self) -> Option<i32> {
        let text = fs::read_to_string(self.data("postgres/postmaster.pid")).ok()?;
        let pid: i32 = text.lines().next()?.trim().parse().ok()?;
        is_alive(pid).then_some(pid)
    }
}

impl Drop for Home {
    /// Ends a database that a killed server left behind, before its files go.
    fn drop(&mut self) {
        let Some(pid) = self.database() else { return };
        let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        let until = Instant::now() + Duration::from_secs(10);
        while is_alive(pid) && Instant::now() < until {
            sleep(LOOK);
        }
    }
}

/// A server that runs; asked to stop when it is dropped.
pub(crate) struct Served<'h> {
    home: &'h Home,
    pub(crate) child: Child,
}

impl Served<'_> {
    /// Sends a signal and waits for the end; fails when it takes longer than `patience`.
    pub(crate) fn end(mut self, signal: Signal, patience: Duration) -> ExitStatus {
        self.signal(signal);
        let status = self.wait(patience);
        status.unwrap_or_else(|| panic!("still there after {patience:?}:\n{}", self.home.log()))
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// How the server ended, if it did within `patience`.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() > until {
                return None;
            }
            sleep(LOOK);
        }
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::SIGTERM);
            if self.wait(Duration::from_secs(20)).is_none() {
                drop(self.child.kill());
                drop(self.child.wait());
            }
        }
    }
}

/// A client to ask with; its TLS library wants to be told who encrypts, also where nothing is encrypted.
pub(crate) fn client() -> ClientBuilder {
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
}

/// Runs a command to its end, with something on standard input.
pub(crate) fn run(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A command that does not read its input closes it early; what it says counts.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let (status, stderr) = (child.wait().unwrap(), errors.join().unwrap().unwrap());
    assert_eq!(status.signal(), None, "{stdout}{stderr}");
    Ran { code: status.code(), stdout, stderr }
}

/// Asks until `good` says so; the last answer when it takes too long.
pub(crate) async fn until(
    request: RequestBuilder,
    good: impl Fn(StatusCode, &str) -> bool,
) -> String {
    let end = Instant::now() + START_MAX;
    loop {
        let answer = request.try_clone().unwrap().send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        if good(status, &text) {
            return text;
        }
        assert!(Instant::now() < end, "{status}: {text}");
        tokio::time::sleep(LOOK).await;
    }
}

pub(crate) fn is_alive(pid: i32) -> bool {
    // A process that has ended but was not waited for has no command line any more.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 90).unwrap() * 10;
    loop {
        let offset = first + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + offset % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A program that the project's tools brought, or that the machine has.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = [".tools/venv/bin", ".tools/bin"].map(|folder| root.join(folder));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = own.into_iter().chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The folder of real data, or `None` with a line saying why the test is skipped.
pub(crate) fn shared_data(test: &str) -> Option<PathBuf> {
    let root = std::env::var_os("LUNA_SHARED_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let data = root.join("data");
    if !data.is_dir() {
        skipped(test, "the shared data are not there");
        return None;
    }
    Some(data)
}

/// Says that a test did not do its work, and why.
#[expect(clippy::print_stderr, reason = "the closing line of the test run counts these lines")]
pub(crate) fn skipped(test: &str, why: &str) {
    eprintln!("skipped: {test}: {why}");
}
