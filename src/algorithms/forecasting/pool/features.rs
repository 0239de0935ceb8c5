//! What the pooled trees see of an hour: one row per day and hour, the same columns for all hours.

use std::f64::consts::TAU;

use crate::algorithms::forecasting::days::{Day, DayHistory, HOURS};

/// Longest lag: the first days of a history that have no row.
pub(super) const LONGEST_LAG: usize = 7;
/// Days whose mean at the same hour is a feature.
const WEEK: usize = 7;
/// Series of which every pair gets the columns of their ratio; more would make too many columns.
const PAIRED_MAX: usize = 3;
/// Size below which a series cannot divide another.
const NEAR_ZERO: f64 = 1e-9;
/// Days of a tropical year.
const YEAR_DAYS: f64 = 365.242_5;

/// A history with what trees need beyond it.
#[derive(Debug, Clone, Copy)]
pub struct PoolDays<'a> {
    /// Prices, exogenous series, weekdays (0 is Monday), flags of days (holiday, bridge, …).
    pub history: DayHistory<'a>,
    /// Day of the year of every day, 1 to 366; as long as the weekdays.
    pub year_days: &'a [u16],
}

/// Rows of consecutive days, 24 a day.
pub(super) struct Rows {
    /// Number of columns.
    pub width: usize,
    /// Columns that are prices, to be taken relative to a level.
    prices: std::ops::Range<usize>,
    first: usize,
    values: Vec<f32>,
    /// Mean price of the day before, per day.
    levels: Vec<f64>,
}

impl Rows {
    /// Rows of the days `first..=last`. `first` is at least [`LONGEST_LAG`], the history is checked.
    pub fn of(days: &PoolDays<'_>, first: usize, last: usize) -> Self {
        let mut rows =
            Self { width: 0, prices: 0..0, first, values: Vec::new(), levels: Vec::new() };
        for day in first..=last {
            rows.levels.push(mean(&days.history.prices_eur_mwh[day - 1]));
            for hour in 0..HOURS {
                let start = rows.values.len();
                let prices = row(days, day, hour, &mut rows.values);
                rows.width = rows.values.len() - start;
                rows.prices = prices;
            }
        }
        rows
    }

    /// Mean price of the day before `day`.
    pub fn level(&self, day: usize) -> f64 {
        self.levels[day - self.first]
    }

    /// The 24 rows of a day, its prices relative to `level`, appended to `into`.
    pub fn append(&self, day: usize, hour: usize, level: f64, into: &mut Vec<f32>) {
        let at = ((day - self.first) * HOURS + hour) * self.width;
        let start = into.len();
        into.extend_from_slice(&self.values[at..at + self.width]);
        let level = single(level);
        for value in &mut into[start + self.prices.start..start + self.prices.end] {
            *value -= level;
        }
    }
}

/// Appends one row; answers which of its columns are prices.
fn row(
    days: &PoolDays<'_>,
    day: usize,
    hour: usize,
    into: &mut Vec<f32>,
) -> std::ops::Range<usize> {
    let start = into.len();
    let history = &days.history;
    let mut put = |value: f64| into.push(single(value));
    calendar(days, day, hour, &mut put);
    for series in history.exogenous {
        exogenous(series, day, hour, &mut put);
    }
    let paired = &history.exogenous[..history.exogenous.len().min(PAIRED_MAX)];
    for (index, lower) in paired.iter().enumerate() {
        for upper in &paired[index + 1..] {
            pair(lower, upper, day, hour, &mut put);
        }
    }
    spreads(history.prices_eur_mwh, day, &mut put);
    let first = into.len() - start;
    let mut put = |value: f64| into.push(single(value));
    prices(history.prices_eur_mwh, day, hour, &mut put);
    first..into.len() - start
}

fn calendar(days: &PoolDays<'_>, day: usize, hour: usize, put: &mut impl FnMut(f64)) {
    put(hour as f64);
    put(f64::from(days.history.weekdays[day]));
    let angle = TAU * f64::from(days.year_days[day]) / YEAR_DAYS;
    put(f64::from(days.year_days[day]));
    put(angle.cos());
    for flag in days.history.flags {
        put(flag[day]);
        put(flag[day - 1]);
    }
    if let Some(holiday) = days.history.flags.first() {
        put(holiday[day - LONGEST_LAG]);
    }
}

fn exogenous(series: &[Day], day: usize, hour: usize, put: &mut impl FnMut(f64)) {
    let (today, yesterday, week_ago) = (&series[day], &series[day - 1], &series[day - 7]);
    put(today[hour]);
    put(today[hour.saturating_sub(1)]);
    put(today[(hour + 1).min(HOURS - 1)]);
    put(mean(today));
    put(lowest(today));
    put(highest(today));
    put(yesterday[hour]);
    put(week_ago[hour]);
    put(today[hour] - yesterday[hour]);
    put(today[hour] - week_ago[hour]);
    put(today[hour] - mean(today));
    put(mean(today) - mean(yesterday));
    put(mean(today) - mean(week_ago));
}

/// The second series as a share of the first: renewables of the load, for one.
fn pair(lower: &[Day], upper: &[Day], day: usize, hour: usize, put: &mut impl FnMut(f64)) {
    let ratio = |day: usize, hour: usize| share(upper[day][hour], lower[day][hour]);
    let day_ratio = |day: usize| share(mean(&upper[day]), mean(&lower[day]));
    put(ratio(day, hour));
    put(ratio(day, hour) - ratio(day - 1, hour));
    put(ratio(day, hour) - ratio(day - 7, hour));
    put(day_ratio(day));
    put(day_ratio(day) - day_ratio(day - 1));
    put(lower[day][hour] - upper[day][hour]);
}

/// What is a difference of prices already.
fn spreads(series: &[Day], day: usize, put: &mut impl FnMut(f64)) {
    let yesterday = &series[day - 1];
    put(highest(yesterday) - lowest(yesterday));
    put(mean(yesterday) - mean(&series[day - 2]));
    put(mean(yesterday) - mean(&series[day - 7]));
}

fn prices(series: &[Day], day: usize, hour: usize, put: &mut impl FnMut(f64)) {
    let yesterday = &series[day - 1];
    put(yesterday[hour]);
    put(yesterday[hour.saturating_sub(1)]);
    put(yesterday[(hour + 1).min(HOURS - 1)]);
    put(series[day - 2][hour]);
    put(series[day - 3][hour]);
    put(series[day - 7][hour]);
    put((1..=WEEK).map(|lag| series[day - lag][hour]).sum::<f64>() / WEEK as f64);
    put((1..=WEEK).map(|lag| mean(&series[day - lag])).sum::<f64>() / WEEK as f64);
    put(yesterday[HOURS - 1]);
    put(yesterday[HOURS - 2]);
    put(mean(yesterday));
    put(lowest(yesterday));
    put(highest(yesterday));
    put(mean(&series[day - 7]));
}

fn share(part: f64, whole: f64) -> f64 {
    if whole.abs() > NEAR_ZERO { part / whole } else { 0.0 }
}

/// Mean of a day.
pub(super) fn mean(day: &Day) -> f64 {
    day.iter().sum::<f64>() / HOURS as f64
}

fn lowest(day: &Day) -> f64 {
    day.iter().copied().fold(f64::INFINITY, f64::min)
}

fn highest(day: &Day) -> f64 {
    day.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[expect(clippy::cast_possible_truncation, reason = "LightGBM takes single precision")]
pub(super) const fn single(value: f64) -> f32 {
    value as f32
}
