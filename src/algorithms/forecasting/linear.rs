//! Least squares on stabilised prices, one regression per local slot of the day.
//!
//! The shape is that of LEAR (Lago, Marcjasz, De Schutter, Weron 2021) without its LASSO: every hour
//! has its own coefficients because what drives the price at noon is not what drives it at night.
//! Ordinary least squares is linfa's; the small ridge that keeps collinear columns apart comes in as
//! rows √λ·I with target 0, which is the same minimum.

use std::collections::BTreeMap;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_linear::LinearRegression;
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use serde::{Deserialize, Serialize};

use super::errors::FitError;
use super::params::{Algorithm, Resolved};
use super::scaling::Design;
use super::stabiliser::Stabiliser;
use super::table::Table;

/// Rows a slot needs at least for a regression of its own, and per column of its design.
const ROWS_MIN: usize = 30;
const ROWS_PER_COLUMN: usize = 2;
/// Least ridge per row: below it the triangular solve may divide by nearly nothing.
const RIDGE_MIN: f64 = 1e-12;
/// How far beyond the stabilised targets of the training a forecast may lie; sinh explodes there.
const BEYOND: f64 = 1.0;

/// One regression for the whole day or one per slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Linear {
    slots: BTreeMap<u16, Regression>,
    pooled: Option<Regression>,
}

/// Coefficients on the standardised columns of one design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Regression {
    design: Design,
    target: Stabiliser,
    intercept: f64,
    coefficients: Vec<f64>,
    lowest: f64,
    highest: f64,
}

impl Linear {
    /// Fits all regressions; `progress` hears the done share after each.
    pub fn fit(
        params: &Resolved,
        table: &Table,
        cancel: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Self, FitError> {
        let ridge = params.number("ridge").max(RIDGE_MIN);
        let mut rows_of: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (row, key) in table.groups.iter().enumerate() {
            rows_of.entry(key.slot).or_default().push(row);
        }
        let mut slots = BTreeMap::new();
        let parts = rows_of.len() as f64 + 1.0;
        for (done, (slot, rows)) in rows_of.iter().enumerate() {
            if cancel() {
                return Err(FitError::Cancelled);
            }
            if let Some(regression) = Regression::of_slot(table, rows, ridge)? {
                slots.insert(*slot, regression);
            }
            progress((done as f64 + 1.0) / parts);
        }
        let pooled = if slots.len() == rows_of.len() {
            None
        } else {
            let rows: Vec<usize> = (0..table.rows()).collect();
            let (design, matrix) = Design::learn(table, &rows, true);
            Some(Regression::solve(design, &matrix, &targets(table, &rows), ridge)?)
        };
        progress(1.0);
        Ok(Self { slots, pooled })
    }

    /// The forecast of a row in EUR/MWh.
    pub fn predict(&self, row: ArrayView1<'_, f32>, slot: u16) -> f64 {
        let own = self.slots.get(&slot).or(self.pooled.as_ref());
        // A slot that never occurred in the training borrows the nearest one's regression.
        let nearest = || self.slots.iter().min_by_key(|(known, _)| known.abs_diff(slot));
        let regression = own.or_else(|| nearest().map(|(_, regression)| regression));
        regression.map_or(f64::NAN, |regression| regression.predict(row, slot))
    }

    /// Mean size of the standardised coefficients per feature, as shares of one.
    pub fn importance(&self, features: usize) -> Vec<f64> {
        let mut sums = vec![0.0; features];
        for regression in self.slots.values().chain(&self.pooled) {
            for (source, coefficient) in regression.design.sources().zip(&regression.coefficients) {
                if let Some(sum) = source.and_then(|source| sums.get_mut(source)) {
                    *sum += coefficient.abs();
                }
            }
        }
        let total: f64 = sums.iter().sum();
        sums.into_iter().map(|sum| if total > 0.0 { sum / total } else { 0.0 }).collect()
    }

    /// Whether every regression fits rows of `features` values.
    pub fn fits(&self, features: usize) -> bool {
        let some = !self.slots.is_empty() || self.pooled.is_some();
        let fits = |regression: &Regression| {
            regression.design.fits(features)
                && regression.design.width() == regression.coefficients.len()
                && regression.lowest <= regression.highest
        };
        some && self.slots.values().chain(&self.pooled).all(fits)
    }
}

impl Regression {
    /// The regression of one slot, if it has rows enough.
    fn of_slot(table: &Table, rows: &[usize], ridge: f64) -> Result<Option<Self>, FitError> {
        if rows.len() < ROWS_MIN {
            return Ok(None);
        }
        let (design, matrix) = Design::learn(table, rows, false);
        if rows.len() < ROWS_PER_COLUMN * design.width() {
            return Ok(None);
        }
        Self::solve(design, &matrix, &targets(table, rows), ridge).map(Some)
    }

    fn solve(
        design: Design,
        matrix: &Array2<f64>,
        targets: &[f64],
        ridge: f64,
    ) -> Result<Self, FitError> {
        let target = Stabiliser::of(targets.iter().copied());
        let z: Array1<f64> = targets.iter().map(|value| target.forward(*value)).collect();
        let intercept = z.mean().unwrap_or_default();
        let (rows, width) = matrix.dim();
        let coefficients = if width == 0 {
            Vec::new()
        } else {
            let penalty = Array2::eye(width) * (ridge * rows as f64).sqrt();
            let engine =
                |message: String| FitError::Engine { algorithm: Algorithm::Linear, message };
            let x = concatenate(Axis(0), &[matrix.view(), penalty.view()])
                .map_err(|error| engine(error.to_string()))?;
            let nothing = std::iter::repeat_n(0.0, width);
            let y: Array1<f64> = z.iter().map(|value| value - intercept).chain(nothing).collect();
            let estimator = LinearRegression::new().with_intercept(false);
            let fitted = estimator
                .fit(&DatasetBase::new(x, y))
                .map_err(|error| engine(error.to_string()))?;
            fitted.params().to_vec()
        };
        let lowest = z.iter().copied().fold(f64::INFINITY, f64::min) - BEYOND;
        let highest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max) + BEYOND;
        Ok(Self { design, target, intercept, coefficients, lowest, highest })
    }

    fn predict(&self, row: ArrayView1<'_, f32>, slot: u16) -> f64 {
        let values = self.design.row(row, slot);
        let z = self.intercept + values.dot(&ArrayView1::from(&self.coefficients));
        self.target.back(z.clamp(self.lowest, self.highest))
    }
}

fn targets(table: &Table, rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|&row| table.y[row]).collect()
}
