//! The whole way of a file of one meter's readings: preamble, columns, instants, mean power.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::columns::{hinted_zone, named, simplified};
use super::error::{BadRow, ImportError};
use super::findings::{Fault, Findings};
use super::grid;
use super::model::Dropped;
use super::moments::parse_moment;
use super::numbers::{DecimalMark, MarkCount};
use super::placing::{Placed, ReadRow, place};
use super::prices::{moment_of, number_of};
use super::sheet::{Cell, Row, Sheet, text_of_table};

/// Lines that may stand before the header.
const PREAMBLE_MAX: usize = 60;
/// Greatest mean power that is believed, in kW.
const POWER_KW_MAX: f64 = 100_000.0;
/// Length of the intervals that counters are turned into when they are read more rarely.
const COUNTED_S: i32 = 900;

/// What the numbers of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ReadingKind {
    /// Mean power of each interval.
    Power,
    /// Energy of each interval.
    Energy,
    /// What a counter showed at each instant.
    Counter,
}

/// Unit of the numbers of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
pub enum ReadingUnit {
    /// Kilowatt.
    #[serde(rename = "kW")]
    #[value(name = "kW")]
    Kw,
    /// Watt.
    #[serde(rename = "W")]
    #[value(name = "W")]
    W,
    /// Kilowatt hour.
    #[serde(rename = "kWh")]
    #[value(name = "kWh")]
    Kwh,
    /// Watt hour.
    #[serde(rename = "Wh")]
    #[value(name = "Wh")]
    Wh,
}

impl ReadingUnit {
    const fn is_energy(self) -> bool {
        matches!(self, Self::Kwh | Self::Wh)
    }

    const fn in_kilo(self) -> f64 {
        match self {
            Self::Kw | Self::Kwh => 1.0,
            Self::W | Self::Wh => 0.001,
        }
    }

    /// The unit at the end of a simplified header.
    fn of_header(name: &str) -> Option<Self> {
        match name.rsplit('_').next()? {
            "kwh" => Some(Self::Kwh),
            "wh" => Some(Self::Wh),
            "kw" => Some(Self::Kw),
            "w" => Some(Self::W),
            _ => None,
        }
    }
}

/// How a file of readings is to be read; what is left open is found out from the file.
#[derive(Debug, Clone, Default)]
pub struct ReadingOptions {
    /// The meter.
    pub meter_id: String,
    /// The meter is made known when nobody knows it.
    pub create: bool,
    /// Headers of the columns with what is taken; several are added up.
    pub columns: Vec<String>,
    /// Headers of the columns with what is given; several are added up.
    pub production_columns: Vec<String>,
    /// Header of the column with the start of the interval.
    pub time_column: Option<String>,
    /// What the numbers are; the unit decides unless said.
    pub kind: Option<ReadingKind>,
    /// Unit of the numbers; the header's unless said.
    pub unit: Option<ReadingUnit>,
    /// Zone of times without offset; Zürich's unless said.
    pub zone: Option<Tz>,
    /// Read and check, store nothing.
    pub dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file.
    pub skip_bad_rows: bool,
}

/// A file of readings after reading.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedReadings {
    /// Values, oldest first, one per instant.
    pub values: Vec<ParsedReading>,
    /// Length of the intervals, in seconds.
    pub interval_s: i32,
    /// What the numbers were.
    pub kind: ReadingKind,
    /// Rows of the file below the header.
    pub rows_read: u64,
    /// What was left out, by reason.
    pub dropped: Vec<Dropped>,
    /// Sentences about what a careful reader would want to know.
    pub notes: Vec<String>,
    /// Headers of the columns used.
    pub columns: Vec<String>,
    /// The first wrong rows that were skipped, and how many there are.
    pub wrong: (Vec<BadRow>, u64),
}

/// What a file says about one instant: mean power in kW, or what counters showed, in kWh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParsedReading {
    /// Start of the interval, or the instant of the counter.
    pub ts: DateTime<Utc>,
    /// What is taken.
    pub taken: Option<f64>,
    /// What is given.
    pub given: Option<f64>,
    /// One value stands for two hours (autumn clock change of a levelled file).
    pub estimated: bool,
}

/// Which columns of a file of readings are what.
pub(super) struct Columns {
    pub time: usize,
    pub taken: Vec<usize>,
    pub given: Vec<usize>,
    pub unit: ReadingUnit,
    pub kind: ReadingKind,
    pub zone: Tz,
}

/// Reads the readings of one meter from the bytes of a file (CSV, gzipped CSV, Parquet).
///
/// Lines before the header are passed over, columns of one direction (high and low tariff) added
/// up, energies turned into mean power. Times follow the rules of price files.
pub fn parse_readings(
    bytes: &[u8],
    options: &ReadingOptions,
) -> Result<ParsedReadings, ImportError> {
    let (text, passed) = without_preamble(bytes)?;
    let sheet = Sheet::open(&text)?;
    let columns = Columns::choose(&sheet, options)?;
    let header = sheet.header();
    let mut findings = Findings::with_notes(Vec::new());
    if passed > 0 {
        findings.notes.push(format!("{passed} lines before the header were passed over"));
    }
    let (rows, values) = read(&sheet, &columns, passed, &mut findings)?;
    let rows_read = rows.0;
    let mut placed = place(rows.1, columns.zone, &header[columns.time], &mut findings);
    grid::drop_empty(&mut placed, &mut findings);
    let first_column = columns.taken.iter().chain(&columns.given).next().copied();
    let value_name = first_column.map_or("value", |at| header[at].as_str());
    grid::sort_and_unite(&mut placed, value_name, &mut findings);
    findings.refuse_bad(options.skip_bad_rows)?;
    let interval_s = interval_of(&placed, columns.kind)?;
    let factor = match columns.kind {
        ReadingKind::Energy => columns.unit.in_kilo() * 3_600.0 / f64::from(interval_s),
        ReadingKind::Power | ReadingKind::Counter => columns.unit.in_kilo(),
    };
    let values: Vec<ParsedReading> = placed
        .iter()
        .map(|point| {
            let (taken, given) = values[point.row.exogenous];
            ParsedReading {
                ts: point.ts,
                taken: taken.map(|value| value * factor),
                given: given.map(|value| value * factor),
                estimated: point.estimated,
            }
        })
        .collect();
    let absurd = |value: &ParsedReading| {
        let most = value.taken.into_iter().chain(value.given).fold(0.0, f64::max);
        columns.kind != ReadingKind::Counter && most > POWER_KW_MAX
    };
    if let Some(value) = values.iter().find(|value| absurd(value)) {
        return Err(ImportError::AbsurdPower { ts: value.ts });
    }
    let wrong = findings.wrong_rows();
    let (dropped, notes) = findings.into_parts();
    let used = [columns.time].into_iter().chain(columns.taken).chain(columns.given);
    Ok(ParsedReadings {
        values,
        interval_s,
        kind: columns.kind,
        rows_read,
        dropped,
        notes,
        columns: used.map(|at| header[at].clone()).collect(),
        wrong,
    })
}

/// The file from its header on, and how many lines stood before it.
pub(super) fn without_preamble(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, u64), ImportError> {
    let Some(text) = text_of_table(bytes)? else { return Ok((Cow::Borrowed(bytes), 0)) };
    let cut = |line: &str, separator: char| -> Vec<String> {
        line.split(separator).map(|cell| cell.trim().trim_matches('"').to_owned()).collect()
    };
    let lines: Vec<&str> = text.lines().take(PREAMBLE_MAX + 1).collect();
    for (at, pair) in lines.windows(2).enumerate() {
        for separator in [';', '\t', ','] {
            let (names, cells) = (cut(pair[0], separator), cut(pair[1], separator));
            let is_header = names.len() > 1
                && names.iter().filter(|name| !name.is_empty()).count() > 1
                && names.len() <= cells.len() + 1
                && cells.iter().any(|cell| parse_moment(cell).is_some())
                && !names.iter().any(|name| parse_moment(name).is_some());
            if is_header {
                let start: usize = text.split_inclusive('\n').take(at).map(str::len).sum();
                return Ok((Cow::Owned(text.as_bytes()[start..].to_vec()), at as u64));
            }
        }
    }
    Ok((Cow::Owned(text.into_bytes()), 0))
}

const GIVEN: [&str; 8] = [
    "einspeisung",
    "rueckspeisung",
    "rücklieferung",
    "ruecklieferung",
    "produktion",
    "production",
    "export",
    "given",
];
const TAKEN: [&str; 15] = [
    "verbrauch",
    "bezug",
    "consumption",
    "import",
    "energie",
    "energy",
    "wirkenergie",
    "lastgang",
    "leistung",
    "power",
    "wert",
    "value",
    "kwh",
    "kw",
    "load",
];
const TARIFFS: [&str; 4] = ["ht", "nt", "hochtarif", "niedertarif"];

impl Columns {
    pub fn choose(sheet: &Sheet, options: &ReadingOptions) -> Result<Self, ImportError> {
        let header = sheet.header();
        let names: Vec<String> = header.iter().map(|name| simplified(name)).collect();
        let time = match &options.time_column {
            Some(wanted) => named(header, &names, wanted)?,
            None => first_time(sheet)?
                .ok_or_else(|| ImportError::NoTimeColumn { columns: header.to_vec() })?,
        };
        let all = |wanted: &[String]| -> Result<Vec<usize>, ImportError> {
            wanted.iter().map(|name| named(header, &names, name)).collect()
        };
        let (mut taken, mut given) = (all(&options.columns)?, all(&options.production_columns)?);
        if taken.is_empty() && given.is_empty() {
            let has = |at: usize, words: &[&str]| {
                names[at].split('_').any(|part| words.contains(&part))
                    || words.iter().any(|word| word.len() > 4 && names[at].contains(word))
            };
            let free = || (0..names.len()).filter(|at| *at != time);
            given = free().filter(|at| has(*at, &GIVEN)).collect();
            taken = free()
                .filter(|at| !has(*at, &GIVEN) && (has(*at, &TAKEN) || has(*at, &TARIFFS)))
                .collect();
            let clear =
                |found: &[usize]| found.len() <= 1 || found.iter().all(|at| has(*at, &TARIFFS));
            if (taken.is_empty() && given.is_empty()) || !clear(&taken) || !clear(&given) {
                return Err(ImportError::NoReadingColumn { columns: header.to_vec() });
            }
        }
        let used = taken.iter().chain(&given);
        let stated = used.clone().find_map(|at| ReadingUnit::of_header(&names[*at]));
        let unit = match (options.unit.or(stated), options.kind) {
            (Some(unit), _) => unit,
            (None, Some(ReadingKind::Counter)) => ReadingUnit::Kwh,
            (None, _) => {
                let column = used.clone().next().map_or("", |at| header[*at].as_str());
                return Err(ImportError::NoReadingUnit { column: column.to_owned() });
            }
        };
        let kind = options.kind.unwrap_or(if unit.is_energy() {
            ReadingKind::Energy
        } else {
            ReadingKind::Power
        });
        if unit.is_energy() == (kind == ReadingKind::Power) {
            return Err(ImportError::ReadingKind);
        }
        let zone = options.zone.or_else(|| hinted_zone(&names[time]));
        let zone = zone.unwrap_or(Tz::Europe__Zurich);
        Ok(Self { time, taken, given, unit, kind, zone })
    }
}

/// The first column whose first cell is a time.
pub(super) fn first_time(sheet: &Sheet) -> Result<Option<usize>, ImportError> {
    let all: Vec<usize> = (0..sheet.header().len()).collect();
    let mut found = None;
    sheet.rows(&all, |row| {
        found = row.cells.iter().position(|cell| match cell {
            Cell::Text(text) => parse_moment(text).is_some(),
            Cell::Instant(_) | Cell::Wall(_) => true,
            Cell::Number(_) | Cell::Empty => false,
        });
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

type Values = Vec<(Option<f64>, Option<f64>)>;

/// The rows as moments and numbers; the numbers stand in a table of their own.
fn read(
    sheet: &Sheet,
    columns: &Columns,
    passed: u64,
    findings: &mut Findings,
) -> Result<((u64, Vec<ReadRow>), Values), ImportError> {
    let header = sheet.header();
    let numbers: Vec<usize> = columns.taken.iter().chain(&columns.given).copied().collect();
    let mark = mark_of(sheet, &numbers)?;
    let wanted: Vec<usize> = [columns.time].into_iter().chain(numbers.iter().copied()).collect();
    let (mut count, mut rows, mut values) = (0, Vec::new(), Values::new());
    sheet.rows(&wanted, |row| {
        count += 1;
        let line = row.line + passed;
        match read_row(row, columns, header, mark) {
            Ok((moment, taken, given)) => {
                let exogenous = values.len();
                values.push((taken, given));
                let price = taken.or(given);
                rows.push(ReadRow { line, moment, price, known_at: None, exogenous });
            }
            Err((fault, column, reason)) => findings.bad_row(fault, line, column, reason),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(((count, rows), values))
}

/// The decimal mark of these columns together.
pub(super) fn mark_of(sheet: &Sheet, columns: &[usize]) -> Result<DecimalMark, ImportError> {
    let mut marks = MarkCount::default();
    sheet.rows(columns, |row| {
        for cell in row.cells {
            if let Cell::Text(text) = cell {
                marks.add(text);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(marks.mark())
}

/// The number of a cell in which apostrophes may part thousands.
pub(super) fn counted(cell: Cell<'_>, mark: DecimalMark) -> Result<Option<f64>, String> {
    match cell {
        Cell::Text(text) if text.contains(['\'', '\u{2019}']) => {
            let plain = text.replace(['\'', '\u{2019}'], "");
            number_of(Cell::Text(&plain), mark)
        }
        other => number_of(other, mark),
    }
}

type Cells = (super::moments::Moment, Option<f64>, Option<f64>);

fn read_row<'h>(
    row: &Row<'_>,
    columns: &Columns,
    header: &'h [String],
    mark: DecimalMark,
) -> Result<Cells, (Fault, &'h str, String)> {
    let name = |at: usize| header[at].as_str();
    if let Some(fields) = row.ragged {
        let reason = format!("has {fields} fields, the header names {}", header.len());
        return Err((Fault::Fields, name(0), reason));
    }
    let moment = moment_of(row.cells[0]).map_err(|why| (Fault::Time, name(columns.time), why))?;
    let sum = |places: &[usize], cells: &[Cell<'_>]| {
        let mut sum: Option<f64> = None;
        for (at, cell) in places.iter().zip(cells) {
            let value = counted(*cell, mark).map_err(|why| (Fault::Value, name(*at), why))?;
            if let Some(value) = value {
                if value < 0.0 {
                    let why = format!("{value} is negative; what is given has a column of its own");
                    return Err((Fault::Value, name(*at), why));
                }
                sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
        Ok(sum)
    };
    let numbers = &row.cells[1..];
    let taken = sum(&columns.taken, numbers)?;
    let given = sum(&columns.given, &numbers[columns.taken.len()..])?;
    Ok((moment, taken, given))
}

/// Length of the intervals: the most frequent step, of equally frequent ones the shortest.
fn interval_of(points: &[Placed], kind: ReadingKind) -> Result<i32, ImportError> {
    let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in points.windows(2) {
        *steps.entry((pair[1].ts - pair[0].ts).num_seconds()).or_default() += 1;
    }
    let usual = steps.iter().rev().max_by_key(|(_, count)| **count).map(|(step, _)| *step);
    let Some(step_s) = usual else { return Err(ImportError::SingleReading) };
    let fits = (60..=3_600).contains(&step_s) && 3_600 % step_s == 0;
    let too_close =
        points.windows(2).find(|pair| pair[1].ts - pair[0].ts < Duration::seconds(step_s));
    match (kind, fits) {
        (ReadingKind::Counter, true) => Ok(i32::try_from(step_s).unwrap_or(COUNTED_S)),
        (ReadingKind::Counter, false) => Ok(COUNTED_S),
        (_, false) => Err(ImportError::ReadingStep { step_s }),
        (_, true) => match too_close {
            Some(pair) => Err(ImportError::ReadingStepChanges { line: pair[1].row.line }),
            None => Ok(i32::try_from(step_s).unwrap_or(COUNTED_S)),
        },
    }
}
