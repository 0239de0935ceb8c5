//! Rolling-origin evaluation: one origin a day, refitted as production would, truth strictly later.

use std::ops::{Range, RangeInclusive};
use std::time::Instant;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lead_model::LeadModel;
use super::request::{default_product, window_days};
use super::service::{LAG_DAYS, Training, TrainingError, Watch, column};
use super::split::split;
use crate::algorithms::forecasting::Algorithm;
use crate::algorithms::forecasting::Params;
use crate::algorithms::forecasting::scores::NaiveReference;
use crate::algorithms::forecasting::scores::WEEKLY_NAIVE;
use crate::algorithms::forecasting::scores::dm_test;
use crate::algorithms::forecasting::scores::score;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::add_days;
use crate::base::timeline::days_range;
use crate::base::timeline::local_date;
use crate::learning::features::FeatureTable;

/// Longest range one evaluation may cover, in local days.
const RANGE_DAYS_MAX: i64 = 1_100;
/// Lead days that a forecast issued on the day before delivery can have: the second where the prices
/// of that day were published late.
const LEADS: RangeInclusive<u8> = 1..=2;

/// What to evaluate.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRequest {
    /// Market whose day-ahead price is forecast.
    pub market: Market,
    /// Product; `day_ahead` unless said.
    #[serde(default = "default_product")]
    pub product: Product,
    /// First local delivery day to score.
    pub from: NaiveDate,
    /// Last local delivery day to score, inclusive.
    pub to: NaiveDate,
    /// Algorithms to compare, in the order of the report.
    pub models: Vec<Algorithm>,
    /// Local days each fit learns from; 1092 unless said.
    #[serde(default)]
    pub window_days: Option<u16>,
    /// Days between two fits; 28 unless said. Lags are fresh every day in any case, and `lear` and
    /// `ensemble` go on by themselves.
    #[serde(default)]
    pub refit_days: Option<u16>,
    /// Hyper-parameters per algorithm name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub params: serde_json::Map<String, serde_json::Value>,
}

/// Scores of one model over the whole range, in EUR/MWh where no other unit is named.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelScore {
    /// Algorithm.
    #[schema(example = "lightgbm")]
    pub model: String,
    /// Number of scored delivery periods.
    pub n: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Root mean squared error.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, in percent.
    pub smape: f64,
    /// MAE divided by that of the price 168 hours before, on the same delivery periods.
    pub rmae: Option<f64>,
    /// Sum of absolute errors over sum of absolute prices, in percent.
    pub wape: Option<f64>,
    /// Mean absolute percentage error, in percent; see `mape_warning`.
    pub mape: Option<f64>,
    /// Why `mape` means little for these prices.
    pub mape_warning: Option<String>,
    /// Mean pinball loss over the seven quantiles; about half of the CRPS.
    pub pinball: Option<f64>,
    /// Share of prices inside the 50 % band, in percent.
    pub coverage_50: Option<f64>,
    /// Share of prices inside the 80 % band, in percent.
    pub coverage_80: Option<f64>,
    /// Share of prices inside the 90 % band, in percent.
    pub coverage_90: Option<f64>,
    /// Probability of being this much better than the price 168 hours before by chance:
    /// one-sided Diebold–Mariano test on daily errors; absent with fewer than two days.
    pub dm_p_value: Option<f64>,
    /// Wall time of all fits in seconds.
    pub fit_s: f64,
    /// Number of fits.
    pub fits: usize,
}

/// What an evaluation found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EvaluationReport {
    /// Market.
    pub market: Market,
    /// Product name.
    pub product: Product,
    /// First scored local delivery day.
    pub from: NaiveDate,
    /// Last scored local delivery day.
    pub to: NaiveDate,
    /// How the figures came about, as sentences.
    pub notes: Vec<String>,
    /// One entry per algorithm.
    pub models: Vec<ModelScore>,
}

impl Training {
    /// Scores algorithms over delivery days, each forecast from 10:00 local on the day before.
    pub async fn evaluate(
        &self,
        request: &EvaluateRequest,
        watch: &Watch,
    ) -> Result<EvaluationReport, TrainingError> {
        request.check()?;
        let window = window_days(request.window_days)?;
        let first = add_days(request.from, -window);
        (watch.progress)(0.0, "computing features");
        let history = self
            .features
            .history(&request.market, request.product, add_days(first, -LAG_DAYS), request.to, None)
            .await?;
        let (exogenous, zone) = (history.0.exogenous.len(), request.market.time_zone());
        let table = self.table(history, first, request.to, LEADS).await?;
        let (asked, follow) = (request.clone(), watch.clone());
        let work = move || run(&asked, &table, zone, &follow);
        let models = self.pool.run("evaluate", work).await??;
        let periods =
            days_range(request.from, request.to, zone).slots(request.product.interval_s());
        let (periods, scored) = (periods.count(), models.first().map_or(0, |model| model.n));
        let notes = vec![
            format!(
                "Issued at 10:00 local on the day before delivery; fitted anew every {} days on the {window} days before (lear and ensemble every day), as far as their prices were published by then.",
                refit_days(request)
            ),
            "rmae: MAE divided by the MAE of the price 168 hours before, on the same delivery periods.".to_owned(),
            format!("{scored} of {periods} delivery periods are scored; the others lack a price, or a price to forecast from."),
            format!("{exogenous} exogenous series; publication times that no source gave are assumed as documented."),
        ];
        let (market, product) = (request.market.clone(), request.product);
        Ok(EvaluationReport { market, product, from: request.from, to: request.to, notes, models })
    }
}

impl EvaluateRequest {
    /// Refuses what cannot be evaluated before anything is computed.
    pub(super) fn check(&self) -> Result<(), TrainingError> {
        let days = (self.to - self.from).num_days() + 1;
        if !(1..=RANGE_DAYS_MAX).contains(&days) {
            return Err(TrainingError::BadRange(format!(
                "from {} to {} are {days} days; an evaluation covers 1 to {RANGE_DAYS_MAX}",
                self.from, self.to
            )));
        }
        window_days(self.window_days)?;
        if self.models.is_empty() {
            return Err(TrainingError::BadRange("models names no algorithm".to_owned()));
        }
        for (name, given) in &self.params {
            let is_compared = self.models.iter().any(|algorithm| algorithm.name() == name);
            if !is_compared || !given.is_object() {
                return Err(TrainingError::BadRange(format!(
                    "params names '{name}', which is no algorithm of this evaluation with an object of parameters"
                )));
            }
        }
        for algorithm in &self.models {
            params(self, *algorithm)?;
        }
        Ok(())
    }
}

fn refit_days(request: &EvaluateRequest) -> i32 {
    i32::from(request.refit_days.unwrap_or(28).max(1))
}

fn params(request: &EvaluateRequest, algorithm: Algorithm) -> Result<Params, TrainingError> {
    let given = request.params.get(algorithm.name()).and_then(|value| value.as_object());
    Ok(Params(given.cloned().unwrap_or_default()).filled(algorithm)?)
}

fn run(
    request: &EvaluateRequest,
    table: &FeatureTable,
    zone: Tz,
    watch: &Watch,
) -> Result<Vec<ModelScore>, TrainingError> {
    let (from, to) = (request.from.num_days_from_ce(), request.to.num_days_from_ce());
    let scored = on_the_day_before(table, from, zone);
    if scored.len() == 0 {
        return Err(TrainingError::BadRange(format!(
            "no delivery period from {} to {} has a price and prices to forecast it from",
            request.from, request.to
        )));
    }
    // The second lead day is fitted only where a late publication made it the shortest one.
    let leads_max = scored.table.groups.iter().map(|key| key.lead_day).max().unwrap_or(1);
    let table = table.filtered(|row| table.table.groups[row].lead_day <= leads_max);
    let window = i32::try_from(window_days(request.window_days)?).unwrap_or(i32::MAX);
    let share = 1.0 / request.models.len() as f64;
    let mut report = Vec::new();
    for (index, algorithm) in request.models.iter().enumerate() {
        let params = params(request, *algorithm)?;
        let mut result = Rolling::default();
        // Models of whole days are fitted anew for each of them anyhow.
        let step = if algorithm.is_daily() { to - from + 1 } else { refit_days(request) };
        let mut block = from;
        while block <= to {
            let test = scored.filtered(|row| {
                let day = scored.table.groups[row].day;
                (block..block + step).contains(&day)
            });
            if test.len() > 0 {
                let past = known_before(&table, block - window..block, &test);
                result.block(*algorithm, &params, &past, &test, watch)?;
            }
            block += step;
            let done = f64::from(block - from) / f64::from(to - from + 1);
            (watch.progress)(share * (index as f64 + done.min(1.0)), algorithm.name());
        }
        report.push(result.score(*algorithm)?);
    }
    Ok(report)
}

/// The rows from day `from` on that were issued on the day before delivery: at most one a period.
pub(super) fn on_the_day_before(table: &FeatureTable, from: i32, zone: Tz) -> FeatureTable {
    table.filtered(|row| {
        let day = table.table.groups[row].day;
        let issued_on = local_date(table.issued_at[row], zone).num_days_from_ce();
        day >= from && issued_on == day - 1
    })
}

/// Rows of `days` whose truth was published when the first forecast of `test` was issued.
pub(super) fn known_before(
    table: &FeatureTable,
    days: Range<i32>,
    test: &FeatureTable,
) -> FeatureTable {
    let issued_at = test.issued_at.iter().min();
    table.filtered(|row| {
        days.contains(&table.table.groups[row].day)
            && issued_at.is_some_and(|issued_at| table.known_at[row] <= *issued_at)
    })
}

/// Forecasts and truth gathered over the blocks.
#[derive(Default)]
struct Rolling {
    actual: Vec<f64>,
    forecast: Vec<f64>,
    quantiles: Vec<[f64; 7]>,
    weekly: Vec<f64>,
    days: Vec<i32>,
    fit_s: f64,
    fits: usize,
}

impl Rolling {
    fn block(
        &mut self,
        algorithm: Algorithm,
        params: &Params,
        past: &FeatureTable,
        test: &FeatureTable,
        watch: &Watch,
    ) -> Result<(), TrainingError> {
        let Some(parts) = split(past) else {
            return Err(TrainingError::BadRange(
                "fewer than ten days with complete lags lie before the first day to score"
                    .to_owned(),
            ));
        };
        let started = Instant::now();
        let (train, valid) = (&parts.train.table, &parts.valid.table);
        let fitted =
            LeadModel::fit(algorithm, params, train, valid, &*watch.cancelled, &mut |_| {})?;
        self.fit_s += started.elapsed().as_secs_f64();
        self.fits += 1;
        let prediction = fitted.model.predict(&test.table)?;
        self.actual.extend(&test.table.y);
        self.forecast.extend(prediction.mean);
        self.quantiles.extend(prediction.quantiles);
        self.weekly.extend(column(test, "lag_168h"));
        self.days.extend(test.table.groups.iter().map(|key| key.day));
        Ok(())
    }

    fn score(self, algorithm: Algorithm) -> Result<ModelScore, TrainingError> {
        let naive = NaiveReference { forecast: &self.weekly, definition: WEEKLY_NAIVE };
        let scores = score(&self.actual, &self.forecast, Some(&self.quantiles), Some(naive))?;
        let bands = scores.bands.as_ref();
        Ok(ModelScore {
            model: algorithm.name().to_owned(),
            n: scores.n,
            mae: scores.mae,
            rmse: scores.rmse,
            smape: scores.smape_percent,
            rmae: scores.rmae.as_ref().map(|relative| relative.value),
            wape: scores.wape_percent,
            mape: scores.mape.as_ref().map(|mape| mape.percent),
            pinball: bands.map(|bands| bands.pinball),
            coverage_50: bands.map(|bands| bands.coverage_50_percent),
            coverage_80: bands.map(|bands| bands.coverage_80_percent),
            coverage_90: bands.map(|bands| bands.coverage_90_percent),
            dm_p_value: dm_test(&self.actual, &self.weekly, &self.forecast, &self.days)
                .ok()
                .map(|test| test.p_value),
            mape_warning: scores.mape.and_then(|mape| mape.warning),
            fit_s: self.fit_s,
            fits: self.fits,
        })
    }
}
