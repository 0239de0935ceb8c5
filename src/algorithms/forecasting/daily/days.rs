//! Days of 24 local hours out of the rows of a table, and quarter hours out of hours again.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::algorithms::forecasting::days::{Day, DayHistory, HOURS};
use crate::algorithms::forecasting::pool::PoolDays;
use crate::algorithms::forecasting::table::Table;

/// Quarter hours of an hour and of a day.
const QUARTERS: usize = 4;
const DAY_QUARTERS: usize = HOURS * QUARTERS;
/// Features that say something about a whole day: public holidays first.
const FLAGS: [&str; 2] = ["is_holiday", "is_bridge_day"];
/// The day of December from which on days are quiet though they are no holidays.
const QUIET_FROM: u32 = 24;
/// Days whose course within the hours is remembered.
const SHAPE_DAYS: usize = 56;
/// Days of one kind whose mean course within the hours is expected to go on.
const ALIKE_DAYS: usize = 20;
/// Days that may be missing in a row; behind a longer gap nobody knows where prices are.
const GAP_MAX: i32 = 7;

/// What the rows of one local day say, by local hour; NaN where they say nothing.
#[derive(Debug, Clone)]
pub(super) struct OneDay {
    prices: Day,
    exogenous: Vec<Day>,
    flags: Vec<f64>,
    /// Prices by quarter hour where the table has them.
    quarters: Option<Vec<f64>>,
}

/// The rows of the first lead day of a table, by ordinal of their day. The doubled hour of autumn is
/// the mean of its two rows.
pub(super) fn days_of(table: &Table, exogenous: &[String]) -> BTreeMap<i32, OneDay> {
    let columns: Vec<Option<usize>> = exogenous.iter().map(|name| table.column(name)).collect();
    let flags: Vec<Option<usize>> = FLAGS.iter().map(|name| table.column(name)).collect();
    let of_day = |row: &usize| table.groups[*row].lead_day <= 1;
    let has_quarters = table.groups.iter().any(|key| usize::from(key.slot) >= HOURS);
    let slots = if has_quarters { DAY_QUARTERS } else { HOURS };
    let mut sums: BTreeMap<i32, Vec<Mean>> = BTreeMap::new();
    let mut found: BTreeMap<i32, Vec<f64>> = BTreeMap::new();
    for row in (0..table.rows()).filter(of_day) {
        let key = table.groups[row];
        let slot = usize::from(key.slot).min(slots - 1);
        let series = sums
            .entry(key.day)
            .or_insert_with(|| vec![Mean::default(); (1 + columns.len()) * slots]);
        series[slot].add(table.y.get(row).copied().unwrap_or(f64::NAN));
        for (index, column) in columns.iter().enumerate() {
            let value = column.map_or(f64::NAN, |column| f64::from(table.x[[row, column]]));
            series[(1 + index) * slots + slot].add(value);
        }
        found.entry(key.day).or_insert_with(|| {
            let value =
                |column: &Option<usize>| column.map_or(0.0, |at| f64::from(table.x[[row, at]]));
            flags.iter().map(value).map(|flag| if flag.is_nan() { 0.0 } else { flag }).collect()
        });
    }
    let one = |(day, series): (i32, Vec<Mean>)| {
        let values: Vec<f64> = series.iter().map(Mean::value).collect();
        let mut parts = values.chunks_exact(slots);
        let prices = parts.next().unwrap_or_default();
        let day_of = OneDay {
            prices: hourly(prices),
            exogenous: parts.map(hourly).collect(),
            flags: found.remove(&day).unwrap_or_default(),
            quarters: has_quarters.then(|| prices.to_vec()),
        };
        (day, day_of)
    };
    sums.into_iter().map(one).collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.sum / f64::from(self.count) }
    }
}

/// Hours out of hours or quarter hours.
fn hourly(values: &[f64]) -> Day {
    let each = values.len() / HOURS;
    std::array::from_fn(|hour| {
        let mut mean = Mean::default();
        values[hour * each..(hour + 1) * each].iter().for_each(|value| mean.add(*value));
        mean.value()
    })
}

/// Consecutive local days of prices and of what drives them, without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Days {
    /// Ordinal of the first day.
    first: i32,
    prices: Vec<Day>,
    /// Per series, as long as the prices, or a day longer when the next day is known.
    exogenous: Vec<Vec<Day>>,
    /// Per flag, as long as the exogenous series.
    flags: Vec<Vec<f64>>,
    weekdays: Vec<u8>,
    ordinals: Vec<u16>,
    /// Of the last days, how far quarter hours lie from the mean of their hour.
    shapes: Vec<(i32, Vec<f64>)>,
}

impl Days {
    /// Nothing yet, from the day `first` on, of so many exogenous series.
    pub fn new(first: i32, exogenous: usize) -> Self {
        Self {
            first,
            prices: Vec::new(),
            exogenous: vec![Vec::new(); exogenous],
            flags: vec![Vec::new(); FLAGS.len() + 1],
            weekdays: Vec::new(),
            ordinals: Vec::new(),
            shapes: Vec::new(),
        }
    }

    /// Number of days with prices.
    pub fn len(&self) -> usize {
        self.prices.len()
    }

    /// Ordinal of the day behind the last one with prices.
    pub fn next(&self) -> i32 {
        self.first + i32::try_from(self.len()).unwrap_or(i32::MAX)
    }

    /// Index of a day; days before the first have none.
    pub fn index(&self, day: i32) -> Option<usize> {
        usize::try_from(day - self.first).ok()
    }

    /// Adds the days of `known` behind the last one, each but those from `until` on; days that are
    /// missing repeat those a week before. False when too many are missing in a row.
    pub fn append(&mut self, known: &BTreeMap<i32, OneDay>, until: i32) -> bool {
        let newest = known.range(..until).filter(|(_, day)| has_prices(day)).map(|(day, _)| *day);
        let Some(last) = newest.max() else { return self.next() >= until };
        let mut gap = 0;
        for day in self.next()..=last {
            let there = known.get(&day).filter(|day| has_prices(day));
            gap = if there.is_some() { 0 } else { gap + 1 };
            if gap > GAP_MAX {
                return false;
            }
            self.look_ahead(day, known.get(&day));
            let prices = there.map_or([f64::NAN; HOURS], |day| day.prices);
            let prices = filled(prices, &self.prices);
            if let Some(quarters) = there.and_then(|day| day.quarters.as_deref()) {
                self.remember_shape(day, quarters, &prices);
            }
            self.prices.push(prices);
        }
        self.next() >= until
    }

    /// Takes in what is known in advance of the day behind the last one.
    pub fn look_ahead(&mut self, day: i32, known: Option<&OneDay>) {
        let at = self.len();
        for (index, series) in self.exogenous.iter_mut().enumerate() {
            series.truncate(at);
            let values = known.map_or([f64::NAN; HOURS], |day| day.exogenous[index]);
            series.push(filled(values, series));
        }
        let date = NaiveDate::from_num_days_from_ce_opt(day).unwrap_or_default();
        let told = |index: usize| known.and_then(|day| day.flags.get(index).copied());
        let is_quiet = date.month() == 12 && date.day() >= QUIET_FROM && told(0) != Some(1.0);
        for (index, flag) in self.flags.iter_mut().enumerate() {
            flag.truncate(at);
            let quiet = (index == FLAGS.len()).then_some(f64::from(u8::from(is_quiet)));
            flag.push(quiet.or(told(index)).unwrap_or(0.0));
        }
        self.weekdays.truncate(at);
        self.ordinals.truncate(at);
        self.weekdays.push(u8::try_from(date.weekday().num_days_from_monday()).unwrap_or(0));
        self.ordinals.push(u16::try_from(date.ordinal()).unwrap_or(1));
    }

    /// Hands the days to `work` in the form that models read.
    pub fn with<T>(&self, work: impl FnOnce(&PoolDays<'_>) -> T) -> T {
        let exogenous: Vec<&[Day]> = self.exogenous.iter().map(Vec::as_slice).collect();
        let flags: Vec<&[f64]> = self.flags.iter().map(Vec::as_slice).collect();
        let history = DayHistory {
            prices_eur_mwh: &self.prices,
            exogenous: &exogenous,
            weekdays: &self.weekdays,
            flags: &flags,
        };
        work(&PoolDays { history, year_days: &self.ordinals })
    }

    /// How far the quarter hour `slot` of `day` is expected to lie from the mean of its hour: as on the
    /// last days of its kind. Adds up to nothing over an hour; nothing where prices are hourly.
    pub fn within_hour(&self, day: i32, slot: u16) -> f64 {
        let is_rest = |day: i32| {
            let date = NaiveDate::from_num_days_from_ce_opt(day).unwrap_or_default();
            let flag = self.index(day).and_then(|at| self.flags[0].get(at).copied());
            date.weekday().num_days_from_monday() >= 5 || flag.is_some_and(|flag| flag > 0.0)
        };
        let wanted = is_rest(day);
        let alike = self.shapes.iter().rev().filter(|(other, _)| is_rest(*other) == wanted);
        let mut mean = Mean::default();
        for (_, shape) in alike.take(ALIKE_DAYS) {
            mean.add(shape.get(usize::from(slot)).copied().unwrap_or(0.0));
        }
        if mean.count == 0 { 0.0 } else { mean.value() }
    }

    fn remember_shape(&mut self, day: i32, quarters: &[f64], hours: &Day) {
        let deviation = |(slot, quarter): (usize, &f64)| {
            let away = quarter - hours[slot / QUARTERS];
            if away.is_finite() { away } else { 0.0 }
        };
        let shape = quarters.iter().enumerate().map(deviation).collect();
        self.shapes.push((day, shape));
        let excess = self.shapes.len().saturating_sub(SHAPE_DAYS);
        self.shapes.drain(..excess);
    }
}

/// Most of a day must be there for it to count.
fn has_prices(day: &OneDay) -> bool {
    2 * day.prices.iter().filter(|price| price.is_finite()).count() > HOURS
}

/// A day without gaps: a missing hour, like that of spring, is the mean of those beside it; where
/// more is missing it repeats the day a week before, else the last one, else it is zero.
fn filled(values: Day, before: &[Day]) -> Day {
    let earlier = before.len().checked_sub(7).and_then(|at| before.get(at)).or(before.last());
    std::array::from_fn(|hour| {
        if values[hour].is_finite() {
            return values[hour];
        }
        let beside = [hour.checked_sub(1), Some(hour + 1)]
            .map(|at| at.and_then(|at| values.get(at).copied()).filter(|value| value.is_finite()));
        match (beside, earlier) {
            ([Some(left), Some(right)], _) => f64::midpoint(left, right),
            (_, Some(day)) => day[hour],
            ([left, right], None) => left.or(right).unwrap_or(0.0),
        }
    })
}
