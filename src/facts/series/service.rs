//! Writing observations once, reading them as of an instant.
//!
//! Every publication of a value stays: a row per instant and `known_at`. What is stored therefore
//! does not depend on the order of arrival, and a night's measured zero stays apart from the zero
//! that was forecast.

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;

use super::model::{Observation, Series, SeriesSpec, Stored};
use super::store;
use crate::base::ids::Market;
use crate::base::timeline::{AsOf, TimeRange};
use crate::platform::db::{Db, DbError, count_written};

/// Longest range one read may cover, in days: ten years and a bit.
const RANGE_DAYS_MAX: i64 = 3_700;
/// Series that may become known within a day: all sources together bring some hundred.
const NEW_PER_DAY_MAX: i64 = 2_000;
/// Batches above this size go through COPY, which needs a connection of its own to be worth it.
pub(super) const COPY_ROWS_MIN: usize = 50_000;

/// Failure to read or write observations.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The caller asked for too much.
    #[error("a range covers at most {max} days, this one {days}")]
    RangeTooLong {
        /// Length of the range.
        days: i64,
        /// Longest allowed.
        max: i64,
    },
    /// A value that is no number; nothing of its batch is stored.
    #[error("the value at {ts} is {value}, which is not a finite number")]
    NotFinite {
        /// Instant of the value.
        ts: DateTime<Utc>,
        /// The value.
        value: f64,
    },
    /// A description that describes nothing.
    #[error("a series needs a name and a positive resolution; '{name}' has {resolution_s} s")]
    BadSpec {
        /// Name given.
        name: String,
        /// Resolution given.
        resolution_s: i32,
    },
    /// The name is taken by a series with other numbers in it.
    #[error("series '{name}' is stored in {stored}; values in {given} need another name")]
    OtherSeries {
        /// Name of both.
        name: String,
        /// Unit and resolution of the stored one.
        stored: String,
        /// Unit and resolution of the given one.
        given: String,
    },
    /// More would become known within a day than anybody needs: somebody makes up names.
    #[error(
        "series '{name}' cannot become known: {max} have within a day, and no more may; look who \
         makes up names"
    )]
    TooMany {
        /// Name given.
        name: String,
        /// As many as may.
        max: i64,
    },
    /// No series has this name.
    #[error("there is no series '{0}'")]
    Unknown(String),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for SeriesError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Everything observed or forecast that is not a price.
#[derive(Clone)]
pub struct Observations {
    db: Db,
}

impl Observations {
    /// The service on a database.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// The number of the series that `spec` describes; registers it when its name is new.
    ///
    /// # Errors
    ///
    /// [`SeriesError::OtherSeries`] when the name stands for values of another unit or resolution.
    pub async fn ensure_series(&self, spec: &SeriesSpec) -> Result<i32, SeriesError> {
        if spec.name.is_empty() || spec.resolution_s <= 0 {
            let (name, resolution_s) = (spec.name.clone(), spec.resolution_s);
            return Err(SeriesError::BadSpec { name, resolution_s });
        }
        let mut conn = self.db.conn().await?;
        let stored = match store::series_by_name(&mut conn, &spec.name).await? {
            Some(stored) => stored,
            None if store::made_today(&mut conn).await? >= NEW_PER_DAY_MAX => {
                let (name, max) = (spec.name.clone(), NEW_PER_DAY_MAX);
                return Err(SeriesError::TooMany { name, max });
            }
            None => store::add_series(&mut conn, spec).await?,
        };
        let kind = |spec: &SeriesSpec| format!("{} every {} s", spec.unit, spec.resolution_s);
        if kind(&stored.spec) != kind(spec) {
            return Err(SeriesError::OtherSeries {
                name: spec.name.clone(),
                stored: kind(&stored.spec),
                given: kind(spec),
            });
        }
        Ok(stored.series_id)
    }

    /// The number of the series of this name, if there is one.
    pub async fn id_of(&self, name: &str) -> Result<Option<i32>, SeriesError> {
        let mut conn = self.db.conn().await?;
        Ok(store::series_by_name(&mut conn, name).await?.map(|series| series.series_id))
    }

    /// Stores `rows` of a registered series in one transaction; all of them or, on an error, none.
    ///
    /// A publication that is stored already changes only when it now says something else; of
    /// several values for one instant and publication the last in order counts.
    pub async fn put(&self, series_id: i32, rows: &[Observation]) -> Result<Stored, SeriesError> {
        if let Some(bad) = rows.iter().find(|row| !row.value.is_finite()) {
            return Err(SeriesError::NotFinite { ts: bad.ts, value: bad.value });
        }
        let batch = in_key_order(rows);
        if batch.is_empty() {
            return Ok(Stored::default());
        }
        let mut stored = if batch.len() < COPY_ROWS_MIN {
            let mut conn = self.db.conn().await?;
            conn.transaction(async |conn| store::put(conn, series_id, &batch).await).await?
        } else {
            let mut client = self.db.copy_client().await?;
            let stored = store::put_by_copy(&mut client, series_id, &batch).await;
            stored.map_err(DbError::from)?
        };
        count_written("observations", stored.inserted + stored.replaced);
        stored.duplicates = (rows.len() - batch.len()) as u64;
        Ok(stored)
    }

    /// Removes values of instants before `before`, or only counts them.
    pub async fn forget(&self, before: DateTime<Utc>, dry_run: bool) -> Result<usize, SeriesError> {
        let mut conn = self.db.conn().await?;
        Ok(store::forget(&mut conn, before, dry_run).await?)
    }

    /// What the series `name` is, if there is one.
    pub async fn spec(&self, name: &str) -> Result<Option<SeriesSpec>, SeriesError> {
        let mut conn = self.db.conn().await?;
        let series = store::series_by_name(&mut conn, name).await?;
        Ok(series.map(|series| series.spec))
    }

    /// Values of the series `name` in `range` as known at an instant, oldest first.
    ///
    /// # Errors
    ///
    /// [`SeriesError::Unknown`] when there is no such series.
    pub async fn values_as_of(
        &self,
        name: &str,
        range: TimeRange,
        as_of: AsOf,
    ) -> Result<Vec<(DateTime<Utc>, f64)>, SeriesError> {
        check_range(range)?;
        let mut conn = self.db.conn().await?;
        let series_id = series_id(store::series_by_name(&mut conn, name).await?, name)?;
        Ok(store::values_as_of(&mut conn, series_id, range, as_of).await?)
    }

    /// All publications in `range` as (instant, known at, value), by instant, then as published.
    pub async fn history(
        &self,
        name: &str,
        range: TimeRange,
    ) -> Result<Vec<(DateTime<Utc>, DateTime<Utc>, f64)>, SeriesError> {
        check_range(range)?;
        let mut conn = self.db.conn().await?;
        let series_id = series_id(store::series_by_name(&mut conn, name).await?, name)?;
        Ok(store::history(&mut conn, series_id, range).await?)
    }

    /// Series that belong to `market`, by name.
    pub async fn series_of_market(&self, market: &Market) -> Result<Vec<Series>, SeriesError> {
        let mut conn = self.db.conn().await?;
        Ok(store::series_of_market(&mut conn, market).await?)
    }
}

fn series_id(series: Option<Series>, name: &str) -> Result<i32, SeriesError> {
    let series = series.ok_or_else(|| SeriesError::Unknown(name.to_owned()))?;
    Ok(series.series_id)
}

/// One value per instant and publication, in the order of the key; the last given counts.
fn in_key_order(rows: &[Observation]) -> Vec<Observation> {
    let mut batch: Vec<Observation> = rows.iter().rev().copied().collect();
    batch.sort_by_key(|row| (row.ts, row.known_at));
    batch.dedup_by_key(|row| (row.ts, row.known_at));
    batch
}

fn check_range(range: TimeRange) -> Result<(), SeriesError> {
    let days = range.length().num_days();
    if days > RANGE_DAYS_MAX {
        return Err(SeriesError::RangeTooLong { days, max: RANGE_DAYS_MAX });
    }
    Ok(())
}
