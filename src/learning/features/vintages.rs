//! A series on its regular grid, with when each of its values became known.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::base::timeline::AsOf;

/// One value and when it was published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    pub at: DateTime<Utc>,
    /// NaN where the publication said that there is no value.
    pub value: f64,
}

impl Known {
    fn value(self) -> Option<f64> {
        (!self.value.is_nan()).then_some(self.value)
    }
}

/// Values of one series per slot of `interval_s` seconds; a replaced value stays readable as of then.
#[derive(Debug, Clone)]
pub struct Vintages {
    first: DateTime<Utc>,
    interval_s: i64,
    latest: Vec<Option<Known>>,
    /// Replaced values per slot, oldest publication first.
    older: BTreeMap<usize, Vec<Known>>,
}

impl Vintages {
    /// A series of `(slot start, known at, value)` in any order; NaN withdraws what was said before.
    ///
    /// Of two values with the same slot and publication time the later in the iteration counts.
    pub fn new(
        interval_s: i32,
        points: impl IntoIterator<Item = (DateTime<Utc>, DateTime<Utc>, f64)>,
    ) -> Self {
        let interval_s = i64::from(interval_s.max(1));
        let points: Vec<_> = points.into_iter().collect();
        let first = points.iter().map(|point| point.0).min().unwrap_or_default();
        let last = points.iter().map(|point| point.0).max().unwrap_or(first);
        let slots = usize::try_from((last - first).num_seconds() / interval_s + 1).unwrap_or(0);
        let mut series =
            Self { first, interval_s, latest: vec![None; slots], older: BTreeMap::new() };
        for (ts, at, value) in points {
            series.insert(ts, Known { at, value });
        }
        series
    }

    fn insert(&mut self, ts: DateTime<Utc>, known: Known) {
        let Some(slot) = self.slot(ts) else { return };
        match self.latest[slot] {
            None => self.latest[slot] = Some(known),
            Some(present) => {
                let (newer, replaced) =
                    if known.at >= present.at { (known, present) } else { (present, known) };
                self.latest[slot] = Some(newer);
                let history = self.older.entry(slot).or_default();
                let place = history.partition_point(|entry| entry.at <= replaced.at);
                history.insert(place, replaced);
            }
        }
    }

    /// Length of a slot in seconds.
    pub const fn interval_s(&self) -> i64 {
        self.interval_s
    }

    /// Instant after the last slot.
    pub fn end(&self) -> DateTime<Utc> {
        self.first + Duration::seconds(self.interval_s * self.latest.len().cast_signed() as i64)
    }

    /// The value of the slot that covers `ts`, as it was known at `as_of`.
    pub fn at(&self, ts: DateTime<Utc>, as_of: AsOf) -> Option<f64> {
        self.at_place(self.place(ts.timestamp()), as_of)
    }

    /// The same by the place of the slot.
    pub(super) fn at_place(&self, place: i64, as_of: AsOf) -> Option<f64> {
        let latest = self.latest(place)?;
        if latest.at <= as_of.0 {
            return latest.value();
        }
        let history = self.older.get(&usize::try_from(place).ok()?)?;
        history.iter().rev().find(|known| known.at <= as_of.0)?.value()
    }

    /// Mean over the `length_s` seconds from so many since 1970 on, as it was known at `as_of`: of what
    /// is known of the slots in them, or the value of the slot that covers them. NaN when nothing is
    /// known.
    pub(super) fn over_from(&self, from_s: i64, length_s: i64, as_of: AsOf) -> f64 {
        let (first, slots) = (self.place(from_s), (length_s / self.interval_s).max(1));
        let (mut sum, mut count) = (0.0, 0_u32);
        for place in first..first + slots {
            if let Some(value) = self.at_place(place, as_of) {
                sum += value;
                count += 1;
            }
        }
        if count == 0 { f64::NAN } else { sum / f64::from(count) }
    }

    /// What is said today about the slot at `place`: the truth a forecast is held to.
    pub(super) fn truth(&self, place: i64) -> Option<Known> {
        self.latest(place).filter(|known| !known.value.is_nan())
    }

    /// What was said last about the slot at `place`, a withdrawal included.
    pub(super) fn latest(&self, place: i64) -> Option<Known> {
        self.latest.get(usize::try_from(place).ok()?).copied().flatten()
    }

    /// Values as they are known today, slot after slot, NaN where there is none.
    pub(super) fn dense(&self) -> Vec<f64> {
        self.latest.iter().map(|known| known.map_or(f64::NAN, |known| known.value)).collect()
    }

    /// Place of the slot that covers an instant, in seconds since 1970: 0 is the first one; slots
    /// before it and behind the last have places too.
    pub(super) const fn place(&self, at_s: i64) -> i64 {
        (at_s - self.first.timestamp()).div_euclid(self.interval_s)
    }

    fn slot(&self, ts: DateTime<Utc>) -> Option<usize> {
        let slot = usize::try_from(self.place(ts.timestamp())).ok()?;
        (slot < self.latest.len()).then_some(slot)
    }
}

#[cfg(test)]
impl Vintages {
    /// What a reader sees who does not ask when something became known: the latest values, always.
    pub(super) fn without_publication_times(&self) -> Self {
        let mut blind = self.clone();
        for known in blind.latest.iter_mut().flatten() {
            known.at = DateTime::<Utc>::MIN_UTC;
        }
        blind
    }
}
