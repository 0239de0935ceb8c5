//! What is asked, what is read, and what is wrong with it.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::municipal::MunicipalTariff;
use super::subject::Subject;
use crate::base::ids::{Market, Product};
use crate::base::timeline::TimeRange;
use crate::facts::market;
use crate::facts::series;
use crate::facts::tariffs;

/// The question behind a request: whole local days of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// What is asked about.
    pub subject: Subject,
    /// From the start of the first day to the end of the last.
    pub range: TimeRange,
    /// When it is asked: some sources keep what is old elsewhere.
    pub at: DateTime<Utc>,
}

impl Ask {
    /// The market that is asked about, if it is one.
    pub const fn market(&self) -> Option<&Market> {
        self.subject.market()
    }
}

/// One price as a source states it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quote {
    /// Start of delivery.
    pub ts: DateTime<Utc>,
    /// Auction and market time unit.
    pub product: Product,
    /// EUR/MWh; absent where the source says that there is none yet.
    pub price: Option<f64>,
}

/// No value of a grid, a sky or a currency is larger.
pub(super) const VALUE_MAX: f64 = 1e7;

/// How it is known when a value of a series became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publication {
    /// Measured: at the end of its interval.
    Measured,
    /// A forecast that is published once, in the morning of the day before.
    DayAhead,
    /// A forecast that is made anew several times a day: when it came.
    Rolling,
    /// Once a day, in the afternoon of the day itself.
    Afternoon,
    /// Measured and reported with a delay: so many local days after the day of its instant.
    Reported(i64),
}

/// Values of one series as a source states them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Values {
    /// Name, e.g. `load_forecast:CH`.
    pub name: String,
    /// Unit, e.g. `MW`.
    pub unit: &'static str,
    /// Length of the intervals in which the source states them.
    pub interval_s: i32,
    /// How it is known when they became known.
    pub publication: Publication,
    /// Whether models may learn from it.
    pub is_feature: bool,
    /// Greatest magnitude that there is; what is beyond is kept apart value by value.
    pub limit: f64,
    /// Start of the interval and value, in any order; absent where the source has none yet.
    pub points: Vec<(DateTime<Utc>, Option<f64>)>,
}

/// Prices of a retail tariff as its operator states them; without quotes nothing is published yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TariffPrices {
    /// Every price by the quarter hour, in any order.
    pub quotes: Vec<tariffs::Quote>,
    /// When the operator says that it published.
    pub published_at: Option<DateTime<Utc>>,
    /// Monthly fee without VAT, in CHF.
    pub base_chf_month: Option<f64>,
}

/// What an answer says; without quotes and values nothing is published yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    /// Every price, in any order.
    pub quotes: Vec<Quote>,
    /// Everything that is not a price, series by series.
    pub values: Vec<Values>,
    /// Prices of a retail tariff.
    pub tariff: TariffPrices,
    /// What electricity costs in a municipality; handed on, not stored.
    pub municipal: Vec<MunicipalTariff>,
    /// Addresses of the files that hold what was asked about, where the answer is a list of them.
    pub next: Vec<String>,
    /// The licence that comes with the answer.
    pub licence: Option<String>,
    /// What was left out.
    pub findings: Vec<Finding>,
}

/// Something odd that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The same value several times.
    Duplicates(usize),
    /// Values that nobody asked for.
    Outside(usize),
    /// A day that is not over and not complete; nothing of it is stored.
    Incomplete { day: NaiveDate, product: Product, found: usize, expected: usize },
    /// A past day that stays incomplete.
    Gaps { day: NaiveDate, product: Product, found: usize, expected: usize },
    /// A day on which every price is zero; nothing of it is stored.
    AllZero { day: NaiveDate },
    /// A series that is not the one asked for.
    OtherSeries(String),
    /// Something in words.
    Odd(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicates(count) => write!(f, "{count} values came more than once"),
            Self::Outside(count) => write!(f, "{count} values outside of the days asked for"),
            Self::Incomplete { day, product, found, expected } => write!(
                f,
                "{day} ({}) has {found} of {expected} prices and is left out",
                product.name()
            ),
            Self::Gaps { day, product, found, expected } => {
                write!(f, "{day} ({}) has {found} of {expected} prices", product.name())
            }
            Self::AllZero { day } => write!(f, "{day} is zero all day and is left out"),
            Self::OtherSeries(what) => write!(f, "a series is left out: {what}"),
            Self::Odd(what) => f.write_str(what),
        }
    }
}

/// An answer of which nothing can be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Another kind of answer altogether.
    #[error("the answer is {found}, not {expected}")]
    NotExpected {
        /// What should have come.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// Cut off or malformed.
    #[error("the answer cannot be read: {0}")]
    Broken(String),
    /// Values in another unit.
    #[error("values are in {given}, not in {expected}")]
    WrongUnit {
        /// What the source says.
        given: String,
        /// What it should say.
        expected: &'static str,
    },
    /// More days than the source hands out at once.
    #[error("the source wants fewer days at once: {0}")]
    TooMuch(String),
    /// Parts that do not fit together.
    #[error("the answer contradicts itself: {0}")]
    Contradiction(String),
    /// The source refuses the question.
    #[error("the source refuses with status {status}: {reason}")]
    Refused {
        /// Status of the answer.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// Asked too often.
    #[error("the source wants to be asked less often")]
    TooOften,
    /// The source is ill.
    #[error("the source answers with status {0}")]
    Failing(u16),
}

impl ReadError {
    /// Whether a payload came that makes no sense, and not a refusal.
    pub const fn is_of_payload(&self) -> bool {
        matches!(
            self,
            Self::NotExpected { .. }
                | Self::Broken(_)
                | Self::WrongUnit { .. }
                | Self::Contradiction(_)
        )
    }
}

/// What became of values; the counts add up to those that were fit to be stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// New ones.
    pub inserted: u64,
    /// Those that say something else than before.
    pub replaced: u64,
    /// Those that say what is stored.
    pub unchanged: u64,
    /// Those that something newer outranks.
    pub outranked: u64,
}

impl Kept {
    /// Both together.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            inserted: self.inserted + other.inserted,
            replaced: self.replaced + other.replaced,
            unchanged: self.unchanged + other.unchanged,
            outranked: self.outranked + other.outranked,
        }
    }
}

impl From<market::Stored> for Kept {
    fn from(stored: market::Stored) -> Self {
        Self {
            inserted: stored.inserted,
            replaced: stored.replaced,
            unchanged: stored.unchanged,
            outranked: stored.refused_older + stored.duplicates,
        }
    }
}

impl From<series::Stored> for Kept {
    fn from(stored: series::Stored) -> Self {
        Self {
            inserted: stored.inserted,
            replaced: stored.replaced,
            unchanged: stored.unchanged,
            outranked: stored.duplicates,
        }
    }
}

impl From<tariffs::Stored> for Kept {
    fn from(stored: tariffs::Stored) -> Self {
        Self {
            inserted: stored.inserted,
            replaced: stored.replaced,
            unchanged: stored.unchanged,
            outranked: stored.refused_older + stored.refused_late + stored.duplicates,
        }
    }
}

/// What asking a source brought.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FetchReport {
    /// Who was asked.
    pub source: &'static str,
    /// What about.
    pub subject: Subject,
    /// First local day asked for.
    pub first: NaiveDate,
    /// Last local day asked for.
    pub last: NaiveDate,
    /// Values that were fit to be stored.
    pub values: usize,
    /// What became of them.
    pub stored: Kept,
    /// Start of the newest of them.
    pub newest: Option<DateTime<Utc>>,
    /// Answers that were in the archive already, from a back-fill that was cut off.
    pub resumed: usize,
    /// What was odd.
    pub findings: Vec<String>,
}

impl FetchReport {
    /// A report of nothing yet.
    pub(super) fn new(source: &'static str, ask: (&Subject, NaiveDate, NaiveDate)) -> Self {
        let (subject, first, last) = ask;
        Self {
            source,
            subject: subject.clone(),
            first,
            last,
            values: 0,
            stored: Kept::default(),
            newest: None,
            resumed: 0,
            findings: Vec::new(),
        }
    }

    /// This report with what another answer brought.
    pub(super) fn add(&mut self, other: Self) {
        self.values += other.values;
        self.stored = self.stored.plus(other.stored);
        self.newest = self.newest.max(other.newest);
        self.resumed += other.resumed;
        self.findings.extend(other.findings);
    }

    /// What happened in one sentence.
    pub(super) fn words(&self) -> String {
        let found = match self.findings.as_slice() {
            [] => String::new(),
            findings => format!("; {}", findings.join("; ")),
        };
        match self.values {
            0 => format!("nothing published{found}"),
            values => format!("{values} values{found}"),
        }
    }
}

/// A source as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SourceStatus {
    /// Name in settings, logs and commands.
    #[schema(example = "energy_charts")]
    pub name: &'static str,
    /// What it delivers.
    #[schema(example = "Day-ahead prices")]
    pub what: &'static str,
    /// Whether it is asked by itself.
    pub is_enabled: bool,
    /// Why it cannot be asked, with the fix; absent when it can.
    pub needs: Option<String>,
    /// Must be shown wherever its data is.
    #[schema(example = "energy-charts.info")]
    pub attribution: &'static str,
    /// How asking it went, subject by subject.
    pub subjects: Vec<SubjectStatus>,
}

/// How asking a source about a subject went last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SubjectStatus {
    /// What it was asked about.
    #[schema(value_type = String, example = "price:CH")]
    pub subject: Subject,
    /// The same in words.
    #[schema(example = "Day-ahead prices")]
    pub what: &'static str,
    /// When it was asked last.
    pub asked_at: Option<DateTime<Utc>>,
    /// When it answered well last.
    pub last_success_at: Option<DateTime<Utc>>,
    /// When it failed last.
    pub last_failure_at: Option<DateTime<Utc>>,
    /// Why it fails; absent while it does not.
    pub failure: Option<String>,
    /// Licence that came with the data.
    pub licence: Option<String>,
    /// Start of the newest value that it delivered.
    pub newest: Option<DateTime<Utc>>,
}
