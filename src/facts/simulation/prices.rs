//! The course of a simulated day: season, weather, weekday, two peaks and the sun between them.
//!
//! Made to be mistaken for the Swiss day-ahead price of 2023. Figures of that year's 8,760 published
//! hours, and of six simulated years 2025 (seeds 1 to 6, lowest to highest):
//!
//! | figure | published | simulated |
//! |---|---|---|
//! | mean, EUR/MWh | 107 | 97 to 118 |
//! | standard deviation of hours | 40 | 35 to 43 |
//! | standard deviation within a day | 18.5 | 17 to 18 |
//! | mean change from one day's mean to the next | 13.8 | 12.9 to 15.0 |
//! | autocorrelation after 1 h / 24 h / 168 h | .97 / .79 / .72 | .97 / .82 to .90 / .65 to .80 |
//! | mean error of «as yesterday» | 16 | 14 to 16 |
//! | Saturday and Sunday against Wednesday | −20, −34 | −19 to −29, −34 to −42 |
//! | hours below zero | 76 | 31 to 98 |
//! | lowest and highest price | −143, 269 | −113 to −54, 217 to 274 |

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use chrono_tz::Tz;

use super::noise::{Channel, even, hash, mix, normal, smooth};
use super::settings::MarketShape;
use super::weather::{DayKind, bell, summer, sunshine};
use crate::base::ids::Product;
use crate::base::timeline::days_range;

/// Mean level, in EUR/MWh.
const LEVEL: f64 = 108.0;
/// How far midwinter lies above the mean, and midsummer below it, in EUR/MWh.
const SEASON: f64 = 26.0;
/// Seconds of a quarter hour, the unit in which everything is made.
const QUARTER_S: i32 = 900;

/// A price that no auction made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedPrice {
    /// Start of the interval.
    pub ts: DateTime<Utc>,
    /// Length of the interval.
    pub interval_s: i32,
    /// Price, to the cent.
    pub price_eur_mwh: f64,
}

/// Prices of the local days `first..=last` in `zone`, oldest first: 23, 24 or 25 hours a day, or
/// four times as many quarter hours.
///
/// A price depends on the seed and its own instant only, so ranges may be made in any order and in
/// parts. The price of an hour is the mean of its quarter hours.
pub fn simulate_prices(
    (seed, market): (u64, &MarketShape),
    product: Product,
    first: NaiveDate,
    last: NaiveDate,
    zone: Tz,
) -> Vec<SimulatedPrice> {
    let interval_s = product.interval_s();
    let quarters = interval_s / QUARTER_S;
    days_range(first, last, zone)
        .slots(interval_s)
        .map(|ts| {
            let sum: f64 = (0..quarters)
                .map(|quarter| {
                    let start = ts + chrono::Duration::seconds((quarter * QUARTER_S).into());
                    quarter_price((seed, market), start, zone)
                })
                .sum();
            let cents = (sum / f64::from(quarters) * 100.0).round();
            SimulatedPrice { ts, interval_s, price_eur_mwh: cents / 100.0 }
        })
        .collect()
}

/// Distance of a kind of day from the mean level, in EUR/MWh.
const fn offset(kind: DayKind) -> f64 {
    match kind {
        DayKind::Working(Weekday::Mon) => 3.5,
        DayKind::Working(Weekday::Fri) => 5.0,
        DayKind::Working(_) => 9.0,
        DayKind::Saturday => -11.0,
        DayKind::Sunday => -25.0,
    }
}

/// How much surplus a sunny, windy noon of a kind of day leaves over, as a factor.
const fn surplus_factor(kind: DayKind) -> f64 {
    match kind {
        DayKind::Working(_) => 0.0,
        DayKind::Saturday => 1.0,
        DayKind::Sunday => 1.6,
    }
}

fn quarter_price((seed, market): (u64, &MarketShape), start: DateTime<Utc>, zone: Tz) -> f64 {
    let local = start.with_timezone(&zone);
    let date = local.date_naive();
    let hour = f64::from(local.num_seconds_from_midnight()) / 3_600.0 + 0.125;
    let axis = start.timestamp() as f64 / 86_400.0;
    let summer = summer(date);
    let kind = DayKind::of(date);

    let wind = smooth(seed, Channel::Wind, axis, 2.0);
    let sun = sunshine(seed, date);
    let level = LEVEL
        + SEASON * (1.0 - 2.0 * summer)
        + 20.0 * smooth(seed, Channel::Level, axis, 24.0)
        + 12.0 * smooth(seed, Channel::Week, axis, 6.0)
        - 11.0 * wind
        + offset(kind);
    let unforeseen =
        market.noise_eur_mwh * normal(hash(seed, Channel::Quarter, start.timestamp() / 900));
    level
        + market.waves * (shape(hour, summer, sun, kind) - surplus(hour, summer, sun, wind, kind))
        + spike((seed, market.spike_rate), date, hour, summer, kind)
        + unforeseen
}

/// Course of the day around its mean: a trough at night, a morning peak, the sun's dip, an evening
/// peak that comes later in summer.
fn shape(hour: f64, summer: f64, sun: f64, kind: DayKind) -> f64 {
    let season = |winter_value: f64, summer_value: f64| {
        winter_value + (summer_value - winter_value) * summer
    };
    let late_rising = if kind.is_working() { 0.0 } else { 8.0 };
    -season(29.0, 5.5) * bell(hour, 3.6, 3.0)
        + season(19.5, 18.5) * bell(hour, season(8.6, 7.4), 1.9)
        - late_rising * bell(hour, 8.0, 2.0)
        - season(4.0, 70.0) * sun * bell(hour, 13.8, 3.2)
        + season(26.0, 38.0) * bell(hour, season(18.0, 20.2), 2.6)
}

/// Sun and wind on a day of rest press the noon below zero.
fn surplus(hour: f64, summer: f64, sun: f64, wind: f64, kind: DayKind) -> f64 {
    if sun < 0.62 || wind < 0.2 {
        return 0.0;
    }
    75.0 * surplus_factor(kind) * sun * summer * wind.min(1.0) * bell(hour, 13.7, 2.3)
}

/// A scarce evening on a share `rate` of the working days, more often in winter.
fn spike((seed, rate): (u64, f64), date: NaiveDate, hour: f64, summer: f64, kind: DayKind) -> f64 {
    let chance = hash(seed, Channel::Spike, date.num_days_from_ce().into());
    let strikes = even(chance) < rate * (1.5 - summer);
    if !strikes || !kind.is_working() {
        return 0.0;
    }
    (30.0 + 70.0 * even(mix(chance))) * bell(hour, 18.5, 1.2)
}
