//! A series on its regular grid, with when each of its values became known.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::base::timeline::AsOf;

/// One value and when it was published.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    at: DateTime<Utc>,
    value: f64,
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
    /// A series of `(slot start, known at, value)` in any order.
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
        self.first + Duration::seconds(self.interval_s * self.latest.len() as i64)
    }

    /// Start of the first slot.
    pub const fn start(&self) -> DateTime<Utc> {
        self.first
    }

    /// The value of the slot that covers `ts`, as it was known at `as_of`.
    pub fn at(&self, ts: DateTime<Utc>, as_of: AsOf) -> Option<f64> {
        let slot = self.slot(ts)?;
        let latest = self.latest[slot]?;
        if latest.at <= as_of.0 {
            return Some(latest.value);
        }
        let history = self.older.get(&slot)?;
        history.iter().rev().find(|known| known.at <= as_of.0).map(|known| known.value)
    }

    /// The value of the slot that covers `ts`, as it is known today: the truth a forecast is held to.
    pub fn truth(&self, ts: DateTime<Utc>) -> Option<f64> {
        self.latest[self.slot(ts)?].map(|known| known.value)
    }

    fn slot(&self, ts: DateTime<Utc>) -> Option<usize> {
        let offset_s = (ts - self.first).num_seconds();
        let slot = usize::try_from(offset_s.div_euclid(self.interval_s)).ok()?;
        (slot < self.latest.len()).then_some(slot)
    }
}
