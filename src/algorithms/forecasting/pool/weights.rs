//! What each member is worth: weights on the simplex with the least absolute error.
//!
//! Exponentiated gradient (Kivinen and Warmuth 1997) on the mean absolute error of the combination,
//! from equal weights: it keeps weights positive and their sum one, and members that do alike keep
//! alike weights. One spike hour counts as one hour, not as its square.

use crate::algorithms::forecasting::days::Day;

/// Steps of the descent.
const STEPS: usize = 100;
/// Length of the first step, in units of the log weight of the member with the steepest slope.
const FIRST_STEP: f64 = 0.5;
/// Fewest days from which anything is learned.
const DAYS_MIN: usize = 14;

/// Weights of `members` (forecasts per member and day) for `actual` prices of the same days; a share
/// of `equal_share` is equal whatever the errors.
pub(super) fn weights(members: &[&[Day]], actual: &[Day], equal_share: f64) -> Vec<f64> {
    let count = members.len();
    let equal = 1.0 / count.max(1) as f64;
    if actual.len() < DAYS_MIN || count < 2 {
        return vec![equal; count];
    }
    let rows = rows(members, actual);
    let mut weights = vec![equal; count];
    let (mut best, mut least) = (weights.clone(), f64::INFINITY);
    for step in 0..STEPS {
        let (error, slopes) = slopes(&rows, &weights);
        if error < least {
            (least, best) = (error, weights.clone());
        }
        let centre: f64 = slopes.iter().zip(&weights).map(|(slope, weight)| slope * weight).sum();
        let steepest = slopes.iter().map(|slope| (slope - centre).abs()).fold(0.0, f64::max);
        if steepest <= 0.0 {
            break;
        }
        let length = FIRST_STEP / (1.0 + step as f64).sqrt() / steepest;
        for (weight, slope) in weights.iter_mut().zip(&slopes) {
            *weight *= (-length * (slope - centre)).exp();
        }
        let sum: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= sum;
        }
    }
    best.iter().map(|weight| (1.0 - equal_share) * weight + equal_share * equal).collect()
}

/// Error of every member in every hour, an hour after the other.
fn rows(members: &[&[Day]], actual: &[Day]) -> Vec<f64> {
    let mut rows = Vec::new();
    for (day, actual) in actual.iter().enumerate() {
        for (hour, price) in actual.iter().enumerate() {
            rows.extend(members.iter().map(|forecasts| forecasts[day][hour] - price));
        }
    }
    rows
}

/// Mean absolute error of the combination and its slope in each weight.
fn slopes(rows: &[f64], weights: &[f64]) -> (f64, Vec<f64>) {
    let (mut total, mut slopes) = (0.0, vec![0.0; weights.len()]);
    for row in rows.chunks_exact(weights.len()) {
        let error: f64 = row.iter().zip(weights).map(|(error, weight)| error * weight).sum();
        total += error.abs();
        let sign = error.signum();
        for (slope, error) in slopes.iter_mut().zip(row) {
            *slope += sign * error;
        }
    }
    let count = (rows.len() / weights.len()).max(1) as f64;
    for slope in &mut slopes {
        *slope /= count;
    }
    (total / count, slopes)
}
