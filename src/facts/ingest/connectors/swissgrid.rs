//! Swissgrid: energy overviews of the Swiss control area, by the quarter hour.
//!
//! Licence: free to use with the source named. One workbook a year, renewed each month with the month
//! before the last or the last one. Columns in German and English, the German name first; units in the
//! row below; energy of a quarter hour in kWh, from which the mean power follows. Labels are wall-clock
//! times without an offset and mark the end of a quarter hour up to the file of 2024, its beginning from
//! the one of 2025 on: the first label of a file tells. The end is written as the beginning and a quarter
//! hour: when the clock goes back, 02:15 to 03:00 come twice, and when it goes forward, 03:00 follows 01:45.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;

use super::table::number;
use super::workbook::{self, Cell};
use crate::base::timeline::{WallTime, instants_of, local_date};
use crate::facts::ingest::model::{Ask, Finding, Publication, ReadError, Reading, Values};
use crate::facts::ingest::settings::{SWISSGRID, Settings};
use crate::facts::ingest::source::{Request, Source, quoted, reach, refusal};
use crate::facts::ingest::{Statistic, Subject};

/// The market of the control area.
const MARKET: &str = "CH";
/// The first year that is published as a workbook of this form.
const YEAR_MIN: i32 = 2020;
/// The first year whose labels mark the beginning.
const YEAR_OF_STARTS: i32 = 2025;
/// The last month in which the file of a year that has begun may not be there yet.
const MONTH_MAX_WITHOUT: u32 = 4;
/// Part of the name of the sheet of quarter hours.
const SHEET: &str = "0h15";
const QUARTER_S: i32 = 900;
/// From energy of a quarter hour in kWh to power in MW.
const MW_PER_KWH: f64 = 4.0 / 1_000.0;
/// Greatest power that there is, in MW: all of the country's plants together have less.
const LIMIT_MW: f64 = 30_000.0;
/// Days after which a quarter hour is published.
const REPORTED_DAYS: i64 = 45;
/// Names from this length on may have more behind them.
const LONG_NAME: usize = 20;
/// Rows before the names of the columns.
const ROWS_ABOVE_MAX: usize = 20;

/// German names of the columns, and of the series: what stands before and behind `:CH`.
const COLUMNS: [(&str, &str, &str); 14] = [
    ("Summe endverbrauchte Energie", "grid_end_consumption", ""),
    ("Summe produzierte Energie", "grid_production", ""),
    ("Summe verbrauchte Energie", "grid_consumption", ""),
    ("Verbundaustausch CH->AT", "grid_exports", ":AT"),
    ("Verbundaustausch AT->CH", "grid_imports", ":AT"),
    ("Verbundaustausch CH->DE", "grid_exports", ":DE"),
    ("Verbundaustausch DE->CH", "grid_imports", ":DE"),
    ("Verbundaustausch CH->FR", "grid_exports", ":FR"),
    ("Verbundaustausch FR->CH", "grid_imports", ":FR"),
    ("Verbundaustausch CH->IT", "grid_exports", ":IT"),
    ("Verbundaustausch IT->CH", "grid_imports", ":IT"),
    ("Transit", "grid_transit", ""),
    ("Import", "grid_imports", ""),
    ("Export", "grid_exports", ""),
];
/// Of these, the first ones without which it is another sheet.
const NEEDED: usize = 3;

/// The connector.
pub(super) struct Swissgrid;

impl Source for Swissgrid {
    fn name(&self) -> &'static str {
        "swissgrid"
    }

    fn what(&self) -> &'static str {
        "Energy overview of the Swiss control area"
    }

    fn attribution(&self) -> &'static str {
        "Quelle: Swissgrid AG"
    }

    fn subjects(&self, settings: &Settings) -> Vec<Subject> {
        let own = settings.markets.iter().find(|market| market.code() == MARKET);
        own.cloned().map(|own| Subject::Statistic(Statistic::Overview, own)).into_iter().collect()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        // A file holds a year; no more can be read from the database at once.
        3_600
    }

    fn is_one_request(&self, ask: &Ask) -> bool {
        year(ask.range.from, ask) == year(last(ask), ask)
    }

    fn pause_s(&self) -> u64 {
        10
    }

    fn needs(&self, settings: &Settings) -> Option<String> {
        (!settings.swissgrid).then(|| "Set sources.swissgrid = true.".to_owned())
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let Subject::Statistic(Statistic::Overview, market) = &ask.subject else { return None };
        let year = year(last(ask), ask);
        if market.code() != MARKET || year < YEAR_MIN {
            return None;
        }
        let base = settings.swissgrid_url.trim_end_matches('/');
        Some(Request {
            url: format!("{base}/EnergieUebersichtCH-{year}.xlsx"),
            secret: None,
            reach: reach(base, SWISSGRID),
            accept: None,
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        let now = ask.at.with_timezone(&ask.subject.time_zone());
        let has_begun = year(last(ask), ask) >= now.year();
        match status {
            200 => {}
            // The file of a year comes with its first month.
            404 if has_begun && now.month() <= MONTH_MAX_WITHOUT => return Ok(Reading::default()),
            _ => return Err(refusal(status, body)),
        }
        let mut overview = Overview::new(ask);
        workbook::rows(body, SHEET, &mut |row| overview.row(row))?;
        overview.reading()
    }
}

/// The local year of an instant.
fn year(of: DateTime<Utc>, ask: &Ask) -> i32 {
    local_date(of, ask.subject.time_zone()).year()
}

/// An instant of the last day that is asked about.
fn last(ask: &Ask) -> DateTime<Utc> {
    ask.range.to - Duration::seconds(1)
}

/// What is read of a sheet so far, row by row.
struct Overview<'a> {
    ask: &'a Ask,
    year: i32,
    rows: usize,
    state: State,
    /// The columns that are there, as places in [`COLUMNS`] and in a row.
    columns: Vec<(usize, usize)>,
    points: Vec<Vec<(DateTime<Utc>, Option<f64>)>>,
    odd: usize,
    first_odd: Option<String>,
    findings: Vec<Finding>,
}

enum State {
    /// The names of the columns have not come yet.
    Names,
    /// The units come next.
    Units,
    /// The first label comes next, which tells what labels mark.
    First,
    /// Values.
    Values(WallClock),
}

impl<'a> Overview<'a> {
    /// Nothing is read yet.
    fn new(ask: &'a Ask) -> Self {
        Self {
            ask,
            year: year(last(ask), ask),
            rows: 0,
            state: State::Names,
            columns: Vec::new(),
            points: vec![Vec::new(); COLUMNS.len()],
            odd: 0,
            first_odd: None,
            findings: Vec::new(),
        }
    }

    /// Takes the next row.
    fn row(&mut self, row: &[Cell]) -> Result<(), ReadError> {
        self.rows += 1;
        match self.state {
            State::Names => return self.names(row),
            State::Units => return self.units(row),
            State::First | State::Values(_) => {}
        }
        let Some(label) = row.first().and_then(label) else {
            if row.iter().any(|cell| *cell != Cell::Empty) {
                self.odd("it has no instant");
            }
            return Ok(());
        };
        if matches!(self.state, State::First) {
            let marks_end = self.marks_end(label)?;
            let zone = self.ask.subject.time_zone();
            self.state = State::Values(WallClock::new(zone, marks_end));
        }
        let State::Values(clock) = &mut self.state else { return Ok(()) };
        let ts = clock.start(label);
        let Some(ts) = ts.filter(|ts| year(*ts, self.ask) == self.year) else {
            let what = if ts.is_some() { "it is of another year" } else { "no clock shows it" };
            self.odd(&format!("{label}: {what}"));
            return Ok(());
        };
        // The whole year comes with each answer; what nobody asked for is nothing odd.
        if self.ask.range.contains(ts) {
            self.values(ts, row);
        }
        Ok(())
    }

    fn names(&mut self, row: &[Cell]) -> Result<(), ReadError> {
        for (index, (name, ..)) in COLUMNS.iter().enumerate() {
            let mut own = row.iter().enumerate().filter(|(_, cell)| is_named(cell, name));
            let Some((place, _)) = own.next() else { continue };
            if own.next().is_some() {
                let what = format!("two columns are called {name}");
                return Err(ReadError::Contradiction(what));
            }
            self.columns.push((index, place));
        }
        if !self.columns.is_empty() {
            self.state = State::Units;
            return self.check_columns();
        }
        if self.rows < ROWS_ABOVE_MAX { Ok(()) } else { Err(other()) }
    }

    fn check_columns(&mut self) -> Result<(), ReadError> {
        let has = |index: usize| self.columns.iter().any(|(own, _)| *own == index);
        let missing: Vec<&str> =
            (0..COLUMNS.len()).filter(|at| !has(*at)).map(|at| COLUMNS[at].0).collect();
        if (0..NEEDED).any(|index| !has(index)) {
            return Err(other());
        }
        if !missing.is_empty() {
            let what = format!("there is no column {}", missing.join(", "));
            self.findings.push(Finding::Odd(what));
        }
        Ok(())
    }

    fn units(&mut self, row: &[Cell]) -> Result<(), ReadError> {
        for (index, place) in &self.columns {
            let unit = match row.get(*place) {
                Some(Cell::Text(unit)) => unit.trim(),
                _ => "no unit",
            };
            if unit != "kWh" {
                let given = format!("{} ({})", quoted(unit.as_bytes()), COLUMNS[*index].0);
                return Err(ReadError::WrongUnit { given, expected: "kWh" });
            }
        }
        self.state = State::First;
        Ok(())
    }

    /// Whether labels mark the end of a quarter hour, by the first one of a year.
    fn marks_end(&mut self, first: NaiveDateTime) -> Result<bool, ReadError> {
        let marks_end = match (first.month(), first.day(), first.hour(), first.minute()) {
            (1, 1, 0, 0) => false,
            (1, 1, 0, 15) => true,
            _ => {
                let what = format!(
                    "the first label is {first}, so nobody knows whether labels mark beginnings or ends"
                );
                return Err(ReadError::Contradiction(what));
            }
        };
        if marks_end == (first.year() >= YEAR_OF_STARTS) {
            let which = if marks_end { "ends" } else { "beginnings" };
            let what = format!("labels of {} mark {which} of quarter hours", first.year());
            self.findings.push(Finding::Odd(what));
        }
        Ok(marks_end)
    }

    fn values(&mut self, ts: DateTime<Utc>, row: &[Cell]) {
        for at in 0..self.columns.len() {
            let (index, place) = self.columns[at];
            let value = match row.get(place) {
                None | Some(Cell::Empty) => Ok(None),
                Some(Cell::Number(number)) => Ok(Some(*number)),
                Some(Cell::Text(text)) => number(text),
                Some(Cell::Other) => Err("it is no number".to_owned()),
            };
            match value {
                Ok(value) => {
                    self.points[index].push((ts, value.map(|kwh| kwh * MW_PER_KWH)));
                }
                Err(what) => self.odd(&format!("{} at {ts}: {what}", COLUMNS[index].0)),
            }
        }
    }

    fn odd(&mut self, what: &str) {
        let row = self.rows;
        self.odd += 1;
        self.first_odd.get_or_insert_with(|| format!("row {row}: {what}"));
    }

    /// What the sheet says.
    fn reading(mut self) -> Result<Reading, ReadError> {
        if matches!(self.state, State::Names | State::Units) {
            return Err(other());
        }
        if let Some(first) = self.first_odd {
            if self.points.iter().all(Vec::is_empty) {
                return Err(ReadError::Broken(first));
            }
            let what = format!("{} rows or cells cannot be used, the first in {first}", self.odd);
            self.findings.push(Finding::Odd(what));
        }
        let named = COLUMNS.iter().zip(self.points).filter(|(_, points)| !points.is_empty());
        let values = named.map(|((_, head, tail), points)| Values {
            name: format!("{head}:{MARKET}{tail}"),
            unit: "MW",
            interval_s: QUARTER_S,
            publication: Publication::Reported(REPORTED_DAYS),
            is_feature: false,
            limit: LIMIT_MW,
            points,
        });
        Ok(Reading { values: values.collect(), findings: self.findings, ..Reading::default() })
    }
}

fn other() -> ReadError {
    ReadError::NotExpected {
        expected: "an energy overview with sums of the control area",
        found: "a sheet with other columns",
    }
}

/// Whether a cell is the column's name: its German part stands in the first line.
fn is_named(cell: &Cell, name: &str) -> bool {
    let Cell::Text(text) = cell else { return false };
    let line = text.trim().lines().next().unwrap_or_default();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    line == name || name.len() >= LONG_NAME && line.starts_with(name)
}

/// What a sheet says that is written as text, with tabs between cells; for the fuzzer, which cannot pack.
#[cfg(any(fuzzing, test))]
pub(in crate::facts::ingest) fn read_cells(
    payload: &[u8],
    ask: &Ask,
) -> Result<Reading, ReadError> {
    let cell = |text: &str| match text.parse() {
        Ok(number) => Cell::Number(number),
        Err(_) if text.is_empty() => Cell::Empty,
        Err(_) => Cell::Text(text.to_owned()),
    };
    let mut overview = Overview::new(ask);
    for line in String::from_utf8_lossy(payload).lines() {
        let row: Vec<Cell> = line.split('\t').map(cell).collect();
        overview.row(&row)?;
    }
    overview.reading()
}

/// The wall-clock time in a cell: a text, or days since the end of 1899.
fn label(cell: &Cell) -> Option<NaiveDateTime> {
    match cell {
        Cell::Text(text) => NaiveDateTime::parse_from_str(text.trim(), "%d.%m.%Y %H:%M").ok(),
        Cell::Number(days) if (1.0..100_000.0).contains(days) => {
            let midnight = NaiveDate::from_ymd_opt(1899, 12, 30)?.and_time(NaiveTime::MIN);
            // Fractions of a day are not exact.
            #[expect(clippy::cast_possible_truncation, reason = "the days are bounded")]
            let minutes = (days * 1_440.0).round() as i64;
            midnight.checked_add_signed(Duration::minutes(minutes))
        }
        _ => None,
    }
}

/// From labels to instants, in the order of the rows: only that tells which of two hours is meant when
/// the clock goes back.
struct WallClock {
    zone: Tz,
    marks_end: bool,
    /// The beginning before, on the wall.
    before: Option<NaiveDateTime>,
    /// Whether the clock has gone back already.
    is_second: bool,
}

impl WallClock {
    const fn new(zone: Tz, marks_end: bool) -> Self {
        Self { zone, marks_end, before: None, is_second: false }
    }

    /// The beginning of the quarter hour with a label; absent where no clock shows it.
    fn start(&mut self, label: NaiveDateTime) -> Option<DateTime<Utc>> {
        let quarter = Duration::seconds(QUARTER_S.into());
        let wall = if self.marks_end { label.checked_sub_signed(quarter)? } else { label };
        let went_back = self.before.is_some_and(|before| wall < before);
        self.before = Some(wall);
        match instants_of(wall, self.zone) {
            WallTime::Once(at) => {
                self.is_second = false;
                // An end written as it is on the wall: the quarter hour began before the clock went back.
                match instants_of(label, self.zone) {
                    WallTime::Twice(_, second) if self.marks_end && went_back => {
                        self.is_second = true;
                        second.checked_sub_signed(quarter)
                    }
                    _ => Some(at),
                }
            }
            WallTime::Twice(first, second) => {
                self.is_second |= went_back;
                Some(if self.is_second { second } else { first })
            }
            // The clock jumps over the beginning, so the end is meant as it is on the wall.
            WallTime::Skipped if self.marks_end => match instants_of(label, self.zone) {
                WallTime::Once(end) => end.checked_sub_signed(quarter),
                _ => None,
            },
            WallTime::Skipped => None,
        }
    }
}
