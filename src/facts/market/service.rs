//! Writing prices once, reading them now or as of an instant.

use diesel_async::AsyncConnection;

use super::model::{BadPoint, Coverage, Newest, PriceHistory, PricePoint, Stored};
use super::store::{self, Batch};
use crate::base::ids::{Market, Product};
use crate::base::timeline::{AsOf, TimeRange};
use crate::platform::db::{Db, DbError, count_written};

/// Longest range one read may cover, in days: ten years and a bit.
const RANGE_DAYS_MAX: i64 = 3_700;
/// Batches above this size go through COPY, which needs a connection of its own to be worth it.
pub(super) const COPY_ROWS_MIN: usize = 50_000;

/// Failure to read or write prices.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The caller asked for too much.
    #[error("a range covers at most {max} days, this one {days}")]
    RangeTooLong {
        /// Length of the range.
        days: i64,
        /// Longest allowed.
        max: i64,
    },
    /// A point of a batch breaks a rule; nothing of the batch is stored.
    #[error(transparent)]
    BadPoint(#[from] BadPoint),
    /// The database refused, failed, or is away.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for PriceError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Day-ahead prices of all markets: the latest values, and what they replaced.
#[derive(Clone)]
pub struct Prices {
    db: Db,
}

impl Prices {
    /// The service on a database.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Stores `points` in one transaction; all of them or, on an error, none.
    ///
    /// An instant without a value gets one. A stored value gives way only to a different one that
    /// was not known earlier, and moves to the revisions. Writing a batch again changes nothing.
    /// Of several points for one instant the last known one counts, of those the last in order.
    /// Writers of the same market and product take turns; readers are never held up.
    pub async fn put(
        &self,
        market: &Market,
        product: Product,
        points: &[PricePoint],
    ) -> Result<Stored, PriceError> {
        for point in points {
            point.check(market, product)?;
        }
        let batch = Batch::new(market, product, points);
        if batch.is_empty() {
            return Ok(Stored::default());
        }
        let mut stored = if batch.len() < COPY_ROWS_MIN {
            let mut conn = self.db.conn().await?;
            conn.transaction(async |conn| store::put(conn, &batch).await).await?
        } else {
            let mut client = self.db.copy_client().await?;
            store::put_by_copy(&mut client, &batch).await.map_err(DbError::from)?
        };
        count_written("market_prices", stored.inserted + stored.replaced);
        stored.duplicates = (points.len() - batch.len()) as u64;
        Ok(stored)
    }

    /// Latest prices in `range`, oldest first; instants without a price are absent.
    pub async fn prices(
        &self,
        market: &Market,
        product: Product,
        range: TimeRange,
    ) -> Result<Vec<PricePoint>, PriceError> {
        Self::check_range(range, RANGE_DAYS_MAX)?;
        let mut conn = self.db.conn().await?;
        Ok(store::prices(&mut conn, market, product, range).await?)
    }

    /// Prices in `range` as they were known at an instant, oldest first.
    pub async fn prices_as_of(
        &self,
        market: &Market,
        product: Product,
        range: TimeRange,
        as_of: AsOf,
    ) -> Result<Vec<PricePoint>, PriceError> {
        Self::check_range(range, RANGE_DAYS_MAX)?;
        let mut conn = self.db.conn().await?;
        Ok(store::prices_as_of(&mut conn, market, product, range, as_of).await?)
    }

    /// Latest prices and all revisions in `range`, for work at many instants.
    pub async fn history(
        &self,
        market: &Market,
        product: Product,
        range: TimeRange,
    ) -> Result<PriceHistory, PriceError> {
        Self::check_range(range, RANGE_DAYS_MAX)?;
        let mut conn = self.db.conn().await?;
        // One snapshot: a value that is replaced between two reads would be in neither or in both.
        let mut history = conn.build_transaction().read_only().repeatable_read();
        let history = history.run(async |conn| {
            let latest = store::prices(conn, market, product, range).await?;
            let revisions = store::revisions(conn, market, product, range).await?;
            Ok::<_, diesel::result::Error>(PriceHistory { latest, revisions })
        });
        Ok(history.await?)
    }

    /// Start of the newest price of every market and product that has any; cheap however many there are.
    pub async fn newest(&self) -> Result<Vec<Newest>, PriceError> {
        let mut conn = self.db.conn().await?;
        Ok(store::newest(&mut conn).await?)
    }

    /// What is stored of every market, per product.
    pub async fn markets(&self) -> Result<Vec<Coverage>, PriceError> {
        let mut conn = self.db.conn().await?;
        Ok(store::coverage(&mut conn).await?)
    }

    /// Number of stored prices, revisions not counted.
    pub async fn count(&self) -> Result<i64, PriceError> {
        let mut conn = self.db.conn().await?;
        Ok(store::count(&mut conn).await?)
    }

    /// Refuses a range longer than `days_max` days, for callers with a tighter limit than reads have.
    pub fn check_range(range: TimeRange, days_max: i64) -> Result<(), PriceError> {
        // Whole local days may hold one hour more than their number times 24.
        let hours = range.length().num_hours() - 1;
        if hours > days_max * 24 {
            return Err(PriceError::RangeTooLong { days: hours / 24 + 1, max: days_max });
        }
        Ok(())
    }
}
