//! What is stored about batches, days, quarantined values and payloads, and listed again.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{BatchCounts, Gap, Verdict};
use super::reason::{Code, Reason};

/// What was found about a batch when it came.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StoredReport {
    /// Identifier.
    pub report_id: Uuid,
    /// Who sent the batch.
    #[schema(example = "energy_charts")]
    pub source: String,
    /// What it holds values of.
    #[schema(example = "price:CH:day_ahead")]
    pub subject: String,
    /// The payload that it was read from, in the archive.
    pub raw_file_id: Option<Uuid>,
    /// First instant that was asked for.
    pub from: DateTime<Utc>,
    /// First instant after.
    pub to: DateTime<Utc>,
    /// Length of an interval, in seconds.
    pub interval_s: i32,
    /// How many values are odd in which way.
    pub counts: BatchCounts,
    /// Share of the expected values that is missing, 0 to 1.
    pub missing_rate: f64,
    /// Values of this batch that were kept apart.
    pub quarantined: usize,
    /// Longest time for which a value stays the same, in seconds.
    pub longest_equal_s: i64,
    /// Greatest robust z of a value for its hour of the day; absent without four weeks of history.
    pub outlier_score: Option<f64>,
    /// Intervals without a value.
    pub gaps: Vec<Gap>,
    /// What somebody may do with the batch.
    pub verdict: Verdict,
    /// What is odd, the gravest first.
    pub reasons: Vec<Reason>,
    /// When the batch came.
    pub created_at: DateTime<Utc>,
}

/// How a local day of a subject stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayState {
    /// Every value is there.
    Complete,
    /// Some are missing.
    Partial,
    /// All are missing.
    Missing,
    /// Values are to come.
    Open,
    /// Nobody asked this source.
    NotAsked,
}

/// A source, a subject, a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayCell {
    /// Local day.
    pub day: NaiveDate,
    /// How it stands.
    pub state: DayState,
    /// Intervals of the day: 23 to 25 hours of them.
    pub expected: usize,
    /// Of these, with a value.
    pub found: usize,
    /// Values that replaced others.
    pub revised: usize,
    /// What somebody may do with the day.
    pub verdict: Verdict,
    /// When it should have been complete.
    pub expected_by: Option<DateTime<Utc>>,
    /// When it was.
    pub first_complete_at: Option<DateTime<Utc>>,
    /// How much later that was, in seconds; absent where nobody was waiting.
    pub late_s: Option<i64>,
    /// The last report about it; absent where there was none.
    pub report_id: Option<Uuid>,
}

/// The days of one subject of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MatrixRow {
    /// Who sends it.
    #[schema(example = "energy_charts")]
    pub source: String,
    /// What it is.
    #[schema(example = "price:CH:day_ahead")]
    pub subject: String,
    /// Zone in which its days begin and end.
    #[schema(example = "Europe/Zurich")]
    pub time_zone: String,
    /// Length of an interval, in seconds.
    pub interval_s: i32,
    /// Whether Luna makes it up.
    pub is_simulated: bool,
    /// One for each day of the matrix, oldest first.
    pub cells: Vec<DayCell>,
}

/// Sources and subjects by day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Matrix {
    /// Local days, oldest first; the last is today.
    pub days: Vec<NaiveDate>,
    /// By source, then by subject.
    pub rows: Vec<MatrixRow>,
}

/// A day of a subject as it is stored.
#[derive(Debug, Clone)]
pub(super) struct StoredDay {
    pub source: String,
    pub subject: String,
    pub time_zone: String,
    pub interval_s: i32,
    pub is_simulated: bool,
    pub cell: DayCell,
}

/// A value that is kept apart.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Quarantined {
    /// Identifier.
    pub row_id: Uuid,
    /// Who sent it.
    #[schema(example = "energy_charts")]
    pub source: String,
    /// What it is a value of.
    #[schema(example = "price:CH:day_ahead")]
    pub subject: String,
    /// Start of its interval.
    pub ts: DateTime<Utc>,
    /// Length of its interval, in seconds.
    pub interval_s: i32,
    /// What the source says; absent where that is no number.
    pub value: Option<f64>,
    /// Why it is kept apart.
    pub reason: Code,
    /// Why, in words.
    pub sentence: String,
    /// The payload that it was read from.
    pub raw_file_id: Option<Uuid>,
    /// The report about its batch.
    pub report_id: Uuid,
    /// When it came first.
    pub arrived_at: DateTime<Utc>,
    /// What somebody decided; absent while nobody has.
    #[schema(example = "released")]
    pub decision: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who.
    pub decided_by: Option<Uuid>,
}

impl Quarantined {
    /// Whether it can be released together with others: of values that contradict each other only
    /// one may be, and what is no number or begins nowhere cannot be stored.
    pub const fn may_go_with_others(&self) -> bool {
        self.value.is_some() && !matches!(self.reason, Code::Conflicts | Code::OffGrid)
    }
}

/// A payload that nobody can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Identifier.
    pub letter_id: Uuid,
    /// Who sent it.
    #[schema(example = "energy_charts")]
    pub source: String,
    /// What was asked about.
    #[schema(example = "CH")]
    pub subject: String,
    /// The payload, in the archive.
    pub raw_file_id: Option<Uuid>,
    /// Its beginning.
    pub excerpt: String,
    /// Why it cannot be read.
    pub reason: String,
    /// How often the same came.
    pub attempts: i32,
    /// When it came first.
    pub created_at: DateTime<Utc>,
    /// When it came last.
    pub last_at: DateTime<Utc>,
    /// How it ended: `resolved` by somebody, `superseded` by a payload that could be read.
    #[schema(example = "resolved")]
    pub resolution: Option<String>,
    /// When.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who.
    pub resolved_by: Option<Uuid>,
}

/// A payload that cannot be read, as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable<'a> {
    /// Who sent it.
    pub source: &'a str,
    /// What was asked about.
    pub subject: &'a str,
    /// The payload, in the archive.
    pub raw_file_id: Option<Uuid>,
    /// The payload itself.
    pub payload: &'a [u8],
    /// Why it cannot be read.
    pub reason: &'a str,
}

/// Which rows of a list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this source.
    pub source: Option<String>,
    /// Only of this subject.
    pub subject: Option<String>,
    /// Only what nobody has decided yet.
    pub is_open: bool,
    /// Only what concerns instants from here on
    pub from: Option<DateTime<Utc>>,
    /// and before.
    pub to: Option<DateTime<Utc>>,
    /// Only rows behind this one in the list.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// What waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Values that wait for a decision.
    pub quarantined: i64,
    /// Payloads that nobody can read.
    pub dead_letters: i64,
}
