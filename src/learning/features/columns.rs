//! Columns of the delivery periods of one day as one origin sees them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

use super::build::{LEAD_DAYS_LEARNED, Origin};
use super::days::{DayPrices, Days, LocalDay, mean};
use super::spec::{Calendar, Day, Kind, Statistic};
use super::vintages::Vintages;
use crate::base::timeline::add_days;
use crate::facts::holidays::Holiday;

/// What one origin can see.
pub(super) struct View<'a> {
    pub days: &'a Days<'a>,
    pub origin: Origin,
    /// Mean of the last hours, per window.
    rolling: Vec<f64>,
    /// Mean per slot over the last days, per number of days.
    slot_means: Vec<Vec<f64>>,
    /// Days of which something changed after the origin, as they were known then.
    unsettled: RefCell<HashMap<NaiveDate, Rc<DayPrices>>>,
}

/// A day that is forecast.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub local: &'a LocalDay,
    pub lead: u8,
}

/// Rows that one column is written into.
struct Cells<'a> {
    rows: &'a mut [f32],
    width: usize,
    column: usize,
}

impl Cells<'_> {
    /// A value per row.
    fn each(self, values: impl IntoIterator<Item = f64>) {
        for (row, value) in self.rows.chunks_exact_mut(self.width).zip(values) {
            row[self.column] = single(value);
        }
    }

    /// The same value in every row.
    fn all(self, value: f64) {
        let value = single(value);
        for row in self.rows.chunks_exact_mut(self.width) {
            row[self.column] = value;
        }
    }
}

impl<'a> View<'a> {
    pub fn new(days: &'a Days<'a>, origin: Origin) -> Self {
        let mut view = Self {
            days,
            origin,
            rolling: Vec::new(),
            slot_means: Vec::new(),
            unsettled: RefCell::default(),
        };
        view.rolling = view.rolling_means();
        view.slot_means = days.slot_windows.iter().map(|count| view.slot_mean(*count)).collect();
        view
    }

    /// Writes the columns `kinds` of the periods of a day into `rows`.
    pub fn fill(&self, kinds: &[Kind], target: Target<'_>, rows: &mut [f32]) {
        for (column, kind) in kinds.iter().enumerate() {
            let cells = Cells { rows: &mut *rows, width: kinds.len(), column };
            self.fill_one(*kind, target, cells);
        }
    }

    fn fill_one(&self, kind: Kind, target: Target<'_>, cells: Cells<'_>) {
        let days = self.days;
        let walls = &target.local.walls;
        match kind {
            Kind::Calendar(calendar) => fill_calendar(calendar, target, cells),
            Kind::Lag { day, shift_slots } => {
                let date = self.date(day, target);
                let prices = self.prices(date);
                let price = |slot: &u16| {
                    let slot = i32::from(*slot) + shift_slots;
                    let known = usize::try_from(slot).ok().and_then(|slot| prices.slots.get(slot));
                    known.map_or_else(|| self.beside(date, slot), |price| *price)
                };
                cells.each(walls.slots.iter().map(price));
            }
            Kind::RollingMean { hours } => {
                let at = days.windows_h.iter().position(|window| *window == hours);
                cells.all(at.map_or(f64::NAN, |at| self.rolling[at]));
            }
            Kind::SlotMean { days: count } => {
                let at = days.slot_windows.iter().position(|known| *known == count);
                let means = at.map_or(&[][..], |at| self.slot_means[at].as_slice());
                let of_slot = |slot: &u16| means.get(usize::from(*slot)).copied();
                cells.each(walls.slots.iter().map(|slot| of_slot(slot).unwrap_or(f64::NAN)));
            }
            Kind::DayStatistic { day, statistic } => {
                let prices = self.prices(self.date(day, target));
                cells.all(match statistic {
                    Statistic::Mean => prices.mean,
                    Statistic::Min => prices.min,
                    Statistic::Max => prices.max,
                    Statistic::StandardDeviation => prices.standard_deviation,
                });
            }
            Kind::Exogenous { series } => {
                let values = &days.history.exogenous[series];
                let from_s = target.local.from.timestamp();
                let starts = (from_s..).step_by(usize::try_from(days.interval_s).unwrap_or(1));
                cells.each(starts.map(|at_s| self.over(values, at_s)));
            }
            Kind::ExogenousDayMean { series } => {
                cells.all(self.day_mean(&days.history.exogenous[series], target.local));
            }
            Kind::ExogenousWeekAgo { series } => {
                let values = &days.history.exogenous[series];
                let date = add_days(target.local.date, -7);
                let value = |at: DateTime<Utc>| self.over(values, at.timestamp());
                cells.each(walls.seconds.iter().map(|at| days.at_wall(date, *at, value)));
            }
        }
    }

    fn date(&self, day: Day, target: Target<'_>) -> NaiveDate {
        match day {
            Day::BeforeAnchor(days) => add_days(self.origin.anchor, -days),
            Day::BeforeTarget(days) => {
                // Far ahead of old prices that day is not known either: the same weekday of the last
                // known weeks stands in.
                let day = add_days(target.local.date, -days);
                let unknown = (day - self.origin.anchor).num_days().max(0);
                add_days(day, -(unknown + 6) / 7 * 7)
            }
        }
    }

    /// Prices of a day as they were known at the origin.
    fn prices(&self, date: NaiveDate) -> Rc<DayPrices> {
        if let Some(settled) = self.days.settled(date, self.origin.issued_at) {
            return settled;
        }
        if let Some(known) = self.unsettled.borrow().get(&date) {
            return Rc::clone(known);
        }
        let prices = Rc::new(self.days.read(date, |place| self.price(place)));
        self.unsettled.borrow_mut().insert(date, Rc::clone(&prices));
        prices
    }

    /// The price at `place` as it was known at the origin.
    fn price(&self, place: i64) -> f64 {
        let known = self.days.history.prices.at_place(place, self.origin.issued_at);
        known.unwrap_or(f64::NAN)
    }

    /// The price of a slot before the first or behind the last of a day. It may lie on a day that is
    /// not published yet: then there is none.
    fn beside(&self, date: NaiveDate, slot: i32) -> f64 {
        let per_day = self.days.slots_per_day;
        let date = add_days(date, i64::from(slot.div_euclid(per_day)));
        let wall_s = i64::from(slot.rem_euclid(per_day)) * self.days.interval_s;
        let prices = &self.days.history.prices;
        let value = |at: DateTime<Utc>| self.over(prices, at.timestamp());
        self.days.at_wall(date, u32::try_from(wall_s).unwrap_or(0), value)
    }

    /// Mean of a series over the delivery period that begins then.
    fn over(&self, series: &Vintages, from_s: i64) -> f64 {
        series.over_from(from_s, self.days.interval_s, self.origin.issued_at)
    }

    fn day_mean(&self, series: &Vintages, day: &LocalDay) -> f64 {
        let from_s = day.from.timestamp();
        let count = i64::try_from(day.count).unwrap_or(0);
        let step = series.interval_s();
        let starts = (from_s..from_s + count * self.days.interval_s)
            .step_by(usize::try_from(step).unwrap_or(1).max(1));
        let issued_at = self.origin.issued_at;
        mean(starts.filter_map(|at_s| series.at_place(series.place(at_s), issued_at)))
    }

    /// Means over the windows that end with the anchor.
    fn rolling_means(&self) -> Vec<f64> {
        let days = self.days;
        let Some(anchor) = days.local(self.origin.anchor) else {
            return vec![f64::NAN; days.windows_h.len()];
        };
        let length = TimeDelta::seconds(days.interval_s) * i32::try_from(anchor.count).unwrap_or(0);
        let end_s = (anchor.from + length).timestamp();
        let longest_s = days.windows_h.last().copied().unwrap_or(0) * 3_600;
        let is_settled = self.is_settled_since(end_s - longest_s);
        let window = |hours: &i64| {
            // A window of so many periods; one that is not whole counts.
            let length = (hours * 3_600 + days.interval_s - 1) / days.interval_s;
            let first = days.history.prices.place(end_s - hours * 3_600);
            let places = first..first + length;
            if is_settled { self.dense_mean(places) } else { mean(places.map(|at| self.price(at))) }
        };
        days.windows_h.iter().map(window).collect()
    }

    /// Whether every price from then on up to the anchor is known today as it was at the origin.
    fn is_settled_since(&self, from_s: i64) -> bool {
        let (mut date, issued_at) = (self.origin.anchor, self.origin.issued_at);
        while let Some(day) = self.days.local(date) {
            if self.days.settled(date, issued_at).is_none() {
                return false;
            }
            if day.from.timestamp() <= from_s {
                return true;
            }
            date = add_days(date, -1);
        }
        false
    }

    /// Mean of the prices as they are known today.
    fn dense_mean(&self, places: Range<i64>) -> f64 {
        let place = |at: i64| usize::try_from(at).unwrap_or(0).min(self.days.dense.len());
        let (mut sum, mut count) = (0.0, 0_u32);
        for price in &self.days.dense[place(places.start)..place(places.end)] {
            let is_known = !price.is_nan();
            sum += if is_known { *price } else { 0.0 };
            count += u32::from(is_known);
        }
        if count == 0 { f64::NAN } else { sum / f64::from(count) }
    }

    /// Mean per slot over the last `count` days.
    fn slot_mean(&self, count: i64) -> Vec<f64> {
        let slots = usize::try_from(self.days.slots_per_day).unwrap_or(0);
        let (mut sums, mut counts) = (vec![0.0; slots], vec![0.0; slots]);
        for back in 0..count {
            let prices = self.prices(add_days(self.origin.anchor, -back));
            for ((sum, count), price) in sums.iter_mut().zip(&mut counts).zip(&prices.slots) {
                let is_known = !price.is_nan();
                *sum += if is_known { *price } else { 0.0 };
                *count += f64::from(u8::from(is_known));
            }
        }
        for (sum, count) in sums.iter_mut().zip(&counts) {
            *sum = if *count > 0.0 { *sum / *count } else { f64::NAN };
        }
        sums
    }
}

fn fill_calendar(calendar: Calendar, target: Target<'_>, cells: Cells<'_>) {
    let Target { local, lead } = target;
    let walls = &local.walls;
    let each = |values: &[f64], cells: Cells<'_>| cells.each(values.iter().copied());
    let flag = |is: bool| f64::from(u8::from(is));
    let weekday = local.date.weekday().num_days_from_monday();
    match calendar {
        Calendar::Hour => each(&walls.hour, cells),
        Calendar::HourSin => each(&walls.hour_sin, cells),
        Calendar::HourCos => each(&walls.hour_cos, cells),
        Calendar::Quarter => each(&walls.quarter, cells),
        Calendar::Weekday => cells.all(f64::from(weekday)),
        Calendar::IsWeekend => cells.all(flag(weekday >= 5)),
        Calendar::Month => cells.all(f64::from(local.date.month())),
        Calendar::YearSin => cells.all(local.year.0),
        Calendar::YearCos => cells.all(local.year.1),
        Calendar::IsHoliday => cells.all(flag(local.holiday == Holiday::Public)),
        Calendar::IsBridgeDay => cells.all(flag(local.holiday == Holiday::Bridge)),
        Calendar::LeadDay => cells.all(f64::from(lead.min(LEAD_DAYS_LEARNED))),
    }
}

// f32 keeps seven digits: a cent in a price of 10,000 EUR/MWh.
#[expect(clippy::cast_possible_truncation, reason = "datasets hold 32-bit features")]
const fn single(value: f64) -> f32 {
    value as f32
}
