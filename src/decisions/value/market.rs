//! Days of forecasts next to prices, and what following them was worth at those prices.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::model::{BATTERY_S, MarketValue};
use crate::algorithms::planning::following::{Followed, best_cycle, follow, settled, spearman};
use crate::algorithms::planning::windows::Slot;
use crate::base::timeline::day_range;
use crate::base::timeline::local_date;
use crate::learning::accuracy::Evidence;
use crate::learning::accuracy::Scored;

/// A day that was forecast whole.
pub(super) struct Day {
    pub date: NaiveDate,
    pub expected: Vec<Slot>,
    pub actual: Vec<Slot>,
    /// Sum of the absolute errors.
    pub error: f64,
}

impl Day {
    fn new(day: NaiveDate, rows: &[&Scored], interval_s: i32) -> Self {
        let slots = |price: fn(&Scored) -> f64| {
            let slot = |row: &&Scored| Slot {
                start_s: row.ts.timestamp(),
                interval_s,
                price_eur_mwh: price(row),
            };
            rows.iter().map(slot).collect()
        };
        let error = |row: &&Scored| (row.forecast_eur_mwh - row.actual_eur_mwh).abs();
        Self {
            date: day,
            expected: slots(|row| row.forecast_eur_mwh),
            actual: slots(|row| row.actual_eur_mwh),
            error: rows.iter().map(error).sum(),
        }
    }
}

/// The days that were forecast whole, by lead day, oldest first.
pub(super) fn days(evidence: &Evidence) -> BTreeMap<i16, Vec<Day>> {
    let (zone, interval_s) = (evidence.market.time_zone(), evidence.product.interval_s());
    let mut rows: BTreeMap<(i16, NaiveDate), Vec<&Scored>> = BTreeMap::new();
    for row in &evidence.rows {
        rows.entry((row.lead_day, local_date(row.ts, zone))).or_default().push(row);
    }
    let mut days: BTreeMap<i16, Vec<Day>> = BTreeMap::new();
    for ((lead_day, day), rows) in rows {
        if rows.len() == day_range(day, zone).slots(interval_s).count() {
            days.entry(lead_day).or_default().push(Day::new(day, &rows, interval_s));
        }
    }
    days
}

/// Mean absolute error over all delivery periods of `days`.
pub(super) fn mae<'a>(days: impl Iterator<Item = &'a Day>) -> f64 {
    let (error, n) = days.fold((0.0, 0), |sum, day| (sum.0 + day.error, sum.1 + day.actual.len()));
    error / n.max(1) as f64
}

/// What following the forecasts of one lead day was worth; absent without a day.
pub(super) fn market_value(lead_day: i16, days: &[Day], duration_s: i64) -> Option<MarketValue> {
    let followed: Vec<_> =
        days.iter().filter_map(|day| follow(&day.expected, &day.actual, duration_s)).collect();
    if followed.is_empty() {
        return None;
    }
    let n_days = followed.len();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n_days as f64;
    let paid = mean(&mut followed.iter().map(|day| day.paid));
    let cheapest = mean(&mut followed.iter().map(|day| day.cheapest));
    let day_mean = mean(&mut followed.iter().map(|day| day.day_mean));
    let ranks: Vec<f64> = days
        .iter()
        .filter_map(|day| {
            let prices = |slots: &[Slot]| slots.iter().map(|slot| slot.price_eur_mwh).collect();
            let (expected, actual): (Vec<f64>, Vec<f64>) =
                (prices(&day.expected), prices(&day.actual));
            spearman(&expected, &actual)
        })
        .collect();
    let (made, possible) = days.iter().fold((0.0, 0.0), |sum, day| {
        let by_forecast = best_cycle(&day.expected, BATTERY_S)
            .and_then(|cycle| settled(cycle, &day.actual, BATTERY_S));
        let known = best_cycle(&day.actual, BATTERY_S).map(|cycle| cycle.spread);
        (sum.0 + by_forecast.unwrap_or(0.0), sum.1 + known.unwrap_or(0.0))
    });
    let percent = |part: f64, whole: f64| (whole > 1e-9).then(|| 100.0 * part / whole);
    Some(MarketValue {
        lead_day,
        n_days,
        mae_eur_mwh: mae(days.iter()),
        paid_eur_mwh: paid,
        cheapest_eur_mwh: cheapest,
        day_mean_eur_mwh: day_mean,
        capture_percent: percent(day_mean - paid, day_mean - cheapest),
        regret_eur_mwh: mean(&mut followed.iter().map(Followed::regret)),
        best_window_percent: 100.0
            * mean(&mut followed.iter().map(|it| f64::from(u8::from(it.is_best())))),
        spearman: (!ranks.is_empty()).then(|| ranks.iter().sum::<f64>() / ranks.len() as f64),
        battery_percent: percent(made, possible),
    })
}
