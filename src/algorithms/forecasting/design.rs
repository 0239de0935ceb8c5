//! Turns a window of days into the rows and columns of models that forecast a day's 24 hours at once.
//!
//! The columns are those of LEAR (Lago et al. 2021, section 4.2): all prices of d−1, d−2, d−3 and d−7,
//! all values of every exogenous series of d, d−1 and d−7, indicators of the weekday, flags of the day.

use serde::{Deserialize, Serialize};

use super::days::{DayHistory, DaysError, HOURS};
use super::stabiliser::Stabiliser;

/// Fewest days to learn from; the first seven have no row of their own.
pub(super) const DAYS_MIN: usize = 3 * LONGEST_LAG;
/// Days back to the prices of a row.
const PRICE_LAGS: [usize; 4] = [1, 2, 3, 7];
/// Days back to the exogenous values of a row.
const EXOGENOUS_LAGS: [usize; 3] = [0, 1, 7];
/// Largest lag: the first days of a window that have no row.
const LONGEST_LAG: usize = 7;
const WEEKDAYS: usize = 7;
/// How far beyond the stabilised targets of the window a forecast may lie; sinh explodes there.
const BEYOND: f64 = 1.0;

/// Stabilised rows to learn from, and how to make the row of another day.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Design {
    /// Number of columns of a row without the targets.
    pub width: usize,
    /// Rows after one another, each of `width` columns and 24 targets.
    #[serde(skip)]
    pub rows: Vec<f64>,
    /// Days learned from.
    pub days: usize,
    /// Transforms of the measured columns, which are the first ones.
    columns: Vec<Stabiliser>,
    targets: Vec<Target>,
}

/// Transform of one hour's price, and between what stabilised values a forecast may lie.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Target {
    stabiliser: Stabiliser,
    lowest: f64,
    highest: f64,
}

impl Design {
    /// Learns the transforms from the `window_days` days before `day`, or from as many as there are;
    /// every day but the first seven has a row.
    pub fn of(history: &DayHistory<'_>, day: usize, window_days: usize) -> Result<Self, DaysError> {
        let days = window_days.min(day);
        if days < DAYS_MIN {
            return Err(DaysError::FewDays { found: days, least: DAYS_MIN });
        }
        let from = day - days;
        history.check(from, day)?;
        let measured = HOURS * (PRICE_LAGS.len() + EXOGENOUS_LAGS.len() * history.exogenous.len());
        let width = measured + WEEKDAYS + history.flags.len();
        let stride = width + HOURS;
        let mut rows = Vec::with_capacity((days - LONGEST_LAG) * stride);
        for day in from + LONGEST_LAG..day {
            append_columns(history, day, &mut rows);
            rows.extend_from_slice(&history.prices_eur_mwh[day]);
        }
        let columns = (0..measured).map(|column| stabilise(&mut rows, stride, column)).collect();
        let targets = (width..stride).map(|column| {
            let stabiliser = stabilise(&mut rows, stride, column);
            let values = || rows.iter().skip(column).step_by(stride).copied();
            let lowest = values().fold(f64::INFINITY, f64::min) - BEYOND;
            let highest = values().fold(f64::NEG_INFINITY, f64::max) + BEYOND;
            Target { stabiliser, lowest, highest }
        });
        let targets = targets.collect();
        Ok(Self { width, rows, days, columns, targets })
    }

    /// Whether what was stored fits together: its transforms with its columns and hours.
    pub fn is_whole(&self) -> bool {
        self.width > 0 && self.columns.len() <= self.width && self.targets.len() == HOURS
    }

    /// The stabilised columns of `day`, for which there need be no price.
    pub fn row(&self, history: &DayHistory<'_>, day: usize) -> Result<Vec<f64>, DaysError> {
        let from = day
            .checked_sub(LONGEST_LAG)
            .ok_or(DaysError::FewDays { found: day, least: LONGEST_LAG })?;
        history.check(from, day)?;
        let mut row = Vec::with_capacity(self.width);
        append_columns(history, day, &mut row);
        for (value, stabiliser) in row.iter_mut().zip(&self.columns) {
            *value = stabiliser.forward(*value);
        }
        Ok(row)
    }

    /// The price in EUR/MWh of a stabilised forecast of `hour`.
    pub fn price_eur_mwh(&self, hour: usize, stabilised: f64) -> f64 {
        let target = &self.targets[hour];
        target.stabiliser.back(stabilised.clamp(target.lowest, target.highest))
    }
}

/// Appends the untransformed columns of `day`.
fn append_columns(history: &DayHistory<'_>, day: usize, row: &mut Vec<f64>) {
    for lag in PRICE_LAGS {
        row.extend_from_slice(&history.prices_eur_mwh[day - lag]);
    }
    for series in history.exogenous {
        for lag in EXOGENOUS_LAGS {
            row.extend_from_slice(&series[day - lag]);
        }
    }
    let weekday = usize::from(history.weekdays[day]);
    row.extend((0..WEEKDAYS).map(|index| f64::from(u8::from(index == weekday))));
    row.extend(history.flags.iter().map(|flag| flag[day]));
}

/// Stabilises one column of rows of `stride` values by its own median and spread.
fn stabilise(rows: &mut [f64], stride: usize, column: usize) -> Stabiliser {
    let stabiliser = Stabiliser::of(rows.iter().skip(column).step_by(stride).copied());
    for value in rows.iter_mut().skip(column).step_by(stride) {
        *value = stabiliser.forward(*value);
    }
    stabiliser
}
