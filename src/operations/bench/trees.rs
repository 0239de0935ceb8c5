//! Forecasting one row, against LightGBM's own fastest call for one row.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndarray::Array2;
use serde_json::json;

use super::model::{BenchError, Benchmark, Figure, Gate, Plan, Sides, even, median_s};
use crate::algorithms::forecasting::lightgbm::raw_fast_predictor;
use crate::algorithms::forecasting::{
    Algorithm, FitError, Model, Params, RowKey, Table, fit, is_price_like,
};
use crate::platform::runtime::CpuPool;

const FEATURES: [&str; 16] = [
    "hour",
    "weekday",
    "month",
    "anchor_mean",
    "anchor_std",
    "lag_1d",
    "lag_2d",
    "lag_3d",
    "lag_7d",
    "price_min_1d",
    "price_max_1d",
    "price_last",
    "load_forecast",
    "wind_forecast",
    "solar_forecast",
    "temperature",
];
const ANCHOR: usize = 3;
/// Days of the validation rows that follow the training rows.
const VALIDATION_DAYS: usize = 60;
const COMPARES: &str = "Model::predict_row against LightGBM's own call for single rows \
    (LGBM_BoosterPredictForMatSingleRowFast) on the same trees and rows; both give equal numbers";

/// Fits trees to synthetic prices and forecasts `plan.forecasts` rows one by one, both ways in turn.
pub async fn lightgbm_row(plan: &Plan) -> Result<Figure, BenchError> {
    let plan = *plan;
    let stop = StopOnDrop::default();
    let stopped = Arc::clone(&stop.0);
    let pool = CpuPool::new(None);
    let measured = pool.run("bench.trees", move || measure(&plan, &stopped));
    measured.await?
}

/// Fits the trees of `plan` on `pool`, as a training does, again and again until `stopped`.
pub(super) async fn keep_fitting(
    pool: &CpuPool,
    plan: &Plan,
    stopped: &Arc<AtomicBool>,
) -> Result<(), BenchError> {
    let params = Params::from_value(json!({"num_iterations": plan.trees, "bands": "residual"}));
    let (rows, validation) = (plan.training_rows, VALIDATION_DAYS * 24);
    while !stopped.load(Ordering::Relaxed) {
        let (params, stopped) = (params.clone(), Arc::clone(stopped));
        let fitted = pool.run("bench.fit", move || {
            let (train, valid) = (table(0, rows), table(rows, validation));
            let cancel = || stopped.load(Ordering::Relaxed);
            fit(Algorithm::Lightgbm, &params, &train, &valid, &cancel, &mut |_| {}).map(drop)
        });
        match fitted.await? {
            Ok(()) | Err(FitError::Cancelled) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Ends a fit that nobody waits for any more.
#[derive(Default)]
pub(super) struct StopOnDrop(pub(super) Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn measure(plan: &Plan, stopped: &AtomicBool) -> Result<Figure, BenchError> {
    let validation = VALIDATION_DAYS * 24;
    let train = table(0, plan.training_rows);
    let valid = table(plan.training_rows, validation);
    let params = json!({"num_iterations": plan.trees, "bands": "residual"});
    let cancel = || stopped.load(Ordering::Relaxed);
    let params = Params::from_value(params);
    let model = fit(Algorithm::Lightgbm, &params, &train, &valid, &cancel, &mut |_| {})?.model;
    let later = table(plan.training_rows + validation, plan.forecasts.min(10_000));
    let rows = Rows::of(&later);
    let unreadable = || BenchError::Differs("LightGBM does not read its own trees".to_owned());
    let mut fast = raw_fast_predictor(&model).ok_or_else(unreadable)?;
    compare(&model, &mut fast, &rows)?;

    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let times = if round % 2 == 0 {
            (rows.ours(&model, plan.forecasts), rows.floor(&mut fast, plan.forecasts))
        } else {
            let floor = rows.floor(&mut fast, plan.forecasts);
            (rows.ours(&model, plan.forecasts), floor)
        };
        if round > 0 {
            ours.push(times.0);
            floor.push(times.1);
        }
    }
    let micros = |times: &[Duration]| median_s(times) * 1e6 / plan.forecasts as f64;
    let sides = Sides { ours: micros(&ours), floor: micros(&floor) };
    let size = (plan.forecasts, plan.rounds);
    let figure =
        Figure::new(Benchmark::LightgbmRow, (COMPARES, "µs/row"), sides, Gate::AtMost(1.2), size);
    Ok(figure.with("trees", "", plan.trees as f64).with("features", "", FEATURES.len() as f64))
}

/// Rows in the forms that the two ways take.
struct Rows {
    /// As features come.
    absolute: Vec<[f32; FEATURES.len()]>,
    /// Prices relative to the anchor, as the trees of a model know them.
    relative: Vec<[f64; FEATURES.len()]>,
}

impl Rows {
    fn of(table: &Table) -> Self {
        let absolute: Vec<[f32; FEATURES.len()]> = table
            .x
            .rows()
            .into_iter()
            .map(|row| std::array::from_fn(|column| row[column]))
            .collect();
        let is_relative: [bool; FEATURES.len()] =
            std::array::from_fn(|column| column != ANCHOR && is_price_like(FEATURES[column]));
        let shift = |row: &[f32; FEATURES.len()]| {
            std::array::from_fn(|column| {
                let level = if is_relative[column] { row[ANCHOR] } else { 0.0 };
                f64::from(row[column] - level)
            })
        };
        Self { relative: absolute.iter().map(shift).collect(), absolute }
    }

    fn ours(&self, model: &Model, times: usize) -> Duration {
        let started = Instant::now();
        for row in self.absolute.iter().cycle().take(times) {
            black_box(model.predict_row(black_box(row)));
        }
        started.elapsed()
    }

    fn floor(&self, fast: &mut impl FnMut(&[f64]) -> f64, times: usize) -> Duration {
        let started = Instant::now();
        for row in self.relative.iter().cycle().take(times) {
            black_box(fast(black_box(row)));
        }
        started.elapsed()
    }
}

/// Refuses to time two ways that forecast different numbers.
fn compare(
    model: &Model,
    fast: &mut impl FnMut(&[f64]) -> f64,
    rows: &Rows,
) -> Result<(), BenchError> {
    for (index, (row, relative)) in rows.absolute.iter().zip(&rows.relative).enumerate() {
        let (ours, floor) = (model.predict_row(row), fast(relative) + f64::from(row[ANCHOR]));
        if ours.to_bits() != floor.to_bits() {
            let why = format!("row {index} is forecast as {ours}, by LightGBM itself as {floor}");
            return Err(BenchError::Differs(why));
        }
    }
    Ok(())
}

/// Hourly rows in the manner of day-ahead prices: daily and weekly shapes around a level that drifts.
pub(super) fn table(first: usize, rows: usize) -> Table {
    let prices: Vec<f64> = (first..first + rows + 192).map(price).collect();
    let mut x = Array2::zeros((rows, FEATURES.len()));
    let (mut y, mut groups) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for row in 0..rows {
        // Prices before the row's own day are known to it: `at` hours behind the first of `prices`.
        let (hour, at) = (first + row, row + 192);
        let midnight = at - hour % 24;
        let day = &prices[midnight - 24..midnight];
        let mean = day.iter().sum::<f64>() / 24.0;
        let spread = day.iter().map(|price| (price - mean).powi(2)).sum::<f64>() / 24.0;
        let weather = |source: u64| 10.0 * even((hour as u64) << 3 | source);
        let values = [
            (hour % 24) as f64,
            (hour / 24 % 7) as f64,
            (hour / 730 % 12) as f64,
            mean,
            spread.sqrt(),
            prices[at - 24],
            prices[at - 48],
            prices[at - 72],
            prices[at - 168],
            day.iter().copied().fold(f64::INFINITY, f64::min),
            day.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            day[23],
            weather(1),
            weather(2),
            weather(3),
            weather(4),
        ];
        for (cell, value) in x.row_mut(row).iter_mut().zip(values) {
            *cell = single(value);
        }
        y.push(prices[at] + weather(1) - 2.0 * weather(2));
        groups.push(RowKey { day: whole(hour / 24), slot: slot(hour), lead_day: 1 });
    }
    Table { features: FEATURES.map(str::to_owned).to_vec(), x, y, groups }
}

/// EUR/MWh of an hour.
fn price(hour: usize) -> f64 {
    let turn = |hours: f64| (hour as f64 * std::f64::consts::TAU / hours).sin();
    80.0 + 25.0 * turn(24.0)
        + 10.0 * turn(168.0)
        + 20.0 * turn(8_766.0)
        + 15.0 * (even(hour as u64 | 1 << 40) - 0.5)
}

#[expect(clippy::cast_possible_truncation, reason = "features are in single precision")]
const fn single(value: f64) -> f32 {
    value as f32
}

fn whole(day: usize) -> i32 {
    i32::try_from(day).unwrap_or(i32::MAX)
}

fn slot(hour: usize) -> u16 {
    u16::try_from(hour % 24).unwrap_or_default()
}
