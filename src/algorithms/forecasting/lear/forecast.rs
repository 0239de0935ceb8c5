//! Forecasts one day with LEAR from a window of days before it.

use super::moments::{Moments, Problem};
use super::path::{lasso, penalty_of_least_aic};
use crate::algorithms::forecasting::days::{Day, DayHistory, DaysError, HOURS};
use crate::algorithms::forecasting::design::Design;

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
/// Fewer than `design::DAYS_MIN` days to learn from, a series that ends too early, a value in the window
/// that is not finite.
pub fn forecast(
    history: &DayHistory<'_>,
    day: usize,
    window_days: usize,
) -> Result<LearForecast, DaysError> {
    let design = Design::of(history, day, window_days)?;
    let moments = Moments::of(&design);
    let lengths = moments.lengths();
    let unit_gram = moments.gram.scaled(&lengths);
    let row = design.row(history, day)?;
    let deviations = row.iter().zip(&moments.means).map(|(value, mean)| value - mean);
    let deviations: Vec<f64> = deviations.collect();
    let (mut prices_eur_mwh, mut columns_used) = ([0.0; HOURS], [0; HOURS]);
    for hour in 0..HOURS {
        let problem = moments.problem(hour);
        let cross: Vec<f64> = problem.cross.iter().zip(&lengths).map(|(a, b)| a / b).collect();
        let unit = Problem { gram: &unit_gram, cross: &cross, ..problem };
        let coefficients = lasso(problem, penalty_of_least_aic(unit));
        let effects = coefficients.iter().zip(&deviations).map(|(a, b)| a * b);
        let stabilised = moments.means[design.width + hour] + effects.sum::<f64>();
        prices_eur_mwh[hour] = design.price_eur_mwh(hour, stabilised);
        columns_used[hour] = coefficients.iter().filter(|value| **value != 0.0).count();
    }
    Ok(LearForecast { prices_eur_mwh, columns_used, days: design.days })
}
