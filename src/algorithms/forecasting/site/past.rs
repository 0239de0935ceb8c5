//! What an origin sees: the last weeks by local day and slot, and means of them.

use super::calendar::{Calendar, SLOTS};
use super::history::{History, QUARTER_S};

/// Local days that are looked back to, the day of the origin not counted.
pub(super) const DAYS: usize = 35;
/// Quarter hours of a week.
const WEEK: i64 = 672;

/// The last weeks as they were known at an origin.
pub(super) struct Past {
    /// First quarter hour that is forecast.
    pub origin: i64,
    /// Local day of the origin.
    pub day: i32,
    /// Values by days before the origin's and slot; NaN where nothing is known.
    rows: Vec<[f32; SLOTS]>,
    /// The last week, oldest first.
    week: Vec<f32>,
}

impl Past {
    /// What was known of `power` at `as_of_s` behind the quarter hour `origin`.
    pub fn new(power: &History, calendar: &Calendar, origin: i64, as_of_s: i64) -> Option<Self> {
        let (day, _) = calendar.place(origin)?;
        let row = |before: usize| {
            let day = day - i32::try_from(before).unwrap_or_default();
            std::array::from_fn(|slot| match calendar.quarter(day, slot) {
                Some(quarter) if quarter < origin => power.at(quarter, as_of_s),
                _ => f32::NAN,
            })
        };
        let rows = (0..=DAYS).map(row).collect();
        Some(Self { origin, day, rows, week: power.view(origin - WEEK, origin, as_of_s) })
    }

    /// What was known at the start of the quarter hour `origin`.
    pub fn at(power: &History, calendar: &Calendar, origin: i64) -> Option<Self> {
        Self::new(power, calendar, origin, origin * QUARTER_S)
    }

    /// The value of a slot `before` days before the origin's.
    pub fn value(&self, before: usize, slot: usize) -> f32 {
        self.rows.get(before).map_or(f32::NAN, |row| row[slot])
    }

    /// Mean over a slot and `reach` neighbours on both sides, over some days before the origin's.
    pub fn mean(&self, days: impl IntoIterator<Item = usize>, slot: usize, reach: usize) -> f32 {
        let span = slot.saturating_sub(reach)..=(slot + reach).min(SLOTS - 1);
        mean(
            days.into_iter()
                .filter_map(|day| self.rows.get(day))
                .flat_map(|row| row[span.clone()].iter().copied()),
        )
    }

    /// Highest value of a slot and its neighbours over some days before the origin's.
    pub fn highest(&self, days: impl IntoIterator<Item = usize>, slot: usize, reach: usize) -> f32 {
        let span = slot.saturating_sub(reach)..=(slot + reach).min(SLOTS - 1);
        let rows = days.into_iter().filter_map(|day| self.rows.get(day));
        rows.flat_map(|row| row[span.clone()].iter().copied()).fold(f32::NAN, f32::max)
    }

    /// Highest value of the day so many days before the origin's.
    pub fn day_highest(&self, before: usize) -> f32 {
        self.rows.get(before).map_or(f32::NAN, |row| row.iter().copied().fold(f32::NAN, f32::max))
    }

    /// Days before the origin's on which the slot was read, the latest first.
    pub fn latest(&self, slot: usize) -> Option<usize> {
        (0..7).find(|before| !self.value(*before, slot).is_nan())
    }

    /// The newest value of the last three hours.
    pub fn newest(&self) -> f32 {
        let last = self.week.iter().rev().take(12).copied();
        last.into_iter().find(|value| !value.is_nan()).unwrap_or(f32::NAN)
    }

    /// Mean of the last quarter hours, so many of them.
    pub fn recent(&self, quarters: usize) -> f32 {
        mean(self.week.iter().rev().take(quarters).copied())
    }

    /// Mean of all that is known of the last weeks.
    pub fn level(&self) -> f32 {
        mean(self.rows.iter().flatten().copied())
    }

    /// The last quarter hours, the newest first, numbered.
    pub fn backwards(&self, quarters: usize) -> impl Iterator<Item = (i64, f32)> + '_ {
        let numbered = self.week.iter().rev().zip(1_i64..).take(quarters);
        numbered.map(|(value, before)| (self.origin - before, *value))
    }
}

/// Mean of what is known.
pub(super) fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        if !value.is_nan() {
            sum += value;
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { f32::NAN }
}

/// The first of two that is known.
pub(super) const fn or(first: f32, second: f32) -> f32 {
    if first.is_nan() { second } else { first }
}
