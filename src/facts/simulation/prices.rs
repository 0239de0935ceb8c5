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

use std::f64::consts::TAU;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use chrono_tz::Tz;

use super::noise::{Channel, even, hash, mix, normal, smooth};
use crate::base::ids::Product;
use crate::base::timeline::days_range;
use crate::facts::holidays::{Holiday, kind};

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
    seed: u64,
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
                    quarter_price(seed, start, zone)
                })
                .sum();
            let cents = (sum / f64::from(quarters) * 100.0).round();
            SimulatedPrice { ts, interval_s, price_eur_mwh: cents / 100.0 }
        })
        .collect()
}

/// What kind of day it is for demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayKind {
    Working(Weekday),
    Saturday,
    Sunday,
}

impl DayKind {
    fn of(date: NaiveDate) -> Self {
        match (kind("CH", date), date.weekday()) {
            (Holiday::Public, _) | (_, Weekday::Sun) => Self::Sunday,
            (Holiday::Bridge, _) | (_, Weekday::Sat) => Self::Saturday,
            (Holiday::None, weekday) => Self::Working(weekday),
        }
    }

    /// Distance from the mean level, in EUR/MWh.
    const fn offset(self) -> f64 {
        match self {
            Self::Working(Weekday::Mon) => 3.5,
            Self::Working(Weekday::Fri) => 5.0,
            Self::Working(_) => 9.0,
            Self::Saturday => -11.0,
            Self::Sunday => -25.0,
        }
    }

    /// How much surplus a sunny, windy noon leaves over, as a factor.
    const fn surplus(self) -> f64 {
        match self {
            Self::Working(_) => 0.0,
            Self::Saturday => 1.0,
            Self::Sunday => 1.6,
        }
    }
}

fn quarter_price(seed: u64, start: DateTime<Utc>, zone: Tz) -> f64 {
    let local = start.with_timezone(&zone);
    let date = local.date_naive();
    let day = f64::from(date.num_days_from_ce());
    let hour = f64::from(local.num_seconds_from_midnight()) / 3_600.0 + 0.125;
    let axis = start.timestamp() as f64 / 86_400.0;
    let summer = 0.5 - 0.5 * (TAU * (f64::from(date.ordinal()) - 10.0) / 365.25).cos();
    let kind = DayKind::of(date);

    let wind = smooth(seed, Channel::Wind, axis, 2.0);
    let sun = (0.55 + 0.3 * smooth(seed, Channel::Sun, day, 1.6)).clamp(0.0, 1.0);
    let level = LEVEL
        + SEASON * (1.0 - 2.0 * summer)
        + 20.0 * smooth(seed, Channel::Level, axis, 24.0)
        + 12.0 * smooth(seed, Channel::Week, axis, 6.0)
        - 11.0 * wind
        + kind.offset();
    let unforeseen = 5.5 * normal(hash(seed, Channel::Quarter, start.timestamp() / 900));
    level + shape(hour, summer, sun, kind) - surplus(hour, summer, sun, wind, kind)
        + spike(seed, date, hour, summer, kind)
        + unforeseen
}

/// Course of the day around its mean: a trough at night, a morning peak, the sun's dip, an evening
/// peak that comes later in summer.
fn shape(hour: f64, summer: f64, sun: f64, kind: DayKind) -> f64 {
    let season = |winter_value: f64, summer_value: f64| {
        winter_value + (summer_value - winter_value) * summer
    };
    let late_rising = if matches!(kind, DayKind::Working(_)) { 0.0 } else { 8.0 };
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
    75.0 * kind.surplus() * sun * summer * wind.min(1.0) * bell(hour, 13.7, 2.3)
}

/// A scarce evening on about one working day in a hundred, more often in winter.
fn spike(seed: u64, date: NaiveDate, hour: f64, summer: f64, kind: DayKind) -> f64 {
    let chance = hash(seed, Channel::Spike, date.num_days_from_ce().into());
    let strikes = even(chance) < 0.012 * (1.5 - summer);
    if !strikes || !matches!(kind, DayKind::Working(_)) {
        return 0.0;
    }
    (30.0 + 70.0 * even(mix(chance))) * bell(hour, 18.5, 1.2)
}

/// A bell of height 1 around `centre` on the circle of the day, `width` hours to its bend.
fn bell(hour: f64, centre: f64, width: f64) -> f64 {
    let distance = (hour - centre + 12.0).rem_euclid(24.0) - 12.0;
    (-0.5 * (distance / width).powi(2)).exp()
}
