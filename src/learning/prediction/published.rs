//! Runs of series that are no prices, as they were published: kept, found again, scored.

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde_json::Value;
use uuid::Uuid;

use super::store;
use crate::platform::db::Db;
use crate::platform::db::DbError;

/// A forecast of a series as it was published; only its score changes afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesRun {
    /// Identifier.
    pub run_id: Uuid,
    /// Series that is forecast, e.g. `load:house-1`.
    pub series: String,
    /// Model in words.
    pub model_label: String,
    /// Nothing known later entered it.
    pub issued_at: DateTime<Utc>,
    /// End of the last value it stands on.
    pub known_until: DateTime<Utc>,
    /// SHA-256 over what it was computed from.
    pub inputs_hash: String,
    /// What its area has to say about it.
    pub detail: Value,
    /// Errors, as its area measures them; absent until some were.
    pub score: Option<Value>,
    /// When the last of its values was scored.
    pub scored_at: Option<DateTime<Utc>>,
}

/// A forecast of one interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesValue {
    /// Start of the interval.
    pub ts: DateTime<Utc>,
    /// Its length in seconds.
    pub interval_s: i32,
    /// Days ahead, 1 is the first 24 hours.
    pub lead_day: i16,
    /// Point forecast, in the unit of the series.
    pub mean: f64,
    /// Quantiles .05 .10 .25 .50 .75 .90 .95, ascending.
    pub quantiles: [f32; 7],
}

/// Runs of series that are no prices. Cloning is cheap.
#[derive(Clone)]
pub struct Published {
    db: Db,
}

impl Published {
    /// The service on a database.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Stores a run with its values.
    pub async fn put(&self, run: &SeriesRun, values: &[SeriesValue]) -> Result<(), DbError> {
        let mut conn = self.db.conn().await?;
        let stored = conn.transaction(async |conn| store::put_run(conn, run, values).await).await;
        Ok(stored?)
    }

    /// The run of a series that was the newest at an instant, or is the newest of all.
    pub async fn latest(
        &self,
        series: &str,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Option<SeriesRun>, DbError> {
        Ok(store::latest_of(&mut *self.db.conn().await?, series, as_of).await?)
    }

    /// Values of a run, oldest first; none of a run so old that only its score was kept.
    pub async fn values(&self, run_id: Uuid) -> Result<Vec<SeriesValue>, DbError> {
        Ok(store::values_of_run(&mut *self.db.conn().await?, run_id).await?)
    }

    /// Up to `limit` runs that have a score to get: issued before `first` and without any, or issued
    /// before `last` and not scored to their end.
    pub async fn due(
        &self,
        first: DateTime<Utc>,
        last: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<SeriesRun>, DbError> {
        Ok(store::due(&mut *self.db.conn().await?, (first, last), limit).await?)
    }

    /// Writes a score down; with `finished` the run gets no other.
    pub async fn put_score(
        &self,
        run_id: Uuid,
        score: Option<Value>,
        finished: Option<DateTime<Utc>>,
    ) -> Result<(), DbError> {
        store::put_score_of(&mut *self.db.conn().await?, run_id, score, finished).await?;
        Ok(())
    }

    /// Scores of the runs of a series that were issued since an instant, newest first.
    pub async fn scores(&self, series: &str, since: DateTime<Utc>) -> Result<Vec<Value>, DbError> {
        Ok(store::scored_since(&mut *self.db.conn().await?, series, since).await?)
    }

    /// Removes values of scored runs that were issued before an instant; the runs and their scores
    /// stay. Answers how many values.
    pub async fn prune(&self, before: DateTime<Utc>) -> Result<usize, DbError> {
        Ok(store::prune(&mut *self.db.conn().await?, before).await?)
    }
}
