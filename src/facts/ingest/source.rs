//! What every connector does: it says what it is, writes a question, reads an answer.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::model::{Ask, ReadError, Reading};
use super::settings::Settings;
use super::subject::Subject;
use crate::platform::outbound::{Reach, Sifting};

/// Letters of an answer that an error quotes.
const QUOTED_LETTERS: usize = 200;

/// A request that is ready to be sent.
#[derive(Debug)]
pub(super) struct Request {
    /// The address without anything secret; this is what the archive keeps.
    pub url: String,
    /// A parameter that only the source may see.
    pub secret: Option<(&'static str, SecretString)>,
    /// How far it may go.
    pub reach: Reach,
    /// The form in which the answer should come, where the source has several.
    pub accept: Option<&'static str>,
    /// What of the answer is kept while it comes; all of it unless said.
    pub sifting: Option<Sifting>,
}

/// One provider of data. Between [`Source::request`] and [`Source::read`] the bytes are archived;
/// reading is pure, so that a stored payload replays without the network.
pub(super) trait Source: Send + Sync {
    /// Name in settings, logs and commands.
    fn name(&self) -> &'static str;

    /// What it delivers.
    fn what(&self) -> &'static str;

    /// Must be shown wherever its data is.
    fn attribution(&self) -> &'static str;

    /// What it is asked about by itself with these settings; the first source that lists a subject
    /// is asked first, the next when it fails.
    fn subjects(&self, settings: &Settings) -> Vec<Subject>;

    /// Local days that one request about `subject` may cover.
    fn days_max(&self, subject: &Subject) -> i64;

    /// Whether one request covers all that `ask` is about; if not, it is asked for in parts.
    fn is_one_request(&self, _ask: &Ask) -> bool {
        true
    }

    /// Seconds between two requests in a row.
    fn pause_s(&self) -> u64;

    /// What is missing before it can be asked, as a sentence that says the fix.
    fn needs(&self, settings: &Settings) -> Option<String>;

    /// The question; absent when the source does not know the subject.
    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request>;

    /// What is kept of the files that an answer names; all of them unless said.
    fn sifting(&self, _ask: &Ask) -> Option<Sifting> {
        None
    }

    /// When that was made which stands at `url`, where the address tells it.
    fn made_at(&self, _url: &str) -> Option<DateTime<Utc>> {
        None
    }

    /// What an answer with `status` says.
    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError>;
}

/// How far a request to `url` may go: what an admin has set in place of `usual` may be at home.
pub(super) fn reach(url: &str, usual: &str) -> Reach {
    if url == usual { Reach::Public } else { Reach::Host }
}

/// What a status that is not 200 means.
pub(super) fn refusal(status: u16, body: &[u8]) -> ReadError {
    match status {
        429 => ReadError::TooOften,
        500..=599 => ReadError::Failing(status),
        _ => ReadError::Refused { status, reason: quoted(body) },
    }
}

/// The beginning of a text in an answer, in one line.
pub(super) fn quoted(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * QUOTED_LETTERS)]).into_owned();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|letter| !letter.is_control()).take(QUOTED_LETTERS).collect()
}

/// Length from on which a payload is read on a thread that may take its time.
const HEAVY_BYTES: usize = 1 << 20;

/// Whether reading a payload may take long: a packed one can hold far more than its length.
pub(super) fn is_heavy(body: &[u8]) -> bool {
    body.len() >= HEAVY_BYTES || kind(body) == "a ZIP archive"
}

/// What an answer is that is not what was expected, by its first bytes.
pub(super) fn kind(body: &[u8]) -> &'static str {
    let start = body.trim_ascii_start();
    let lower = start[..start.len().min(15)].to_ascii_lowercase();
    if start.is_empty() {
        "empty"
    } else if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        "a web page"
    } else if start.starts_with(b"PK\x03\x04") {
        "a ZIP archive"
    } else if start.starts_with(b"<") {
        "XML"
    } else if start.starts_with(b"{") || start.starts_with(b"[") {
        "JSON"
    } else {
        "something else"
    }
}
