//! The pooled trees: LightGBM over all 24 hours at once, on prices relative to yesterday's mean.

use lightgbm3::{Booster, Dataset};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::PoolError;
use super::features::{Rows, single};
use crate::algorithms::forecasting::days::{Day, HOURS};
use crate::algorithms::forecasting::lightgbm::claim_engine;
use crate::algorithms::forecasting::trees::Forest;

/// What the trees forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The price itself: knows levels, cannot leave those it has seen.
    Price,
    /// The price less the mean of the day before.
    LessYesterday,
}

/// One pooled model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TreesSpec {
    /// Name of the member.
    pub name: String,
    /// What is forecast.
    pub target: Target,
    /// Days learned from.
    pub window_days: usize,
    /// Days between two fits; lags are fresh every day in any case.
    pub refit_days: usize,
    /// Number of trees.
    pub trees: usize,
    /// Leaves of a tree.
    pub leaves: usize,
    /// Learning rate.
    pub rate: f64,
    /// Share of the columns a tree looks at.
    pub columns: f64,
    /// Share of the rows a tree looks at.
    pub rows: f64,
    /// Rows of the smallest leaf.
    pub leaf_rows: usize,
    /// Which random numbers.
    pub seed: u32,
}

/// Rows and targets of a fit.
pub(super) struct Sample {
    pub width: usize,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
}

/// How to train.
pub(super) struct Engine<'a> {
    /// Threads of one fit.
    pub threads: usize,
    pub cancel: &'a (dyn Fn() -> bool + Sync),
}

impl TreesSpec {
    fn level(&self, rows: &Rows, day: usize) -> f64 {
        match self.target {
            Target::Price => 0.0,
            Target::LessYesterday => rows.level(day),
        }
    }

    /// Learns from the days `from..day`.
    pub(super) fn fit(
        &self,
        rows: &Rows,
        prices: &[Day],
        from: usize,
        day: usize,
        engine: &Engine<'_>,
    ) -> Result<Forest, PoolError> {
        let count = (day - from) * HOURS;
        let mut sample = Sample {
            width: rows.width,
            x: Vec::with_capacity(count * rows.width),
            y: Vec::with_capacity(count),
        };
        for (day, prices) in prices.iter().enumerate().take(day).skip(from) {
            let level = self.level(rows, day);
            for (hour, price) in prices.iter().enumerate() {
                rows.append(day, hour, level, &mut sample.x);
                sample.y.push(single(price - level));
            }
        }
        self.train(&sample, engine)
    }

    /// Forecasts a day.
    pub(super) fn forecast(&self, forest: &Forest, rows: &Rows, day: usize) -> Day {
        let level = self.level(rows, day);
        let mut x = Vec::with_capacity(HOURS * rows.width);
        (0..HOURS).for_each(|hour| rows.append(day, hour, level, &mut x));
        predict(forest, &x, rows.width).map(|value| value + level)
    }

    /// Trains on a sample; the absolute error counts.
    pub(super) fn train(&self, sample: &Sample, engine: &Engine<'_>) -> Result<Forest, PoolError> {
        let settings = json!({
            "objective": "regression_l1",
            "metric": "None",
            "num_iterations": self.trees,
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "feature_fraction": self.columns,
            "bagging_fraction": self.rows,
            "bagging_freq": 1,
            "min_data_in_leaf": self.leaf_rows,
            "max_bin": 255,
            "seed": self.seed,
            "num_threads": engine.threads.max(1),
            "deterministic": true,
            "force_row_wise": true,
            "verbosity": -1,
        });
        let refused = |error: lightgbm3::Error| PoolError::Engine(error.to_string());
        let held = claim_engine(engine.cancel).ok_or(PoolError::Cancelled)?;
        let width = i32::try_from(sample.width).unwrap_or(i32::MAX);
        let dataset = Dataset::from_slice(&sample.x, &sample.y, width, true).map_err(refused)?;
        let booster = Booster::train(dataset, &settings).map_err(refused)?;
        let text = booster.save_string().map_err(refused)?;
        drop(booster);
        drop(held);
        Forest::parse(&text).map_err(PoolError::Engine)
    }
}

/// Forecasts of the 24 rows in `x`.
pub(super) fn predict(forest: &Forest, x: &[f32], width: usize) -> Day {
    let mut day = [0.0; HOURS];
    if let Ok(rows) = ArrayView2::from_shape((HOURS, width), x) {
        day.copy_from_slice(&forest.predict(rows));
    }
    day
}
