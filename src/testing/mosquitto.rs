//! A real broker, Mosquitto, on a port of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tempfile::TempDir;

use crate::facts::mqtt::Settings;

/// Longest start on a busy machine.
const START_MAX: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// How the broker lets clients in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Anybody, without encryption.
    Open,
    /// [`Mosquitto::USER`] with [`Mosquitto::PASSWORD`], over TLS by a certificate that an authority
    /// of the test has signed.
    Encrypted,
}

/// The broker; gone with everything it keeps when this is dropped. It keeps sessions and messages
/// over a restart, and as many messages as come.
pub struct Mosquitto {
    program: Vec<PathBuf>,
    folder: TempDir,
    port: u16,
    door: Door,
    child: Child,
}

impl Mosquitto {
    /// Name of the one who may log in.
    pub const USER: &str = "luna";
    /// Password of the one who may log in.
    pub const PASSWORD: &str = "c4n4ry of the broker";

    /// A broker; `None`, with a line that says so, where the program is absent.
    pub async fn start(test: &str, door: Door) -> Option<Self> {
        let Some(program) = program("usr/sbin/mosquitto") else {
            eprintln!("skipped: {test}: mosquitto is not there; .ci/setup.sh test installs it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        if door == Door::Encrypted && !make_certificates(folder.path()) {
            eprintln!("skipped: {test}: there is no openssl to make certificates");
            return None;
        }
        write_settings(folder.path(), port, door);
        let child = spawn(&program, folder.path());
        let broker = Self { program, folder, port, door, child };
        broker.wait().await;
        Some(broker)
    }

    /// Settings that lead to it.
    pub fn settings(&self) -> Settings {
        let is_encrypted = self.door == Door::Encrypted;
        let scheme = if is_encrypted { "mqtts" } else { "mqtt" };
        Settings {
            url: Some(format!("{scheme}://127.0.0.1:{}", self.port)),
            user: is_encrypted.then(|| Self::USER.to_owned()),
            password: is_encrypted.then(|| Self::PASSWORD.into()),
            ca_file: is_encrypted.then(|| self.folder.path().join("ca.crt")),
            ..Settings::default()
        }
    }

    /// Stops it as an operator would; what it owes is kept on disk.
    pub fn stop(&mut self) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was.
    pub async fn restart(&mut self) {
        self.child = spawn(&self.program, self.folder.path());
        self.wait().await;
    }

    async fn wait(&self) {
        let until = Instant::now() + START_MAX;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < until, "mosquitto does not come up");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Publishes messages at `QoS` 1 and waits until the broker has them; only through an open door.
    pub async fn say(&self, messages: &[(&str, &str)]) {
        self.publish(messages, false).await;
    }

    /// The same with messages that the broker keeps for whoever subscribes.
    pub async fn keep(&self, messages: &[(&str, &str)]) {
        self.publish(messages, true).await;
    }

    async fn publish(&self, messages: &[(&str, &str)], retain: bool) {
        let name = format!("device-{:08x}", rand::random::<u32>());
        let options = MqttOptions::new(name, "127.0.0.1", self.port);
        let (client, mut events) = AsyncClient::new(options, messages.len() + 10);
        for (topic, payload) in messages {
            let payload = (*payload).to_owned();
            client.try_publish(*topic, QoS::AtLeastOnce, retain, payload).unwrap();
        }
        let mut acknowledged = 0;
        while acknowledged < messages.len() {
            let event = events.poll().await.unwrap();
            acknowledged += usize::from(matches!(event, Event::Incoming(Packet::PubAck(_))));
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The command that runs a program: unpacked beside the project, or installed.
fn program(path: &str) -> Option<Vec<PathBuf>> {
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/servers");
    if servers.join(path).is_file() {
        return Some(vec![servers.join("run"), path.into()]);
    }
    let name = path.rsplit('/').next()?;
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    let folders = folders.into_iter().chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file()).map(|file| vec![file])
}

fn write_settings(folder: &Path, port: u16, door: Door) {
    let place = folder.display();
    // Without a user of its own it would give up the rights to its folder when root starts it.
    let lines = format!(
        "user root\nlistener {port} 127.0.0.1\npersistence true\npersistence_location {place}/\n\
         max_queued_messages 0\nallow_anonymous {}\n",
        door == Door::Open
    );
    let mut closed = String::new();
    if door == Door::Encrypted {
        let made = program("usr/bin/mosquitto_passwd").unwrap();
        let file = folder.join("passwords");
        let run = Command::new(&made[0])
            .args(&made[1..])
            .args(["-b", "-c"])
            .arg(&file)
            .args([Mosquitto::USER, Mosquitto::PASSWORD])
            .output()
            .unwrap();
        assert!(run.status.success(), "{run:?}");
        closed = format!(
            "password_file {place}/passwords\ncertfile {place}/leaf.crt\nkeyfile {place}/leaf.key\n"
        );
    }
    std::fs::write(folder.join("mosquitto.conf"), lines + &closed).unwrap();
}

/// An authority and a certificate for 127.0.0.1 that it has signed; false where openssl is absent.
fn make_certificates(folder: &Path) -> bool {
    std::fs::write(
        folder.join("leaf.ext"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let steps = [
        format!(
            "req -x509 {key} -days 3650 -subj /CN=test-authority -addext \
             basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.crt"
        ),
        format!("req {key} -subj /CN=broker -keyout leaf.key -out leaf.csr"),
        "x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile leaf.ext \
         -out leaf.crt"
            .to_owned(),
    ];
    steps.iter().all(|step| {
        let mut command = Command::new("openssl");
        command.args(step.split_whitespace()).current_dir(folder);
        command.output().is_ok_and(|output| output.status.success())
    })
}

fn spawn(program: &[PathBuf], folder: &Path) -> Child {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).arg("-c").arg(folder.join("mosquitto.conf"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}
