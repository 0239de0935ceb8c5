//! Rows and columns between the database and values.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Double, Integer, Nullable, Text, Timestamptz};

use crate::base::timeline::TimeRange;
use crate::facts::changes::Change;
use crate::facts::market::Quality;
use crate::facts::meters::model::Reading;

/// A stored reading.
#[derive(Queryable, QueryableByName)]
pub(super) struct ReadingRow {
    #[diesel(sql_type = Text)]
    meter_id: String,
    #[diesel(sql_type = Timestamptz)]
    ts: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    interval_s: i32,
    #[diesel(sql_type = Nullable<Double>)]
    consumption_kw: Option<f64>,
    #[diesel(sql_type = Nullable<Double>)]
    production_kw: Option<f64>,
    #[diesel(sql_type = Nullable<Double>)]
    voltage: Option<f64>,
    #[diesel(sql_type = Text)]
    quality: String,
    #[diesel(sql_type = Timestamptz)]
    known_at: DateTime<Utc>,
}

impl TryFrom<ReadingRow> for Reading {
    type Error = diesel::result::Error;

    fn try_from(row: ReadingRow) -> QueryResult<Self> {
        let quality = Quality::parse(&row.quality).ok_or_else(|| {
            let text = format!("'{}' is not a quality of a reading", row.quality);
            diesel::result::Error::DeserializationError(text.into())
        })?;
        Ok(Self {
            meter_id: row.meter_id,
            ts: row.ts,
            interval_s: row.interval_s,
            consumption_kw: row.consumption_kw,
            production_kw: row.production_kw,
            voltage: row.voltage,
            quality,
            known_at: row.known_at,
        })
    }
}

/// Seconds of a quarter hour, within which the readings of a meter have one length.
const QUARTER_S: i64 = 900;
/// Longest stretch without a reading inside of one stretch of a batch: what lies between is looked at too.
const GAP: Duration = Duration::days(1);
/// How far before a batch a reading may begin that reaches into it: the longest there is.
const REACH: Duration = Duration::hours(1);

/// A quarter hour that holds readings of another length than a batch.
#[derive(QueryableByName)]
pub(super) struct Taken {
    #[diesel(sql_type = Text)]
    pub(super) meter_id: String,
    #[diesel(sql_type = Integer)]
    pub(super) interval_s: i32,
    #[diesel(sql_type = Timestamptz)]
    pub(super) quarter: DateTime<Utc>,
}

/// Where a batch lies: stretches of time, each of one meter, and its length of readings.
#[derive(Default)]
pub(super) struct Bounds<'a> {
    pub(super) meter_ids: Vec<&'a str>,
    pub(super) first: Vec<DateTime<Utc>>,
    pub(super) last: Vec<DateTime<Utc>>,
    pub(super) interval_s: i32,
}

/// Numbers of the quarter hours that an interval touches.
fn quarters(start: DateTime<Utc>, interval_s: i32) -> impl Iterator<Item = i64> {
    let start = start.timestamp();
    let end = start + i64::from(interval_s);
    start.div_euclid(QUARTER_S)..(end - 1).div_euclid(QUARTER_S) + 1
}

/// Readings of any meters and of one length, one per meter and instant, in that order.
pub(in crate::facts::meters) struct Batch<'a> {
    pub(super) readings: Vec<&'a Reading>,
}

impl<'a> Batch<'a> {
    /// Of several readings for one instant the last known one stays, of those the last in order.
    pub(in crate::facts::meters) fn new(readings: &'a [Reading]) -> Self {
        let mut readings: Vec<&Reading> = readings.iter().collect();
        // Best first within an instant: reversing before a stable sort puts the last given first.
        readings.reverse();
        readings.sort_by(|a, b| {
            let order = (&a.meter_id, a.ts).cmp(&(&b.meter_id, b.ts));
            order.then(b.known_at.cmp(&a.known_at))
        });
        readings.dedup_by(|a, b| a.ts == b.ts && a.meter_id == b.meter_id);
        Self { readings }
    }

    /// The meters, each once, in order.
    pub(super) fn meters(&self) -> Vec<&'a str> {
        let all: BTreeSet<&str> =
            self.readings.iter().map(|reading| reading.meter_id.as_str()).collect();
        all.into_iter().collect()
    }

    /// Where the readings lie, widened by what may reach into them.
    pub(super) fn bounds(&self) -> Bounds<'a> {
        let mut bounds = Bounds::default();
        let mut before: Option<&Reading> = None;
        for reading in &self.readings {
            let end = reading.ts + Duration::seconds(QUARTER_S.max(reading.interval_s.into()));
            let follows = before.is_some_and(|before| {
                before.meter_id == reading.meter_id && reading.ts - before.ts < GAP
            });
            match bounds.last.last_mut() {
                Some(last) if follows => *last = end,
                _ => {
                    bounds.meter_ids.push(reading.meter_id.as_str());
                    bounds.first.push(reading.ts - REACH - Duration::seconds(QUARTER_S));
                    bounds.last.push(end);
                }
            }
            bounds.interval_s = reading.interval_s;
            before = Some(reading);
        }
        bounds
    }

    /// Leaves out the readings whose time others cover; answers with their number.
    pub(super) fn leave_out(&mut self, taken: &[Taken]) -> u64 {
        if taken.is_empty() {
            return 0;
        }
        let taken: HashSet<(&str, i64)> = taken
            .iter()
            .flat_map(|taken| {
                let all = quarters(taken.quarter, taken.interval_s);
                all.map(|quarter| (taken.meter_id.as_str(), quarter))
            })
            .collect();
        let before = self.readings.len();
        self.readings.retain(|reading| {
            let mut own = quarters(reading.ts, reading.interval_s);
            !own.any(|quarter| taken.contains(&(reading.meter_id.as_str(), quarter)))
        });
        (before - self.readings.len()) as u64
    }

    /// Where a write of the batch changes which meter.
    pub(super) fn changes(&self) -> Vec<Change> {
        let of_meter = self.readings.chunk_by(|a, b| a.meter_id == b.meter_id);
        let changes = of_meter.filter_map(|readings| {
            let (first, last) = (readings.first()?, readings.last()?);
            let to = last.ts + Duration::seconds(last.interval_s.into());
            Some(Change::of_meter(&first.meter_id, TimeRange::new(first.ts, to)))
        });
        changes.collect()
    }

    pub(in crate::facts::meters) const fn len(&self) -> usize {
        self.readings.len()
    }
}
