//! Medians and median deviations by hour of day: a few wrong values do not move them.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, Timelike, Utc, Weekday};
use chrono_tz::Tz;

use crate::base::timeline::local_date;

/// A median absolute deviation times this estimates the standard deviation of normal values.
const NORMAL: f64 = 1.4826;
/// Values that an hour needs before working days and weekends are looked at apart.
const APART_MIN: usize = 6;
/// Values that an hour needs before it says anything.
pub(super) const HOUR_MIN: usize = 5;

/// The middle of `values`; of an even number the mean of the two in the middle.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    Some(if values.len() % 2 == 1 {
        values[half]
    } else {
        f64::midpoint(values[half - 1], values[half])
    })
}

/// Middle and spread of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    /// Median.
    pub middle: f64,
    /// Median absolute deviation, as an estimate of the standard deviation.
    pub spread: f64,
}

impl Usual {
    /// What is usual among `values`; nothing for too few.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.len() < HOUR_MIN {
            return None;
        }
        let mut values = values.to_vec();
        let middle = median(&mut values)?;
        let mut away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
        Some(Self { middle, spread: NORMAL * median(&mut away)? })
    }

    /// How many spreads `value` is away, with a spread of at least `floor`.
    pub fn score(&self, value: f64, floor: f64) -> f64 {
        let spread = self.spread.max(floor);
        if spread > 0.0 { (value - self.middle).abs() / spread } else { 0.0 }
    }
}

/// Whether people rest that day.
fn is_weekend(at: DateTime<Utc>, zone: Tz) -> bool {
    matches!(local_date(at, zone).weekday(), Weekday::Sat | Weekday::Sun)
}

/// Place of an instant in its hour of the local day.
fn hour(at: DateTime<Utc>, zone: Tz) -> u32 {
    at.with_timezone(&zone).hour()
}

/// What is usual for each hour of the day, on working days and on weekends.
#[derive(Debug, Default)]
pub(super) struct ByHour {
    apart: HashMap<(u32, bool), Usual>,
    together: HashMap<u32, Usual>,
}

impl ByHour {
    /// Learned from values of past days.
    pub fn learn(values: impl Iterator<Item = (DateTime<Utc>, f64)>, zone: Tz) -> Self {
        let mut apart: BTreeMap<(u32, bool), Vec<f64>> = BTreeMap::new();
        let mut together: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (at, value) in values {
            let hour = hour(at, zone);
            apart.entry((hour, is_weekend(at, zone))).or_default().push(value);
            together.entry(hour).or_default().push(value);
        }
        let usual = |values: &Vec<f64>| Usual::of(values);
        Self {
            apart: apart
                .iter()
                .filter(|(_, values)| values.len() >= APART_MIN)
                .filter_map(|(key, values)| Some((*key, usual(values)?)))
                .collect(),
            together: together
                .iter()
                .filter_map(|(key, values)| Some((*key, usual(values)?)))
                .collect(),
        }
    }

    /// What is usual at the hour of `at`.
    pub fn at(&self, at: DateTime<Utc>, zone: Tz) -> Option<Usual> {
        let hour = hour(at, zone);
        let apart = self.apart.get(&(hour, is_weekend(at, zone)));
        apart.or_else(|| self.together.get(&hour)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_where_half_is_above() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn one_wrong_value_moves_neither_middle_nor_spread_far() {
        let clean: Vec<f64> = (1..=21).map(f64::from).collect();
        let mut wrong = clean.clone();
        wrong[20] = 1e9;
        let (clean, wrong) = (Usual::of(&clean).unwrap(), Usual::of(&wrong).unwrap());
        assert!((clean.middle - 11.0).abs() < 1e-12);
        // Distances from 11 are 0, 1, 1, 2, 2, … 10, 10: the eleventh of them is 5.
        assert!((clean.spread - 5.0 * NORMAL).abs() < 1e-12);
        assert_eq!((wrong.middle, wrong.spread), (clean.middle, clean.spread));
        assert_eq!(Usual::of(&[1.0; 4]), None);
        assert!(Usual::of(&[2.0; 9]).unwrap().score(2.0, 0.0).abs() < 1e-12);
        assert!((Usual::of(&[2.0; 9]).unwrap().score(5.0, 1.5) - 2.0).abs() < 1e-12);
    }
}
