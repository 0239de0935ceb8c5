//! Series and their values.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::Market;

/// What a series is, before it has a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeriesSpec {
    /// Name, e.g. `load_forecast:EPF-DE`; unique.
    pub name: String,
    /// Unit of the values, e.g. `MW`.
    pub unit: String,
    /// Where the values come from, e.g. `import:DE.csv`.
    pub source: String,
    /// Market that the series belongs to, if to one.
    pub market: Option<Market>,
    /// Length of one interval, in seconds.
    pub resolution_s: i32,
    /// Whom to name where the values are shown; empty when nobody asks for it.
    pub attribution: String,
    /// Whether models of the market's prices learn from it: it is known before its instant.
    pub is_feature: bool,
}

/// A registered series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Series {
    /// Number in the database.
    pub series_id: i32,
    /// What it is.
    #[serde(flatten)]
    pub spec: SeriesSpec,
}

/// A value as one publication gave it; a forecast is known before its instant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Observation {
    /// Start of the interval.
    pub ts: DateTime<Utc>,
    /// When it became known.
    pub known_at: DateTime<Utc>,
    /// Whether `known_at` is a rule's answer instead of a recorded publication.
    pub known_at_assumed: bool,
    /// Value, in the unit of the series.
    pub value: f64,
}

/// What a write did; the four counts add up to the values given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stored {
    /// New pairs of instant and publication.
    pub inserted: u64,
    /// The same publication said something else before.
    pub replaced: u64,
    /// Said what was stored already.
    pub unchanged: u64,
    /// Outranked by a later value for the same instant and publication in the same batch.
    pub duplicates: u64,
}
