//! The variance-stabilising transform of prices and of what drives them.
//!
//! asinh((x − median) / MAD) with MAD = 1.4826 · median|x − median| (Uniejewski, Weron, Ziel 2018;
//! Lago et al. 2021): linear near the median, logarithmic in the tails, defined for negative prices.

use serde::{Deserialize, Serialize};

/// Factor that makes the median absolute deviation of a normal sample its standard deviation.
const NORMAL: f64 = 1.4826;
/// Spread below which a column counts as constant.
const CONSTANT: f64 = 1e-9;

/// Median and spread of a sample, for z = asinh((x − median) / spread).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Stabiliser {
    pub median: f64,
    pub spread: f64,
}

impl Stabiliser {
    /// From the finite values of a sample; the spread is the standard deviation when over half of
    /// the values are equal, and 1 when all are.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let median = median(&mut values);
        let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        let spread = match NORMAL * self::median(&mut distances) {
            spread if spread > CONSTANT => spread,
            _ => deviation(&values, median),
        };
        Self { median, spread: if spread > CONSTANT { spread } else { 1.0 } }
    }

    pub fn forward(self, value: f64) -> f64 {
        ((value - self.median) / self.spread).asinh()
    }

    pub fn back(self, value: f64) -> f64 {
        value.sinh() * self.spread + self.median
    }
}

/// The middle of a sample, 0 for none; reorders the sample.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    lower.filter(|_| even).map_or(upper, |lower| f64::midpoint(lower, upper))
}

/// Root of the mean squared distance from `centre`, 0 for no values.
pub(super) fn deviation(values: &[f64], centre: f64) -> f64 {
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (squares / values.len().max(1) as f64).sqrt()
}
