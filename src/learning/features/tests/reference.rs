//! The definition of every feature, cell by cell: what the columns are held to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::f64::consts::TAU;
use std::ops::RangeInclusive;
use std::rc::Rc;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;
use ndarray::Array2;

use crate::algorithms::forecasting::RowKey;
use crate::algorithms::forecasting::Table;
use crate::base::timeline::TimeRange;
use crate::base::timeline::WallTime;
use crate::base::timeline::add_days;
use crate::base::timeline::day_range;
use crate::base::timeline::instants_of;
use crate::facts::holidays;
use crate::learning::features::LEAD_DAYS_LEARNED;
use crate::learning::features::spec::{Calendar, Day, FeatureSpec, Kind, Statistic};
use crate::learning::features::vintages::Vintages;
use crate::learning::features::{FeatureTable, MarketHistory, Origin};

/// The table of [`crate::learning::features::build`], or of `predict_rows` without `training`.
pub(super) fn rows(
    history: &MarketHistory,
    spec: &FeatureSpec,
    origins: &[Origin],
    leads: &RangeInclusive<u8>,
    training: bool,
) -> FeatureTable {
    let needed: Vec<usize> = spec
        .columns
        .iter()
        .enumerate()
        .filter(|(_, (name, _))| ["lag_24h", "lag_168h", "anchor_mean"].contains(&name.as_str()))
        .map(|(column, _)| column)
        .collect();
    let width = spec.columns.len();
    let (mut ts, mut issued_at, mut known_at) = (vec![], vec![], vec![]);
    let (mut y, mut groups) = (vec![], vec![]);
    let mut x: Vec<f32> = Vec::new();
    for origin in origins {
        let view = View::new(history, *origin);
        for lead in leads.clone() {
            let day = add_days(origin.anchor, i64::from(lead));
            for at in day_range(day, view.zone).slots(history.interval_s()) {
                let truth = history.prices.truth(history.prices.place(at.timestamp()));
                if training && truth.is_none() {
                    continue;
                }
                let target = Target::new(at, day, lead, &view);
                let start = x.len();
                // f32 keeps seven digits: a cent in a price of 10,000 EUR/MWh.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "datasets hold 32-bit features"
                )]
                x.extend(spec.columns.iter().map(|(_, kind)| view.value(*kind, &target) as f32));
                if training && needed.iter().any(|column| x[start + column].is_nan()) {
                    x.truncate(start);
                    continue;
                }
                ts.push(at);
                issued_at.push(origin.issued_at.0);
                if training && let Some(truth) = truth {
                    y.push(truth.value);
                    known_at.push(truth.at);
                }
                groups.push(RowKey {
                    day: day.num_days_from_ce(),
                    slot: target.slot,
                    lead_day: lead,
                });
            }
        }
    }
    let x = Array2::from_shape_vec((ts.len(), width), x).expect("every row has one value a column");
    let table = Table { features: spec.names(), x, y, groups };
    FeatureTable { ts, issued_at, known_at, interval_s: history.interval_s(), table }
}

/// The delivery period that a row is about.
struct Target {
    at: DateTime<Utc>,
    day: NaiveDate,
    /// Wall-clock slot within the day: 0..24 hourly, 0..96 quarter-hourly.
    slot: u16,
    wall: NaiveTime,
    lead: u8,
}

impl Target {
    fn new(at: DateTime<Utc>, day: NaiveDate, lead: u8, view: &View<'_>) -> Self {
        let wall = at.with_timezone(&view.zone).time();
        let slot = i64::from(wall.num_seconds_from_midnight()) / view.history.prices.interval_s();
        Self { at, day, slot: u16::try_from(slot).unwrap_or(0), wall, lead }
    }
}

/// Prices of one local day by wall-clock slot, as known at the origin.
struct DayPrices {
    slots: Vec<f64>,
    mean: f64,
    min: f64,
    max: f64,
    standard_deviation: f64,
}

/// What one origin can see.
struct View<'a> {
    history: &'a MarketHistory,
    origin: Origin,
    zone: Tz,
    slots_per_day: i64,
    days: RefCell<HashMap<NaiveDate, Rc<DayPrices>>>,
    rolling: RefCell<HashMap<i64, f64>>,
    exogenous_days: RefCell<HashMap<(usize, NaiveDate), f64>>,
}

impl<'a> View<'a> {
    fn new(history: &'a MarketHistory, origin: Origin) -> Self {
        Self {
            history,
            origin,
            zone: history.market.time_zone(),
            slots_per_day: 86_400 / history.prices.interval_s(),
            days: RefCell::default(),
            rolling: RefCell::default(),
            exogenous_days: RefCell::default(),
        }
    }

    fn value(&self, kind: Kind, target: &Target) -> f64 {
        match kind {
            Kind::Calendar(calendar) => self.calendar(calendar, target),
            Kind::Lag { day, shift_slots } => {
                self.lag(self.date(day, target), i64::from(target.slot) + i64::from(shift_slots))
            }
            Kind::RollingMean { hours } => self.rolling_mean(hours),
            Kind::SlotMean { days } => mean(
                (0..days)
                    .map(|back| self.lag(add_days(self.origin.anchor, -back), target.slot.into())),
            ),
            Kind::DayStatistic { day, statistic } => {
                let prices = self.day(self.date(day, target));
                match statistic {
                    Statistic::Mean => prices.mean,
                    Statistic::Min => prices.min,
                    Statistic::Max => prices.max,
                    Statistic::StandardDeviation => prices.standard_deviation,
                }
            }
            Kind::Exogenous { series } => self.history.exogenous[series].over_from(
                target.at.timestamp(),
                self.history.prices.interval_s(),
                self.origin.issued_at,
            ),
            Kind::ExogenousDayMean { series } => self.exogenous_day_mean(series, target.day),
            Kind::ExogenousWeekAgo { series } => {
                self.at_wall(&self.history.exogenous[series], add_days(target.day, -7), target.wall)
            }
        }
    }

    fn date(&self, day: Day, target: &Target) -> NaiveDate {
        match day {
            Day::BeforeAnchor(days) => add_days(self.origin.anchor, -days),
            Day::BeforeTarget(days) => {
                // Far ahead of old prices that day is not known either: the same weekday of the last
                // known weeks stands in.
                let day = add_days(target.day, -days);
                let unknown = (day - self.origin.anchor).num_days().max(0);
                add_days(day, -(unknown + 6) / 7 * 7)
            }
        }
    }

    fn calendar(&self, calendar: Calendar, target: &Target) -> f64 {
        let day_share = f64::from(target.wall.num_seconds_from_midnight()) / 86_400.0;
        let year_share = f64::from(target.day.ordinal0()) / 365.25;
        let holiday = || holidays::kind(self.history.market.country(), target.day);
        let flag = |is: bool| f64::from(u8::from(is));
        match calendar {
            Calendar::Hour => f64::from(target.wall.hour()),
            Calendar::HourSin => (TAU * day_share).sin(),
            Calendar::HourCos => (TAU * day_share).cos(),
            Calendar::Quarter => f64::from(target.wall.minute() / 15),
            Calendar::Weekday => f64::from(target.day.weekday().num_days_from_monday()),
            Calendar::IsWeekend => flag(target.day.weekday().num_days_from_monday() >= 5),
            Calendar::Month => f64::from(target.day.month()),
            Calendar::YearSin => (TAU * year_share).sin(),
            Calendar::YearCos => (TAU * year_share).cos(),
            Calendar::IsHoliday => flag(holiday() == holidays::Holiday::Public),
            Calendar::IsBridgeDay => flag(holiday() == holidays::Holiday::Bridge),
            Calendar::LeadDay => f64::from(target.lead.min(LEAD_DAYS_LEARNED)),
        }
    }

    /// Price at wall-clock `slot` of `day`; slots before the first and after the last reach into the neighbouring day.
    fn lag(&self, day: NaiveDate, slot: i64) -> f64 {
        let day = add_days(day, slot.div_euclid(self.slots_per_day));
        // A shifted lag may reach into a day that is not published yet: then the slot itself is NaN.
        let slot = usize::try_from(slot.rem_euclid(self.slots_per_day)).unwrap_or(0);
        self.day(day).slots[slot]
    }

    fn day(&self, day: NaiveDate) -> Rc<DayPrices> {
        if let Some(known) = self.days.borrow().get(&day) {
            return Rc::clone(known);
        }
        let prices = Rc::new(self.read_day(day));
        self.days.borrow_mut().insert(day, Rc::clone(&prices));
        prices
    }

    fn read_day(&self, day: NaiveDate) -> DayPrices {
        let interval_s = self.history.prices.interval_s();
        let slots: Vec<f64> = (0..self.slots_per_day)
            .map(|slot| {
                let wall = NaiveTime::MIN + Duration::seconds(slot * interval_s);
                self.at_wall(&self.history.prices, day, wall)
            })
            .collect();
        // Statistics count real instants, so a doubled hour weighs double and a skipped one not at all.
        let real: Vec<f64> = day_range(day, self.zone)
            .slots(self.history.interval_s())
            .filter_map(|ts| self.history.prices.at(ts, self.origin.issued_at))
            .collect();
        let average = mean(real.iter().copied());
        let variance = mean(real.iter().map(|price| (price - average).powi(2)));
        DayPrices {
            slots,
            mean: average,
            min: real.iter().copied().fold(f64::NAN, f64::min),
            max: real.iter().copied().fold(f64::NAN, f64::max),
            standard_deviation: variance.sqrt(),
        }
    }

    /// The value at a wall-clock time: the mean of a doubled hour's two values; for a skipped one the
    /// mean of the hours before and after it.
    fn at_wall(&self, series: &Vintages, day: NaiveDate, wall: NaiveTime) -> f64 {
        let length_s = self.history.prices.interval_s();
        let issued_at = self.origin.issued_at;
        let value = |at: DateTime<Utc>| series.over_from(at.timestamp(), length_s, issued_at);
        let local = day.and_time(wall);
        match instants_of(local, self.zone) {
            WallTime::Once(at) => value(at),
            WallTime::Twice(first, second) => mean([first, second].map(value)),
            WallTime::Skipped => {
                let around = [local - Duration::hours(1), local + Duration::hours(1)];
                mean(around.map(|near| match instants_of(near, self.zone) {
                    WallTime::Once(at) | WallTime::Twice(at, _) => value(at),
                    WallTime::Skipped => f64::NAN,
                }))
            }
        }
    }

    fn rolling_mean(&self, hours: i64) -> f64 {
        *self.rolling.borrow_mut().entry(hours).or_insert_with(|| {
            let end = day_range(self.origin.anchor, self.zone).to;
            let range = TimeRange::new(end - Duration::hours(hours), end);
            let known = range
                .slots(self.history.interval_s())
                .filter_map(|ts| self.history.prices.at(ts, self.origin.issued_at));
            mean(known)
        })
    }

    fn exogenous_day_mean(&self, series: usize, day: NaiveDate) -> f64 {
        *self.exogenous_days.borrow_mut().entry((series, day)).or_insert_with(|| {
            let values = &self.history.exogenous[series];
            let step = i32::try_from(values.interval_s()).unwrap_or(3_600);
            mean(
                day_range(day, self.zone)
                    .slots(step)
                    .filter_map(|ts| values.at(ts, self.origin.issued_at)),
            )
        })
    }
}

/// Mean of what is there; NaN when nothing is. Values that are NaN themselves do not count.
fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values.into_iter().filter(|value| !value.is_nan()) {
        sum += value;
        count += 1;
    }
    if count == 0 { f64::NAN } else { sum / f64::from(count) }
}
