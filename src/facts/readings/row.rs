//! The rules that one row must keep, and what it says once it keeps them.

use chrono::{DateTime, Datelike, Duration, Utc};

use super::counters::{COUNTER_MAX, Mark};
use super::model::{Fault, ReadingRow};
use crate::facts::market::Quality;
use crate::facts::meters::Reading;
use crate::facts::meters::check_meter_id;
use crate::facts::meters::is_simulated;

/// Greatest mean power that is believed, in kW: a hundred megawatts is no building's.
const POWER_KW_MAX: f64 = 100_000.0;
/// Greatest voltage that is believed, in V.
const VOLTAGE_MAX: f64 = 1_000_000.0;
/// Longest interval of a reading, in seconds.
const INTERVAL_S_MAX: i32 = 3_600;
/// First year of readings.
const YEAR_MIN: i32 = 1990;
/// How far a clock may go wrong, in minutes.
const AHEAD_MIN: i64 = 5;
/// Length of a reading of a meter that has none yet and does not say, in seconds.
pub(super) const INTERVAL_S: i32 = 900;

/// A row that keeps the rules.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its place in the body, from 0.
    pub index: u64,
    pub meter_id: String,
    pub ts: DateTime<Utc>,
    pub interval_s: Option<i32>,
    pub known_at: Option<DateTime<Utc>>,
    pub said: Said,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    Power {
        consumption_kw: Option<f64>,
        production_kw: Option<f64>,
        voltage: Option<f64>,
        quality: Quality,
    },
    Counters {
        consumption_kwh_total: Option<f64>,
        production_kwh_total: Option<f64>,
    },
}

/// What a row is about once the usual length of its meter's readings is known.
pub(super) enum Taken {
    Reading(Reading),
    Mark(Mark),
}

impl Entry {
    /// The reading or the mark; `usual_s` is the length of the meter's readings.
    pub fn taken(self, usual_s: i32, now: DateTime<Utc>) -> Taken {
        let interval_s = self.interval_s.unwrap_or(usual_s);
        match self.said {
            Said::Power { consumption_kw, production_kw, voltage, quality } => {
                let end = self.ts + Duration::seconds(interval_s.into());
                Taken::Reading(Reading {
                    meter_id: self.meter_id,
                    ts: self.ts,
                    interval_s,
                    consumption_kw,
                    production_kw,
                    voltage,
                    quality,
                    known_at: self.known_at.unwrap_or_else(|| end.min(now)),
                })
            }
            Said::Counters { consumption_kwh_total, production_kwh_total } => Taken::Mark(Mark {
                meter_id: self.meter_id,
                ts: self.ts,
                interval_s,
                consumption_kwh_total,
                production_kwh_total,
                known_at: self.known_at.unwrap_or_else(|| self.ts.min(now)),
            }),
        }
    }
}

/// What the row at `index` says, if it keeps the rules.
pub(super) fn checked(index: u64, row: ReadingRow, now: DateTime<Utc>) -> Result<Entry, Fault> {
    if is_simulated(&row.meter_id) {
        let reason =
            "begins with sim-, which is for meters that Luna simulates; choose another name";
        return Err(Fault::new("meter_id", reason));
    }
    if row.quality == Some(Quality::Simulated) {
        let reason = "is simulated, which is for readings that Luna makes";
        return Err(Fault::new("quality", reason));
    }
    entry(index, row, now)
}

/// What a row of a rehearsal says, if it keeps the rules: it is about a simulated meter, and its
/// power is simulated whatever it says of itself.
pub(super) fn rehearsed(index: u64, row: ReadingRow, now: DateTime<Utc>) -> Result<Entry, Fault> {
    if !is_simulated(&row.meter_id) {
        let reason = "does not begin with sim-; a rehearsal has no rows of real meters";
        return Err(Fault::new("meter_id", reason));
    }
    let mut entry = entry(index, row, now)?;
    match &mut entry.said {
        // A simulated meter that cannot be reached has nothing to mark.
        Said::Power { quality: Quality::Missing, .. } => {}
        Said::Power { quality, .. } => *quality = Quality::Simulated,
        // What is derived from counters carries no mark of theirs.
        Said::Counters { .. } => {
            return Err(Fault::new("", "has counters; a rehearsal sends mean power"));
        }
    }
    Ok(entry)
}

fn entry(index: u64, row: ReadingRow, now: DateTime<Utc>) -> Result<Entry, Fault> {
    check_meter_id(&row.meter_id).map_err(|reason| Fault::new("meter_id", reason))?;
    check_instants(&row, now)?;
    if let Some(interval_s) = row.interval_s
        && !(1..=INTERVAL_S_MAX).contains(&interval_s)
    {
        let reason = format!("is {interval_s}, not 1 to {INTERVAL_S_MAX}");
        return Err(Fault::new("interval_s", reason));
    }
    let numbers = [
        ("consumption_kw", row.consumption_kw, POWER_KW_MAX),
        ("production_kw", row.production_kw, POWER_KW_MAX),
        ("voltage", row.voltage, VOLTAGE_MAX),
        ("consumption_kwh_total", row.consumption_kwh_total, COUNTER_MAX),
        ("production_kwh_total", row.production_kwh_total, COUNTER_MAX),
    ];
    for (field, value, most) in numbers {
        if let Some(value) = value
            && !(0.0..=most).contains(&value)
        {
            return Err(Fault::new(field, format!("is {value}, not 0 to {most}")));
        }
    }
    let said = said(&row)?;
    Ok(Entry {
        index,
        meter_id: row.meter_id,
        ts: row.ts.0,
        interval_s: row.interval_s,
        known_at: row.known_at.map(|stamp| stamp.0),
        said,
    })
}

fn check_instants(row: &ReadingRow, now: DateTime<Utc>) -> Result<(), Fault> {
    let latest = now + Duration::minutes(AHEAD_MIN);
    for (field, stamp) in [("ts", Some(row.ts)), ("known_at", row.known_at)] {
        let Some(stamp) = stamp else { continue };
        if stamp.0 > latest {
            let reason = format!(
                "{} is more than {AHEAD_MIN} minutes ahead of this box's clock; check the clock and the time zone",
                stamp.0
            );
            return Err(Fault::new(field, reason));
        }
        if stamp.0.year() < YEAR_MIN {
            let reason = format!("{} is before the year {YEAR_MIN}", stamp.0);
            return Err(Fault::new(field, reason));
        }
    }
    Ok(())
}

fn said(row: &ReadingRow) -> Result<Said, Fault> {
    let has_counters = row.consumption_kwh_total.or(row.production_kwh_total).is_some();
    let has_power = row.consumption_kw.or(row.production_kw).is_some();
    let quality = row.quality.unwrap_or(Quality::Ok);
    let wrong = |field: &str, reason: &str| Err(Fault::new(field, reason));
    if has_counters {
        if has_power || row.voltage.is_some() {
            return wrong("", "has counters and power; send one or the other");
        }
        if !matches!(quality, Quality::Ok | Quality::Simulated) {
            return wrong("quality", "is for rows of power; counters are taken or left out");
        }
        let (consumption_kwh_total, production_kwh_total) =
            (row.consumption_kwh_total, row.production_kwh_total);
        return Ok(Said::Counters { consumption_kwh_total, production_kwh_total });
    }
    if quality == Quality::Missing && (has_power || row.voltage.is_some()) {
        return wrong("quality", "is missing, but the row has a value");
    }
    if quality != Quality::Missing && !has_power {
        let reason = "is absent, and so are production_kw and counters; a reading without a value has the quality missing";
        return wrong("consumption_kw", reason);
    }
    let (consumption_kw, production_kw, voltage) =
        (row.consumption_kw, row.production_kw, row.voltage);
    Ok(Said::Power { consumption_kw, production_kw, voltage, quality })
}
