//! Rows of features of a series as of now, made once for all who ask.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ndarray::Array2;
use uuid::Uuid;

use super::loaded::Rows;
use super::series::PriceSeries;
use crate::algorithms::forecasting::Prediction;
use crate::base::timeline::AsOf;
use crate::base::timeline::Clock;
use crate::base::timeline::local_date;
use crate::learning::features;
use crate::learning::features::Features;
use crate::learning::features::HistoryError;
use crate::learning::training::Ahead;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::CpuPoolError;

/// Age at which rows are made anew although nothing was told: something stored earlier may have been
/// published by now.
const AGE_MAX: Duration = Duration::from_secs(30);
/// Sets of features that are kept.
const KEPT_MAX: usize = 32;

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// There is no usable history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Too little was published.
    #[error("too few prices of {0} are known to make features of: about three weeks are needed")]
    TooShort(String),
    /// The pool for heavy work is full or going down.
    #[error("the features could not be computed")]
    Pool(#[from] CpuPoolError),
}

/// What one model of whole days says about every row, once it was asked.
pub(super) type Whole = Arc<OnceLock<Result<Prediction, String>>>;

/// Rows of one series, every delivery period of the days ahead that has no published price.
#[derive(Debug)]
pub(super) struct Prepared {
    ahead: Ahead,
    places: HashMap<DateTime<Utc>, usize>,
    whole: Mutex<HashMap<Uuid, Whole>>,
    made: Duration,
    generation: u64,
}

impl Prepared {
    /// Starts of the delivery periods, oldest first.
    pub fn instants(&self) -> &[DateTime<Utc>] {
        &self.ahead.rows.ts
    }

    /// Days ahead of a delivery period.
    pub fn lead_day(&self, place: usize) -> u8 {
        self.ahead.rows.table.groups[place].lead_day
    }

    /// Place of the row of a delivery period.
    pub fn place(&self, ts: DateTime<Utc>) -> Option<usize> {
        self.places.get(&ts).copied()
    }

    /// What the rows were made of.
    pub const fn ahead(&self) -> &Ahead {
        &self.ahead
    }

    /// Where the answer of a model of whole days is kept as long as the rows are.
    pub fn whole(&self, model_id: Uuid) -> Whole {
        let mut all = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(model_id).or_default())
    }

    /// Rows with the columns of a model, in its order; the error names a feature that is none.
    pub fn rows(&self, places: &[usize], features: &[String]) -> Result<Rows, String> {
        let table = &self.ahead.rows.table;
        let columns = features.iter().map(|name| table.column(name).ok_or_else(|| name.clone()));
        let columns = columns.collect::<Result<Vec<usize>, String>>()?;
        let x = Array2::from_shape_fn((places.len(), columns.len()), |(row, column)| {
            table.x[[places[row], columns[column]]]
        });
        Ok(Rows { x, keys: places.iter().map(|place| table.groups[*place]).collect() })
    }
}

/// The series and the exogenous columns beside its prices.
type Key = (String, Vec<String>);
/// A place that one maker fills while others wait for it.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Prepared>>>>;

/// Makes rows and keeps them while they hold. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Preparer {
    features: Features,
    pool: CpuPool,
    clock: Clock,
    kept: Arc<Mutex<HashMap<Key, Slot>>>,
    generation: Arc<AtomicU64>,
}

impl Preparer {
    pub fn new(features: Features, pool: CpuPool, clock: Clock) -> Self {
        Self { features, pool, clock, kept: Arc::default(), generation: Arc::default() }
    }

    /// Notes that series have changed: rows are made anew.
    pub fn wake(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Rows of a series with these exogenous columns, as of now.
    pub async fn rows(
        &self,
        series: &PriceSeries,
        exogenous: Vec<String>,
    ) -> Result<Arc<Prepared>, PrepareError> {
        let name = series.market.price_series(series.product);
        let slot = self.slot((name, exogenous.clone()));
        let mut kept = slot.lock().await;
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(prepared) = kept.as_ref()
            && prepared.generation == generation
            && self.clock.elapsed().saturating_sub(prepared.made) < AGE_MAX
        {
            return Ok(Arc::clone(prepared));
        }
        let prepared = Arc::new(self.make(series, &exogenous, generation).await?);
        *kept = Some(Arc::clone(&prepared));
        Ok(prepared)
    }

    fn slot(&self, key: Key) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(&key) {
            kept.clear();
        }
        Arc::clone(kept.entry(key).or_default())
    }

    async fn make(
        &self,
        series: &PriceSeries,
        exogenous: &[String],
        generation: u64,
    ) -> Result<Prepared, PrepareError> {
        let (started, now) = (std::time::Instant::now(), self.clock.now());
        let market = &series.market;
        let (first, last) = Ahead::days(local_date(now, market.time_zone()));
        // The standard list with these series, whoever asks.
        let columns = features::FeatureSpec::standard(series.product.interval_s(), exogenous);
        let columns = columns.names();
        let loaded = self.features.history(market, series.product, first, last, Some(&columns));
        let loaded = loaded.await?;
        let ahead = self.pool.run("features", move || Ahead::of(loaded, AsOf(now)));
        let ahead = ahead.await?.ok_or_else(|| PrepareError::TooShort(market.to_string()))?;
        metrics::histogram!("ml_feature_processing_seconds")
            .record(started.elapsed().as_secs_f64());
        let places = ahead.rows.ts.iter().enumerate().map(|(place, ts)| (*ts, place)).collect();
        let (made, whole) = (self.clock.elapsed(), Mutex::default());
        Ok(Prepared { ahead, places, whole, made, generation })
    }
}
