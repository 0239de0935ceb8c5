//! A server that speaks S3, made for tests, on a port of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::platform::objects::Settings;

/// Longest start on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// The server and its bucket; gone with everything in it when this is dropped.
pub struct S3Server {
    program: PathBuf,
    port: u16,
    child: Child,
}

impl S3Server {
    /// Name of the bucket.
    pub const BUCKET: &str = "luna";

    /// A server with an empty bucket; `None`, with a line that says so, where the program is absent.
    pub async fn start(test: &str) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(root.join(".tools/venv/bin"));
        let mut programs =
            folders.chain(std::env::split_paths(&path)).map(|folder| folder.join("moto_server"));
        let Some(program) = programs.find(|file| file.is_file()) else {
            eprintln!("skipped: {test}: moto_server is not there; .ci/setup.sh test installs it");
            return None;
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = Self { child: spawn(&program, port), program, port };
        server.make_bucket().await;
        Some(server)
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Settings that lead to its bucket.
    pub fn settings(&self) -> Settings {
        Settings {
            bucket: Some(Self::BUCKET.to_owned()),
            endpoint: Some(self.endpoint()),
            allow_http: true,
            access_key: Some("c4n4ry-name".into()),
            secret_key: Some("c4n4ry-secret".into()),
            ..Settings::default()
        }
    }

    /// Ends the server at once; what it held is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it stand still, or go on.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Starts it again where it was, without a bucket.
    pub async fn restart(&mut self) {
        self.child = spawn(&self.program, self.port);
        self.answer("GET", "").await;
    }

    /// Makes the bucket; waits for the server.
    pub async fn make_bucket(&self) {
        self.answer("PUT", Self::BUCKET).await;
    }

    /// What is stored in the bucket under `key`, replaced behind Luna's back.
    pub async fn overwrite(&self, key: &str, bytes: &'static [u8]) {
        let url = format!("{}/{}/{key}", self.endpoint(), Self::BUCKET);
        // The server looks for a signature, and takes any.
        let signed = "AWS4-HMAC-SHA256 Credential=a/20260328/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";
        let request = client().put(url).header("authorization", signed).body(bytes);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    async fn answer(&self, method: &str, path: &str) {
        let (url, until) = (format!("{}/{path}", self.endpoint()), Instant::now() + START_MAX);
        loop {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            match client().request(method, &url).send().await {
                Ok(answer) => return assert!(answer.status().is_success(), "{answer:?}"),
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn spawn(program: &Path, port: u16) -> Child {
    let mut command = Command::new(program);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}
