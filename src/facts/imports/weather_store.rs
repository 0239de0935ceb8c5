//! Storing what a file says about the weather: series of their own, once.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::error::ImportError;
use super::model::Dropped;
use super::service::{CLOCK_SKEW, ImportFailure, Imports};
use super::weather::{
    ParsedWeather, WeatherNature, WeatherOptions, WeatherSeries, WeatherValue, parse_weather,
};
use super::weather_columns::WeatherVariable;
use crate::access::audit::{By, Event};
use crate::base::timeline::TimeRange;
use crate::facts::series::{Observation, SeriesError, SeriesSpec};

/// Days that are read at once when an import is compared with what is stored.
const COMPARED_DAYS: i64 = 3_650;

/// What became of a column of weather.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WeatherSeriesReport {
    /// Name of the series.
    #[schema(example = "imported_temperature:basel")]
    pub name: String,
    /// What it describes.
    pub variable: WeatherVariable,
    /// Header of the column.
    #[schema(example = "tre200h0")]
    pub header: String,
    /// Unit the numbers were read in.
    #[schema(example = "°C")]
    pub read_in: &'static str,
    /// Unit of the series.
    #[schema(example = "°C")]
    pub unit: &'static str,
    /// Values read.
    pub rows: u64,
    /// Values that are new or replaced another; in a dry run those that would be.
    pub stored: u64,
    /// Values that were stored already.
    pub unchanged: u64,
    /// Smallest value.
    pub least: f64,
    /// Greatest value.
    pub most: f64,
}

/// What an import of weather did.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WeatherReport {
    /// Station or place.
    #[schema(example = "basel")]
    pub place: String,
    /// What the values are.
    pub nature: WeatherNature,
    /// Length of the intervals, in seconds.
    pub interval_s: i32,
    /// Rows of the file below the header.
    pub rows_read: u64,
    /// Values of all series that are new or replaced another; in a dry run those that would be.
    pub stored: u64,
    /// Values of all series that were stored already.
    pub unchanged: u64,
    /// What was left out, by reason.
    pub dropped: Vec<Dropped>,
    /// Start of the first interval.
    pub first: Option<DateTime<Utc>>,
    /// Start of the last interval.
    pub last: Option<DateTime<Utc>>,
    /// What became of each column.
    pub series: Vec<WeatherSeriesReport>,
    /// Sentences worth reading.
    pub notes: Vec<String>,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
}

impl Imports {
    /// Reads a file of weather and stores it.
    pub async fn import_weather(
        &self,
        bytes: &[u8],
        options: &WeatherOptions,
        by: &By,
    ) -> Result<WeatherReport, ImportFailure> {
        self.store_weather(parse_weather(bytes, options)?, options, by).await
    }

    /// Stores what was read, each series in a transaction of its own; a second time nothing changes,
    /// so a failure between two of them is mended by importing again.
    ///
    /// Nothing can have become known after now: an assumption is cut there, a statement refused, and
    /// so is a measurement of what has not come yet.
    pub async fn store_weather(
        &self,
        parsed: ParsedWeather,
        options: &WeatherOptions,
        by: &By,
    ) -> Result<WeatherReport, ImportFailure> {
        let now = self.clock.now();
        refuse_future(&parsed, options.nature, now)?;
        let spans = parsed.series.iter().flat_map(|series| {
            series.rows.first().into_iter().chain(series.rows.last()).map(|row| row.ts)
        });
        let (first, last) = (spans.clone().min(), spans.max());
        if !options.dry_run {
            // Written first: several transactions follow, and none of them may lack its author.
            let names: Vec<&str> = parsed.series.iter().map(|one| one.name.as_str()).collect();
            let values: usize = parsed.series.iter().map(|series| series.rows.len()).sum();
            let entry = Event::new("weather.import", ("place", &options.place)).after(&json!({
                "file": source(options), "series": names, "values": values, "first": first,
                "last": last,
            }));
            self.audit.note(by, entry).await.map_err(ImportFailure::Audit)?;
        }
        let mut series = Vec::with_capacity(parsed.series.len());
        for one in &parsed.series {
            series.push(self.store_column(one, parsed.interval_s, options, now).await?);
        }
        Ok(WeatherReport {
            place: options.place.clone(),
            nature: options.nature,
            interval_s: parsed.interval_s,
            rows_read: parsed.rows_read,
            stored: series.iter().map(|series| series.stored).sum(),
            unchanged: series.iter().map(|series| series.unchanged).sum(),
            dropped: parsed.dropped,
            first,
            last,
            series,
            notes: parsed.notes,
            dry_run: options.dry_run,
        })
    }

    async fn store_column(
        &self,
        series: &WeatherSeries,
        interval_s: i32,
        options: &WeatherOptions,
        now: DateTime<Utc>,
    ) -> Result<WeatherSeriesReport, SeriesError> {
        let rows: Vec<Observation> =
            series.rows.iter().map(|value| observation(value, now)).collect();
        let spec = SeriesSpec {
            name: series.name.clone(),
            unit: series.variable.unit().to_owned(),
            source: source(options),
            market: options.market.clone(),
            resolution_s: interval_s,
            attribution: String::new(),
            // What is measured becomes known when it is over: too late for who asks beforehand.
            is_feature: options.market.is_some() && options.nature == WeatherNature::Forecast,
        };
        let (stored, unchanged) = if options.dry_run {
            self.compare_series(&spec, &rows).await?
        } else {
            let series_id = self.observations.ensure_series(&spec).await?;
            let stored = self.observations.put(series_id, &rows).await?;
            (stored.inserted + stored.replaced, stored.unchanged)
        };
        let values = || series.rows.iter().map(|row| row.value);
        Ok(WeatherSeriesReport {
            name: spec.name,
            variable: series.variable,
            header: series.header.clone(),
            read_in: series.read_in,
            unit: series.variable.unit(),
            rows: rows.len() as u64,
            stored,
            unchanged,
            least: values().fold(f64::INFINITY, f64::min),
            most: values().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// What storing would do, without doing it: values that would be new or other, and the rest.
    async fn compare_series(
        &self,
        spec: &SeriesSpec,
        rows: &[Observation],
    ) -> Result<(u64, u64), SeriesError> {
        let Some(stored) = self.observations.spec(&spec.name).await? else {
            return Ok((rows.len() as u64, 0));
        };
        if (&stored.unit, stored.resolution_s) != (&spec.unit, spec.resolution_s) {
            // Registers nothing: it refuses, since the name is taken by other values.
            self.observations.ensure_series(spec).await?;
        }
        let (mut unchanged, mut rest) = (0, rows);
        while let Some(first) = rest.first() {
            let end = first.ts + Duration::days(COMPARED_DAYS);
            let (near, far) = rest.split_at(rest.partition_point(|row| row.ts < end));
            let range = TimeRange::new(first.ts, end);
            let history = self.observations.history(&spec.name, range).await?;
            let present: HashMap<(DateTime<Utc>, DateTime<Utc>), f64> =
                history.into_iter().map(|(ts, known_at, value)| ((ts, known_at), value)).collect();
            let same =
                |row: &&Observation| present.get(&(row.ts, row.known_at)) == Some(&row.value);
            unchanged += near.iter().filter(same).count() as u64;
            rest = far;
        }
        Ok((rows.len() as u64 - unchanged, unchanged))
    }
}

fn source(options: &WeatherOptions) -> String {
    let name = options.file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    format!("import:{}", name.chars().take(200).collect::<String>())
}

fn observation(value: &WeatherValue, now: DateTime<Utc>) -> Observation {
    Observation {
        ts: value.ts,
        known_at: value.known_at.min(now),
        known_at_assumed: value.known_at_assumed,
        value: value.value,
    }
}

fn refuse_future(
    parsed: &ParsedWeather,
    nature: WeatherNature,
    now: DateTime<Utc>,
) -> Result<(), ImportError> {
    let rows = || parsed.series.iter().flat_map(|series| &series.rows);
    let is_ahead = |row: &&WeatherValue| !row.known_at_assumed && row.known_at > now + CLOCK_SKEW;
    if let Some(row) = rows().find(is_ahead) {
        return Err(ImportError::KnownInFuture { ts: row.ts, known_at: row.known_at });
    }
    match rows().find(|row| nature == WeatherNature::Measured && row.ts > now + CLOCK_SKEW) {
        Some(row) => Err(ImportError::ReadInFuture { ts: row.ts }),
        None => Ok(()),
    }
}
