//! Quantiles out of the ensemble's own past errors, each relative to how uncertain its hour was.
//!
//! Split conformal prediction with a local scale (Lei et al. 2018, section 5.2): an error is divided
//! by the scale of its day and hour, the quantiles of those ratios are multiplied by the scale of the
//! hour to forecast. The scale follows the ensemble's recent errors and the disagreement of members.

use crate::algorithms::forecasting::days::{Day, HOURS};

/// Weight of the newest day in the running mean of daily errors.
const FRESH: f64 = 0.1;
/// Part of the scale that does not depend on how much the members disagree.
const CALM: f64 = 0.35;
/// Hours before and after whose errors count too.
const NEIGHBOURS: usize = 1;
/// Smallest scale, EUR/MWh.
const SCALE_MIN: f64 = 1e-3;

/// Past forecasts, errors and spreads of consecutive days, the day to forecast last.
pub(super) struct Past<'a> {
    /// Ensemble forecasts, one day more than prices.
    pub ensemble: &'a [Day],
    /// Mean absolute distance of the members from the ensemble, as long as the forecasts.
    pub spreads: &'a [Day],
    /// Actual prices.
    pub actual: &'a [Day],
}

impl Past<'_> {
    /// Quantiles at `levels` (rising) of the last day, a day each; all equal to the forecast when
    /// there is no past.
    pub fn quantiles(&self, levels: &[f64], band_days: usize) -> Vec<Day> {
        let Some(forecast) = self.ensemble.last() else { return Vec::new() };
        let scales = self.scales();
        let ahead = scales.last().copied().unwrap_or([0.0; HOURS]);
        let known = self.actual.len();
        let from = known.saturating_sub(band_days);
        let mut bands = vec![*forecast; levels.len()];
        for hour in 0..HOURS {
            let hours = hour.saturating_sub(NEIGHBOURS)..=(hour + NEIGHBOURS).min(HOURS - 1);
            let mut ratios: Vec<f64> = (from..known)
                .flat_map(|day| hours.clone().map(move |hour| (day, hour)))
                .map(|(day, hour)| {
                    (self.actual[day][hour] - self.ensemble[day][hour]) / scales[day][hour]
                })
                .collect();
            ratios.sort_by(f64::total_cmp);
            for (band, level) in bands.iter_mut().zip(levels) {
                band[hour] += quantile(&ratios, *level) * ahead[hour];
            }
        }
        bands
    }

    /// Scale of every hour: the running mean of the daily errors before, times what depends on the
    /// spread relative to its own running mean.
    fn scales(&self) -> Vec<Day> {
        let mut scales = Vec::with_capacity(self.ensemble.len());
        let (mut error, mut spread) = (None, None);
        for (day, spreads) in self.spreads.iter().enumerate() {
            let of_day = mean(spreads);
            let usual: f64 = spread.unwrap_or(of_day);
            let level: f64 = error.unwrap_or(usual);
            scales.push(std::array::from_fn(|hour| {
                let relative = if usual > 0.0 { spreads[hour] / usual } else { 1.0 };
                (level * (CALM + (1.0 - CALM) * relative)).max(SCALE_MIN)
            }));
            spread = Some(follow(usual, of_day));
            if let Some(actual) = self.actual.get(day) {
                let errors: Day =
                    std::array::from_fn(|hour| (actual[hour] - self.ensemble[day][hour]).abs());
                error = Some(error.map_or(mean(&errors), |before| follow(before, mean(&errors))));
            }
        }
        scales
    }
}

fn follow(before: f64, new: f64) -> f64 {
    (1.0 - FRESH) * before + FRESH * new
}

fn mean(day: &Day) -> f64 {
    day.iter().sum::<f64>() / HOURS as f64
}

/// Quantile of sorted values, by linear interpolation between the plotting positions i / (n + 1); 0 of
/// none.
fn quantile(sorted: &[f64], level: f64) -> f64 {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return 0.0 };
    let place = level * (sorted.len() as f64 + 1.0) - 1.0;
    if place <= 0.0 {
        return *first;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 ≤ place < len")]
    let below = place.floor() as usize;
    match (sorted.get(below), sorted.get(below + 1)) {
        (Some(low), Some(high)) => low + (place - place.floor()) * (high - low),
        _ => *last,
    }
}
