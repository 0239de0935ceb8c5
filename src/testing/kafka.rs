//! A Kafka broker made of air: librdkafka's mock cluster, in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::facts::kafka::Settings;

/// The mock cluster; gone with everything in it when this is dropped.
pub struct MockKafka {
    brokers: String,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl MockKafka {
    /// Partitions of every topic.
    pub const PARTITIONS: i32 = 4;

    /// One broker without topics; `None`, with a line that says so, where the library is absent.
    pub fn start(test: &str) -> Option<Self> {
        let Some(python) = python() else {
            eprintln!(
                "skipped: {test}: confluent-kafka is not there; .ci/setup.sh test installs it"
            );
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testing/kafka_mock.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut this = Self { brokers: String::new(), child, commands, answers };
        this.brokers = this.answer()["brokers"].as_str().unwrap().to_owned();
        Some(this)
    }

    /// Where it answers, as `host:port`.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Settings that lead to it, impatient ones.
    pub fn settings(&self) -> Settings {
        Settings {
            brokers: Some(self.brokers.clone()),
            wait_ms: 50,
            patience_s: 5,
            look_s: 1,
            lease_s: 3,
            ..Settings::default()
        }
    }

    /// Writes records of a key and a value to a partition; their offsets.
    pub fn produce(&mut self, topic: &str, partition: i32, records: &[(Value, Value)]) -> Vec<i64> {
        self.ask(&json!({"topic": topic, "partition": partition, "records": records}))
    }

    /// Writes records to where their keys belong.
    pub fn produce_by_key(&mut self, topic: &str, records: &[(Value, Value)]) -> Vec<i64> {
        self.ask(&json!({"topic": topic, "partition": null, "records": records}))
    }

    fn ask(&mut self, command: &Value) -> Vec<i64> {
        writeln!(self.commands, "{command}").unwrap();
        self.commands.flush().unwrap();
        let answer = self.answer();
        let offsets = answer["offsets"].as_array().unwrap_or_else(|| panic!("{answer}"));
        offsets.iter().map(|offset| offset.as_i64().unwrap()).collect()
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: '{line}'"))
    }

    /// Lets it stand still, or go on.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }
}

impl Drop for MockKafka {
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
        command.args(["-c", "import confluent_kafka"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
