//! Rows and columns between the database and values.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Double, Integer, Nullable, Text, Timestamptz};

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

/// Readings of any meters, one per meter and instant, in that order.
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

    pub(in crate::facts::meters) const fn len(&self) -> usize {
        self.readings.len()
    }

    pub(in crate::facts::meters) const fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }
}
