//! Payloads and where they came from.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::base::timeline::TimeRange;

/// What a source sent, with the question it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Name of the source, e.g. `energy_charts`.
    pub source: String,
    /// What was asked about, e.g. a market.
    pub subject: String,
    /// The instants that were asked for.
    pub range: TimeRange,
    /// The address without anything secret.
    pub url: String,
    /// Status of the answer.
    pub http_status: u16,
    /// What the source called the payload; empty when it did not say.
    pub content_type: String,
}

/// A payload in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "keys are named after what they point at")]
pub struct RawFile {
    /// Identifier.
    pub raw_file_id: Uuid,
    /// Where it came from.
    pub arrival: Arrival,
    /// Length, unpacked.
    pub size_bytes: u64,
    /// Hash of the payload as it was sent.
    pub sha256: String,
    /// Where it is kept, packed.
    pub object_key: String,
    /// Hash of the packed object.
    pub object_sha256: String,
    /// What reading it brought; absent until somebody read it.
    pub parse_result: Option<String>,
    /// When it came first.
    pub fetched_at: DateTime<Utc>,
    /// When the same came last.
    pub last_fetched_at: DateTime<Utc>,
}

/// How much a source has answered on a day.
#[expect(clippy::struct_field_names, reason = "an answer is what is counted")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Name of the source.
    pub source: String,
    /// How often.
    pub answers: u32,
    /// How much, unpacked.
    pub bytes: u64,
}
