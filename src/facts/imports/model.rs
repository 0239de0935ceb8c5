//! What an import is told, and what it gives back.

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::BadRow;
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

impl KnownAtRule {
    /// The rule that an instant or a column makes; the column wins, without either it is assumed.
    pub fn of(instant: Option<DateTime<Utc>>, column: Option<String>) -> Self {
        match (column, instant) {
            (Some(column), _) => Self::Column(column),
            (None, Some(instant)) => Self::At(instant),
            (None, None) => Self::Assumed,
        }
    }
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
    /// The first wrong rows that were skipped, and how many there are.
    pub wrong: (Vec<BadRow>, u64),
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
