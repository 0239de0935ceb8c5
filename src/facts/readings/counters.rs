//! What flowed between the marks of a counter: mean power on a grid, never negative, nothing invented.
//!
//! Intervals follow from all marks around them, not from the order in which those arrive, so a mark
//! that comes a month late leaves the same intervals as one in time.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::base::timeline::TimeRange;
use crate::facts::market::Quality;
use crate::facts::meters::Reading;

/// Greatest mark that is believed, in kWh.
pub(super) const COUNTER_MAX: f64 = 1e12;
/// Greatest mean power between two marks that is believed, in kW.
const POWER_KW_MAX: f64 = 100_000.0;
/// Greatest mean power that is believed of a counter that began again, in kW.
const RESET_KW_MAX: f64 = 100.0;
/// Decrease that is a matter of rounding, in kWh.
const ROUNDING_KWH: f64 = 0.01;
/// Marks that are further apart say nothing about any interval between them.
const APART_MAX: Duration = Duration::days(31);

/// What the counters of a meter showed at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The meter.
    pub meter_id: String,
    /// The instant.
    pub ts: DateTime<Utc>,
    /// Length of the intervals that are wanted.
    pub interval_s: i32,
    /// Energy taken since the meter was made, in kWh.
    pub consumption_kwh_total: Option<f64>,
    /// Energy given since then, in kWh.
    pub production_kwh_total: Option<f64>,
    /// When it became known.
    pub known_at: DateTime<Utc>,
}

/// What flowed between two marks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flow {
    Kwh(f64),
    /// The counter rolled over or began again.
    Suspect(f64),
    /// Another counter, or nonsense: nobody can tell.
    Unknown,
}

/// What flowed while a counter went from `from` to `to` in `hours`; it goes on at 0 behind
/// `rollover_kwh`.
fn flow(from: f64, to: f64, hours: f64, rollover_kwh: f64) -> Flow {
    let risen = to - from;
    if risen >= 0.0 {
        return if risen / hours <= POWER_KW_MAX { Flow::Kwh(risen) } else { Flow::Unknown };
    }
    if -risen <= ROUNDING_KWH {
        return Flow::Suspect(0.0);
    }
    let rolled = risen + rollover_kwh;
    if from <= rollover_kwh && from >= 0.9 * rollover_kwh && rolled / hours <= POWER_KW_MAX {
        return Flow::Suspect(rolled);
    }
    // From nothing to `to` is the least that flowed, if it is little against what was there.
    if to <= from / 10.0 && to / hours <= RESET_KW_MAX {
        return Flow::Suspect(to);
    }
    Flow::Unknown
}

/// What is known about one direction in one interval.
#[derive(Debug, Clone, Copy)]
struct Part {
    kwh: f64,
    covered_ms: i64,
    is_spread: bool,
    is_suspect: bool,
    is_unknown: bool,
    known_at: DateTime<Utc>,
}

/// The instant on the grid of `interval_s` at or before `ts`.
pub(super) fn grid_before(ts: DateTime<Utc>, interval_s: i32) -> DateTime<Utc> {
    let step = i64::from(interval_s) * 1_000;
    let at = ts.timestamp_millis().div_euclid(step) * step;
    DateTime::from_timestamp_millis(at).unwrap_or(ts)
}

/// The instant on the grid of `interval_s` at or after `ts`.
pub(super) fn grid_after(ts: DateTime<Utc>, interval_s: i32) -> DateTime<Utc> {
    let before = grid_before(ts, interval_s);
    if before == ts { ts } else { before + Duration::seconds(interval_s.into()) }
}

/// Adds what one direction says to the intervals it touches.
fn parts(
    marks: &[Mark],
    total: impl Fn(&Mark) -> Option<f64>,
    interval_s: i32,
    rollover_kwh: f64,
) -> BTreeMap<i64, Part> {
    let step = i64::from(interval_s) * 1_000;
    let known: Vec<(&Mark, f64)> =
        marks.iter().filter_map(|mark| Some((mark, total(mark)?))).collect();
    let mut parts: BTreeMap<i64, Part> = BTreeMap::new();
    for pair in known.windows(2) {
        let ((from, before), (to, after)) = (pair[0], pair[1]);
        let (start, end) = (from.ts.timestamp_millis(), to.ts.timestamp_millis());
        if end <= start || to.ts - from.ts > APART_MAX {
            continue;
        }
        let length = (end - start) as f64;
        let flow = flow(before, after, length / 3_600_000.0, rollover_kwh);
        let mut slot = start.div_euclid(step) * step;
        while slot < end {
            let overlap = end.min(slot + step) - start.max(slot);
            let part = parts.entry(slot).or_insert(Part {
                kwh: 0.0,
                covered_ms: 0,
                is_spread: false,
                is_suspect: false,
                is_unknown: false,
                known_at: DateTime::UNIX_EPOCH,
            });
            part.covered_ms += overlap;
            part.is_spread |= start < slot || end > slot + step;
            part.known_at = part.known_at.max(from.known_at).max(to.known_at);
            match flow {
                Flow::Kwh(kwh) => part.kwh += kwh * overlap as f64 / length,
                Flow::Suspect(kwh) => {
                    part.kwh += kwh * overlap as f64 / length;
                    part.is_suspect = true;
                }
                Flow::Unknown => part.is_unknown = true,
            }
            slot += step;
        }
    }
    parts.retain(|_, part| part.covered_ms >= step);
    parts
}

/// The intervals of `range` that the marks of one meter, oldest first, cover whole.
///
/// Energy that flowed over several intervals is spread evenly and called `estimated`; where a
/// counter rolled over or began again it is `suspect`; where nobody can tell, the value is absent.
pub(super) fn intervals(
    marks: &[Mark],
    interval_s: i32,
    rollover_kwh: f64,
    range: TimeRange,
) -> Vec<Reading> {
    let Some(meter_id) = marks.first().map(|mark| mark.meter_id.clone()) else {
        return Vec::new();
    };
    let taken = parts(marks, |mark| mark.consumption_kwh_total, interval_s, rollover_kwh);
    let given = parts(marks, |mark| mark.production_kwh_total, interval_s, rollover_kwh);
    let hours = f64::from(interval_s) / 3_600.0;
    let kw = |part: Option<&Part>| part.filter(|it| !it.is_unknown).map(|it| it.kwh / hours);
    let mut slots: Vec<i64> = taken.keys().chain(given.keys()).copied().collect();
    slots.sort_unstable();
    slots.dedup();
    let reading = |slot: i64| {
        let ts = DateTime::from_timestamp_millis(slot)?;
        if ts < range.from || ts >= range.to {
            return None;
        }
        let both = [taken.get(&slot), given.get(&slot)];
        let any = |is: fn(&Part) -> bool| both.iter().flatten().any(|part| is(part));
        let (consumption_kw, production_kw) = (kw(both[0]), kw(both[1]));
        let quality = if consumption_kw.or(production_kw).is_none() {
            Quality::Missing
        } else if any(|part| part.is_suspect || part.is_unknown) {
            Quality::Suspect
        } else if any(|part| part.is_spread) {
            Quality::Estimated
        } else {
            Quality::Ok
        };
        Some(Reading {
            meter_id: meter_id.clone(),
            ts,
            interval_s,
            consumption_kw,
            production_kw,
            voltage: None,
            quality,
            known_at: both.iter().flatten().map(|part| part.known_at).max()?,
        })
    };
    slots.into_iter().filter_map(reading).collect()
}
