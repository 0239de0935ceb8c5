//! Storing what a file says about a meter.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ImportError;
use super::model::Dropped;
use super::readings::{ParsedReading, ParsedReadings, ReadingKind, ReadingOptions, parse_readings};
use super::service::{ImportFailure, Imports};
use crate::access::audit::By;
use crate::facts::market::Quality;
use crate::facts::meters::Reading;
use crate::facts::readings::{Found, Mark};

/// What an import of readings did.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReadingReport {
    /// The meter.
    #[schema(example = "house-1")]
    pub meter_id: String,
    /// What the numbers were.
    pub kind: ReadingKind,
    /// Length of the intervals, in seconds.
    pub interval_s: i32,
    /// Rows of the file below the header.
    pub rows_read: u64,
    /// Intervals that are new or replaced another; in a dry run those that would be.
    pub stored: u64,
    /// Intervals that were stored already.
    pub unchanged: u64,
    /// Intervals left out, because something better is stored.
    pub refused: u64,
    /// What was left out, by reason.
    pub dropped: Vec<Dropped>,
    /// Start of the first interval.
    pub first: Option<DateTime<Utc>>,
    /// Start of the last interval.
    pub last: Option<DateTime<Utc>>,
    /// Headers of the columns used: time, then numbers.
    pub columns: Vec<String>,
    /// Energy taken in all intervals, in kWh; absent for counters.
    pub consumption_kwh: Option<f64>,
    /// Energy given in all intervals, in kWh; absent for counters.
    pub production_kwh: Option<f64>,
    /// Sentences worth reading.
    pub notes: Vec<String>,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
}

impl Imports {
    /// Reads a file of one meter and stores it.
    pub async fn import_readings(
        &self,
        bytes: &[u8],
        options: &ReadingOptions,
        by: &By,
    ) -> Result<ReadingReport, ImportFailure> {
        self.store_readings(parse_readings(bytes, options)?, options, by).await
    }

    /// Stores what was read in one transaction; a second time nothing changes.
    pub async fn store_readings(
        &self,
        parsed: ParsedReadings,
        options: &ReadingOptions,
        by: &By,
    ) -> Result<ReadingReport, ImportFailure> {
        let now = self.clock.now();
        if let Some(last) = parsed.values.last().filter(|value| value.ts > now) {
            return Err(ImportError::ReadInFuture { ts: last.ts }.into());
        }
        let mut found = Found {
            meter_id: options.meter_id.clone(),
            create: options.create,
            dry_run: options.dry_run,
            ..Found::default()
        };
        let interval_s = parsed.interval_s;
        if parsed.kind == ReadingKind::Counter {
            found.marks =
                parsed.values.iter().map(|value| mark(value, options, interval_s)).collect();
        } else {
            let read = |value| reading(value, options, interval_s, now);
            found.readings = parsed.values.iter().map(read).collect();
        }
        let hours = f64::from(interval_s) / 3_600.0;
        let energy = |of: fn(&ParsedReading) -> Option<f64>| {
            let values = parsed.values.iter().filter_map(of);
            (parsed.kind != ReadingKind::Counter).then(|| values.sum::<f64>() * hours)
        };
        let (consumption_kwh, production_kwh) =
            (energy(|value| value.taken), energy(|value| value.given));
        let report = self.readings.put(by, found).await?;
        Ok(ReadingReport {
            meter_id: options.meter_id.clone(),
            kind: parsed.kind,
            interval_s,
            rows_read: parsed.rows_read,
            stored: report.inserted + report.replaced + report.derived,
            unchanged: report.unchanged,
            refused: report.refused,
            first: parsed.values.first().map(|value| value.ts),
            last: parsed.values.last().map(|value| value.ts),
            columns: parsed.columns,
            consumption_kwh,
            production_kwh,
            dropped: parsed.dropped,
            notes: parsed.notes,
            dry_run: options.dry_run,
        })
    }
}

fn mark(value: &ParsedReading, options: &ReadingOptions, interval_s: i32) -> Mark {
    Mark {
        meter_id: options.meter_id.clone(),
        ts: value.ts,
        interval_s,
        consumption_kwh_total: value.taken,
        production_kwh_total: value.given,
        known_at: value.ts,
    }
}

fn reading(
    value: &ParsedReading,
    options: &ReadingOptions,
    interval_s: i32,
    now: DateTime<Utc>,
) -> Reading {
    Reading {
        meter_id: options.meter_id.clone(),
        ts: value.ts,
        interval_s,
        consumption_kw: value.taken,
        production_kw: value.given,
        voltage: None,
        quality: if value.estimated { Quality::Estimated } else { Quality::Ok },
        known_at: (value.ts + Duration::seconds(interval_s.into())).min(now),
    }
}
