//! Issues forecasts, hands out the latest, scores them when truth arrives.

mod past; // what was published at an instant

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};
use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::model::{Forecast, ForecastRun, ForecastValue, LeadScore, RunScore};
use super::store;
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Params;
use crate::algorithms::forecasting::Prediction;
use crate::algorithms::forecasting::Table;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::AsOf;
use crate::base::timeline::Clock;
use crate::base::timeline::TimeRange;
use crate::base::timeline::add_days;
use crate::base::timeline::day_range;
use crate::base::timeline::local_date;
use crate::facts::market::PriceError;
use crate::facts::market::Prices;
use crate::learning::features;
use crate::learning::features::FeatureTable;
use crate::learning::features::Features;
use crate::learning::features::HistoryError;
use crate::learning::features::LEAD_DAYS_LEARNED;
use crate::learning::registry::ModelRecord;
use crate::learning::registry::Registry;
use crate::learning::registry::RegistryError;
use crate::learning::training::Ahead;
use crate::learning::training::DayModels;
use crate::learning::training::LeadModel;
use crate::learning::training::TrainingError;
use crate::learning::training::goes_on;
use crate::learning::training::origins;
use crate::learning::training::split;
use crate::learning::training::widened;
use crate::platform::db::Db;
use crate::platform::db::DbError;
use crate::platform::objects::sha256_hex;
use crate::platform::runtime::CpuPool;
use crate::platform::runtime::CpuPoolError;

/// Days that are forecast behind the last published one.
const LEADS: RangeInclusive<u8> = 1..=LEAD_DAYS_LEARNED;
/// Local days the naive stand-in calibrates its band on.
const STAND_IN_DAYS: i64 = 120;
/// Days after its end at which a run is closed although truth is missing.
const TRUTH_WAIT_DAYS: i64 = 14;
/// Runs that are read at once to be scored.
const PAGE: i64 = 200;
/// Label of the model that serves while no registered one does.
const STAND_IN_LABEL: &str = "naive (stand-in)";

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum ForecastError {
    /// There is no usable history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Too little was published to forecast from.
    #[error("too few prices of {market} are known: a forecast needs about three weeks of them")]
    TooShort {
        /// Market asked for.
        market: Market,
    },
    /// The model could not be fitted or used.
    #[error("the forecast could not be computed")]
    Model(#[source] Box<TrainingError>),
    /// The registry did not hand out a model.
    #[error("the serving model could not be loaded")]
    Registry(#[from] RegistryError),
    /// Prices could not be read.
    #[error("prices could not be read")]
    Prices(#[from] PriceError),
    /// The pool for heavy work is full or going down.
    #[error("the computation could not run")]
    Pool(#[from] CpuPoolError),
    /// The database refused or is away.
    #[error("the database did not answer")]
    Db(#[from] DbError),
}

impl ForecastError {
    /// What kind of failure it counts as; none for a history that is only too short, and for a model
    /// that could not be loaded, which the registry has counted.
    const fn kind(&self) -> Option<&'static str> {
        match self {
            Self::TooShort { .. } | Self::Registry(RegistryError::Object(_)) => None,
            Self::History(_) => Some("features"),
            Self::Model(_) | Self::Pool(_) => Some("prediction"),
            Self::Registry(_) | Self::Prices(_) | Self::Db(_) => Some("database"),
        }
    }
}

impl From<TrainingError> for ForecastError {
    fn from(error: TrainingError) -> Self {
        match error {
            TrainingError::TooShort { market, .. } => Self::TooShort { market },
            other => Self::Model(Box::new(other)),
        }
    }
}

impl From<diesel::result::Error> for ForecastError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// The forecasts of this installation.
#[derive(Clone)]
pub struct Forecasts {
    db: Db,
    prices: Prices,
    features: Features,
    registry: Registry,
    pool: CpuPool,
    days: DayModels,
    clock: Clock,
}

impl Forecasts {
    /// Forecasts from these facts and models; those of whole days are shared with whoever asks them.
    pub fn new(
        db: Db,
        prices: Prices,
        features: Features,
        registry: Registry,
        (pool, days): (CpuPool, DayModels),
        clock: Clock,
    ) -> Self {
        Self { db, prices, features, registry, pool, days, clock }
    }

    /// Forecasts the seven days behind the published prices and stores the run.
    ///
    /// With the same inputs and model as the latest run that run is handed back, and nothing is stored.
    pub async fn issue(
        &self,
        market: &Market,
        product: Product,
    ) -> Result<Forecast, ForecastError> {
        let issued = self.try_to_issue(market, product).await;
        if let Err(error) = &issued
            && let Some(kind) = error.kind()
        {
            metrics::counter!("ml_errors_total", "kind" => kind).increment(1);
        }
        issued
    }

    async fn try_to_issue(
        &self,
        market: &Market,
        product: Product,
    ) -> Result<Forecast, ForecastError> {
        let now = self.clock.now();
        let series = market.price_series(product);
        let serving = self.registry.serving(&series).await?;
        let columns = serving.as_ref().map(|model| model.features.as_slice());
        let inputs = self.inputs(market, product, AsOf(now), columns).await?;
        let usable = serving.filter(|model| fits(model, &inputs.rows.table));
        let (model_id, label) = match &usable {
            Some(model) => (Some(model.model_id), model.label()),
            None => (None, STAND_IN_LABEL.to_owned()),
        };
        let inputs_hash = hash(&inputs.rows);
        let latest = store::latest(&mut *self.db.conn().await?, &series, product, None).await?;
        if let Some(run) = latest
            && run.inputs_hash == inputs_hash
            && run.model_label == label
        {
            let values = store::values(&mut *self.db.conn().await?, run.run_id).await?;
            return Ok(Forecast { run, values });
        }
        let zone = market.time_zone();
        let first = inputs.rows.ts.first().copied().unwrap_or(now);
        // A day that is published in part begins behind its anchor; old prices end long before.
        let known_until = if inputs.origin.anchor < add_days(local_date(now, zone), -1) {
            day_range(inputs.origin.anchor, zone).to
        } else {
            first
        };
        let values = self.predict(usable, inputs).await?;
        let run = ForecastRun {
            run_id: Uuid::now_v7(),
            series,
            market: market.clone(),
            product,
            model_id,
            model_label: label,
            issued_at: now,
            known_until,
            is_stale: known_until < now,
            created_at: now,
            inputs_hash,
            score: None,
            scored_at: None,
        };
        let mut conn = self.db.conn().await?;
        conn.transaction(async |conn| store::insert(conn, &run, &values).await).await?;
        tracing::info!(series = %run.series, model = %run.model_label, values = values.len(), "Issued a forecast of {}", run.series);
        Ok(Forecast { run, values })
    }

    async fn inputs(
        &self,
        market: &Market,
        product: Product,
        as_of: AsOf,
        model: Option<&[String]>,
    ) -> Result<Ahead, ForecastError> {
        let (first, last) = Ahead::days(local_date(as_of.0, market.time_zone()));
        let loaded = self.features.history(market, product, first, last, model).await?;
        let (started, too_short) =
            (Instant::now(), ForecastError::TooShort { market: market.clone() });
        let ahead = self.pool.run("features", move || Ahead::of(loaded, as_of)).await?;
        metrics::histogram!("ml_feature_processing_seconds")
            .record(started.elapsed().as_secs_f64());
        ahead.ok_or(too_short)
    }

    async fn predict(
        &self,
        serving: Option<ModelRecord>,
        inputs: Ahead,
    ) -> Result<Vec<ForecastValue>, ForecastError> {
        let bytes = match &serving {
            Some(model) => Some(self.registry.artifact(model).await?),
            None => None,
        };
        let started = Instant::now();
        let days = self.days.clone();
        let values = self
            .pool
            .run("forecast", move || -> Result<_, TrainingError> {
                let table = &inputs.rows.table;
                let prediction = match serving.zip(bytes) {
                    None => stand_in(&inputs)?.predict(table)?,
                    Some((record, bytes)) if goes_on(&record) => {
                        let recent = inputs.published_since(record.train_end).table;
                        let load = || Ok(LeadModel::from_bytes(&bytes)?);
                        days.predict(record.model_id, load, &recent, table)?
                    }
                    Some((_, bytes)) => LeadModel::from_bytes(&bytes)?.predict(table)?,
                };
                Ok(values(&inputs.rows, &prediction))
            })
            .await??;
        metrics::histogram!("ml_prediction_duration_seconds")
            .record(started.elapsed().as_secs_f64());
        metrics::counter!("ml_predictions_total").increment(values.len() as u64);
        Ok(values)
    }

    /// The newest forecast of a market; absent when none was issued yet.
    pub async fn latest(
        &self,
        market: &Market,
        product: Product,
    ) -> Result<Option<Forecast>, ForecastError> {
        self.newest(market, product, None).await
    }

    /// Up to `limit` runs of a product of a market, newest first, after the position `before`.
    pub async fn runs(
        &self,
        market: &Market,
        product: Product,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<ForecastRun>, ForecastError> {
        let mut conn = self.db.conn().await?;
        Ok(store::runs(&mut conn, &market.price_series(product), before, limit).await?)
    }

    /// Number of stored runs.
    pub async fn count(&self) -> Result<i64, ForecastError> {
        Ok(store::count(&mut *self.db.conn().await?).await?)
    }

    /// Scores what truth has arrived for; returns the number of runs whose score changed.
    pub async fn score_due(&self) -> Result<usize, ForecastError> {
        let now = self.clock.now();
        let (mut changed, mut after) = (0, None);
        loop {
            let due = store::unscored(&mut *self.db.conn().await?, now, after, PAGE).await?;
            let Some(last) = due.last() else { return Ok(changed) };
            after = Some((last.issued_at, last.run_id));
            for run in &due {
                changed += usize::from(self.score(run, now).await?);
            }
        }
    }

    async fn score(&self, run: &ForecastRun, now: DateTime<Utc>) -> Result<bool, ForecastError> {
        let values = store::values(&mut *self.db.conn().await?, run.run_id).await?;
        let Some((first, last)) = values.first().zip(values.last()) else { return Ok(false) };
        let end = last.ts + Duration::seconds(last.interval_s.into());
        let range = TimeRange::new(first.ts, end);
        let prices = self.prices.prices(&run.market, run.product, range).await?;
        let truth: BTreeMap<DateTime<Utc>, f64> =
            prices.iter().filter_map(|point| Some((point.ts, point.price_eur_mwh?))).collect();
        let scored: Vec<(&ForecastValue, f64)> =
            values.iter().filter_map(|value| Some((value, *truth.get(&value.ts)?))).collect();
        let complete = scored.len() == values.len();
        let given_up = now > end + Duration::days(TRUTH_WAIT_DAYS);
        let finished = (complete || given_up).then_some(now);
        let mut conn = self.db.conn().await?;
        let score = (!scored.is_empty()).then(|| run_score(&scored));
        // A price that was restated changes a score as much as one that is new.
        let changed = score.filter(|score| run.score.as_ref().is_none_or(|it| it.differs(score)));
        if let Some(score) = changed {
            store::put_score(&mut conn, run.run_id, &score, finished).await?;
            Ok(true)
        } else if finished.is_some() {
            store::close(&mut conn, run.run_id, now).await?;
            Ok(false)
        } else {
            Ok(false)
        }
    }
}

/// A model fits when it was trained on the columns that are there today.
fn fits(model: &ModelRecord, table: &Table) -> bool {
    let same = model.features == table.features;
    if !same {
        tracing::warn!(model = %model.label(), "The serving model was trained on other features; the naive model stands in until it is trained again");
    }
    same
}

/// The naive model, its band calibrated on the last weeks.
fn stand_in(inputs: &Ahead) -> Result<LeadModel, TrainingError> {
    let first = add_days(inputs.origin.anchor, -STAND_IN_DAYS);
    let past = origins(&inputs.history, first, add_days(inputs.origin.anchor, -1));
    let table = features::build(&inputs.history, &inputs.spec, &past, &LEADS);
    let Some(parts) = split(&table) else {
        let market = inputs.history.market.clone();
        let days = past.len();
        return Err(TrainingError::TooShort { market, days });
    };
    let params = Params::default();
    let (train, valid) = (&parts.train.table, &parts.valid.table);
    Ok(LeadModel::fit(Algorithm::Naive, &params, train, valid, &|| false, &mut |_| {})?.model)
}

fn values(rows: &FeatureTable, prediction: &Prediction) -> Vec<ForecastValue> {
    #[expect(clippy::cast_possible_truncation, reason = "quantiles are stored as 32-bit floats")]
    let narrow = |quantiles: [f64; 7]| quantiles.map(|quantile| quantile as f32);
    (0..rows.len())
        .map(|row| ForecastValue {
            ts: rows.ts[row],
            interval_s: rows.interval_s,
            lead_day: i16::from(rows.table.groups[row].lead_day),
            price_eur_mwh: prediction.mean[row],
            quantiles_eur_mwh: narrow(widened(
                prediction.quantiles[row],
                rows.table.groups[row].lead_day,
            )),
        })
        .collect()
}

/// SHA-256 over feature names, delivery periods and the bits of every feature.
fn hash(rows: &FeatureTable) -> String {
    let mut bytes = rows.table.features.join("\n").into_bytes();
    for ts in &rows.ts {
        bytes.extend(ts.timestamp().to_le_bytes());
    }
    for value in &rows.table.x {
        bytes.extend(value.to_bits().to_le_bytes());
    }
    sha256_hex(&bytes)
}

fn run_score(scored: &[(&ForecastValue, f64)]) -> RunScore {
    let n = scored.len();
    let error = |(value, truth): &(&ForecastValue, f64)| (value.price_eur_mwh - truth).abs();
    let inside = |(value, truth): &&(&ForecastValue, f64)| {
        let [low, high] = [value.quantiles_eur_mwh[1], value.quantiles_eur_mwh[5]].map(f64::from);
        (low..=high).contains(truth)
    };
    let mut leads: BTreeMap<i16, (usize, f64)> = BTreeMap::new();
    for pair in scored {
        let sum = leads.entry(pair.0.lead_day).or_default();
        sum.0 += 1;
        sum.1 += error(pair);
    }
    RunScore {
        n,
        mae: scored.iter().map(error).sum::<f64>() / n as f64,
        rmse: (scored.iter().map(|pair| error(pair).powi(2)).sum::<f64>() / n as f64).sqrt(),
        coverage_80: 100.0 * scored.iter().filter(inside).count() as f64 / n as f64,
        by_lead: leads
            .into_iter()
            .map(|(lead_day, (n, sum))| LeadScore { lead_day, n, mae: sum / n as f64 })
            .collect(),
    }
}
