//! Scores of forecasts of whole days: what following them is worth, and how their percentiles hold.
//!
//! Worth is what a household sees of a forecast: it picks hours by the forecast and pays the actual
//! prices. All sums run over days before they are divided, so that a calm day cannot weigh more than
//! an expensive one.

use serde::{Deserialize, Serialize};

use super::days::{Day, HOURS};
use super::scores::pinball_loss;

/// Hours of the block that an appliance takes.
const APPLIANCE_HOURS: usize = 3;
/// Hours a battery charges and discharges.
const BATTERY_HOURS: usize = 2;

/// What following a forecast is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ValueScores {
    /// Saving of the three hours in a row that the forecast calls cheapest against the day's mean, as
    /// a share of what the truly cheapest three save, in percent; absent when no day has a spread.
    pub capture_percent: Option<f64>,
    /// Mean of what those three hours cost above the truly cheapest ones, EUR/MWh.
    pub regret_eur_mwh: f64,
    /// Profit of a battery without losses that charges two hours in a row and later discharges two,
    /// as a share of what it is with perfect foresight, in percent; absent when there is none.
    pub battery_percent: Option<f64>,
    /// Mean of the daily rank correlations (Spearman, ties share their rank) over the days on which
    /// both have one.
    pub spearman: Option<f64>,
}

/// Scores `forecast` by what it is worth at the `actual` prices of the same days.
pub fn value_scores(actual: &[Day], forecast: &[Day]) -> ValueScores {
    let (mut saved, mut possible, mut regret) = (0.0, 0.0, 0.0);
    let (mut earned, mut best) = (0.0, 0.0);
    let mut ranks = Vec::new();
    for (actual, forecast) in actual.iter().zip(forecast) {
        let mean = actual.iter().sum::<f64>() / HOURS as f64;
        let paid = block(actual, cheapest(forecast, APPLIANCE_HOURS), APPLIANCE_HOURS);
        let least = block(actual, cheapest(actual, APPLIANCE_HOURS), APPLIANCE_HOURS);
        saved += mean - paid;
        possible += mean - least;
        regret += paid - least;
        earned += profit(actual, cycle(forecast));
        best += profit(actual, cycle(actual));
        ranks.extend(spearman(actual, forecast));
    }
    let days = actual.len().min(forecast.len()).max(1) as f64;
    let percent = |part: f64, whole: f64| (whole > 0.0).then(|| 100.0 * part / whole);
    ValueScores {
        capture_percent: percent(saved, possible),
        regret_eur_mwh: regret / days,
        battery_percent: percent(earned, best),
        spearman: (!ranks.is_empty()).then(|| ranks.iter().sum::<f64>() / ranks.len() as f64),
    }
}

/// Mean of the `hours` in a row from `start` on.
fn block(prices: &Day, start: usize, hours: usize) -> f64 {
    prices[start..start + hours].iter().sum::<f64>() / hours as f64
}

/// Start of the cheapest `hours` in a row; the first of equal ones.
fn cheapest(prices: &Day, hours: usize) -> usize {
    let mut best = 0;
    for start in 1..=HOURS - hours {
        if block(prices, start, hours) < block(prices, best, hours) {
            best = start;
        }
    }
    best
}

/// When a battery charges and discharges for most profit; nothing when none is above zero.
fn cycle(prices: &Day) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    for charge in 0..=HOURS - 2 * BATTERY_HOURS {
        for discharge in charge + BATTERY_HOURS..=HOURS - BATTERY_HOURS {
            let candidate = Some((charge, discharge));
            if profit(prices, candidate) > profit(prices, best) {
                best = candidate;
            }
        }
    }
    best
}

fn profit(prices: &Day, cycle: Option<(usize, usize)>) -> f64 {
    cycle.map_or(0.0, |(charge, discharge)| {
        block(prices, discharge, BATTERY_HOURS) - block(prices, charge, BATTERY_HOURS)
    })
}

/// Correlation of the ranks; nothing when all values of a side are equal.
fn spearman(a: &Day, b: &Day) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = f64::midpoint(HOURS as f64, 1.0);
    let product =
        |a: &Day, b: &Day| -> f64 { a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum() };
    let size = (product(&a, &a) * product(&b, &b)).sqrt();
    (size > 0.0).then(|| product(&a, &b) / size)
}

/// Ranks from 1, equal values share the mean of theirs.
fn ranks(values: &Day) -> Day {
    values.map(|value| {
        let below = values.iter().filter(|other| **other < value).count() as f64;
        let above = values.iter().filter(|other| **other > value).count() as f64;
        below + f64::midpoint(HOURS as f64 - below - above, 1.0)
    })
}

/// Levels of the percentiles, 0.01 to 0.99.
pub fn percentile_levels() -> Vec<f64> {
    (1..100).map(|percent| f64::from(percent) / 100.0).collect()
}

/// Scores of percentile forecasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PercentileScores {
    /// Mean pinball loss over the percentiles 1 to 99; the CRPS is about twice that.
    pub pinball_99: f64,
    /// Share of the prices within the percentiles 25 to 75, in percent; 50 is right.
    pub coverage_50_percent: f64,
    /// Share of the prices within the percentiles 10 to 90, in percent; 80 is right.
    pub coverage_80_percent: f64,
    /// Share of the prices within the percentiles 5 to 95, in percent; 90 is right.
    pub coverage_90_percent: f64,
    /// Mean width from the percentile 5 to 95, EUR/MWh.
    pub mean_width_90: f64,
}

/// Scores the 99 percentiles of each day (`percentiles[day][level]`); nothing for no days or other
/// levels.
pub fn percentile_scores(actual: &[Day], percentiles: &[Vec<Day>]) -> Option<PercentileScores> {
    let levels = percentile_levels();
    let complete = percentiles.iter().all(|day| day.len() == levels.len());
    if actual.is_empty() || actual.len() != percentiles.len() || !complete {
        return None;
    }
    let rows = (actual.len() * HOURS) as f64;
    let hours = || actual.iter().zip(percentiles).flat_map(|day| (0..HOURS).map(move |h| (day, h)));
    let losses = hours().map(|((prices, bands), hour)| {
        let pairs = bands.iter().zip(&levels);
        pairs.map(|(band, level)| pinball_loss(prices[hour], band[hour], *level)).sum::<f64>()
    });
    let inside = |low: usize, high: usize| {
        let hits = hours().filter(|((prices, bands), hour)| {
            (bands[low - 1][*hour]..=bands[high - 1][*hour]).contains(&prices[*hour])
        });
        100.0 * hits.count() as f64 / rows
    };
    let widths = hours().map(|((_, bands), hour)| bands[94][hour] - bands[4][hour]);
    Some(PercentileScores {
        pinball_99: losses.sum::<f64>() / rows / levels.len() as f64,
        coverage_50_percent: inside(25, 75),
        coverage_80_percent: inside(10, 90),
        coverage_90_percent: inside(5, 95),
        mean_width_90: widths.sum::<f64>() / rows,
    })
}
