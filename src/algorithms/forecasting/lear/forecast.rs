//! Forecasts one day with LEAR from a window of days before it.

use super::design::{Design, LONGEST_LAG};
use super::moments::{Moments, Problem};
use super::path::{lasso, penalty_of_least_aic};
use crate::algorithms::forecasting::days::{Day, DayHistory, DaysError, HOURS};

/// Fewest days to learn from; the first seven have no row of their own.
pub const DAYS_MIN: usize = 3 * LONGEST_LAG;

/// How far beyond the stabilised targets of the window a forecast may lie; sinh explodes there.
const BEYOND: f64 = 1.0;

/// Forecast of a day.
#[derive(Debug, Clone, PartialEq)]
pub struct LearForecast {
    /// Prices of the 24 hours in EUR/MWh.
    pub prices_eur_mwh: Day,
    /// Number of columns with a coefficient other than zero, per hour.
    pub columns_used: [usize; HOURS],
    /// Days learned from: the window, or what there is of it.
    pub days: usize,
}

/// Forecasts `day` (an index into the history) from the `window_days` days before it, or from as many
/// as there are.
///
/// A pure function of its arguments, so days and windows may be forecast in any order and by several
/// threads at once. Takes a fraction of a second; ask for cancellation between calls.
///
/// # Errors
///
/// Fewer than [`DAYS_MIN`] days to learn from, a series that ends too early, a value in the window
/// that is not finite.
pub fn forecast(
    history: &DayHistory<'_>,
    day: usize,
    window_days: usize,
) -> Result<LearForecast, DaysError> {
    let days = window_days.min(day);
    if days < DAYS_MIN {
        return Err(DaysError::FewDays { found: days, least: DAYS_MIN });
    }
    let from = day - days;
    history.check(from, day)?;
    let mut design = Design::of(history, from, day);
    let limits = limits(&design);
    let moments = Moments::of(&mut design);
    let lengths = moments.lengths();
    let unit_gram = moments.gram.scaled(&lengths);
    let mut result = LearForecast { prices_eur_mwh: [0.0; HOURS], columns_used: [0; HOURS], days };
    for hour in 0..HOURS {
        let problem = moments.problem(hour);
        let cross: Vec<f64> = problem.cross.iter().zip(&lengths).map(|(a, b)| a / b).collect();
        let penalty =
            penalty_of_least_aic(Problem { gram: &unit_gram, cross: &cross, ..problem });
        let coefficients = lasso(problem, penalty);
        let deviations = design.ahead.iter().zip(&moments.means).map(|(value, mean)| value - mean);
        let products = coefficients.iter().zip(deviations).map(|(a, b)| a * b);
        let z = moments.means[design.width + hour] + products.sum::<f64>();
        let (lowest, highest) = limits[hour];
        result.prices_eur_mwh[hour] = design.targets[hour].back(z.clamp(lowest, highest));
        result.columns_used[hour] = coefficients.iter().filter(|value| **value != 0.0).count();
    }
    Ok(result)
}

/// Between what stabilised values the forecast of each hour may lie.
fn limits(design: &Design) -> Vec<(f64, f64)> {
    let mut limits = vec![(f64::INFINITY, f64::NEG_INFINITY); HOURS];
    for row in design.rows.chunks_exact(design.width + HOURS) {
        for ((low, high), target) in limits.iter_mut().zip(&row[design.width..]) {
            (*low, *high) = (low.min(target - BEYOND), high.max(target + BEYOND));
        }
    }
    limits
}
