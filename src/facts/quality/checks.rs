//! What a day of values can have that is not right: pure rules, each against a robust reference.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use super::model::{HISTORY_DAYS, Kind, Sample};
use super::robust::{ByHour, median};
use crate::base::timeline::{add_days, day_range, local_date};

/// Days of history from which on a day is compared with them.
const DAYS_MIN: usize = 7;
/// Robust z from which on a value is unusual for its hour.
pub(super) const UNUSUAL: f64 = 6.0;
/// Robust z of the shape from which on a value may be a spike.
const SPIKE: f64 = 10.0;
/// Power that nothing takes which took none for weeks, in kW.
const METER_ABSURD_KW: f64 = 100.0;
/// Power that a house may take out of the blue, whatever the weeks before were like, in kW.
const METER_SPIKE_KW: f64 = 10.0;
/// Slots on each side that count as neighbours, in seconds.
const NEIGHBOURS_S: i64 = 4 * 3_600;
/// Share of a spread that a middle implies at least: nothing is known more exactly.
const SPREAD_SHARE: f64 = 0.03;
/// Values that must agree before a day counts as a copy of another.
const COPIED_MIN: usize = 12;
/// Different values that a day must have before being like another says anything.
const DISTINCT_MIN: usize = 8;
/// How far the logarithm of a factor may be from a whole power of ten, and how much it may vary
/// within the day: between 0.5 and 2 times the power.
const POWER_OFF_MAX: f64 = 0.3;
const POWER_SPREAD_MAX: f64 = 0.2;

/// Values by instant.
pub(super) type Pool = BTreeMap<DateTime<Utc>, f64>;

/// A local day of a batch.
pub(super) struct Day<'a> {
    pub kind: Kind,
    pub zone: Tz,
    pub interval_s: i32,
    /// Oldest first, one per instant.
    pub values: &'a [Sample],
}

/// What the weeks before a day were like.
pub(super) struct Past {
    zone: Tz,
    kind: Kind,
    by_hour: ByHour,
    /// Distance from the day's middle, as a share of the level.
    shape: ByHour,
    /// Middle of the days' middles, without sign.
    level: f64,
    largest: f64,
}

impl Past {
    /// The weeks before `day`, in the values of `pool`; nothing when there are too few.
    pub fn of(pool: &Pool, day: NaiveDate, (kind, zone): (Kind, Tz)) -> Option<Self> {
        let from = day_range(add_days(day, -HISTORY_DAYS), zone).from;
        let values: Vec<Sample> =
            pool.range(from..day_range(day, zone).from).map(|(ts, value)| (*ts, *value)).collect();
        let mut days: BTreeMap<NaiveDate, Vec<f64>> = BTreeMap::new();
        for (ts, value) in &values {
            days.entry(local_date(*ts, zone)).or_default().push(*value);
        }
        if days.len() < DAYS_MIN {
            return None;
        }
        let middles: HashMap<NaiveDate, f64> =
            days.iter_mut().filter_map(|(day, values)| Some((*day, median(values)?))).collect();
        let mut levels: Vec<f64> = middles.values().map(|middle| middle.abs()).collect();
        let level = median(&mut levels)?;
        let by_hour = ByHour::learn(values.iter().copied(), zone);
        let shape = values.iter().filter_map(|(ts, value)| {
            let middle = *middles.get(&local_date(*ts, zone))?;
            Some((*ts, (value - middle) / base(middle, level, kind)))
        });
        let shape = ByHour::learn(shape, zone);
        let largest = values.iter().map(|(_, value)| value.abs()).fold(0.0, f64::max);
        Some(Self { zone, kind, by_hour, shape, level, largest })
    }

    /// Robust z of each value for its hour.
    pub fn scores(&self, values: &[Sample]) -> Vec<f64> {
        let score = |(ts, value): &Sample| {
            let usual = self.by_hour.at(*ts, self.zone)?;
            let floor = (SPREAD_SHARE * usual.middle.abs()).max(floor(self.kind));
            Some(usual.score(*value, floor))
        };
        values.iter().filter_map(score).collect()
    }
}

/// Smallest spread that is believed, in the unit of the values.
const fn floor(kind: Kind) -> f64 {
    match kind {
        Kind::Price => 5.0,
        Kind::Tariff => 0.01,
        Kind::Meter => 0.05,
        Kind::Load | Kind::Solar | Kind::Plants | Kind::Other => 0.0,
    }
}

/// What the values of a day are measured in: its own level, never much below the usual one.
fn base(middle: f64, level: f64, kind: Kind) -> f64 {
    middle.abs().max(0.5 * level).max(floor(kind)).max(f64::MIN_POSITIVE)
}

/// Share of its level by which a value must stand apart from its neighbours to be a spike.
const fn apart_min(kind: Kind) -> Option<f64> {
    match kind {
        Kind::Price => Some(2.5),
        Kind::Load => Some(0.5),
        Kind::Tariff | Kind::Solar | Kind::Plants | Kind::Meter | Kind::Other => None,
    }
}

impl Day<'_> {
    /// Whether every value is zero where that cannot be.
    pub fn is_all_zero(&self) -> bool {
        let cannot = matches!(self.kind, Kind::Price | Kind::Load | Kind::Tariff);
        cannot && self.values.len() > 1 && self.values.iter().all(|(_, value)| *value == 0.0)
    }

    /// The power of ten by which the day differs from what is usual, if it does as a whole.
    pub fn power_of_ten(&self, past: &Past) -> Option<i32> {
        let logarithm = |(ts, value): &Sample| {
            let usual = past.by_hour.at(*ts, self.zone)?.middle.abs();
            (usual > 0.02 * past.level && *value != 0.0).then(|| (value.abs() / usual).log10())
        };
        let mut logarithms: Vec<f64> = self.values.iter().filter_map(logarithm).collect();
        if logarithms.len() < COPIED_MIN || 4 * logarithms.len() < 3 * self.values.len() {
            return None;
        }
        let middle = median(&mut logarithms)?;
        let mut away: Vec<f64> = logarithms.iter().map(|it| (it - middle).abs()).collect();
        let power = middle.round();
        // A house that is left alone uses a tenth of what it did, and no two days are alike.
        let (least, off_max, spread_max) = match self.kind {
            Kind::Meter => (2.0, 0.5, 1.0),
            _ => (1.0, POWER_OFF_MAX, POWER_SPREAD_MAX),
        };
        let is_power = (middle - power).abs() <= off_max && (least..=4.0).contains(&power.abs());
        #[expect(clippy::cast_possible_truncation, reason = "between -4 and 4")]
        let power = power as i32;
        (is_power && median(&mut away)? < spread_max).then_some(power)
    }

    /// How many values equal those `hours` before, when so many do that the day is a copy.
    pub fn copied_from(&self, hours: i64, pool: &Pool) -> Option<usize> {
        if matches!(self.kind, Kind::Tariff | Kind::Plants) {
            return None;
        }
        let pairs: Vec<(f64, f64)> = self
            .values
            .iter()
            .filter_map(|(ts, value)| Some((*value, *pool.get(&(*ts - Duration::hours(hours)))?)))
            .collect();
        let equal: Vec<f64> =
            pairs.iter().filter(|(a, b)| same(*a, *b)).map(|(value, _)| *value).collect();
        let distinct: BTreeSet<u64> = equal.iter().map(|value| value.to_bits()).collect();
        let is_copy = equal.len() >= COPIED_MIN
            && 5 * equal.len() >= 4 * self.values.len()
            && 20 * equal.len() >= 19 * pairs.len()
            && distinct.len() >= DISTINCT_MIN;
        is_copy.then_some(equal.len())
    }

    /// Values that stand apart from their neighbours and from the shape of past days, with scores.
    pub fn spikes(&self, past: &Past) -> Vec<(DateTime<Utc>, f64)> {
        let mut values: Vec<f64> = self.values.iter().map(|(_, value)| *value).collect();
        let Some(middle) = median(&mut values) else { return Vec::new() };
        let Some(apart_min) = apart_min(self.kind) else {
            return self.never_seen(past);
        };
        let base = base(middle, past.level, self.kind);
        let reach = usize::try_from(NEIGHBOURS_S / i64::from(self.interval_s.max(1))).unwrap_or(1);
        let mut found = Vec::new();
        for (place, (ts, value)) in self.values.iter().enumerate() {
            let Some(usual) = past.shape.at(*ts, self.zone) else { continue };
            let score = usual.score((value - middle) / base, SPREAD_SHARE);
            if score <= SPIKE {
                continue;
            }
            let (from, to) =
                (place.saturating_sub(reach), (place + reach + 1).min(self.values.len()));
            let mut near: Vec<f64> =
                (from..to).filter(|at| *at != place).map(|at| self.values[at].1).collect();
            let Some(near) = median(&mut near) else { continue };
            if (value - near).abs() > apart_min * base {
                found.push((*ts, score));
            }
        }
        found
    }

    /// Values beyond anything of the past weeks, for what may well be zero for days.
    fn never_seen(&self, past: &Past) -> Vec<(DateTime<Utc>, f64)> {
        if self.kind == Kind::Tariff {
            return Vec::new();
        }
        if past.largest <= 0.0 {
            // Something that was off for weeks may be switched on, but no device takes that much.
            let absurd = self
                .values
                .iter()
                .filter(|(_, value)| self.kind == Kind::Meter && value.abs() > METER_ABSURD_KW);
            return absurd.map(|(ts, value)| (*ts, value.abs() / METER_ABSURD_KW)).collect();
        }
        let times = |value: f64| value.abs() / past.largest;
        let least = if self.kind == Kind::Meter { METER_SPIKE_KW } else { 0.0 };
        let beyond =
            self.values.iter().filter(|(_, value)| times(*value) > 4.0 && value.abs() > least);
        beyond.map(|(ts, value)| (*ts, times(*value))).collect()
    }
}

/// Whether two values are the same number, written differently.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Values in a row that are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    pub from: DateTime<Utc>,
    pub count: usize,
    pub value: f64,
}

/// Every run of at least two equal values without a gap between, oldest first.
pub(super) fn runs(values: &[Sample], interval_s: i32) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut last: Option<DateTime<Utc>> = None;
    for (ts, value) in values {
        let follows = last.is_some_and(|at| (*ts - at).num_seconds() == i64::from(interval_s));
        match runs.last_mut() {
            Some(run) if follows && same(run.value, *value) => run.count += 1,
            _ => runs.push(Run { from: *ts, count: 1, value: *value }),
        }
        last = Some(*ts);
    }
    runs.retain(|run| run.count > 1);
    runs
}

/// Hours for which a value may stay the same; absent where it may for ever.
///
/// Prices rest at zero for most of a sunny day and at a technical price for some hours of the night;
/// a load of a zone never stays the same.
pub(super) fn equal_hours_max(kind: Kind, value: f64) -> Option<i64> {
    match kind {
        Kind::Price if value.abs() < 0.1 => Some(18),
        Kind::Price => Some(8),
        Kind::Load => Some(4),
        Kind::Solar | Kind::Meter | Kind::Other if value == 0.0 => None,
        Kind::Solar => Some(3),
        Kind::Other => Some(12),
        // A counter that tells whole tenths says the same all night.
        Kind::Meter => Some(24),
        Kind::Tariff | Kind::Plants => None,
    }
}
