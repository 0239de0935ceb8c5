//! How good forecasts were: errors of the point, loss and coverage of the bands, and a test of two.
//!
//! Definitions follow Lago, Marcjasz, De Schutter, Weron 2021 and its toolbox where it has one. All
//! values are EUR/MWh unless the name says percent. A score is over the rows handed in: give hourly
//! and quarter-hourly rows, or calm and crisis years, separately.

use std::collections::BTreeMap;
use std::f64::consts::FRAC_1_SQRT_2;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::table::QUANTILES;

/// Size below which a price makes percentage errors meaningless, EUR/MWh.
const NEAR_ZERO: f64 = 5.0;

/// Why nothing could be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// There are no rows.
    #[error("there are no values to score")]
    Empty,
    /// Two columns differ in length.
    #[error("{what} has {found} values, the actual prices {rows}")]
    Lengths {
        /// Which column.
        what: &'static str,
        /// How many it has.
        found: usize,
        /// How many actual prices there are.
        rows: usize,
    },
    /// A value is NaN or infinite.
    #[error("{what} is not finite in row {row}")]
    NotFinite {
        /// Which column.
        what: &'static str,
        /// Index of the row.
        row: usize,
    },
    /// A test of daily losses needs several days.
    #[error("{0} days are too few for a test")]
    FewDays(usize),
}

/// Mean absolute percentage error; nearly never meaningful for prices, hence the warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mape {
    /// mean(|a − f| / |a|) over the rows with a ≠ 0, in percent.
    pub percent: f64,
    /// Says what share of the prices is nearly zero, when any is.
    pub warning: Option<String>,
}

/// Mean absolute error relative to that of a naive forecast on the same instants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RelativeMae {
    /// The ratio; below 1 is better than the naive forecast.
    pub value: f64,
    /// MAE of the naive forecast, the denominator.
    pub naive_mae: f64,
    /// What the naive forecast is.
    pub definition: String,
}

/// Scores of quantile forecasts at the levels of [`QUANTILES`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BandScores {
    /// Mean pinball loss over all rows and levels; about half of the CRPS.
    pub pinball: f64,
    /// Share of the outcomes within the 25–75 % quantiles, in percent; 50 is right.
    pub coverage_50_percent: f64,
    /// Share of the outcomes within the 10–90 % quantiles, in percent; 80 is right.
    pub coverage_80_percent: f64,
    /// Share of the outcomes within the 5–95 % quantiles, in percent; 90 is right.
    pub coverage_90_percent: f64,
    /// Mean width of the 5–95 % interval.
    pub mean_width_90: f64,
}

/// All scores of one forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Scores {
    /// Number of scored rows.
    pub n: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Root mean squared error.
    pub rmse: f64,
    /// mean(2 |a − f| / (|a| + |f|)) in percent, 0/0 counted as 0 (Lago et al. 2021).
    pub smape_percent: f64,
    /// Absent when every price is zero.
    pub mape: Option<Mape>,
    /// Σ|a − f| / Σ|a| over the whole period, in percent; absent when every price is zero.
    pub wape_percent: Option<f64>,
    /// Absent without a naive forecast or when that one is perfect.
    pub rmae: Option<RelativeMae>,
    /// Absent without quantiles.
    pub bands: Option<BandScores>,
}

/// The naive forecast to compare with.
#[derive(Debug, Clone, Copy)]
pub struct NaiveReference<'a> {
    /// Its forecasts for the scored rows.
    pub forecast: &'a [f64],
    /// What it is, e.g. [`WEEKLY_NAIVE`].
    pub definition: &'a str,
}

/// Definition of the relative error with the forecast p(t − 168 h).
pub const WEEKLY_NAIVE: &str = "MAE / MAE of p(t − 168 h) on the same instants";

/// Scores `forecast` against `actual`, row by row in the same order.
pub fn score(
    actual: &[f64],
    forecast: &[f64],
    quantiles: Option<&[[f64; 7]]>,
    naive: Option<NaiveReference<'_>>,
) -> Result<Scores, ScoreError> {
    let mae = mae(actual, forecast)?;
    let n = actual.len();
    let errors = || actual.iter().zip(forecast).map(|(a, f)| (a, f, (a - f).abs()));
    let mean = |sum: f64| sum / n as f64;
    let symmetric = |(a, f, error): (&f64, &f64, f64)| {
        let size = a.abs() + f.abs();
        if size > 0.0 { 2.0 * error / size } else { 0.0 }
    };
    let size: f64 = actual.iter().map(|a| a.abs()).sum();
    let absolute: f64 = errors().map(|(_, _, error)| error).sum();
    Ok(Scores {
        n,
        mae,
        rmse: mean(errors().map(|(_, _, error)| error * error).sum()).sqrt(),
        smape_percent: 100.0 * mean(errors().map(symmetric).sum()),
        mape: mape(actual, forecast),
        wape_percent: (size > 0.0).then(|| 100.0 * absolute / size),
        rmae: naive.map(|naive| relative(actual, mae, naive)).transpose()?.flatten(),
        bands: quantiles.map(|quantiles| bands(actual, quantiles)).transpose()?,
    })
}

/// Mean absolute error.
pub fn mae(actual: &[f64], forecast: &[f64]) -> Result<f64, ScoreError> {
    check(actual, forecast, "the forecast")?;
    let errors = actual.iter().zip(forecast).map(|(a, f)| (a - f).abs());
    Ok(errors.sum::<f64>() / actual.len() as f64)
}

/// Loss of forecasting `value` as the quantile at `level` when `actual` comes.
pub fn pinball_loss(actual: f64, value: f64, level: f64) -> f64 {
    let above = actual - value;
    if above >= 0.0 { level * above } else { (level - 1.0) * above }
}

/// Outcome of a Diebold–Mariano test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DmTest {
    /// Mean of the daily loss differences (first minus second) over its standard error.
    pub statistic: f64,
    /// Probability of at least this statistic if the second forecast is no better; small values
    /// speak for the second.
    pub p_value: f64,
    /// Number of days.
    pub days: usize,
}

/// One-sided test whether `second` is the better forecast of `actual` than `first`.
///
/// The loss of a day is the mean absolute error over its rows (`days` holds the day of every row),
/// the statistic is compared with the normal distribution: Diebold and Mariano 1995 in the
/// multivariate form of Ziel and Weron 2018.
pub fn dm_test(
    actual: &[f64],
    first: &[f64],
    second: &[f64],
    days: &[i32],
) -> Result<DmTest, ScoreError> {
    check(actual, first, "the first forecast")?;
    check(actual, second, "the second forecast")?;
    if days.len() != actual.len() {
        let (found, rows) = (days.len(), actual.len());
        return Err(ScoreError::Lengths { what: "the list of days", found, rows });
    }
    let mut sums: BTreeMap<i32, (f64, f64)> = BTreeMap::new();
    for (row, day) in days.iter().enumerate() {
        let (sum, count) = sums.entry(*day).or_default();
        *sum += (actual[row] - first[row]).abs() - (actual[row] - second[row]).abs();
        *count += 1.0;
    }
    if sums.len() < 2 {
        return Err(ScoreError::FewDays(sums.len()));
    }
    let differences: Vec<f64> = sums.values().map(|(sum, count)| sum / count).collect();
    let days = differences.len();
    let mean = differences.iter().sum::<f64>() / days as f64;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / days as f64;
    let error = (variance / days as f64).sqrt();
    // Equal forecasts differ by nothing, with no error: no evidence either way.
    let statistic = if error > 0.0 {
        mean / error
    } else if mean == 0.0 {
        0.0
    } else {
        mean.signum() * f64::MAX
    };
    Ok(DmTest { statistic, p_value: upper_tail(statistic), days })
}

fn check(actual: &[f64], other: &[f64], what: &'static str) -> Result<(), ScoreError> {
    if actual.is_empty() {
        return Err(ScoreError::Empty);
    }
    if other.len() != actual.len() {
        return Err(ScoreError::Lengths { what, found: other.len(), rows: actual.len() });
    }
    for (what, values) in [("the actual price", actual), (what, other)] {
        if let Some(row) = values.iter().position(|value| !value.is_finite()) {
            return Err(ScoreError::NotFinite { what, row });
        }
    }
    Ok(())
}

fn mape(actual: &[f64], forecast: &[f64]) -> Option<Mape> {
    let nonzero = actual.iter().zip(forecast).filter(|(a, _)| **a != 0.0);
    let ratios: Vec<f64> = nonzero.map(|(a, f)| ((a - f) / a).abs()).collect();
    if ratios.is_empty() {
        return None;
    }
    let near_zero = actual.iter().filter(|a| a.abs() < NEAR_ZERO).count();
    let warning = (near_zero > 0).then(|| {
        let share = 100.0 * near_zero as f64 / actual.len() as f64;
        format!(
            "{share:.1} % of the prices are below {NEAR_ZERO} EUR/MWh in size; a percentage of \
             them says little"
        )
    });
    Some(Mape { percent: 100.0 * ratios.iter().sum::<f64>() / ratios.len() as f64, warning })
}

fn relative(
    actual: &[f64],
    mae: f64,
    naive: NaiveReference<'_>,
) -> Result<Option<RelativeMae>, ScoreError> {
    check(actual, naive.forecast, "the naive forecast")?;
    let naive_mae = self::mae(actual, naive.forecast)?;
    let definition = naive.definition.to_owned();
    Ok((naive_mae > 0.0).then(|| RelativeMae { value: mae / naive_mae, naive_mae, definition }))
}

fn bands(actual: &[f64], quantiles: &[[f64; 7]]) -> Result<BandScores, ScoreError> {
    let (what, rows) = ("the list of quantiles", actual.len());
    if quantiles.len() != rows {
        return Err(ScoreError::Lengths { what, found: quantiles.len(), rows });
    }
    if let Some(row) = quantiles.iter().position(|row| row.iter().any(|v| !v.is_finite())) {
        return Err(ScoreError::NotFinite { what, row });
    }
    let pairs = || actual.iter().zip(quantiles);
    let losses = pairs().map(|(a, row)| {
        row.iter().zip(QUANTILES).map(|(value, level)| pinball_loss(*a, *value, level)).sum::<f64>()
    });
    let inside = |low: usize, high: usize| {
        let hits = pairs().filter(|(a, row)| (row[low]..=row[high]).contains(a)).count();
        100.0 * hits as f64 / rows as f64
    };
    Ok(BandScores {
        pinball: losses.sum::<f64>() / (rows * QUANTILES.len()) as f64,
        coverage_50_percent: inside(2, 4),
        coverage_80_percent: inside(1, 5),
        coverage_90_percent: inside(0, 6),
        mean_width_90: quantiles.iter().map(|row| row[6] - row[0]).sum::<f64>() / rows as f64,
    })
}

/// Probability that a standard normal variable exceeds `z`: ½ erfc(z/√2), with the Chebyshev fit
/// of Press et al., Numerical Recipes, section 6.2 (relative error below 1.2e−7).
fn upper_tail(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let x = z.abs() * FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let series = FIT.iter().rev().fold(0.0, |sum, coefficient| sum * t + coefficient);
    let tail = 0.5 * t * (series - x * x).exp();
    if z >= 0.0 { tail } else { 1.0 - tail }
}
