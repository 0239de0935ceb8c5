//! Turns a window of days into the rows and columns of LEAR's regressions.

use crate::algorithms::forecasting::days::{Day, DayHistory, HOURS};
use crate::algorithms::forecasting::stabiliser::Stabiliser;

/// Days back to the prices of a row.
const PRICE_LAGS: [usize; 4] = [1, 2, 3, 7];
/// Days back to the exogenous values of a row.
const EXOGENOUS_LAGS: [usize; 3] = [0, 1, 7];
/// Largest lag: the first days of a window that have no row.
pub(super) const LONGEST_LAG: usize = 7;
const WEEKDAYS: usize = 7;

/// Stabilised training rows and the row to forecast.
pub(super) struct Design {
    /// Number of columns of a row without the targets.
    pub width: usize,
    /// Training rows after one another, each of `width` columns and 24 targets.
    pub rows: Vec<f64>,
    /// Columns of the day to forecast.
    pub ahead: Vec<f64>,
    /// Transform of each hour's target.
    pub targets: Vec<Stabiliser>,
}

impl Design {
    /// Rows of the days `from + 7..day`, and the columns of `day`. The history must be checked.
    pub fn of(history: &DayHistory<'_>, from: usize, day: usize) -> Self {
        let measured =
            HOURS * (PRICE_LAGS.len() + EXOGENOUS_LAGS.len() * history.exogenous.len());
        let width = measured + WEEKDAYS + history.flags.len();
        let count = day - from - LONGEST_LAG;
        let mut rows = Vec::with_capacity(count * (width + HOURS));
        for day in from + LONGEST_LAG..day {
            columns(history, day, &mut rows);
            rows.extend_from_slice(&history.prices_eur_mwh[day]);
        }
        let mut ahead = Vec::with_capacity(width);
        columns(history, day, &mut ahead);
        for (column, value) in ahead.iter_mut().take(measured).enumerate() {
            *value = stabilise(&mut rows, width + HOURS, column).forward(*value);
        }
        let targets = (width..width + HOURS).map(|column| stabilise(&mut rows, width + HOURS, column));
        let targets = targets.collect();
        Self { width, rows, ahead, targets }
    }
}

/// Appends the untransformed columns of `day`.
fn columns(history: &DayHistory<'_>, day: usize, row: &mut Vec<f64>) {
    let mut append = |values: &Day| row.extend_from_slice(values);
    for lag in PRICE_LAGS {
        append(&history.prices_eur_mwh[day - lag]);
    }
    for series in history.exogenous {
        for lag in EXOGENOUS_LAGS {
            append(&series[day - lag]);
        }
    }
    let weekday = usize::from(history.weekdays[day]);
    row.extend((0..WEEKDAYS).map(|index| f64::from(u8::from(index == weekday))));
    row.extend(history.flags.iter().map(|flag| flag[day]));
}

/// Stabilises one column of the training rows by its own median and spread.
fn stabilise(rows: &mut [f64], stride: usize, column: usize) -> Stabiliser {
    let stabiliser = Stabiliser::of(rows.iter().skip(column).step_by(stride).copied());
    for value in rows.iter_mut().skip(column).step_by(stride) {
        *value = stabiliser.forward(*value);
    }
    stabiliser
}
