//! Whether a file is complete: uploads are not atomic, so one that changes between two looks waits.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};

/// Endings of names under which programs write what is not complete yet.
const PARTIAL: [&str; 9] =
    [".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", "~"];
/// Ending of the files with which Luna says why a file was set aside.
pub(super) const REASON: &str = ".reason.txt";

/// What a file looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    /// Its length.
    pub size_bytes: u64,
    /// When it was written.
    pub modified_at: Option<DateTime<Utc>>,
    /// Which file it is, where that is known.
    pub inode: u64,
}

/// What was seen so far, by road and name.
#[derive(Debug, Default)]
pub(super) struct Looks {
    seen: HashMap<String, (Sign, DateTime<Utc>)>,
    /// Files that could not be moved once they were read.
    stuck: HashMap<String, Sign>,
    /// Beginnings of files whose connection was cut.
    begun: HashMap<String, (Sign, Vec<u8>)>,
}

impl Looks {
    /// Whether a file has stayed as it is for `settle` by now.
    pub fn is_complete(
        &mut self,
        key: &str,
        sign: Sign,
        now: DateTime<Utc>,
        settle: Duration,
    ) -> bool {
        let seen = self.seen.entry(key.to_owned()).or_insert((sign, now));
        // A clock that was put back begins anew.
        if seen.0 != sign || seen.1 > now {
            *seen = (sign, now);
        }
        now - seen.1 >= settle
    }

    /// Forgets everything of a road but what is there.
    pub fn keep_only(&mut self, road: &str, there: &HashSet<String>) {
        let prefix = format!("{road}/");
        let stays = |key: &String| !key.starts_with(&prefix) || there.contains(key);
        self.seen.retain(|key, _| stays(key));
        self.stuck.retain(|key, _| stays(key));
        self.begun.retain(|key, _| stays(key));
    }

    /// Remembers that a file has been read and could not be moved.
    pub fn stick(&mut self, key: &str, sign: Sign) {
        self.stuck.insert(key.to_owned(), sign);
    }

    /// Whether the file has been read and could not be moved.
    pub fn is_stuck(&self, key: &str, sign: Sign) -> bool {
        self.stuck.get(key) == Some(&sign)
    }

    /// Keeps the beginning of a file until its server answers again.
    pub fn begin(&mut self, key: &str, sign: Sign, bytes: Vec<u8>) {
        self.begun.insert(key.to_owned(), (sign, bytes));
    }

    /// The beginning of a file that is still the same, as far as it was read.
    pub fn begun(&mut self, key: &str, sign: Sign) -> Vec<u8> {
        let found = self.begun.remove(key).filter(|(before, _)| *before == sign);
        found.map(|(_, bytes)| bytes).unwrap_or_default()
    }
}

/// Whether a name is that of a file to read: not hidden, not partial, none of Luna's own.
pub(super) fn is_wanted(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\0'])
        && !PARTIAL.iter().any(|ending| lower.ends_with(ending))
        && !lower.ends_with(REASON)
}
