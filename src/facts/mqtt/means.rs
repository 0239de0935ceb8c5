//! Powers and voltages that come irregularly into means over intervals.
//!
//! A device says its power when it likes: every ten seconds, every five minutes, when it changes. What
//! it said holds until it says something else, but no longer than a quarter hour (or one interval,
//! where that is longer): then nobody knows. The mean over an interval is that of the time in which
//! something is known. An interval is told once something came from behind its end; it is `ok` when
//! all of it is known, `estimated` when at least half of it is, and otherwise not told.
//!
//! What came is stored first, in the transaction that is acknowledged, and intervals follow from what
//! is stored: a restart forgets nothing, a message that comes twice changes nothing, and one that
//! comes late corrects its interval.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::base::timeline::TimeRange;
use crate::facts::market::Quality;
use crate::facts::readings::ReadingRow;
use crate::facts::readings::Stamp;

/// How long a power holds that nothing follows.
const HOLD: Duration = Duration::minutes(15);
/// Behind this age an interval is told only when all of it is known: what came at the time may be
/// forgotten by now.
const REMEMBERED: Duration = Duration::hours(36);

/// A number that a device said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub meter_id: String,
    /// `consumption_kw`, `production_kw` or `voltage`.
    pub field: &'static str,
    pub ts: DateTime<Utc>,
    pub value: f64,
    pub known_at: DateTime<Utc>,
}

/// How long a number of a meter with intervals of `interval_s` holds.
pub(super) fn hold(interval_s: i32) -> Duration {
    HOLD.max(Duration::seconds(interval_s.into()))
}

/// The instant on the grid of `interval_s` at or before `ts`.
pub(super) fn grid_before(ts: DateTime<Utc>, interval_s: i32) -> DateTime<Utc> {
    let step = i64::from(interval_s);
    DateTime::from_timestamp(ts.timestamp().div_euclid(step) * step, 0).unwrap_or(ts)
}

/// Sum over the known time of one interval.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    sum: f64,
    known_ms: i64,
    known_at: Option<DateTime<Utc>>,
}

/// The means of one meter over the intervals of `range`, whose bounds lie on their grid; `samples`
/// are all that may concern them, by instant.
pub(super) fn means(
    (meter_id, interval_s): (&str, i32),
    samples: &[Sample],
    range: TimeRange,
    now: DateTime<Utc>,
) -> Vec<ReadingRow> {
    let mut intervals: BTreeMap<DateTime<Utc>, BTreeMap<&'static str, Part>> = BTreeMap::new();
    for field in ["consumption_kw", "production_kw", "voltage"] {
        let of_field: Vec<&Sample> = samples.iter().filter(|it| it.field == field).collect();
        for (place, sample) in of_field.iter().enumerate() {
            let next = of_field.get(place + 1);
            let until = next.map_or(DateTime::<Utc>::MAX_UTC, |next| next.ts);
            let until = until.min(sample.ts + hold(interval_s)).min(range.to);
            let known_at = next.map_or(sample.known_at, |next| next.known_at.max(sample.known_at));
            let mut start = grid_before(sample.ts.max(range.from), interval_s);
            while start < until {
                let end = start + Duration::seconds(interval_s.into());
                let held = until.min(end) - sample.ts.max(start);
                let part = intervals.entry(start).or_default().entry(field).or_default();
                part.sum += sample.value * held.num_milliseconds() as f64;
                part.known_ms += held.num_milliseconds();
                part.known_at = part.known_at.max(Some(known_at));
                start = end;
            }
        }
    }
    let whole_ms = i64::from(interval_s) * 1_000;
    let rows = intervals.into_iter().filter(|(start, _)| *start >= range.from);
    rows.filter_map(|(start, parts)| {
        let least_ms = if start < now - REMEMBERED { whole_ms } else { whole_ms / 2 };
        let known = |field: &str| parts.get(field).filter(|part| part.known_ms >= least_ms.max(1));
        let mean = |field: &str| known(field).map(|part| part.sum / part.known_ms as f64);
        let powers = [known("consumption_kw"), known("production_kw")];
        let known_ms = powers.iter().flatten().map(|part| part.known_ms).min()?;
        let known_at = powers.iter().flatten().filter_map(|part| part.known_at).max()?;
        Some(ReadingRow {
            interval_s: Some(interval_s),
            consumption_kw: mean("consumption_kw"),
            production_kw: mean("production_kw"),
            voltage: mean("voltage"),
            quality: Some(if known_ms == whole_ms { Quality::Ok } else { Quality::Estimated }),
            known_at: Some(Stamp(known_at)),
            ..ReadingRow::new(meter_id, start)
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_774_699_200 + second, 0).unwrap()
    }

    fn said(field: &'static str, second: i64, value: f64) -> Sample {
        let known_at = at(second);
        Sample { meter_id: "m".to_owned(), field, ts: at(second), value, known_at }
    }

    fn told(samples: &[Sample], to: i64) -> Vec<(i64, Option<f64>, Option<f64>, Quality)> {
        let rows = means(("m", 60), samples, TimeRange::new(at(0), at(to)), at(to));
        let second = |row: &ReadingRow| (row.ts.0 - at(0)).num_seconds();
        rows.iter()
            .map(|row| (second(row), row.consumption_kw, row.production_kw, row.quality.unwrap()))
            .collect()
    }

    #[test]
    fn a_power_holds_until_the_next() {
        // 2 kW for 30 s and 4 kW for 30 s, then 4 kW for 45 s and 0 for 15 s.
        let samples = [
            said("consumption_kw", 0, 2.0),
            said("consumption_kw", 30, 4.0),
            said("consumption_kw", 105, 0.0),
            said("consumption_kw", 130, 1.0),
        ];
        let wanted = [(0, Some(3.0), None, Quality::Ok), (60, Some(3.0), None, Quality::Ok)];
        assert_eq!(told(&samples, 120), wanted);
    }

    #[test]
    fn what_nobody_knows_is_not_told_and_half_of_it_is_estimated() {
        // The first word comes 30 s into the first interval; 15 minutes after it nothing is known.
        let samples = [said("production_kw", 30, 1.5), said("production_kw", 1_800, 3.0)];
        let rows = told(&samples, 1_800);
        assert_eq!(rows.first(), Some(&(0, None, Some(1.5), Quality::Estimated)));
        assert_eq!(rows.last(), Some(&(900, None, Some(1.5), Quality::Estimated)));
        assert_eq!(rows.len(), 16);
        assert!(
            told(&[said("consumption_kw", 31, 1.0), said("consumption_kw", 61, 1.0)], 60)
                .is_empty()
        );
        assert!(told(&[said("voltage", 0, 230.0), said("voltage", 61, 230.0)], 60).is_empty());
    }

    #[test]
    fn old_intervals_are_told_only_when_all_of_them_is_known() {
        let samples = [said("consumption_kw", 10, 1.0), said("consumption_kw", 70, 1.0)];
        let range = TimeRange::new(at(0), at(60));
        let rows = |now| means(("m", 60), &samples, range, now).len();
        assert_eq!((rows(at(60)), rows(at(60) + Duration::days(2))), (1, 0));
    }

    #[test]
    fn fields_that_come_apart_are_one_reading() {
        let samples = [
            said("consumption_kw", 0, 1.0),
            said("production_kw", 1, 0.0),
            said("voltage", 2, 229.0),
            said("consumption_kw", 61, 1.0),
        ];
        let rows = means(("m", 60), &samples, TimeRange::new(at(0), at(60)), at(60));
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!(
            (row.consumption_kw, row.production_kw, row.voltage),
            (Some(1.0), Some(0.0), Some(229.0))
        );
        assert_eq!(row.known_at, Some(Stamp(at(61))));
    }

    proptest! {
        /// The means add up to the area under the steps, wherever the grid cuts them.
        #[test]
        fn energy_is_that_of_the_steps(steps in prop::collection::vec((1_i64..600, 0.0_f64..50.0), 2..30)) {
            let (mut second, mut samples, mut area) = (0, Vec::new(), 0.0);
            for (length, value) in &steps {
                samples.push(said("consumption_kw", second, *value));
                area += *length as f64 * value;
                second += length;
            }
            let end = (second + 59) / 60 * 60;
            area += (end - second) as f64 * 1.0;
            samples.push(said("consumption_kw", second, 1.0));
            samples.push(said("consumption_kw", end, 9.0));
            let rows = means(("m", 60), &samples, TimeRange::new(at(0), at(end)), at(end));
            let sum: f64 = rows.iter().map(|row| row.consumption_kw.unwrap() * 60.0).sum();
            prop_assert!((sum - area).abs() < 1e-6 * area.max(1.0), "{sum} {area}");
            prop_assert!(rows.iter().all(|row| row.quality == Some(Quality::Ok)));
        }
    }
}
