//! The local days of a history, each looked at once: its clock, its calendar, its prices.

use std::cell::OnceCell;
use std::f64::consts::TAU;
use std::ops::RangeInclusive;
use std::rc::Rc;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::build::{MarketHistory, Origin};
use super::spec::{Day, FeatureSpec, Kind};
use crate::base::timeline::AsOf;
use crate::base::timeline::WallTime;
use crate::base::timeline::add_days;
use crate::base::timeline::at_local;
use crate::base::timeline::day_range;
use crate::base::timeline::instants_of;
use crate::facts::holidays;
use crate::facts::holidays::Holiday;

/// Seconds of a day on which the clock runs through.
const DAY_S: i64 = 86_400;
/// Days beside those that are counted on: for weeks that stand in, and for neighbours.
const MARGIN_DAYS: i64 = 8;

/// What the wall clock shows at the delivery periods of a day, in their order.
#[derive(Debug)]
pub(super) struct Walls {
    /// Seconds since midnight by the wall clock.
    pub seconds: Vec<u32>,
    /// Slot within the day: 0..24 hourly, 0..96 quarter-hourly.
    pub slots: Vec<u16>,
    pub hour: Vec<f64>,
    pub hour_sin: Vec<f64>,
    pub hour_cos: Vec<f64>,
    pub quarter: Vec<f64>,
}

impl Walls {
    fn of(seconds: Vec<u32>, interval_s: i64) -> Self {
        let each = |value: &dyn Fn(u32) -> f64| seconds.iter().map(|at| value(*at)).collect();
        let turn = |at: u32| TAU * (f64::from(at) / 86_400.0);
        Self {
            slots: seconds
                .iter()
                .map(|at| u16::try_from(i64::from(*at) / interval_s).unwrap_or(0))
                .collect(),
            hour: each(&|at| f64::from(at / 3_600)),
            hour_sin: each(&|at| turn(at).sin()),
            hour_cos: each(&|at| turn(at).cos()),
            quarter: each(&|at| f64::from(at / 60 % 60 / 15)),
            seconds,
        }
    }
}

/// One local day.
#[derive(Debug)]
pub(super) struct LocalDay {
    pub date: NaiveDate,
    /// Start of its first delivery period.
    pub from: DateTime<Utc>,
    /// Number of its delivery periods.
    pub count: usize,
    pub walls: Rc<Walls>,
    /// Whether the clock runs through: the second since midnight is what the wall clock shows.
    pub is_plain: bool,
    pub holiday: Holiday,
    /// Sine and cosine of its place in the year.
    pub year: (f64, f64),
}

/// Prices of one local day by wall-clock slot.
#[derive(Debug)]
pub(super) struct DayPrices {
    pub slots: Vec<f64>,
    pub mean: f64,
    pub min: f64,
    pub max: f64,
    pub standard_deviation: f64,
}

/// A day's prices as they are known today, and since when nothing of them has changed.
#[derive(Debug)]
struct Settled {
    since: DateTime<Utc>,
    prices: Rc<DayPrices>,
}

/// The days that the features of some origins are read from. Whatever is the same for all origins
/// is made once.
pub(super) struct Days<'a> {
    pub history: &'a MarketHistory,
    pub zone: Tz,
    pub interval_s: i64,
    pub slots_per_day: i32,
    /// Windows of the rolling means, in hours.
    pub windows_h: Vec<i64>,
    /// Days of the means by slot.
    pub slot_windows: Vec<i64>,
    /// Prices as they are known today, by place.
    pub dense: Vec<f64>,
    /// Day of the first of `local` and `settled`.
    first: NaiveDate,
    plain: Rc<Walls>,
    local: Vec<OnceCell<LocalDay>>,
    settled: Vec<OnceCell<Settled>>,
}

impl<'a> Days<'a> {
    pub fn new(
        history: &'a MarketHistory,
        spec: &FeatureSpec,
        origins: &[Origin],
        leads: &RangeInclusive<u8>,
    ) -> Self {
        let interval_s = history.prices.interval_s();
        let kinds = || spec.columns.iter().map(|(_, kind)| *kind);
        let mut windows_h: Vec<i64> = kinds()
            .filter_map(
                |kind| if let Kind::RollingMean { hours } = kind { Some(hours) } else { None },
            )
            .collect();
        windows_h.sort_unstable();
        windows_h.dedup();
        let mut slot_windows: Vec<i64> = kinds()
            .filter_map(|kind| if let Kind::SlotMean { days } = kind { Some(days) } else { None })
            .collect();
        slot_windows.sort_unstable();
        slot_windows.dedup();
        let back = kinds().map(days_back).max().unwrap_or(0) + MARGIN_DAYS;
        let anchors = || origins.iter().map(|origin| origin.anchor);
        let first = anchors().min().map(|day| add_days(day, -back)).unwrap_or_default();
        let last = anchors().max().map(|day| add_days(day, i64::from(*leads.end()) + MARGIN_DAYS));
        let count = last.map_or(0, |last| (last - first).num_days() + 1);
        let count = usize::try_from(count).unwrap_or(0);
        let seconds = (0..DAY_S).step_by(usize::try_from(interval_s).unwrap_or(1).max(1));
        let seconds = seconds.map(|at| u32::try_from(at).unwrap_or(0)).collect();
        Self {
            history,
            zone: history.market.time_zone(),
            interval_s,
            slots_per_day: i32::try_from(DAY_S / interval_s).unwrap_or(1).max(1),
            windows_h,
            slot_windows,
            dense: history.prices.dense(),
            first,
            plain: Rc::new(Walls::of(seconds, interval_s)),
            local: std::iter::repeat_with(OnceCell::new).take(count).collect(),
            settled: std::iter::repeat_with(OnceCell::new).take(count).collect(),
        }
    }

    fn index(&self, date: NaiveDate) -> Option<usize> {
        let index = usize::try_from((date - self.first).num_days()).ok()?;
        (index < self.local.len()).then_some(index)
    }

    /// A day; nothing so far from all origins that no feature asks for it.
    pub fn local(&self, date: NaiveDate) -> Option<&LocalDay> {
        Some(self.local[self.index(date)?].get_or_init(|| self.look_at(date)))
    }

    fn look_at(&self, date: NaiveDate) -> LocalDay {
        let at = |day: NaiveDate| self.index(day).and_then(|at| self.local[at].get());
        // A day begins where the one before it ends; often one of them is known already.
        let before = at(add_days(date, -1)).filter(|day| day.is_plain);
        let from = before.map(|day| day.from + TimeDelta::seconds(DAY_S));
        let from = from.unwrap_or_else(|| at_local(date, NaiveTime::MIN, self.zone));
        let next = add_days(date, 1);
        let to = at(next).map(|day| day.from);
        let to = to.unwrap_or_else(|| at_local(next, NaiveTime::MIN, self.zone));
        let length_s = (to - from).num_seconds();
        let is_plain = length_s == DAY_S && DAY_S % self.interval_s == 0;
        let walls = if is_plain {
            Rc::clone(&self.plain)
        } else {
            let starts = (0..length_s).step_by(usize::try_from(self.interval_s).unwrap_or(1));
            let wall = |at_s: i64| {
                let at = from + TimeDelta::seconds(at_s);
                at.with_timezone(&self.zone).time().num_seconds_from_midnight()
            };
            Rc::new(Walls::of(starts.map(wall).collect(), self.interval_s))
        };
        let year_share = f64::from(date.ordinal0()) / 365.25;
        LocalDay {
            date,
            from,
            count: walls.seconds.len(),
            walls,
            is_plain,
            holiday: holidays::kind(self.history.market.country(), date),
            year: ((TAU * year_share).sin(), (TAU * year_share).cos()),
        }
    }

    /// Prices of a day as they are known today, if they were known so at `as_of` already.
    pub fn settled(&self, date: NaiveDate, as_of: AsOf) -> Option<Rc<DayPrices>> {
        let settled = self.settled[self.index(date)?].get_or_init(|| self.settle(date));
        (settled.since <= as_of.0).then(|| Rc::clone(&settled.prices))
    }

    fn settle(&self, date: NaiveDate) -> Settled {
        let (prices, day) = (&self.history.prices, day_range(date, self.zone));
        let (mut from, mut to) = (day.from.timestamp(), day.to.timestamp());
        // Where the clock changes, what stands in for a skipped hour may lie beside the day.
        if self.local(date).is_none_or(|day| !day.is_plain) {
            (from, to) = (from - 3_600, to + 3_600);
        }
        let said = (prices.place(from)..prices.place(to)).filter_map(|at| prices.latest(at));
        let since = said.map(|known| known.at).max().unwrap_or(DateTime::<Utc>::MIN_UTC);
        Settled { since, prices: Rc::new(self.read(date, |place| self.known(place))) }
    }

    /// The price at `place` as it is known today; NaN where there is none.
    pub fn known(&self, place: i64) -> f64 {
        let known = usize::try_from(place).ok().and_then(|place| self.dense.get(place));
        known.copied().unwrap_or(f64::NAN)
    }

    /// A day's prices by what `value` says of each place.
    pub fn read(&self, date: NaiveDate, value: impl Fn(i64) -> f64) -> DayPrices {
        let prices = &self.history.prices;
        // Statistics count real instants, so a doubled hour weighs double and a skipped one not at all.
        let (from, count, is_plain) = if let Some(day) = self.local(date) {
            (day.from, day.count, day.is_plain)
        } else {
            let day = day_range(date, self.zone);
            (day.from, day.slots(self.history.interval_s()).count(), false)
        };
        let first = prices.place(from.timestamp());
        let real: Vec<f64> =
            (first..).take(count).map(&value).filter(|price| !price.is_nan()).collect();
        let slots = if is_plain && real.len() == count {
            real.iter().map(|price| positive(*price)).collect()
        } else if is_plain {
            (first..).take(count).map(|place| positive(value(place))).collect()
        } else {
            let at = |at: DateTime<Utc>| positive(value(prices.place(at.timestamp())));
            let walls = self.plain.seconds.iter();
            walls.map(|wall_s| self.at_wall(date, *wall_s, at)).collect()
        };
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
    pub fn at_wall(
        &self,
        date: NaiveDate,
        wall_s: u32,
        value: impl Fn(DateTime<Utc>) -> f64,
    ) -> f64 {
        if let Some(day) = self.local(date)
            && day.is_plain
        {
            return value(day.from + TimeDelta::seconds(wall_s.into()));
        }
        let wall = NaiveTime::from_num_seconds_from_midnight_opt(wall_s, 0).unwrap_or_default();
        let local = date.and_time(wall);
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
}

/// How far before the anchor a column may look, in days.
const fn days_back(kind: Kind) -> i64 {
    match kind {
        Kind::Lag { day: Day::BeforeAnchor(days) | Day::BeforeTarget(days), .. }
        | Kind::DayStatistic { day: Day::BeforeAnchor(days) | Day::BeforeTarget(days), .. }
        | Kind::SlotMean { days } => days,
        Kind::RollingMean { hours } => hours / 24,
        Kind::ExogenousWeekAgo { .. } => 7,
        Kind::Calendar(_) | Kind::Exogenous { .. } | Kind::ExogenousDayMean { .. } => 0,
    }
}

/// Zero without a sign: what a mean of one value is.
fn positive(value: f64) -> f64 {
    0.0 + value
}

/// Mean of what is there; NaN when nothing is. Values that are NaN themselves do not count.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values.into_iter().filter(|value| !value.is_nan()) {
        sum += value;
        count += 1;
    }
    if count == 0 { f64::NAN } else { sum / f64::from(count) }
}
