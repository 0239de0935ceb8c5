//! What an import is told, what it gives back, and every way in which a file can be refused.

use std::fmt;

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::ids::{Market, Product};
use crate::base::timeline::{add_days, at_local, local_date};

/// How a price file is to be read; what is left open is found out from the file.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Market the prices belong to; benchmark files lead to its `EPF-` counterpart.
    pub market: Market,
    /// Header of the column with the start of the interval.
    pub time_column: Option<String>,
    /// Header of the column with the price.
    pub column: Option<String>,
    /// Unit of the price; without it the header's unit, else EUR/MWh.
    pub unit: Option<PriceUnit>,
    /// Zone of times without offset; without it the header's hint, else the market's zone.
    pub zone: Option<Tz>,
    /// Product; without it the spacing of the rows decides.
    pub product: Option<Product>,
    /// When the prices became known.
    pub known_at: KnownAtRule,
    /// What the stored rows name as their source; without it `import:` and the name of the file.
    pub source: Option<String>,
    /// Read and check, store nothing.
    pub dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file.
    pub skip_bad_rows: bool,
}

impl ImportOptions {
    /// Options that leave everything but the market to the file.
    pub const fn new(market: Market) -> Self {
        Self {
            market,
            time_column: None,
            column: None,
            unit: None,
            zone: None,
            product: None,
            known_at: KnownAtRule::Assumed,
            source: None,
            dry_run: false,
            skip_bad_rows: false,
        }
    }
}

/// Where the instant of publication comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownAtRule {
    /// Prices 13:00, exogenous forecasts 09:30 local on the day before delivery, marked as assumed.
    Assumed,
    /// Everything became known at one instant.
    At(DateTime<Utc>),
    /// A column of the file; rows without an entry fall back to the assumption.
    Column(String),
}

/// Assumed publication of the day-ahead price of the interval at `ts`: 13:00 local, day before.
pub fn assumed_price_known_at(ts: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    on_the_day_before(ts, zone, NaiveTime::from_hms_opt(13, 0, 0))
}

/// Assumed publication of a day-ahead forecast of the interval at `ts`: 09:30 local, day before.
pub fn assumed_forecast_known_at(ts: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    on_the_day_before(ts, zone, NaiveTime::from_hms_opt(9, 30, 0))
}

fn on_the_day_before(ts: DateTime<Utc>, zone: Tz, time: Option<NaiveTime>) -> DateTime<Utc> {
    at_local(add_days(local_date(ts, zone), -1), time.unwrap_or(NaiveTime::MIN), zone)
}

/// Unit in which a file states prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PriceUnit {
    /// Euro per megawatt hour.
    EurPerMwh,
    /// Euro per kilowatt hour.
    EurPerKwh,
    /// Euro cent per kilowatt hour.
    CentPerKwh,
}

/// A text that names no unit Luna can turn into EUR/MWh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{given}' is not a unit of wholesale prices here; known are EUR/MWh, EUR/kWh and ct/kWh \
     (other currencies would need an exchange rate)"
)]
pub struct UnknownUnit {
    /// What was written.
    pub given: String,
}

impl PriceUnit {
    /// The unit of a name such as `EUR/MWh`, `€/kWh` or `ct/kWh`.
    pub fn parse(text: &str) -> Result<Self, UnknownUnit> {
        let plain: String = text
            .replace('€', "eur")
            .to_lowercase()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        match plain.as_str() {
            "eurmwh" | "europermwh" | "eurpermwh" => Ok(Self::EurPerMwh),
            "eurkwh" | "europerkwh" | "eurperkwh" => Ok(Self::EurPerKwh),
            "ctkwh" | "centkwh" | "eurctkwh" | "centskwh" => Ok(Self::CentPerKwh),
            _ => Err(UnknownUnit { given: text.to_owned() }),
        }
    }

    /// The name, e.g. `EUR/MWh`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EurPerMwh => "EUR/MWh",
            Self::EurPerKwh => "EUR/kWh",
            Self::CentPerKwh => "ct/kWh",
        }
    }

    /// A number of this unit in EUR/MWh; conversions are rounded to a millionth of a euro.
    pub fn to_eur_mwh(self, value: f64) -> f64 {
        let factor = match self {
            Self::EurPerMwh => return value,
            Self::EurPerKwh => 1_000.0,
            Self::CentPerKwh => 10.0,
        };
        (value * factor * 1e6).round() / 1e6
    }
}

impl TryFrom<String> for PriceUnit {
    type Error = UnknownUnit;

    fn try_from(text: String) -> Result<Self, UnknownUnit> {
        Self::parse(&text)
    }
}

impl From<PriceUnit> for String {
    fn from(unit: PriceUnit) -> Self {
        unit.name().to_owned()
    }
}

impl std::str::FromStr for PriceUnit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<Self, UnknownUnit> {
        Self::parse(text)
    }
}

/// A price file after reading: everything that could be stored, and what could not.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedPrices {
    /// Market the points belong to; differs from the option for benchmark files.
    pub market: Market,
    /// Product, from the spacing of the rows.
    pub product: Product,
    /// Points, oldest first, one per instant.
    pub points: Vec<ParsedPrice>,
    /// Further series of benchmark files.
    pub exogenous: Vec<ExogenousSeries>,
    /// Rows of the file below the header.
    pub rows_read: u64,
    /// What was left out, by reason.
    pub dropped: Vec<Dropped>,
    /// Sentences about what a careful reader would want to know.
    pub notes: Vec<String>,
    /// How the file was understood.
    pub columns: ColumnsUsed,
    /// What the stored rows name as their source.
    pub source: String,
}

/// One price, ready to be stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParsedPrice {
    /// Start of the interval.
    pub ts: DateTime<Utc>,
    /// Length of the interval.
    pub interval_s: i32,
    /// Price; finite.
    pub price_eur_mwh: f64,
    /// One published value stands for two hours (autumn clock change of a levelled file).
    pub estimated: bool,
    /// When the price became known.
    pub known_at: DateTime<Utc>,
    /// Whether that instant is a rule, not a record.
    pub known_at_assumed: bool,
}

/// A further column of a benchmark file: a forecast published on the day before.
#[derive(Debug, Clone, PartialEq)]
pub struct ExogenousSeries {
    /// Name of the series, e.g. `exo1:EPF-DE`.
    pub name: String,
    /// Header in the file, e.g. `Exogenous 1`.
    pub header: String,
    /// Unit of the values; benchmark files state megawatts.
    pub unit: &'static str,
    /// Length of one interval.
    pub interval_s: i32,
    /// Values, oldest first.
    pub rows: Vec<ExogenousRow>,
}

/// One value of an exogenous series; `known_at` is always a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExogenousRow {
    /// Start of the interval.
    pub ts: DateTime<Utc>,
    /// Assumed instant of publication.
    pub known_at: DateTime<Utc>,
    /// The value, in the unit of the series.
    pub value: f64,
}

/// Rows left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dropped {
    /// Why.
    pub reason: String,
    /// How many rows of the file.
    pub rows: u64,
    /// Their first few line numbers (row numbers in Parquet), counted from 1.
    pub lines: Vec<u64>,
}

/// How the columns and times of a file were understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColumnsUsed {
    /// Header of the times.
    pub time: String,
    /// Header of the prices.
    pub price: String,
    /// Unit the prices were read in.
    #[schema(value_type = String, example = "EUR/MWh")]
    pub unit: PriceUnit,
    /// Zone of times without offset; `None` when every time carries its own.
    pub zone: Option<String>,
}

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
    /// A column of a type that holds neither times nor numbers.
    #[error("column '{column}' has the type {found}, which holds neither times nor numbers")]
    ColumnType {
        /// Header.
        column: String,
        /// Type in the file.
        found: String,
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
