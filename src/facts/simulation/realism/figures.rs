//! Figures of an hourly series of energy: how much, when, how regular, how spread.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use serde::Serialize;

/// Energy of hours in kWh, by the number of the hour since 1970; hours that nobody knows are absent.
pub(super) type Hours = BTreeMap<i64, f64>;

/// Shares of hours whose energy is told, smallest first.
pub(super) const QUANTILES: [f64; 6] = [0.05, 0.25, 0.50, 0.75, 0.95, 0.99];
/// Lags of the autocorrelation, in hours: the next hour, the same of tomorrow, of a week later.
pub(super) const LAGS_H: [i64; 3] = [1, 24, 168];

/// What can be told of an hourly series.
///
/// Shapes, quantiles and shares are against the mean hour, so that large and small houses compare.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Hours it is told from.
    pub hours: usize,
    /// Energy of a mean day, in kWh.
    pub daily_kwh: f64,
    /// Energy of each hour of the local day against the mean hour; adds up to 24.
    pub day_shape: Vec<f64>,
    /// Energy of Monday to Sunday against the mean day.
    pub week_shape: Vec<f64>,
    /// Saturday and Sunday against Monday to Friday.
    pub weekend_ratio: f64,
    /// December to February against June to August.
    pub winter_ratio: f64,
    /// After 1, 24 and 168 hours.
    pub autocorrelation: [f64; 3],
    /// Energy below which 5, 25, 50, 75, 95 and 99 % of the hours lie, against the mean hour.
    pub quantiles: [f64; 6],
    /// Share of hours with less than half of the mean.
    pub below_half: f64,
    /// Share of hours with more than twice the mean.
    pub above_twice: f64,
    /// All hours against the mean, in order of size.
    #[serde(skip)]
    pub(super) distribution: Vec<f64>,
}

impl Figures {
    /// The figures of `hours` by the clock of `zone`; none of an empty or a silent series.
    pub(super) fn of(hours: &Hours, zone: Tz) -> Option<Self> {
        let count = hours.len();
        let mean = hours.values().sum::<f64>() / count as f64;
        if count < 24 * 7 * 2 || mean <= 0.0 {
            return None;
        }
        let (mut day, mut week, mut month) = (Means::new(24), Means::new(7), Means::new(12));
        for (hour, energy) in hours {
            let at = DateTime::from_timestamp(hour * 3_600, 0)?.with_timezone(&zone);
            day.add(at.hour() as usize, *energy);
            week.add(at.weekday().num_days_from_monday() as usize, *energy);
            month.add(at.month0() as usize, *energy);
        }
        let (day_shape, week_shape) = (day.against(mean), week.against(mean));
        let season = |months: [usize; 3]| months.map(|at| month.mean(at)).iter().sum::<f64>();
        let mut distribution: Vec<f64> = hours.values().map(|energy| energy / mean).collect();
        distribution.sort_by(f64::total_cmp);
        let share = |keep: &dyn Fn(f64) -> bool| {
            distribution.iter().filter(|value| keep(**value)).count() as f64 / count as f64
        };
        Some(Self {
            hours: count,
            daily_kwh: mean * 24.0,
            weekend_ratio: f64::midpoint(week_shape[5], week_shape[6])
                / (week_shape[..5].iter().sum::<f64>() / 5.0),
            winter_ratio: season([11, 0, 1]) / season([5, 6, 7]),
            autocorrelation: LAGS_H.map(|lag| autocorrelation(hours, mean, lag)),
            quantiles: QUANTILES.map(|share| quantile(&distribution, share)),
            below_half: share(&|value| value < 0.5),
            above_twice: share(&|value| value > 2.0),
            day_shape,
            week_shape,
            distribution,
        })
    }
}

/// Means of groups.
struct Means(Vec<(f64, u32)>);

impl Means {
    fn new(groups: usize) -> Self {
        Self(vec![(0.0, 0); groups])
    }

    fn add(&mut self, group: usize, value: f64) {
        self.0[group].0 += value;
        self.0[group].1 += 1;
    }

    /// Not a number for a group without members.
    fn mean(&self, group: usize) -> f64 {
        self.0[group].0 / f64::from(self.0[group].1)
    }

    fn against(&self, mean: f64) -> Vec<f64> {
        (0..self.0.len()).map(|group| self.mean(group) / mean).collect()
    }
}

/// Correlation of hours with those `lag` hours later, where both are known.
fn autocorrelation(hours: &Hours, mean: f64, lag: i64) -> f64 {
    let variance =
        hours.values().map(|energy| (energy - mean).powi(2)).sum::<f64>() / hours.len() as f64;
    let (mut sum, mut count) = (0.0, 0_u32);
    for (hour, energy) in hours {
        if let Some(later) = hours.get(&(hour + lag)) {
            sum += (energy - mean) * (later - mean);
            count += 1;
        }
    }
    sum / f64::from(count) / variance
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place inside of the slice"
    )]
    let place = ((sorted.len() - 1) as f64 * share) as usize;
    sorted[place]
}

/// Pearson's correlation of two shapes of the same length.
pub(super) fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_one, mean_other) = (mean(one), mean(other));
    let mut sums = (0.0, 0.0, 0.0);
    for (a, b) in one.iter().zip(other) {
        let (a, b) = (a - mean_one, b - mean_other);
        sums = (sums.0 + a * b, sums.1 + a * a, sums.2 + b * b);
    }
    sums.0 / (sums.1 * sums.2).sqrt()
}

/// Root of the mean squared difference of two shapes of the same length.
pub(super) fn rmse(one: &[f64], other: &[f64]) -> f64 {
    let sum: f64 = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum();
    (sum / one.len() as f64).sqrt()
}

/// Largest distance of two distributions, each in order of size (Kolmogorov and Smirnov).
pub(super) fn distance(one: &[f64], other: &[f64]) -> f64 {
    let (mut i, mut j, mut largest) = (0, 0, 0.0_f64);
    while i < one.len() && j < other.len() {
        let at = one[i].min(other[j]);
        while i < one.len() && one[i] <= at {
            i += 1;
        }
        while j < other.len() && other[j] <= at {
            j += 1;
        }
        let apart = i as f64 / one.len() as f64 - j as f64 / other.len() as f64;
        largest = largest.max(apart.abs());
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three weeks in which every day is alike: hour h takes h kWh.
    fn ramp() -> Hours {
        (0..24 * 21).map(|hour| (hour, (hour % 24) as f64)).collect()
    }

    #[test]
    fn figures_of_a_series_that_can_be_told_by_hand() {
        let figures = Figures::of(&ramp(), Tz::UTC).unwrap();
        // 0 + 1 + … + 23 = 276, the mean hour is 11.5.
        assert!((figures.daily_kwh - 276.0).abs() < 1e-9);
        assert!((figures.day_shape[23] - 2.0).abs() < 1e-12);
        assert!((figures.weekend_ratio - 1.0).abs() < 1e-12);
        // The same hour of the next day is the same.
        assert!((figures.autocorrelation[1] - 1.0).abs() < 1e-9);
        // Hours 0 to 5 lie below half of the mean (5.75), none above twice (23).
        assert!((figures.below_half - 0.25).abs() < 1e-12);
        assert!(figures.above_twice.abs() < 1e-12);
        assert!((figures.quantiles[2] - 11.0 / 11.5).abs() < 0.05, "{:?}", figures.quantiles);
    }

    #[test]
    fn hours_that_nobody_knows_are_not_taken_for_nothing() {
        let mut hours = ramp();
        hours.retain(|hour, _| hour % 24 != 0);
        let figures = Figures::of(&hours, Tz::UTC).unwrap();
        assert!((figures.daily_kwh - 276.0 / 23.0 * 24.0).abs() < 1e-9);
        assert!(figures.day_shape[0].is_nan());
        assert_eq!(Figures::of(&Hours::new(), Tz::UTC), None);
    }

    #[test]
    fn shapes_and_distributions_are_compared() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        assert!((rmse(&[1.0, 1.0], &[0.0, 2.0]) - 1.0).abs() < 1e-12);
        assert!(distance(&[1.0, 2.0], &[1.0, 2.0]).abs() < 1e-12);
        // Below 2.5 lie all of the first and half of the second.
        assert!((distance(&[1.0, 2.0], &[2.0, 3.0]) - 0.5).abs() < 1e-12);
        assert!((distance(&[1.0], &[2.0, 3.0]) - 1.0).abs() < 1e-12);
    }
}
