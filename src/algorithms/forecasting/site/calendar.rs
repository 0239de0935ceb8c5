//! Local days and slots of quarter hours, and the quarter hour of a day and slot.

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;

use super::history::QUARTER_S;

/// Slots of a local day by its wall clock; days of a clock change skip four or have four twice.
pub(super) const SLOTS: usize = 96;

/// A place on earth, in degrees; north and east are positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Latitude.
    pub latitude_deg: f64,
    /// Longitude.
    pub longitude_deg: f64,
}

/// What the calendar says of a local day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Day {
    /// Monday is 0.
    pub weekday: u8,
    /// 0 of a usual day, more of bridge days and holidays, as the maker of the calendar says.
    pub kind: u8,
    /// Day of the month, from 1.
    pub in_month: u8,
    /// Which month it belongs to, counted through the years.
    pub month: i32,
}

/// Local days and slots of the quarter hours of a stretch of time.
#[derive(Debug, Clone)]
pub struct Calendar {
    first: i64,
    first_day: i32,
    /// Day and slot of every quarter hour.
    places: Vec<(i32, u8)>,
    days: Vec<Day>,
    /// Quarter hour of every slot of every day; `NONE` where the clock skips it.
    quarters: Vec<[i64; SLOTS]>,
}

const NONE: i64 = i64::MIN;

impl Calendar {
    /// The calendar of the quarter hours from `from` to before `to` in `zone`; `kind` says what is
    /// special about a day.
    pub fn new(from: i64, to: i64, zone: Tz, kind: &dyn Fn(NaiveDate) -> u8) -> Self {
        let local = |quarter: i64| {
            let instant = DateTime::from_timestamp(quarter * QUARTER_S, 0).unwrap_or_default();
            let local = instant.with_timezone(&zone);
            let slot = u8::try_from(local.hour() * 4 + local.minute() / 15).unwrap_or_default();
            (local.date_naive(), slot)
        };
        let first_day = local(from).0.num_days_from_ce();
        let mut calendar = Self {
            first: from,
            first_day,
            places: Vec::with_capacity(usize::try_from(to - from).unwrap_or_default()),
            days: Vec::new(),
            quarters: Vec::new(),
        };
        for quarter in from..to {
            let (date, slot) = local(quarter);
            let day = date.num_days_from_ce();
            while first_day + i32::try_from(calendar.days.len()).unwrap_or(i32::MAX) <= day {
                calendar.days.push(Day::of(date, kind));
                calendar.quarters.push([NONE; SLOTS]);
            }
            calendar.places.push((day, slot));
            if let Some(quarters) = calendar.quarters.last_mut() {
                let place = &mut quarters[usize::from(slot)];
                // Of a wall time that comes twice the first stands for both.
                if *place == NONE {
                    *place = quarter;
                }
            }
        }
        calendar
    }

    /// Local day and slot of a quarter hour; absent outside of the stretch.
    pub(super) fn place(&self, quarter: i64) -> Option<(i32, u8)> {
        let place = usize::try_from(quarter - self.first).ok()?;
        self.places.get(place).copied()
    }

    /// What the calendar says of a local day.
    pub(super) fn day(&self, day: i32) -> Option<Day> {
        self.days.get(usize::try_from(day - self.first_day).ok()?).copied()
    }

    /// The quarter hour of a slot of a local day; absent where the clock skips it.
    pub(super) fn quarter(&self, day: i32, slot: usize) -> Option<i64> {
        let quarters = self.quarters.get(usize::try_from(day - self.first_day).ok()?)?;
        quarters.get(slot).copied().filter(|quarter| *quarter != NONE)
    }

    /// The quarter hours of a local day from `from` on: 92, 96 or 100 of a whole one.
    pub(super) fn quarters_of(&self, day: i32, from: i64) -> impl Iterator<Item = i64> + '_ {
        let near = self.quarter(day, 48).unwrap_or(self.first);
        let all = (near - 56).max(from)..near + 56;
        all.filter(move |quarter| self.place(*quarter).is_some_and(|place| place.0 == day))
    }
}

impl Day {
    fn of(date: NaiveDate, kind: &dyn Fn(NaiveDate) -> u8) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "weekdays and days of months are small"
        )]
        let (weekday, in_month) = (date.weekday().num_days_from_monday() as u8, date.day() as u8);
        Self {
            weekday,
            kind: kind(date),
            in_month,
            month: date.year() * 12 + i32::try_from(date.month0()).unwrap_or_default(),
        }
    }
}
