//! An OpenSSH server, made for tests, on a port of its own, that offers SFTP to one key.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use nix::unistd::{Uid, User};
use tempfile::TempDir;

/// Longest start on a busy machine.
const START_MAX: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// The server and its folder; gone with everything in it when this is dropped.
pub struct Sshd {
    programs: PathBuf,
    folder: TempDir,
    user: User,
    /// Where it listens.
    pub port: u16,
    child: Option<Child>,
}

impl Sshd {
    /// A server with an empty folder; `None`, with a line that says so, where OpenSSH is absent.
    pub fn start(test: &str) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/servers");
        let places = [root, PathBuf::from("/")];
        let found = places.into_iter().find(|place| place.join("usr/sbin/sshd").is_file());
        let Some(programs) = found else {
            eprintln!("skipped: {test}: sshd is not there; .ci/setup.sh test installs it");
            return None;
        };
        let Some(user) = user() else {
            eprintln!("skipped: {test}: there is no plain user that sshd could run as");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut server = Self { programs, folder, user, port, child: None };
        server.make_key("user");
        server.make_key("stranger");
        server.make_key("host");
        fs::copy(server.path("user.pub"), server.path("authorized")).unwrap();
        fs::create_dir(server.files()).unwrap();
        chown(server.files(), Some(server.user.uid.as_raw()), None).unwrap();
        server.run();
        Some(server)
    }

    /// Login of the one who may come in.
    pub fn user(&self) -> &str {
        &self.user.name
    }

    /// The key that opens it.
    pub fn key(&self) -> PathBuf {
        self.path("user")
    }

    /// A key that does not.
    pub fn strangers_key(&self) -> PathBuf {
        self.path("stranger")
    }

    /// The folder with the files.
    pub fn files(&self) -> PathBuf {
        self.path("files")
    }

    /// Puts a file into the folder, as if somebody had uploaded it.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.files().join(name);
        fs::write(&path, bytes).unwrap();
        chown(&path, Some(self.user.uid.as_raw()), None).unwrap();
    }

    /// Sets when a file of the folder was last written.
    pub fn touch(&self, name: &str, written: SystemTime) {
        let file = fs::File::options().write(true).open(self.files().join(name)).unwrap();
        file.set_modified(written).unwrap();
    }

    /// Names below the folder, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.files()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.files()).unwrap();
                    names.push(name.display().to_string());
                }
            }
        }
        names.sort();
        names
    }

    /// Fingerprint of its host key.
    pub fn fingerprint(&self) -> String {
        let told =
            self.command("ssh-keygen").args(["-l", "-f"]).arg(self.path("host.pub")).output();
        let told = String::from_utf8(told.unwrap().stdout).unwrap();
        told.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Starts it anew with another host key, on the same port.
    pub fn change_host_key(&mut self) {
        self.stop();
        for name in ["host", "host.pub"] {
            fs::remove_file(self.path(name)).unwrap();
        }
        self.make_key("host");
        self.run();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make_key(&self, name: &str) {
        let path = self.path(name);
        let mut command = self.command("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path);
        assert!(command.status().unwrap().success());
        // The server reads its key as its own user, the client as whoever runs the tests.
        if name == "host" {
            chown(&path, Some(self.user.uid.as_raw()), None).unwrap();
        }
    }

    fn command(&self, name: &str) -> Command {
        let inner = if name == "sshd" { "usr/sbin/sshd" } else { "usr/bin/ssh-keygen" };
        let runner = self.programs.join("run");
        if runner.is_file() && self.programs.join(inner).is_file() {
            let mut command = Command::new(runner);
            command.arg(inner);
            return command;
        }
        Command::new(Path::new("/").join(inner))
    }

    fn run(&mut self) {
        let config = [
            format!("Port {}", self.port),
            "ListenAddress 127.0.0.1".to_owned(),
            format!("HostKey {}", self.path("host").display()),
            format!("AuthorizedKeysFile {}", self.path("authorized").display()),
            "PidFile none".to_owned(),
            "PasswordAuthentication no".to_owned(),
            "KbdInteractiveAuthentication no".to_owned(),
            "UsePAM no".to_owned(),
            // The folder of temporary files belongs to nobody's home.
            "StrictModes no".to_owned(),
            format!("Subsystem sftp internal-sftp -d {}", self.files().display()),
        ];
        fs::write(self.path("config"), config.join("\n") + "\n").unwrap();
        let mut command = self.command("sshd");
        command.args(["-D", "-e", "-f"]).arg(self.path("config"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.current_dir("/");
        if Uid::effective().is_root() {
            // Without privileges it needs no user of its own for those that are not logged in yet.
            command.uid(self.user.uid.as_raw()).gid(self.user.gid.as_raw());
        }
        self.child = Some(command.spawn().unwrap());
        let until = Instant::now() + START_MAX;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < until, "sshd does not listen");
            std::thread::sleep(LOOK);
        }
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whoever runs the tests, or for root the user whose database the tests run on.
fn user() -> Option<User> {
    if Uid::effective().is_root() {
        return User::from_name("postgres").ok().flatten();
    }
    User::from_uid(Uid::effective()).ok().flatten()
}
