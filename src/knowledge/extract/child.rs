//! The process that reads one file: takes its rights away, reads from standard input, writes JSON.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use super::confinement::{Bounds, Confined, confine};
use super::model::{ExtractError, Extracted};
use super::reading::{Limits, read};

/// Stack of the thread that reads: deep files end by a limit of their own long before.
const STACK_BYTES: usize = 64 << 20;
/// Letters of the longest extension that means something.
const EXTENSION_LETTERS_MAX: usize = 8;

/// What the parent tells.
#[derive(Debug, Clone)]
pub struct Task {
    /// Extension of the file's name.
    pub extension: String,
    /// What reading keeps to.
    pub limits: Limits,
    /// Memory in bytes.
    pub address_space_bytes: u64,
    /// Time of the processor in seconds.
    pub cpu_s: u64,
}

/// What was tried after everything was given up, and whether the kernel refused it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Probed {
    pub confined: Confined,
    pub refused: BTreeMap<String, bool>,
}

/// The extension of a name in small letters; nothing else of a name matters.
pub(super) fn extension(name: &str) -> String {
    let last = name.rsplit_once('.').map_or("", |(_, last)| last);
    let sound =
        last.len() <= EXTENSION_LETTERS_MAX && last.bytes().all(|it| it.is_ascii_alphanumeric());
    if sound { last.to_ascii_lowercase() } else { String::new() }
}

/// Reads the file on standard input and writes `Result<Extracted, ExtractError>` as JSON to standard
/// output. An error is a failure of the box or of the pipes; a bad file is a result.
pub fn extract(task: &Task) -> Result<(), String> {
    // Files may not grow any more in a moment; a pipe is no file.
    if std::fs::metadata("/proc/self/fd/1").is_ok_and(|output| output.is_file()) {
        return Err(
            "the text goes into a pipe and not into a file: luna extract <file | cat".to_owned()
        );
    }
    within(task, |task, _| {
        let mut bytes = Vec::new();
        let input = std::io::stdin().lock().read_to_end(&mut bytes);
        input.map_err(|error| format!("standard input cannot be read: {error}"))?;
        let result = guarded(&bytes, task);
        drop(bytes);
        write(&result)
    })
}

/// Gives everything up and tries what must not be possible; writes what came of it as JSON.
pub fn probe(task: &Task) -> Result<(), String> {
    within(task, |_, confined| write(&Probed { confined, refused: trials() }))
}

/// Runs `work` on a thread with a deep stack, after the process has given up its rights.
fn within(
    task: &Task,
    work: impl FnOnce(&Task, Confined) -> Result<(), String> + Send,
) -> Result<(), String> {
    // What a parser says when it fails is about bytes of somebody else's file.
    std::panic::set_hook(Box::new(|_| {}));
    let bounds = Bounds { address_space_bytes: task.address_space_bytes, cpu_s: task.cpu_s };
    std::thread::scope(|scope| {
        let confined = || work(task, confine(bounds)?);
        let reader =
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, confined);
        let reader = reader.map_err(|error| error.to_string())?;
        reader.join().unwrap_or_else(|_| Err("the reader failed".to_owned()))
    })
}

fn guarded(bytes: &[u8], task: &Task) -> Result<Extracted, ExtractError> {
    let result = catch_unwind(AssertUnwindSafe(|| read(bytes, &task.extension, &task.limits)));
    result.unwrap_or_else(|_| {
        let reason = "its structure is damaged in a way that the reader does not understand";
        Err(ExtractError::Broken { reason: reason.to_owned() })
    })
}

fn write(value: &impl Serialize) -> Result<(), String> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let written = serde_json::to_writer(&mut out, value).map_err(std::io::Error::from);
    written.and_then(|()| out.flush()).map_err(|error| format!("standard output: {error}"))
}

/// What a parser that was taken over would try.
fn trials() -> BTreeMap<String, bool> {
    let target = std::env::temp_dir().join(format!("luna-probe-{}", std::process::id()));
    let connected = std::net::TcpStream::connect(("127.0.0.1", 9));
    let refusal = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    let trials = [
        ("connect", connected.err().is_some_and(|error| refusal(&error))),
        (
            "listen",
            std::net::TcpListener::bind(("127.0.0.1", 0)).is_err_and(|error| refusal(&error)),
        ),
        (
            "datagram",
            std::net::UdpSocket::bind(("127.0.0.1", 0)).is_err_and(|error| refusal(&error)),
        ),
        ("read a file", std::fs::read("/etc/passwd").is_err_and(|error| refusal(&error))),
        ("write a file", std::fs::write(&target, "x").is_err_and(|error| refusal(&error))),
        ("start a program", std::process::Command::new("/bin/true").spawn().is_err()),
        ("start a thread", std::thread::Builder::new().spawn(|| {}).is_err()),
    ];
    trials.into_iter().map(|(name, refused)| (name.to_owned(), refused)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_name_only_a_plain_extension_counts() {
        assert_eq!(extension("Tarif 2026.PDF"), "pdf");
        assert_eq!(extension("../../etc/passwd"), "");
        assert_eq!(extension("x.pdf/../../y.sh -rf"), "");
        assert_eq!(extension("a.\u{202e}fdp"), "");
        assert_eq!(extension("archive.verylongextension"), "");
    }
}
