//! What came over which road, what became of it, and why it was not read.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::facts::archive::ArchiveError;
use crate::facts::meters::MeterError;
use crate::facts::quality::QualityError;
use crate::platform::db::DbError;
use crate::platform::jobs::JobsError;

/// Longest name of a file that is written down, in characters.
const NAME_CHARS_MAX: usize = 300;
/// Longest reason that is written down, in characters.
const REASON_CHARS_MAX: usize = 1_000;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It brought something new.
    Stored,
    /// Everything in it was known, or is known better.
    Unchanged,
    /// It holds no readings.
    Empty,
    /// It cannot be read or stored; the reason says why.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Stored, Self::Unchanged, Self::Empty, Self::Failed];

    /// The name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Unchanged => "unchanged",
            Self::Empty => "empty",
            Self::Failed => "failed",
        }
    }

    /// The outcome of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// A file that came, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the identifier is called as in the database")]
pub struct DroppedFile {
    /// Identifier.
    pub dropped_file_id: Uuid,
    /// `folder`, or `sftp:` and the identifier of the server.
    #[schema(example = "folder")]
    pub road: String,
    /// Its name, with the folder below the watched one.
    #[schema(example = "20261120_E66.xml")]
    pub name: String,
    /// Hash of its bytes; empty when it is too large to be read.
    pub sha256: String,
    /// Its length.
    pub size_bytes: u64,
    /// When it was written, by the clock of its place.
    pub modified_at: Option<DateTime<Utc>>,
    /// `sdat`, `mscons` or `table`; empty when that was not found out.
    #[schema(example = "sdat")]
    pub format: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How many values it holds, and what became of them.
    #[serde(flatten)]
    pub counts: Counts,
    /// Why it was set aside, or what is worth knowing.
    pub reason: Option<String>,
    /// Its bytes in the archive.
    pub raw_file_id: Option<Uuid>,
    /// How often it was read.
    pub attempts: u32,
    /// When it came first.
    pub first_at: DateTime<Utc>,
    /// When it was read or met last.
    pub last_at: DateTime<Utc>,
    /// The meter that its place says it is about.
    #[serde(skip)]
    pub meter_hint: String,
}

/// What became of the values of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FileCounts)]
pub struct Counts {
    /// Values in the file.
    pub rows_read: u64,
    /// New intervals.
    pub inserted: u64,
    /// Intervals whose value was replaced.
    pub replaced: u64,
    /// Intervals that were stored already.
    pub unchanged: u64,
    /// Values that were left out: known better, over readings of another length, not about energy.
    pub left_out: u64,
}

impl Counts {
    /// Adds those of a further document.
    pub(super) const fn add(&mut self, other: &Self) {
        self.rows_read += other.rows_read;
        self.inserted += other.inserted;
        self.replaced += other.replaced;
        self.unchanged += other.unchanged;
        self.left_out += other.left_out;
    }

    /// What the counts make of a file without faults.
    pub(super) const fn outcome(&self) -> Outcome {
        if self.inserted + self.replaced > 0 {
            Outcome::Stored
        } else if self.rows_read > 0 {
            Outcome::Unchanged
        } else {
            Outcome::Empty
        }
    }
}

/// A file that has come, whole.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    /// Over which road.
    pub road: String,
    /// Its name there, fit to be written down.
    pub name: String,
    /// The meter that its place says it is about; empty when it does not say.
    pub meter_hint: String,
    /// When it was written.
    pub modified_at: Option<DateTime<Utc>>,
    /// What is in it.
    pub bytes: Bytes,
}

/// Which files to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this outcome.
    pub outcome: Option<Outcome>,
    /// Only those after this place in the order.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// Which meter a metering point is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MeteringPoint {
    /// Its name in files: 33 characters in Switzerland, 11 or 33 in Germany.
    #[schema(example = "CH1012301234500000000000000000001")]
    pub point: String,
    /// The meter.
    #[schema(example = "house-1")]
    pub meter_id: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// What one look at all roads brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Scan {
    /// Files that were read, in order.
    pub files: Vec<DroppedFile>,
    /// Files that may not be complete yet.
    pub waiting: u64,
    /// Roads and files that something was wrong with, in sentences.
    pub troubles: Vec<String>,
}

impl Scan {
    /// How many files had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.files.iter().filter(|file| file.outcome == outcome).count()
    }
}

/// Why something could not be done. That a file is faulty is no error but an [`Outcome`].
#[derive(Debug, thiserror::Error)]
pub enum DropsError {
    /// No such file.
    #[error("there is no dropped file {0}")]
    NotFound(Uuid),
    /// Its bytes are not kept.
    #[error("the bytes of '{0}' are not kept, so it cannot be read again; drop it once more")]
    NoBytes(String),
    /// No such metering point.
    #[error("there is no metering point '{0}'")]
    NoPoint(String),
    /// A text that names no metering point.
    #[error("'{0}' is no metering point: it has 4 to 64 letters and digits, mostly 33 or 11")]
    BadPoint(String),
    /// Nothing is watched.
    #[error(
        "no folder is watched and no server is asked; set drops.folder or drops.sftp in config/luna.toml"
    )]
    Off,
    /// The watched folder cannot be used.
    #[error("the watched folder {folder}: {reason}")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        reason: String,
    },
    /// A server is away, or is not to be trusted.
    #[error("{0}")]
    Server(String),
    /// The archive could not keep or hand out bytes.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Meters could not be read.
    #[error(transparent)]
    Meters(#[from] MeterError),
    /// The queue could not take the job.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// A letter could not be written.
    #[error(transparent)]
    Quality(#[from] QualityError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The work ended before its time.
    #[error("reading ended before its time: {0}")]
    Broken(String),
}

impl From<diesel::result::Error> for DropsError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// A name as it may be written down: without control characters, of bounded length, never empty.
pub(super) fn written_name(name: &str) -> String {
    let clean = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    let name: String = name.chars().map(clean).take(NAME_CHARS_MAX).collect();
    if name.is_empty() { "?".to_owned() } else { name }
}

/// A reason as it may be written down.
pub(super) fn written_reason(reason: &str) -> String {
    let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
    let reason: String = reason.chars().map(clean).take(REASON_CHARS_MAX).collect();
    if reason.is_empty() { "no reason is known".to_owned() } else { reason }
}
