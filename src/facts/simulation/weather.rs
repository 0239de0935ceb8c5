//! What prices and houses of one simulated world share: the calendar, the season, the sky.

use std::f64::consts::TAU;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Timelike, Utc, Weekday};

use super::noise::{Channel, smooth};
use crate::base::timeline::add_days;
use crate::facts::holidays::{Holiday, kind};

/// Mean temperature of a year, in °C: the low land of Switzerland.
const MEAN_C: f64 = 9.6;
/// How far midsummer lies above the mean and midwinter below it, in K.
const SEASON_K: f64 = 9.2;
/// Hour of the sun's day at which it is warmest.
const WARMEST_H: f64 = 14.6;

/// What kind of day it is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayKind {
    /// A day of work.
    Working(Weekday),
    /// A Saturday, or a working day between days of rest.
    Saturday,
    /// A Sunday or a public holiday.
    Sunday,
}

impl DayKind {
    /// The kind of a day in Switzerland.
    pub fn of(date: NaiveDate) -> Self {
        match (kind("CH", date), date.weekday()) {
            (Holiday::Public, _) | (_, Weekday::Sun) => Self::Sunday,
            (Holiday::Bridge, _) | (_, Weekday::Sat) => Self::Saturday,
            (Holiday::None, weekday) => Self::Working(weekday),
        }
    }

    /// Whether people work.
    pub const fn is_working(self) -> bool {
        matches!(self, Self::Working(_))
    }
}

/// 0 on the tenth of January, 1 half a year later, a sine between.
pub(super) fn summer(date: NaiveDate) -> f64 {
    0.5 - 0.5 * (TAU * (f64::from(date.ordinal()) - 10.0) / 365.25).cos()
}

/// How much of the sun the sky lets through on a day, 0 to 1: what presses the noon's price and
/// what a roof makes of the same day come from this one number.
pub(super) fn sunshine(seed: u64, date: NaiveDate) -> f64 {
    let day = f64::from(date.num_days_from_ce());
    (0.55 + 0.3 * smooth(seed, Channel::Sun, day, 1.6)).clamp(0.0, 1.0)
}

/// Air temperature at an instant, in °C, `longitude_deg` east: season, spells of days, and a course
/// of the day that is wide under a clear sky.
///
/// Day and night follow the sun, not the clock, so a change of the clock moves nothing.
pub(super) fn outdoor_c(seed: u64, at: DateTime<Utc>, longitude_deg: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "a day has 86,400 seconds")]
    let solar = at + Duration::seconds((longitude_deg * 240.0).round() as i64);
    let days = at.timestamp() as f64 / 86_400.0;
    // The coldest days are those after the twentieth of January.
    let season = -(TAU * (days - 19.0) / 365.242_5).cos();
    let hour = f64::from(solar.num_seconds_from_midnight()) / 3_600.0;
    // A day's sky is that of its noon; between two noons one turns into the other.
    let date = solar.date_naive();
    let (before, along) =
        if hour < 12.0 { (add_days(date, -1), hour + 12.0) } else { (date, hour - 12.0) };
    let along = along / 24.0;
    let sun = sunshine(seed, before) * (1.0 - along) + sunshine(seed, add_days(before, 1)) * along;
    let spell = 3.4 * smooth(seed, Channel::Temperature, days, 2.6)
        + 1.8 * smooth(seed, Channel::Temperature, days + 1e5, 12.0);
    let swing = (1.0 + 4.2 * sun) * (0.75 + 0.25 * season);
    MEAN_C
        + SEASON_K * season
        + spell
        + 2.5 * season * (sun - 0.55)
        + swing * (TAU * (hour - WARMEST_H) / 24.0).cos()
}

/// A bell of height 1 around `centre` on the circle of the day, `width` hours to its bend.
pub(super) fn bell(hour: f64, centre: f64, width: f64) -> f64 {
    let distance = (hour - centre + 12.0).rem_euclid(24.0) - 12.0;
    (-0.5 * (distance / width).powi(2)).exp()
}
