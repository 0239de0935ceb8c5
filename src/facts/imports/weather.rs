//! The whole way of a file of weather: columns, instants, units, plausible values, when it was known.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::columns::{hinted_zone, named, simplified};
use super::error::{BadRow, ImportError};
use super::findings::{Fault, Findings, reason};
use super::model::{Dropped, assumed_forecast_known_at};
use super::moments::Moment;
use super::numbers::DecimalMark;
use super::placing::{Placed, ReadRow, place};
use super::prices::{moment_of, number_of};
use super::readings::{first_time, mark_of, without_preamble};
use super::sheet::{Cell, Row, Sheet};
use super::weather_columns::{WeatherAsk, WeatherColumn, WeatherVariable, weather_columns};
use crate::base::ids::Market;
use crate::base::timeline::{WallTime, instants_of};

/// Longest name of a place.
const PLACE_CHARS_MAX: usize = 40;
/// Shortest and longest interval that is read, in seconds.
const STEP_S: std::ops::RangeInclusive<i64> = 300..=86_400;

/// What the values of a file of weather are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum WeatherNature {
    /// Measured: known at the end of their interval.
    #[default]
    Measured,
    /// Forecast on the day before: known at 09:30 local on that day.
    Forecast,
}

/// How a file of weather is to be read; what is left open is found out from the file.
#[derive(Debug, Clone, Default)]
pub struct WeatherOptions {
    /// Station or place: what stands behind the colon of the series' names.
    pub place: String,
    /// Market that the series belong to, if to one; its models learn from forecasts.
    pub market: Option<Market>,
    /// What the values are.
    pub nature: WeatherNature,
    /// Columns that are read; those whose headers tell unless said.
    pub columns: Vec<WeatherAsk>,
    /// Header of the column with the start of the interval.
    pub time_column: Option<String>,
    /// Header of the column with the instant of publication.
    pub known_at_column: Option<String>,
    /// Times mark the end of their interval.
    pub marks_end: bool,
    /// Zone of times without offset; the header's hint or the market's or Zürich's unless said.
    pub zone: Option<Tz>,
    /// What the series name as their source.
    pub file_name: String,
    /// Read and check, store nothing.
    pub dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file.
    pub skip_bad_rows: bool,
}

/// A file of weather after reading.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedWeather {
    /// One series per column.
    pub series: Vec<WeatherSeries>,
    /// Length of the intervals, in seconds.
    pub interval_s: i32,
    /// Rows of the file below the header.
    pub rows_read: u64,
    /// What was left out, by reason.
    pub dropped: Vec<Dropped>,
    /// Sentences about what a careful reader would want to know.
    pub notes: Vec<String>,
    /// The first wrong rows that were skipped, and how many there are.
    pub wrong: (Vec<BadRow>, u64),
}

/// One column of a file of weather.
#[derive(Debug, Clone, PartialEq)]
pub struct WeatherSeries {
    /// Name of the series.
    pub name: String,
    /// What it describes.
    pub variable: WeatherVariable,
    /// Header of the column.
    pub header: String,
    /// Unit its numbers were read in.
    pub read_in: &'static str,
    /// Values, oldest first.
    pub rows: Vec<WeatherValue>,
}

/// One value, in the unit of its series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeatherValue {
    /// Start of the interval.
    pub ts: DateTime<Utc>,
    /// When it became known.
    pub known_at: DateTime<Utc>,
    /// Whether that instant is a rule, not a record.
    pub known_at_assumed: bool,
    /// The value.
    pub value: f64,
}

/// Name of the series of an imported variable: never one that a source fills by itself.
pub(super) fn series_name(variable: WeatherVariable, place: &str) -> String {
    format!("imported_{}:{place}", variable.name())
}

/// Why a text cannot be the name of a place.
pub fn check_place(place: &str) -> Result<(), &'static str> {
    let inner = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let begins = place.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    if !begins || !place.chars().all(inner) || place.len() > PLACE_CHARS_MAX {
        return Err(
            "is not 1 to 40 letters, digits, dots, dashes or underscores, the first a letter or a digit",
        );
    }
    Ok(())
}

/// The columns of a file of weather, by their role.
pub(super) struct Columns {
    pub time: usize,
    pub weather: Vec<WeatherColumn>,
    pub known_at: Option<usize>,
    pub zone: Tz,
}

impl Columns {
    pub fn choose(sheet: &Sheet, options: &WeatherOptions) -> Result<Self, ImportError> {
        let header = sheet.header();
        let names: Vec<String> = header.iter().map(|name| simplified(name)).collect();
        let time = match &options.time_column {
            Some(wanted) => named(header, &names, wanted)?,
            None => first_time(sheet)?
                .ok_or_else(|| ImportError::NoTimeColumn { columns: header.to_vec() })?,
        };
        let known_at =
            options.known_at_column.as_ref().map(|name| named(header, &names, name)).transpose()?;
        let weather = weather_columns(header, &options.columns, time)?;
        let zone = options.zone.or_else(|| hinted_zone(&names[time])).unwrap_or_else(|| {
            options.market.as_ref().map_or(Tz::Europe__Zurich, Market::time_zone)
        });
        Ok(Self { time, weather, known_at, zone })
    }
}

/// Reads weather from the bytes of a file (CSV, gzipped CSV, Parquet).
///
/// Lines before the header are passed over. Numbers are turned into the units of the series and must
/// be plausible there. Times follow the rules of price files.
pub fn parse_weather(bytes: &[u8], options: &WeatherOptions) -> Result<ParsedWeather, ImportError> {
    check_place(&options.place)
        .map_err(|reason| ImportError::BadPlace { place: options.place.clone(), reason })?;
    let (text, passed) = without_preamble(bytes)?;
    let sheet = Sheet::open(&text)?;
    let columns = Columns::choose(&sheet, options)?;
    let header = sheet.header();
    let mut findings = Findings::with_notes(Vec::new());
    if passed > 0 {
        findings.notes.push(format!("{passed} lines before the header were passed over"));
    }
    let mut reader =
        Reader { columns: &columns, header, rows: Vec::new(), values: Vec::new(), count: 0 };
    reader.read(&sheet, passed, &mut findings)?;
    let Reader { rows, values, count, .. } = reader;
    let mut placed = place(rows, columns.zone, &header[columns.time], &mut findings);
    unite(&mut placed, &values, &header[columns.time], &mut findings);
    findings.refuse_bad(options.skip_bad_rows)?;
    let step_s = step_of(&placed)?;
    if options.marks_end {
        for point in &mut placed {
            point.ts -= Duration::seconds(step_s);
        }
    }
    let shared = placed.iter().filter(|point| point.estimated).count();
    if shared > 0 {
        findings.notes.push(format!(
            "{shared} intervals of the autumn clock change share one value per pair"
        ));
    }
    let series = columns.weather.iter().enumerate().map(|(place, column)| WeatherSeries {
        name: series_name(column.variable, &options.place),
        variable: column.variable,
        header: header[column.at].clone(),
        read_in: column.unit.name,
        rows: placed
            .iter()
            .filter_map(|point| {
                let value = values[point.row.exogenous][place]?;
                let (known_at, known_at_assumed) = known(point, step_s, options, columns.zone);
                Some(WeatherValue { ts: point.ts, known_at, known_at_assumed, value })
            })
            .collect(),
    });
    let series: Vec<WeatherSeries> = series.collect();
    if let Some(empty) = series.iter().find(|series| series.rows.is_empty()) {
        return Err(ImportError::NoValues { column: empty.header.clone() });
    }
    let wrong = findings.wrong_rows();
    let (dropped, notes) = findings.into_parts();
    let interval_s = i32::try_from(step_s).unwrap_or(i32::MAX);
    Ok(ParsedWeather { series, interval_s, rows_read: count, dropped, notes, wrong })
}

struct Reader<'a> {
    columns: &'a Columns,
    header: &'a [String],
    rows: Vec<ReadRow>,
    /// Values of the columns of weather, one list per row.
    values: Vec<Vec<Option<f64>>>,
    count: u64,
}

impl<'a> Reader<'a> {
    fn read(
        &mut self,
        sheet: &Sheet,
        passed: u64,
        findings: &mut Findings,
    ) -> Result<(), ImportError> {
        let numbers: Vec<usize> = self.columns.weather.iter().map(|column| column.at).collect();
        let marks: Result<Vec<_>, _> = numbers.iter().map(|at| mark_of(sheet, &[*at])).collect();
        let marks = marks?;
        let mut wanted = vec![self.columns.time];
        wanted.extend(&numbers);
        wanted.extend(self.columns.known_at);
        sheet.rows(&wanted, |row| {
            self.count += 1;
            if let Err((fault, column, reason)) = self.take(row, passed, &marks) {
                findings.bad_row(fault, row.line + passed, column, reason);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn take(
        &mut self,
        row: &Row<'_>,
        passed: u64,
        marks: &[DecimalMark],
    ) -> Result<(), (Fault, &'a str, String)> {
        let header = self.header;
        let name = |at: usize| header[at].as_str();
        if let Some(fields) = row.ragged {
            let reason = format!("has {fields} fields, the header names {}", header.len());
            return Err((Fault::Fields, name(0), reason));
        }
        let time = name(self.columns.time);
        let moment = moment_of(row.cells[0]).map_err(|why| (Fault::Time, time, why))?;
        let mut values = Vec::with_capacity(self.columns.weather.len());
        for ((column, cell), mark) in self.columns.weather.iter().zip(&row.cells[1..]).zip(marks) {
            let number =
                number_of(*cell, *mark).map_err(|why| (Fault::Value, name(column.at), why))?;
            let value = number.map(|number| column.unit.converted(number));
            let (least, most) = column.variable.range();
            if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
                let (unit, what) = (column.variable.unit(), column.variable.name());
                let why = format!(
                    "{value} {unit} is no {what}, which lies between {least} and {most}; check the \
                     unit of the column"
                );
                return Err((Fault::Implausible, name(column.at), why));
            }
            values.push(value);
        }
        let known_at = match self.columns.known_at {
            Some(at) => match row.cells.last() {
                Some(cell) if *cell != Cell::Empty => {
                    Some(moment_of(*cell).map_err(|why| (Fault::Time, name(at), why))?)
                }
                _ => None,
            },
            None => None,
        };
        let price = values.iter().copied().flatten().next();
        let exogenous = self.values.len();
        self.values.push(values);
        self.rows.push(ReadRow { line: row.line + passed, moment, price, known_at, exogenous });
        Ok(())
    }
}

/// Sorts by instant and leaves one row per instant; rows without a value are left out, different
/// values for one instant are a fault. Publications of one instant at several times all stay.
fn unite(
    placed: &mut Vec<Placed>,
    values: &[Vec<Option<f64>>],
    time: &str,
    findings: &mut Findings,
) {
    placed.retain(|point| {
        let has_value = point.row.price.is_some();
        if !has_value {
            findings.drop_row(reason::NO_VALUE, point.row.line);
        }
        has_value
    });
    placed.sort_by_key(|point| (point.ts, point.row.line));
    let same_place = |a: &Placed, b: &Placed| a.ts == b.ts && a.row.known_at == b.row.known_at;
    let mut united: Vec<Placed> = Vec::with_capacity(placed.len());
    for group in placed.chunk_by(|a, b| a.ts == b.ts) {
        for point in group {
            let earlier = united.iter().rev().take(group.len());
            let mut earlier = earlier.filter(|other| same_place(other, point));
            match earlier.next() {
                None => united.push(*point),
                Some(other) if values[other.row.exogenous] == values[point.row.exogenous] => {
                    findings.drop_row(reason::DUPLICATE, point.row.line);
                }
                Some(other) => {
                    let reason = format!(
                        "other values than in line {} for the same instant {}",
                        other.row.line, point.ts
                    );
                    findings.bad_row(Fault::Contradiction, point.row.line, time, reason);
                }
            }
        }
    }
    *placed = united;
}

/// Length of the intervals: the most frequent step, of equally frequent ones the shortest.
fn step_of(placed: &[Placed]) -> Result<i64, ImportError> {
    let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in placed.windows(2) {
        let step_s = (pair[1].ts - pair[0].ts).num_seconds();
        if step_s > 0 {
            *steps.entry(step_s).or_default() += 1;
        }
    }
    let usual = steps.iter().rev().max_by_key(|(_, count)| **count).map(|(step, _)| *step);
    match usual {
        None => Err(ImportError::SingleReading),
        Some(step_s) if STEP_S.contains(&step_s) && 86_400 % step_s == 0 => Ok(step_s),
        Some(step_s) => Err(ImportError::WeatherStep { step_s }),
    }
}

/// When a value became known, and whether that is a rule.
fn known(point: &Placed, step_s: i64, options: &WeatherOptions, zone: Tz) -> (DateTime<Utc>, bool) {
    let stated = point.row.known_at.and_then(|moment| match moment {
        Moment::Instant(at) => Some(at),
        Moment::Wall(wall) => match instants_of(wall, zone) {
            // Of two the later one: nothing counts as known before it was.
            WallTime::Once(at) | WallTime::Twice(_, at) => Some(at),
            WallTime::Skipped => None,
        },
    });
    match (stated, options.nature) {
        (Some(at), _) => (at, false),
        (None, WeatherNature::Measured) => (point.ts + Duration::seconds(step_s), true),
        (None, WeatherNature::Forecast) => (assumed_forecast_known_at(point.ts, zone), true),
    }
}
