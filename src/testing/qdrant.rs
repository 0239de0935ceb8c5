//! Qdrant's gRPC interface in a process of its own, over the engine that its Python client has for tests.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use serde_json::Value;

use crate::knowledge::index::Settings;

/// The server; gone with everything in it when this is dropped.
pub struct QdrantLocal {
    url: String,
    key: Option<&'static str>,
    child: Child,
}

impl QdrantLocal {
    /// An empty server that may want a key; `None`, with a line that says so, where the library is
    /// absent.
    pub fn start(test: &str, key: Option<&'static str>) -> Option<Self> {
        let Some(python) = python() else {
            eprintln!("skipped: {test}: qdrant-client is not there; .ci/setup.sh test installs it");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testing/qdrant_local.py");
        let mut child = Command::new(python)
            .arg(script)
            .args(key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let url = format!("http://127.0.0.1:{}", told["port"]);
        Some(Self { url, key, child })
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Settings that lead to it, impatient ones.
    pub fn settings(&self) -> Settings {
        Settings {
            qdrant_url: Some(self.url.clone()),
            api_key: self.key.map(Into::into),
            patience_s: 5,
        }
    }

    /// Lets it stand still, go on, or end; when this returns it does. Until then it may answer once more.
    pub fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.child.id().cast_signed());
        kill(process, signal).unwrap();
        let reached = match signal {
            Signal::SIGSTOP => WaitPidFlag::WSTOPPED,
            Signal::SIGCONT => WaitPidFlag::WCONTINUED,
            _ => WaitPidFlag::WEXITED,
        };
        // It stays there to be waited for by whoever drops this.
        waitid(Id::Pid(process), reached | WaitPidFlag::WNOWAIT).unwrap();
    }
}

impl Drop for QdrantLocal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A Python that has the library.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(root.join(".tools/venv/bin"));
    let mut all = folders.chain(std::env::split_paths(&path)).map(|folder| folder.join("python3"));
    all.find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import grpc, qdrant_client"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
