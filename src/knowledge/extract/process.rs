//! Child processes seen from outside: few at a time, without secrets, ended when they take too long.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::child::Probed;
use super::model::{ExtractError, Extracted};
use super::settings::Settings;

/// What is kept of what a child says when it fails.
const SAID_MAX: u64 = 16 << 10;
/// How much longer JSON is than the text and the places in it.
const JSON_FACTOR: u64 = 3;
/// Letters of the longest title.
const TITLE_LETTERS_MAX: usize = 300;
/// What libraries read when they are loaded: no threads that wait, one heap, which goes back.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("OMP_WAIT_POLICY", "passive"),
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
];

/// Who reads.
#[derive(Debug, Clone)]
pub enum Program {
    /// The program at this place, as `PROGRAM extract`.
    At(PathBuf),
    /// This process: for tests of what comes out of files, where the program was not built.
    #[cfg(test)]
    Inside,
}

impl Program {
    /// This program itself; tests of the library have none, and read inside.
    pub fn own() -> std::io::Result<Self> {
        #[cfg(test)]
        let own = |_: PathBuf| Self::Inside;
        #[cfg(not(test))]
        let own = Self::At;
        std::env::current_exe().map(own)
    }
}

/// Starts children and hears them out.
pub(super) struct Processes {
    program: Program,
    settings: Settings,
    slots: Semaphore,
}

/// How a child ended.
struct Ended {
    status: ExitStatus,
    said: Vec<u8>,
    errors: String,
}

impl Processes {
    pub fn new(settings: &Settings, program: Program) -> Self {
        let slots = Semaphore::new(settings.processes.into());
        Self { program, settings: settings.clone(), slots }
    }

    /// The text of `bytes`.
    pub async fn extract(&self, extension: &str, bytes: Bytes) -> Result<Extracted, ExtractError> {
        let slot = self.slots.acquire().await;
        let _slot = slot.map_err(|_| unavailable("the program is ending"))?;
        let mut command = match &self.program {
            Program::At(program) => self.command(program),
            #[cfg(test)]
            Program::Inside => return self.inside(extension, bytes).await,
        };
        if !extension.is_empty() {
            command.args(["--extension", extension]);
        }
        let ended = self.run(command, bytes).await?;
        let extracted = self.understood(&ended)?;
        if is_sound(&extracted) { Ok(extracted) } else { Err(broken("its reader was led astray")) }
    }

    /// What the kernel refuses to a child.
    pub async fn probe(&self) -> Result<Probed, ExtractError> {
        let mut command = match &self.program {
            Program::At(program) => self.command(program),
            #[cfg(test)]
            Program::Inside => {
                let unfiltered = Some("tests of the library have no child".to_owned());
                let confined = super::confinement::Confined { unfiltered };
                return Ok(Probed { confined, refused: std::collections::BTreeMap::new() });
            }
        };
        command.arg("--probe");
        let ended = self.run(command, Bytes::new()).await?;
        serde_json::from_slice(&ended.said).map_err(|_| unavailable(&first_line(&ended.errors)))
    }

    fn command(&self, program: &PathBuf) -> Command {
        let mut command = Command::new(program);
        let Settings { address_space_mb, cpu_s, output_mb, unpacked_mb, pages_max, .. } =
            &self.settings;
        command
            .arg("extract")
            .args(["--address-space-mb", &address_space_mb.to_string()])
            .args(["--cpu-s", &cpu_s.to_string()])
            .args(["--output-mb", &output_mb.to_string()])
            .args(["--unpacked-mb", &unpacked_mb.to_string()])
            .args(["--pages-max", &pages_max.to_string()])
            .env_clear()
            .envs(ENVIRONMENT)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Feeds a child and hears it out, unless it takes too long or says too much.
    async fn run(&self, mut command: Command, bytes: Bytes) -> Result<Ended, ExtractError> {
        let child = command.spawn();
        let mut child =
            child.map_err(|error| unavailable(&format!("no process can be started: {error}")))?;
        let wall = Duration::from_secs(self.settings.wall_s.into());
        let heard = tokio::time::timeout(wall, self.hear(&mut child, bytes)).await;
        let failure = match heard {
            Ok(Ok(ended)) => return Ok(ended),
            Ok(Err(error)) => error,
            Err(_) => {
                let limit = format!("reading it takes longer than {} s", self.settings.wall_s);
                ExtractError::Limit { limit }
            }
        };
        // Ended and heard of: no child stays behind, not even as a name in a table.
        drop(child.kill().await);
        Err(failure)
    }

    async fn hear(&self, child: &mut Child, bytes: Bytes) -> Result<Ended, ExtractError> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut input), Some(output), Some(errors)) = pipes else {
            return Err(unavailable("the process has no pipes"));
        };
        let most = (u64::from(self.settings.output_mb) << 20) * JSON_FACTOR + (1 << 20);
        let (mut said, mut complained) = (Vec::new(), Vec::new());
        let feed = async move {
            // A child that has heard enough, or is gone, does not take the rest.
            drop(input.write_all(&bytes).await);
            drop(input.shutdown().await);
            Ok(())
        };
        let mut output = output.take(most + 1);
        let listen = async {
            let read = output.read_to_end(&mut said).await;
            read.map_err(|error| unavailable(&error.to_string()))?;
            if said.len() as u64 > most {
                let limit = "its text is longer than the output may be".to_owned();
                return Err(ExtractError::Limit { limit });
            }
            Ok(())
        };
        let complain = async {
            let mut errors = errors;
            drop((&mut errors).take(SAID_MAX).read_to_end(&mut complained).await);
            // The rest is thrown away, so that the child does not wait for somebody to read it.
            drop(tokio::io::copy(&mut errors, &mut tokio::io::sink()).await);
            Ok(())
        };
        // A child that says too much is not heard out.
        tokio::try_join!(listen, feed, complain)?;
        let status = child.wait().await.map_err(|error| unavailable(&error.to_string()))?;
        let errors = String::from_utf8_lossy(&complained).into_owned();
        Ok(Ended { status, said, errors })
    }

    /// What a child that ended has to say, or why it has nothing.
    fn understood(&self, ended: &Ended) -> Result<Extracted, ExtractError> {
        if ended.status.success() {
            let result: Result<Result<Extracted, ExtractError>, _> =
                serde_json::from_slice(&ended.said);
            return result.unwrap_or_else(|_| Err(broken("its reader was led astray")));
        }
        let limit = |limit: String| ExtractError::Limit { limit };
        let memory = || {
            limit(format!(
                "reading it takes more than {} MB of memory",
                self.settings.address_space_mb
            ))
        };
        if ended.errors.contains("memory allocation") {
            return Err(memory());
        }
        if ended.errors.contains("overflowed its stack") {
            return Err(limit("it is nested too deeply".to_owned()));
        }
        let signal = ended.status.signal().and_then(|it| Signal::try_from(it).ok());
        Err(match signal {
            Some(Signal::SIGXCPU | Signal::SIGKILL) => limit(format!(
                "reading it takes more than {} s of the processor",
                self.settings.cpu_s
            )),
            Some(Signal::SIGSEGV | Signal::SIGBUS | Signal::SIGABRT) => {
                broken("its structure is damaged in a way that ends the reader")
            }
            Some(Signal::SIGSYS) => broken("its reader was led to do what reading does not need"),
            _ => unavailable(&first_line(&ended.errors)),
        })
    }

    #[cfg(test)]
    async fn inside(&self, extension: &str, bytes: Bytes) -> Result<Extracted, ExtractError> {
        let (extension, limits) = (extension.to_owned(), self.settings.limits());
        let read = move || super::reading::read(&bytes, &extension, &limits);
        let result = tokio::task::spawn_blocking(read).await;
        result.map_err(|error| unavailable(&error.to_string()))?
    }
}

fn unavailable(reason: &str) -> ExtractError {
    ExtractError::Unavailable { reason: reason.to_owned() }
}

fn broken(reason: &str) -> ExtractError {
    ExtractError::Broken { reason: reason.to_owned() }
}

fn first_line(text: &str) -> String {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("the process ended without a word");
    line.trim_start_matches("error: ").chars().take(300).collect()
}

/// Whether every place lies in the text and between letters, in order: a child that read a hostile file
/// is not believed.
pub(super) fn is_sound(extracted: &Extracted) -> bool {
    let canonical = &extracted.canonical;
    let text = &canonical.text;
    let mut at = 0;
    let pages = canonical.pages.iter().all(|page| {
        let follows = page.span.start == at && page.span.of(text).is_some();
        at = page.span.end;
        follows
    });
    let whole = pages && at == text.len() && !canonical.pages.is_empty();
    let mut at = 0;
    let blocks = canonical.blocks.iter().all(|block| {
        let follows =
            block.span.start >= at && block.span.of(text).is_some_and(|it| !it.is_empty());
        at = block.span.end;
        let header = match block.kind {
            crate::algorithms::retrieval::BlockKind::TableRow { header: Some(header) } => {
                header.of(text).is_some() && header.end <= block.span.start
            }
            _ => true,
        };
        follows && header
    });
    let title = extracted.title.as_ref().is_none_or(|it| it.chars().count() <= TITLE_LETTERS_MAX);
    whole && blocks && title && extracted.media_type.len() <= 200
}
