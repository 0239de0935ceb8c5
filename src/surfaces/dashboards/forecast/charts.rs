//! Three drawings: error by lead time, error by day, calibration.

use super::model::{ForecastInput, UNIT};
use super::plot::{Plot, Step};
use crate::learning::accuracy::AccuracyReport;
use crate::surfaces::dashboards::format::Format;

/// Hours of a lead day.
const DAY_HOURS: i32 = 24;
/// Share of its place that a bar fills.
const FILL: f64 = 0.72;

/// Error by lead hour next to that of the naive forecast.
pub(super) fn by_lead(report: &AccuracyReport, format: &Format) -> String {
    let hours = &report.by_hour;
    let last = hours.iter().map(|hour| hour.lead_hour).max().unwrap_or(1);
    // A whole number of days, so that their names stand in the middle of them.
    let days = (last + DAY_HOURS - 1) / DAY_HOURS;
    let x = |hour: i32| f64::from(hour) / f64::from(days * DAY_HOURS) * 100.0;
    let step = |hour: i32, value: f64| -> Step { (x(hour - 1), x(hour), value) };
    let own: Vec<Step> = hours.iter().map(|hour| step(hour.lead_hour, hour.mae)).collect();
    let naive: Vec<Step> = hours
        .iter()
        .filter_map(|hour| Some(step(hour.lead_hour, hour.naive_mae?)))
        .collect();
    let values = own.iter().chain(&naive).map(|step| step.2);
    let mut plot = Plot::new(("lead-title", "lead-sum"), UNIT, values);
    for day in 0..days {
        plot.upright(x(day * DAY_HOURS));
        let name = format.fill("fc_lead_axis", &[("n", &(day + 1).to_string())]);
        plot.below("yl", x(day * DAY_HOURS + DAY_HOURS / 2), &name);
    }
    plot.steps("nv", &naive);
    plot.steps("f", &own);
    plot.finish()
}

/// Error day by day, with that of the naive forecast as a short line across.
pub(super) fn by_day(input: &ForecastInput, format: &Format) -> String {
    let daily = &input.report.daily;
    let width = 100.0 / daily.len().max(1) as f64;
    let measured = || daily.iter().filter_map(|day| day.measures.as_ref());
    let values = measured().flat_map(|it| [Some(it.mae), it.naive_mae]).flatten();
    let mut plot = Plot::new(("daily-title", "daily-sum"), UNIT, values);
    // Six names at most, or they would lie over each other on a phone.
    let every = daily.len().div_ceil(6);
    let class = if input.report.simulated { "eb made" } else { "eb" };
    for (place, day) in daily.iter().enumerate() {
        let from = place as f64 * width;
        if let Some(measures) = &day.measures {
            let (left, right) = (from + width * (1.0 - FILL) / 2.0, from + width * (1.0 + FILL) / 2.0);
            plot.bar(class, (left, right), measures.mae);
            if let Some(naive) = measures.naive_mae {
                plot.line("nt", (left, naive), (right, naive));
            }
        }
        if place % every == every / 2 {
            plot.below("yl", from + width / 2.0, &format.date_short(day.day));
        }
    }
    plot.finish()
}

/// Share of prices at or below each quantile against its level.
pub(super) fn calibration(report: &AccuracyReport) -> Option<String> {
    let quantiles = &report.calibration.as_ref()?.quantiles;
    let mut plot = Plot::new(("cal-title", "cal-sum"), "%", [0.0, 100.0].into_iter());
    for level in [0.0, 25.0, 50.0, 75.0, 100.0] {
        plot.below("yl", level, &format!("{level:.0}"));
    }
    plot.line("nt dash", (0.0, 0.0), (100.0, 100.0));
    for pair in quantiles.windows(2) {
        let at = |place: usize| (pair[place].level_percent, pair[place].below_percent);
        plot.line("fl", at(0), at(1));
    }
    for quantile in quantiles {
        plot.dot(quantile.level_percent, quantile.below_percent);
    }
    Some(plot.finish())
}
