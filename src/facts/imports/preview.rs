//! What importing a file would do: how it is understood, what is wrong with it, what would be stored.

use std::ops::ControlFlow;

use super::columns::Columns as PriceColumns;
use super::error::{BadRow, ImportError};
use super::look::{SampleRow, TableLook, first_rows, look_at};
use super::metering::ReadingReport;
use super::model::{ImportOptions, ParsedPrices};
use super::prices::parse_prices;
use super::readings::{
    Columns as ReadingColumns, ParsedReadings, ReadingKind, ReadingOptions, counted, first_time,
    mark_of, parse_readings, without_preamble,
};
use super::service::{ImportFailure, ImportReport, Imports};
use super::sheet::Sheet;
use super::weather::{Columns as WeatherColumns, ParsedWeather, WeatherOptions, parse_weather};
use super::weather_columns::WeatherAsk;
use super::weather_store::WeatherReport;
use crate::access::audit::By;

/// Values from which on a column that never falls is taken for a counter.
const COUNTER_VALUES_MIN: usize = 24;

/// A file that was looked at: `O` says how it is read, `P` what came of that.
#[derive(Debug)]
pub struct Looked<O, P> {
    /// Its columns.
    pub table: TableLook,
    /// Its first rows.
    pub rows: Vec<SampleRow>,
    /// How it is read: what was asked for, and what was found out.
    pub options: O,
    /// What it says without its wrong rows, or why it cannot be read.
    pub parsed: Result<P, ImportError>,
    /// The wrong rows of a file that cannot be read without them either.
    pub wrong: (Vec<BadRow>, u64),
}

/// What importing a file would do: `R` is the report of the import.
#[derive(Debug)]
pub struct Previewed<O, R> {
    /// Its columns.
    pub table: TableLook,
    /// Its first rows.
    pub rows: Vec<SampleRow>,
    /// How it is read.
    pub options: O,
    /// The first wrong rows, and how many there are; without them the report is made.
    pub wrong: (Vec<BadRow>, u64),
    /// What would be stored without the wrong rows, or why nothing would.
    pub outcome: Result<R, ImportError>,
}

/// Looks at a file of one meter's readings. Numbers without unit that never fall are taken for a
/// counter unless somebody says what they are.
///
/// # Errors
///
/// When the bytes are no table.
pub fn look_at_readings(
    bytes: &[u8],
    asked: &ReadingOptions,
) -> Result<Looked<ReadingOptions, ParsedReadings>, ImportError> {
    let (text, passed) = without_preamble(bytes)?;
    let sheet = Sheet::open(&text)?;
    let table = look_at(&sheet, passed)?;
    let mut options = ReadingOptions { skip_bad_rows: true, ..asked.clone() };
    if options.kind.is_none() && options.unit.is_none() && counts_up(&sheet, asked)? {
        options.kind = Some(ReadingKind::Counter);
    }
    let header = sheet.header();
    let named =
        |places: &[usize]| -> Vec<String> { places.iter().map(|at| header[*at].clone()).collect() };
    let chosen = ReadingColumns::choose(&sheet, &options);
    let (time, numbers) = if let Ok(columns) = &chosen {
        options.time_column = Some(header[columns.time].clone());
        options.columns = named(&columns.taken);
        options.production_columns = named(&columns.given);
        options.unit = Some(columns.unit);
        options.kind = Some(columns.kind);
        options.zone = Some(columns.zone);
        let numbers = columns.taken.iter().chain(&columns.given).copied().collect();
        (Some(columns.time), numbers)
    } else {
        let time = match &options.time_column {
            Some(_) => None,
            None => first_time(&sheet)?,
        };
        options.time_column = options.time_column.or_else(|| time.map(|at| header[at].clone()));
        (time, Vec::new())
    };
    let zone = options.zone.unwrap_or(chrono_tz::Tz::Europe__Zurich);
    let rows = first_rows(&sheet, passed, (time, zone), &numbers)?;
    let parsed = chosen.and_then(|_| parse_readings(bytes, &options));
    let strict = ReadingOptions { skip_bad_rows: false, ..options.clone() };
    let wrong = wrong_behind(&parsed, || parse_readings(bytes, &strict));
    Ok(Looked { table, rows, options, parsed, wrong })
}

/// Whether the column that would be read never falls and rises.
fn counts_up(sheet: &Sheet, asked: &ReadingOptions) -> Result<bool, ImportError> {
    let as_counter = ReadingOptions { kind: Some(ReadingKind::Counter), ..asked.clone() };
    let Ok(columns) = ReadingColumns::choose(sheet, &as_counter) else { return Ok(false) };
    let Some(at) = columns.taken.iter().chain(&columns.given).next().copied() else {
        return Ok(false);
    };
    let mark = mark_of(sheet, &[at])?;
    let (mut before, mut first, mut values, mut falls) = (None::<f64>, None, 0, false);
    sheet.rows(&[at], |row| {
        if let Ok(Some(value)) = counted(row.cells[0], mark) {
            falls = before.is_some_and(|before| value < before);
            first = first.or(Some(value));
            before = Some(value);
            values += 1;
        }
        Ok(if falls { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let rises = before.zip(first).is_some_and(|(last, first)| last > first);
    Ok(!falls && rises && values >= COUNTER_VALUES_MIN)
}

/// Looks at a file of prices.
///
/// # Errors
///
/// When the bytes are no table.
pub fn look_at_prices(
    bytes: &[u8],
    file_name: &str,
    asked: &ImportOptions,
) -> Result<Looked<ImportOptions, ParsedPrices>, ImportError> {
    let sheet = Sheet::open(bytes)?;
    let table = look_at(&sheet, 0)?;
    let mut options = ImportOptions { skip_bad_rows: true, ..asked.clone() };
    let chosen = PriceColumns::choose(&sheet, file_name, &options);
    let (time, numbers) = match &chosen {
        Ok(columns) => {
            options.time_column = Some(sheet.header()[columns.time].clone());
            options.column = Some(sheet.header()[columns.price].clone());
            options.unit = Some(columns.unit);
            options.zone = Some(columns.zone);
            (Some(columns.time), vec![columns.price])
        }
        Err(_) => (first_time(&sheet)?, Vec::new()),
    };
    let zone = options.zone.unwrap_or_else(|| options.market.time_zone());
    let rows = first_rows(&sheet, 0, (time, zone), &numbers)?;
    let parsed = chosen.and_then(|_| parse_prices(bytes, file_name, &options));
    let strict = ImportOptions { skip_bad_rows: false, ..options.clone() };
    let wrong = wrong_behind(&parsed, || parse_prices(bytes, file_name, &strict));
    Ok(Looked { table, rows, options, parsed, wrong })
}

/// Looks at a file of weather.
///
/// # Errors
///
/// When the bytes are no table.
pub fn look_at_weather(
    bytes: &[u8],
    asked: &WeatherOptions,
) -> Result<Looked<WeatherOptions, ParsedWeather>, ImportError> {
    let (text, passed) = without_preamble(bytes)?;
    let sheet = Sheet::open(&text)?;
    let table = look_at(&sheet, passed)?;
    let mut options = WeatherOptions { skip_bad_rows: true, ..asked.clone() };
    let header = sheet.header();
    let chosen = WeatherColumns::choose(&sheet, &options);
    let (time, numbers) = if let Ok(columns) = &chosen {
        options.time_column = Some(header[columns.time].clone());
        options.zone = Some(columns.zone);
        options.columns = columns
            .weather
            .iter()
            .map(|column| WeatherAsk {
                variable: column.variable,
                unit: Some(column.unit.name.to_owned()),
                header: header[column.at].clone(),
            })
            .collect();
        let numbers = columns.weather.iter().map(|column| column.at).collect();
        (Some(columns.time), numbers)
    } else {
        let time = first_time(&sheet)?;
        options.time_column = options.time_column.or_else(|| time.map(|at| header[at].clone()));
        (time, Vec::new())
    };
    let zone = options.zone.unwrap_or(chrono_tz::Tz::Europe__Zurich);
    let rows = first_rows(&sheet, passed, (time, zone), &numbers)?;
    let parsed = chosen.and_then(|_| parse_weather(bytes, &options));
    let strict = WeatherOptions { skip_bad_rows: false, ..options.clone() };
    let wrong = wrong_behind(&parsed, || parse_weather(bytes, &strict));
    Ok(Looked { table, rows, options, parsed, wrong })
}

impl Imports {
    /// What importing the readings would do; nothing is stored.
    pub async fn rehearse_readings(
        &self,
        looked: Looked<ReadingOptions, ParsedReadings>,
        by: &By,
    ) -> Result<Previewed<ReadingOptions, ReadingReport>, ImportFailure> {
        let Looked { table, rows, options, parsed, wrong } = looked;
        let (wrong, outcome) = match parsed {
            Ok(parsed) => {
                let (wrong, dry) =
                    (parsed.wrong.clone(), ReadingOptions { dry_run: true, ..options.clone() });
                (wrong, told(self.store_readings(parsed, &dry, by).await)?)
            }
            Err(error) => (wrong, Err(error)),
        };
        Ok(Previewed { table, rows, options, wrong, outcome })
    }

    /// What importing the prices would do; nothing is stored.
    pub async fn rehearse_prices(
        &self,
        looked: Looked<ImportOptions, ParsedPrices>,
        by: &By,
    ) -> Result<Previewed<ImportOptions, ImportReport>, ImportFailure> {
        let Looked { table, rows, options, parsed, wrong } = looked;
        let (wrong, outcome) = match parsed {
            Ok(parsed) => (parsed.wrong.clone(), told(self.store(parsed, true, by).await)?),
            Err(error) => (wrong, Err(error)),
        };
        Ok(Previewed { table, rows, options, wrong, outcome })
    }

    /// What importing the weather would do; nothing is stored.
    pub async fn rehearse_weather(
        &self,
        looked: Looked<WeatherOptions, ParsedWeather>,
        by: &By,
    ) -> Result<Previewed<WeatherOptions, WeatherReport>, ImportFailure> {
        let Looked { table, rows, options, parsed, wrong } = looked;
        let (wrong, outcome) = match parsed {
            Ok(parsed) => {
                let (wrong, dry) =
                    (parsed.wrong.clone(), WeatherOptions { dry_run: true, ..options.clone() });
                (wrong, told(self.store_weather(parsed, &dry, by).await)?)
            }
            Err(error) => (wrong, Err(error)),
        };
        Ok(Previewed { table, rows, options, wrong, outcome })
    }
}

/// What the file is refused for is part of a preview; anything else is not.
fn told<R>(done: Result<R, ImportFailure>) -> Result<Result<R, ImportError>, ImportFailure> {
    match done {
        Ok(report) => Ok(Ok(report)),
        Err(ImportFailure::File(error)) => Ok(Err(error)),
        Err(other) => Err(other),
    }
}

/// The wrong rows of a file that cannot be read even without them, where there are any.
fn wrong_behind<P>(
    parsed: &Result<P, ImportError>,
    strictly: impl FnOnce() -> Result<P, ImportError>,
) -> (Vec<BadRow>, u64) {
    match parsed {
        Ok(_) => (Vec::new(), 0),
        Err(_) => match strictly() {
            Err(ImportError::BadRows { first, total }) => (first, total),
            _ => (Vec::new(), 0),
        },
    }
}
