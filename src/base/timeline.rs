//! Instants in UTC, half-open ranges, and the local calendar that markets and people live in.
//!
//! A local day has 23, 24 or 25 hours. Nothing outside this file adds 24 hours to get «tomorrow».

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Source of the present instant; tests set it, the program reads the system's.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<Mutex<DateTime<Utc>>>>);

impl Clock {
    /// The clock of the machine.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `instant` until [`Clock::set`] moves it.
    #[cfg(test)]
    pub fn fixed(instant: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(Mutex::new(instant))))
    }

    /// The present instant.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            None => Utc::now(),
            Some(instant) => *instant.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Time since a moment that stays the same, for measuring: it never runs backwards, whatever
    /// is done to the machine's clock. With a fixed clock it follows that one.
    pub fn elapsed(&self) -> std::time::Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &self.0 {
            None => START.elapsed(),
            Some(_) => (self.now() - DateTime::UNIX_EPOCH).to_std().unwrap_or_default(),
        }
    }

    /// Moves a fixed clock; the machine's clock stays as it is.
    #[cfg(test)]
    pub fn set(&self, to: DateTime<Utc>) {
        if let Some(instant) = &self.0 {
            *instant.lock().unwrap_or_else(PoisonError::into_inner) = to;
        }
    }
}

/// Instant whose knowledge a feature may use: nothing published later may enter it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AsOf(pub DateTime<Utc>);

/// Half-open range of instants, `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimeRange {
    /// First instant inside.
    pub from: DateTime<Utc>,
    /// First instant after.
    pub to: DateTime<Utc>,
}

impl TimeRange {
    /// The range between two instants; empty when `to` is not after `from`.
    pub const fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self { from, to }
    }

    /// Whether `instant` lies inside.
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.from <= instant && instant < self.to
    }

    /// Length; negative ranges count as zero.
    pub fn length(&self) -> Duration {
        (self.to - self.from).max(Duration::zero())
    }

    /// Starts of the slots of `interval_s` seconds inside, oldest first.
    pub fn slots(&self, interval_s: i32) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let (from, to, step) = (self.from, self.to, Duration::seconds(interval_s.max(1).into()));
        std::iter::successors(Some(from), move |at| Some(*at + step)).take_while(move |at| *at < to)
    }
}

/// The instants of local day `date` in `zone`: 23, 24 or 25 hours.
pub fn day_range(date: NaiveDate, zone: Tz) -> TimeRange {
    let next = date.succ_opt().unwrap_or(date);
    TimeRange::new(midnight(date, zone), midnight(next, zone))
}

/// The instants of the local days `first..=last`.
pub fn days_range(first: NaiveDate, last: NaiveDate, zone: Tz) -> TimeRange {
    TimeRange::new(day_range(first, zone).from, day_range(last, zone).to)
}

/// Local calendar day on which `instant` falls.
pub fn local_date(instant: DateTime<Utc>, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

/// Day `days` after `date` (before, when negative) on the calendar.
pub fn add_days(date: NaiveDate, days: i64) -> NaiveDate {
    date.checked_add_signed(Duration::days(days)).unwrap_or(date)
}

/// Instant of a wall-clock time on a day; a time the clock skips means the instant it jumps to.
pub fn at_local(date: NaiveDate, time: NaiveTime, zone: Tz) -> DateTime<Utc> {
    match instants_of(date.and_time(time), zone) {
        WallTime::Once(at) | WallTime::Twice(at, _) => at,
        WallTime::Skipped => {
            // Clock changes are whole or half hours; the first valid time after the gap is near.
            (1..=8)
                .map(|quarters| date.and_time(time) + Duration::minutes(15 * quarters))
                .find_map(|later| match instants_of(later, zone) {
                    WallTime::Once(at) | WallTime::Twice(at, _) => Some(at),
                    WallTime::Skipped => None,
                })
                .unwrap_or_else(|| Utc.from_utc_datetime(&date.and_time(time)))
        }
    }
}

/// What a wall-clock time means in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WallTime {
    /// One instant.
    Once(DateTime<Utc>),
    /// The clock goes back over it: earlier and later instant.
    Twice(DateTime<Utc>, DateTime<Utc>),
    /// The clock jumps over it.
    Skipped,
}

/// The instants at which a clock in `zone` shows `wall`.
pub fn instants_of(wall: NaiveDateTime, zone: Tz) -> WallTime {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) => WallTime::Once(at.to_utc()),
        LocalResult::Ambiguous(first, second) => WallTime::Twice(first.to_utc(), second.to_utc()),
        LocalResult::None => WallTime::Skipped,
    }
}

fn midnight(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    at_local(date, NaiveTime::MIN, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn local_days_have_92_96_or_100_quarter_hours() {
        for (date, quarters) in [("2026-03-29", 92), ("2026-03-30", 96), ("2026-10-25", 100)] {
            let range = day_range(day(date), Tz::Europe__Zurich);
            assert_eq!(range.slots(900).count(), quarters, "{date}");
        }
    }

    #[test]
    fn a_day_starts_at_local_midnight() {
        let range = day_range(day("2026-07-01"), Tz::Europe__Zurich);
        assert_eq!(range.from.to_rfc3339(), "2026-06-30T22:00:00+00:00");
    }

    #[test]
    fn wall_times_are_skipped_in_spring_and_doubled_in_autumn() {
        let two = NaiveTime::from_hms_opt(2, 0, 0).unwrap();
        let spring = instants_of(day("2026-03-29").and_time(two), Tz::Europe__Zurich);
        assert_eq!(spring, WallTime::Skipped);
        let WallTime::Twice(first, second) =
            instants_of(day("2026-10-25").and_time(two), Tz::Europe__Zurich)
        else {
            panic!("02:00 happens twice");
        };
        assert_eq!(second - first, Duration::hours(1));
        let jumped = at_local(day("2026-03-29"), two, Tz::Europe__Zurich);
        assert_eq!(jumped.to_rfc3339(), "2026-03-29T01:00:00+00:00");
    }
}
