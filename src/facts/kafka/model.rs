//! Partitions, how far they are read, what of them could not be stored, and why nothing goes on.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::records::shown;
use crate::facts::meters::MeterError;
use crate::facts::quality::QualityError;
use crate::facts::readings::ReadingsError;
use crate::platform::db::DbError;

/// Letters of a reason that is kept with a partition.
const TROUBLE_LETTERS: usize = 900;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub topic: String,
    pub partition: i32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A partition that this process reads, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub place: Place,
    /// The record to read next; nothing before the first look.
    pub next_offset: Option<i64>,
}

/// How far a partition is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartitionState {
    /// The topic.
    #[schema(example = "luna.readings")]
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// The record to read next; absent before the first look.
    pub next_offset: Option<i64>,
    /// What the broker last called the end of the partition.
    pub high_watermark: Option<i64>,
    /// Records between the two; absent before the first look.
    pub lag: Option<i64>,
    /// Records read so far.
    pub records_read: i64,
    /// Rows in them that Luna took: stored, or known already.
    pub rows_taken: i64,
    /// Rows and records that could not be stored.
    pub rows_refused: i64,
    /// Records that the broker had let go before they were read.
    pub records_lost: i64,
    /// When some were lost last.
    pub lost_at: Option<DateTime<Utc>>,
    /// Instant of the last record read, as its sender or the broker wrote it.
    pub last_record_at: Option<DateTime<Utc>>,
    /// When reading last moved on.
    pub updated_at: DateTime<Utc>,
    /// What keeps reading from going on; absent when nothing does.
    pub trouble: Option<String>,
    /// Since when.
    pub trouble_at: Option<DateTime<Utc>>,
    /// The process that reads it; absent while none does.
    pub holder: Option<String>,
}

/// A record or a row of one that could not be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub offset: i64,
    /// Place of the row in the record, from 0; −1: the record as a whole.
    pub row: i32,
    pub field: String,
    pub reason: String,
    pub excerpt: String,
}

/// A record or a row of one that could not be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refusal {
    /// The topic.
    #[schema(example = "luna.readings")]
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// Offset of the record.
    pub offset: i64,
    /// Place of the row in the record, from 0; absent: the record as a whole.
    pub row: Option<i32>,
    /// The field; empty when it is the row or the record as a whole.
    #[schema(example = "consumption_kw")]
    pub field: String,
    /// What is wrong with it.
    #[schema(example = "is -1, not 0 to 100000")]
    pub reason: String,
    /// Beginning of the record.
    pub excerpt: String,
    /// When it was refused.
    pub refused_at: DateTime<Utc>,
}

/// How Kafka stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KafkaStatus {
    /// Whether brokers are configured; without any nothing is read or written.
    pub is_configured: bool,
    /// The brokers, as configured.
    #[schema(example = json!(["redpanda:9092"]))]
    pub brokers: Vec<String>,
    /// Whether they answer; absent without any.
    pub reachable: Option<bool>,
    /// What is wrong or what was found, as a sentence.
    pub detail: String,
    /// Whether topics are read here.
    pub consumes: bool,
    /// Topics to read that are not there yet.
    pub missing_topics: Vec<String>,
    /// By topic and number.
    pub partitions: Vec<PartitionState>,
}

/// What was stored of some records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub records: u64,
    pub rows: u64,
    pub refused: u64,
}

impl Taken {
    pub const fn add(&mut self, other: Self) {
        self.records += other.records;
        self.rows += other.rows;
        self.refused += other.refused;
    }
}

/// Why reading or writing does not go on.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// There are no brokers.
    #[error("no brokers are configured; set KAFKA_BROKERS, e.g. to redpanda:9092")]
    Off,
    /// The settings cannot be used.
    #[error("kafka: {0}")]
    Settings(String),
    /// No broker answers as it should.
    #[error("{brokers}: {why}")]
    Away {
        /// Who was asked.
        brokers: String,
        /// What happened.
        why: String,
    },
    /// What is asked for is not on the broker any more, or not yet.
    #[error("the broker has no record at the place that was asked for")]
    OutOfRange,
    /// Another process reads the partition now, or has read on.
    #[error("another process has taken the partition over")]
    Overtaken,
    /// A row cannot be sent.
    #[error("row {index} cannot be sent: {reason}")]
    BadRow {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The rows could not be stored.
    #[error(transparent)]
    Readings(#[from] ReadingsError),
    /// What is wrong with some could not be written down.
    #[error(transparent)]
    Quality(#[from] QualityError),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for KafkaError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl KafkaError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error)
            | Self::Readings(
                ReadingsError::Db(error) | ReadingsError::Meters(MeterError::Db(error)),
            )
            | Self::Quality(QualityError::Db(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether the rows themselves are at fault, so that the same attempt will fail again. Anything
    /// else may be the box's: then nothing is passed over.
    pub(super) fn is_of_rows(&self) -> bool {
        match self.db() {
            Some(error) => error.is_of_value(),
            None => match self {
                Self::Readings(ReadingsError::Meters(MeterError::NoSite)) => false,
                Self::Readings(_) => true,
                _ => false,
            },
        }
    }

    /// What is wrong, with its cause, as it is kept and shown.
    pub(super) fn sentence(&self) -> String {
        let mut text = self.to_string();
        if let Some(cause) = self.db().and_then(std::error::Error::source) {
            text = format!("{text}: {cause}");
        }
        shown(&text, TROUBLE_LETTERS)
    }
}
