//! Rows as they are sent, what became of them, and why they are refused.

use chrono::{DateTime, Utc};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::facts::market::Quality;
use crate::facts::meters::MeterError;
use crate::facts::meters::Stored;
use crate::platform::db::DbError;

/// Most rows of one request.
pub(super) const ROWS_MAX: u64 = 1_000_000;
/// Most rows of one file.
pub(super) const FILE_ROWS_MAX: u64 = 50_000_000;
/// Longest body of one request, in bytes.
pub(super) const BYTES_MAX: u64 = 512 << 20;
/// Most rows of one request that bring counters: their neighbours are read back.
pub(super) const COUNTERS_MAX: usize = 200_000;
/// Most meters of one request.
pub(super) const METERS_MAX: usize = 50_000;
/// Findings that one answer lists.
pub(super) const FINDINGS_MAX: usize = 1_000;
/// Faulty rows that a refusal lists.
pub(super) const FAULTS_MAX: usize = 20;

/// What one meter read in one interval, or what its counters showed at an instant.
///
/// Either mean power or counters, not both. A counter row says what flowed since the row before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadingRow {
    /// The meter.
    #[schema(example = "house-1")]
    pub meter_id: String,
    /// Start of the interval, or the instant of the counters: RFC 3339, or milliseconds since 1970.
    #[schema(value_type = String, example = "2026-03-28T11:00:00Z")]
    pub ts: Stamp,
    /// Length of the interval, in seconds, 1 to 3600; that of the meter's newest reading unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3600)]
    pub interval_s: Option<i32>,
    /// Mean power taken, in kW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100_000)]
    pub consumption_kw: Option<f64>,
    /// Mean power given, in kW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100_000)]
    pub production_kw: Option<f64>,
    /// Mean voltage, in V.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub voltage: Option<f64>,
    /// Energy taken since the meter was made, in kWh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub consumption_kwh_total: Option<f64>,
    /// Energy given since the meter was made, in kWh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub production_kwh_total: Option<f64>,
    /// How far to trust it; `ok` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "ok")]
    pub quality: Option<Quality>,
    /// When it was published; the end of the interval unless said. Of two values the later wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub known_at: Option<Stamp>,
}

impl ReadingRow {
    /// A row about `meter_id` at `ts` that says nothing yet.
    pub fn new(meter_id: impl Into<String>, ts: DateTime<Utc>) -> Self {
        Self {
            meter_id: meter_id.into(),
            ts: Stamp(ts),
            interval_s: None,
            consumption_kw: None,
            production_kw: None,
            voltage: None,
            consumption_kwh_total: None,
            production_kwh_total: None,
            quality: None,
            known_at: None,
        }
    }
}

/// An instant as text or as milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(pub DateTime<Utc>);

impl Stamp {
    /// The instant that a text names.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(at.to_utc()));
        }
        if let Ok(milliseconds) = text.parse::<i64>() {
            Self::of_milliseconds(milliseconds)
        } else {
            let start: String = text.chars().take(40).collect();
            Err(format!(
                "'{start}' is no instant like 2026-03-28T12:00:00Z or 1774699200000 (milliseconds since 1970)"
            ))
        }
    }

    fn of_milliseconds(milliseconds: i64) -> Result<Self, String> {
        let found = DateTime::from_timestamp_millis(milliseconds).map(Self);
        // Seconds since 1970 would be an instant in January 1970.
        found.filter(|_| milliseconds >= 100_000_000_000).ok_or_else(|| {
            format!("{milliseconds} is not in milliseconds since 1970, like 1774699200000")
        })
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StampVisitor)
    }
}

struct StampVisitor;

impl Visitor<'_> for StampVisitor {
    type Value = Stamp;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an instant like \"2026-03-28T12:00:00Z\" or milliseconds since 1970")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Stamp, E> {
        Stamp::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, milliseconds: i64) -> Result<Stamp, E> {
        Stamp::of_milliseconds(milliseconds).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, milliseconds: u64) -> Result<Stamp, E> {
        let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
        Stamp::of_milliseconds(milliseconds).map_err(E::custom)
    }
}

/// What is wrong with one field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The field; empty when it is the row as a whole.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Fault {
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

/// A row that was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Its place in the body, from 0.
    pub index: u64,
    /// The field; empty when it is the row as a whole.
    #[schema(example = "consumption_kw")]
    pub field: String,
    /// What is wrong with it.
    #[schema(example = "is -1, not 0 to 100000")]
    pub reason: String,
}

impl Finding {
    pub(super) fn new(index: u64, fault: Fault) -> Self {
        Self { index, field: fault.field, reason: fault.reason }
    }

    /// Where it is, as refusals name it.
    pub fn path(&self) -> String {
        if self.field.is_empty() {
            format!("rows[{}]", self.index)
        } else {
            format!("rows[{}].{}", self.index, self.field)
        }
    }
}

/// What became of the rows of a request. Each row of power counts once: `read` is the sum of the
/// next five and of `counters`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IngestReport {
    /// Rows of the body.
    pub read: u64,
    /// New intervals.
    pub inserted: u64,
    /// Replaced a value, which is now a revision.
    pub replaced: u64,
    /// Said what was stored already.
    pub unchanged: u64,
    /// Not stored: faulty, known earlier than what is stored, or over readings of another length.
    pub refused: u64,
    /// Outranked by another row for the same interval.
    pub duplicates: u64,
    /// Rows with counters.
    pub counters: u64,
    /// Intervals that counters gave or changed.
    pub derived: u64,
    /// Of the refused ones those that were known earlier than what is stored.
    pub refused_older: u64,
    /// Of the refused ones those over readings of another length.
    pub overlapping: u64,
    /// Meters that are known since.
    pub created: Vec<String>,
    /// The first thousand faulty rows; only with `partial=true`.
    pub findings: Vec<Finding>,
}

impl IngestReport {
    /// Whether anything is other than before.
    pub(super) const fn changed(&self) -> bool {
        self.inserted + self.replaced + self.derived > 0 || !self.created.is_empty()
    }

    /// Adds what a write of rows of power did.
    pub(super) const fn add(&mut self, stored: &Stored) {
        self.inserted += stored.inserted;
        self.replaced += stored.replaced;
        self.unchanged += stored.unchanged;
        self.duplicates += stored.duplicates;
        self.refused_older += stored.refused_older;
        self.overlapping += stored.overlapping;
        self.refused += stored.refused_older + stored.overlapping;
    }
}

/// How a request wants to be taken.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a request, each by itself")]
pub(super) struct Order {
    /// Unknown meters are made.
    pub create: bool,
    /// Good rows are stored although others are faulty.
    pub partial: bool,
    /// The caller's own key of the request.
    pub key: Option<String>,
    /// The body is a file: longer ones are taken than from a meter that sends.
    pub is_file: bool,
    /// Everything is done and then taken back.
    pub dry_run: bool,
}

/// Why nothing of a request is stored.
#[derive(Debug, thiserror::Error)]
pub enum ReadingsError {
    /// The body is no list of rows.
    #[error("{0}")]
    Unreadable(String),
    /// The lines of the body are not those of readings.
    #[error("{0}")]
    NoReadings(String),
    /// The body is too long, in one way or another.
    #[error("{0}")]
    TooLarge(String),
    /// Rows are faulty.
    #[error("{} of the rows read cannot be stored, nothing was stored: {}: {}", .total,
        .first.first().map(Finding::path).unwrap_or_default(),
        .first.first().map(|one| one.reason.as_str()).unwrap_or_default())]
    BadRows {
        /// The first of them.
        first: Vec<Finding>,
        /// All that were found until reading stopped.
        total: u64,
    },
    /// The key came with another body.
    #[error(
        "this key came with another request within the last 24 hours; a key belongs to one request"
    )]
    KeyReused,
    /// What would have been done, had it not been taken back on purpose.
    #[error("nothing was stored, as was asked for")]
    DryRun(Box<IngestReport>),
    /// The other side of the request failed; its reason counts.
    #[error("the request was given up")]
    GivenUp,
    /// Meters or their readings.
    #[error(transparent)]
    Meters(#[from] MeterError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for ReadingsError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}
