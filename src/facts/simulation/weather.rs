//! What prices and houses of one simulated world share: the calendar, the season, the sky.

use std::f64::consts::TAU;

use chrono::{Datelike, NaiveDate, Weekday};

use super::noise::{Channel, smooth};
use crate::facts::holidays::{Holiday, kind};

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

/// A bell of height 1 around `centre` on the circle of the day, `width` hours to its bend.
pub(super) fn bell(hour: f64, centre: f64, width: f64) -> f64 {
    let distance = (hour - centre + 12.0).rem_euclid(24.0) - 12.0;
    (-0.5 * (distance / width).powi(2)).exp()
}
