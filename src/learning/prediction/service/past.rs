//! What was published at an instant, from storage: nothing is computed again.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{ForecastError, Forecasts};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::TimeRange;
use crate::learning::prediction::model::{Forecast, ForecastValue, RunHead};
use crate::learning::prediction::store;

impl Forecasts {
    /// The forecast of a market that was the newest at `as_of`, as it was published; absent when none
    /// had been issued by then.
    pub async fn valid_at(
        &self,
        market: &Market,
        product: Product,
        as_of: DateTime<Utc>,
    ) -> Result<Option<Forecast>, ForecastError> {
        self.newest(market, product, Some(as_of)).await
    }

    /// The forecast that is the newest, or was at `as_of`.
    pub(super) async fn newest(
        &self,
        market: &Market,
        product: Product,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Option<Forecast>, ForecastError> {
        let (mut conn, series) = (self.db.conn().await?, market.price_series(product));
        let Some(run) = store::latest(&mut conn, &series, product, as_of).await? else {
            return Ok(None);
        };
        let values = store::values(&mut conn, run.run_id).await?;
        Ok(Some(Forecast { run, values }))
    }

    /// The runs of a market that were issued in `range`, in the order in which they were.
    pub async fn issued_in(
        &self,
        market: &Market,
        product: Product,
        range: TimeRange,
    ) -> Result<Vec<RunHead>, ForecastError> {
        let mut conn = self.db.conn().await?;
        Ok(store::heads(&mut conn, &market.price_series(product), range).await?)
    }

    /// What `runs` said about the delivery periods in `range`, of one lead day or of all.
    pub async fn values_of(
        &self,
        runs: &[Uuid],
        range: TimeRange,
        lead_day: Option<i16>,
    ) -> Result<Vec<(Uuid, ForecastValue)>, ForecastError> {
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let mut conn = self.db.conn().await?;
        Ok(store::values_of(&mut conn, runs, range, lead_day).await?)
    }
}
