//! Every way in which a file can be refused.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::UnknownUnit;
use crate::base::ids::{Market, Product};

/// A row that cannot be read, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BadRow {
    /// Line number in the file (row number in Parquet), counted from 1.
    pub line: u64,
    /// Header of the offending column.
    pub column: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column '{}': {}", self.line, self.column, self.reason)
    }
}

/// Why a file was refused; nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No byte, or nothing but white space.
    #[error("the file is empty")]
    Empty,
    /// The first line is a row already.
    #[error("the first line is data ('{cell}'), not a header; name the columns in it")]
    NoHeader {
        /// The telling cell.
        cell: String,
    },
    /// A header and nothing below it.
    #[error("the file has a header ({}) but no rows", listed(.columns))]
    HeaderOnly {
        /// Headers found.
        columns: Vec<String>,
    },
    /// More bytes than anyone's price history has.
    #[error("the file holds more than {max_mb} MB once unpacked; split it")]
    TooLarge {
        /// The limit.
        max_mb: usize,
    },
    /// More rows than anyone's price history has.
    #[error("the file has more than {max} rows; split it")]
    TooManyRows {
        /// The limit.
        max: u64,
    },
    /// More columns than a table of prices has.
    #[error("the file has {found} columns; at most {max} are read")]
    TooManyColumns {
        /// Columns of the header.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// A line that no table of prices has.
    #[error("line {line} is {bytes} bytes long; at most {max} are read")]
    LineTooLong {
        /// Line number.
        line: u64,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The gzip stream is cut off or damaged.
    #[error("the gzip file cannot be unpacked: it is cut off or damaged")]
    Gzip(#[source] std::io::Error),
    /// Something else than a table.
    #[error("the file is {what}, not CSV, gzipped CSV or Parquet")]
    NotATable {
        /// What it looks like.
        what: &'static str,
    },
    /// A table in which rows and columns cannot be told apart.
    #[error("the header '{header}' has a single column; separators may be ',', ';' or a tab")]
    OneColumn {
        /// First line, shortened.
        header: String,
    },
    /// The CSV reader gave up.
    #[error("the file cannot be read as CSV")]
    Csv(#[from] csv::Error),
    /// The Parquet reader gave up; the text is its own.
    #[error("the file cannot be read as Parquet: {0}")]
    Parquet(String),
    /// A stated time of publication that has not come yet.
    #[error(
        "the price of {ts} is said to have become known at {known_at}, which has not come yet; \
         check the stated time of publication and its time zone"
    )]
    KnownInFuture {
        /// Start of the price's interval.
        ts: DateTime<Utc>,
        /// What was stated.
        known_at: DateTime<Utc>,
    },
    /// A column that was asked for and is not there.
    #[error("there is no column '{name}'; the file has {}", listed(.columns))]
    NoSuchColumn {
        /// What was asked for.
        name: String,
        /// Headers found.
        columns: Vec<String>,
    },
    /// No column holds times.
    #[error("no column holds times; the file has {}", listed(.columns))]
    NoTimeColumn {
        /// Headers found.
        columns: Vec<String>,
    },
    /// No column, or more than one, could be the price.
    #[error(
        "which column holds the prices of {market}? Name it (--column); the file has {}",
        listed(.columns)
    )]
    NoPriceColumn {
        /// Market asked for.
        market: Market,
        /// Headers found.
        columns: Vec<String>,
    },
    /// No column, or more than one, could be what the meter read.
    #[error(
        "which columns hold what the meter read? Name them (--column, --production-column); the \
         file has {}",
        listed(.columns)
    )]
    NoReadingColumn {
        /// Headers found.
        columns: Vec<String>,
    },
    /// No column could be weather.
    #[error(
        "which columns hold the weather? Name them (--column temperature:°C:HEADER); the file has {}",
        listed(.columns)
    )]
    NoWeatherColumn {
        /// Headers found.
        columns: Vec<String>,
    },
    /// Two columns for one variable.
    #[error("two columns are named for {variable}; a place has one series of it")]
    WeatherTwice {
        /// The variable.
        variable: &'static str,
    },
    /// Wind is in m/s to some and in km/h to others.
    #[error(
        "column '{column}' names no unit; say m/s, km/h, kn or mph (--column wind_speed:km/h:{column})"
    )]
    NoWindUnit {
        /// Header.
        column: String,
    },
    /// A place that cannot be part of a name.
    #[error("the place '{place}' {reason}")]
    BadPlace {
        /// What was given.
        place: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Intervals of weather that are not stored.
    #[error(
        "the rows are {step_s} s apart; weather of 5 minutes to a day is read, in steps that fill \
         a day (300 to 86400 s)"
    )]
    WeatherStep {
        /// The most frequent spacing.
        step_s: i64,
    },
    /// Neither the header nor the caller says the unit.
    #[error("column '{column}' names no unit; say kW, W, kWh or Wh (--unit)")]
    NoReadingUnit {
        /// Header.
        column: String,
    },
    /// Power in kWh, or energy in kW.
    #[error("power is stated in kW or W, energies and counters in kWh or Wh; check kind and unit")]
    ReadingKind,
    /// One row has no spacing.
    #[error("a single row does not show how long its interval is; two are needed")]
    SingleReading,
    /// Intervals that are not stored.
    #[error(
        "the rows are {step_s} s apart; readings of 1 to 60 minutes are read, in steps that fill an \
         hour (60 to 3600 s)"
    )]
    ReadingStep {
        /// The most frequent spacing.
        step_s: i64,
    },
    /// Two lengths in one file.
    #[error(
        "the rows come closer together in line {line}; import one length of intervals at a time"
    )]
    ReadingStepChanges {
        /// Where.
        line: u64,
    },
    /// More than any building takes.
    #[error("more than 100000 kW at {ts}; check kind and unit")]
    AbsurdPower {
        /// Start of the interval.
        ts: DateTime<Utc>,
    },
    /// Readings of a time that has not come yet.
    #[error("the file has readings of {ts}, which has not come yet; check the zone")]
    ReadInFuture {
        /// Start of the interval.
        ts: DateTime<Utc>,
    },
    /// The column is there but empty.
    #[error("column '{column}' has no value in any row")]
    NoValues {
        /// Header.
        column: String,
    },
    /// A unit that cannot be turned into EUR/MWh.
    #[error("column '{column}' cannot be read: {unit}")]
    Unit {
        /// Header.
        column: String,
        /// The unit in it.
        #[source]
        unit: UnknownUnit,
    },
    /// Published forecasts are not prices.
    #[error(
        "the file holds published forecasts (column '{column}'), not market prices: \
         give it to `luna evaluate epf --published`"
    )]
    ForecastFile {
        /// The telling header.
        column: String,
    },
    /// Simulated markets take no files.
    #[error("{market} holds simulated prices only; import into the market the file is about")]
    SimulatedMarket {
        /// Market asked for.
        market: Market,
    },
    /// A benchmark file for a market that is none.
    #[error(
        "columns 'Exogenous 1/2' mark a benchmark file, which belongs to EPF-DE, EPF-BE, EPF-FR, \
         EPF-NP or EPF-PJM, not to {market}"
    )]
    NotABenchmark {
        /// Market asked for.
        market: Market,
    },
    /// The rows are spaced like no product.
    #[error(
        "the rows are {step_s} s apart; day-ahead prices are read hourly (3600 s) or by quarter \
         hour (900 s)"
    )]
    Resolution {
        /// The most frequent spacing.
        step_s: i64,
    },
    /// Two resolutions in one file.
    #[error(
        "the file mixes steps of {usual_s} s and {other_s} s (from line {line} on); import one \
         resolution at a time"
    )]
    MixedResolution {
        /// The most frequent spacing.
        usual_s: i64,
        /// The other one.
        other_s: i64,
        /// Where the other one begins.
        line: u64,
    },
    /// One row has no spacing.
    #[error(
        "a single row does not show whether its price is for an hour or a quarter hour; name the product"
    )]
    SingleRow,
    /// The spacing contradicts the product asked for.
    #[error("the rows are {step_s} s apart, which is not {}", .product.name())]
    ProductMismatch {
        /// Product asked for.
        product: Product,
        /// The most frequent spacing.
        step_s: i64,
    },
    /// Rows that cannot be read; nothing was imported.
    #[error("{total} {} cannot be read, nothing was imported: {}", rows(*.total), sentences(.first))]
    BadRows {
        /// The first of them, in order of line.
        first: Vec<BadRow>,
        /// All of them.
        total: u64,
    },
}

fn rows(total: u64) -> &'static str {
    if total == 1 { "row" } else { "rows" }
}

fn listed(columns: &[String]) -> String {
    const SHOWN: usize = 30;
    let mut text: Vec<String> = columns
        .iter()
        .take(SHOWN)
        .map(|name| format!("'{}'", name.chars().take(60).collect::<String>()))
        .collect();
    if columns.len() > SHOWN {
        text.push(format!("and {} more", columns.len() - SHOWN));
    }
    text.join(", ")
}

fn sentences(rows: &[BadRow]) -> String {
    rows.iter().map(BadRow::to_string).collect::<Vec<_>>().join("; ")
}
