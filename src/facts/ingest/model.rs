//! What is asked, what is read, and what is wrong with it.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::{Market, Product};
use crate::base::timeline::TimeRange;
use crate::facts::market::Stored;

/// The question behind a request: the prices of whole local days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// Whose prices.
    pub market: Market,
    /// From the start of the first day to the end of the last.
    pub range: TimeRange,
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

/// What an answer says; without quotes nothing is published yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    /// Every price, in any order.
    pub quotes: Vec<Quote>,
    /// The licence that comes with the answer.
    pub licence: Option<String>,
    /// What was left out.
    pub findings: Vec<Finding>,
}

/// Something odd that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The same price several times.
    Duplicates(usize),
    /// Prices that nobody asked for.
    Outside(usize),
    /// A day that is not over and not complete; nothing of it is stored.
    Incomplete { day: NaiveDate, product: Product, found: usize, expected: usize },
    /// A past day that stays incomplete.
    Gaps { day: NaiveDate, product: Product, found: usize, expected: usize },
    /// A day on which every price is zero; nothing of it is stored.
    AllZero { day: NaiveDate },
    /// A series that is not the one asked for.
    OtherSeries(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicates(count) => write!(f, "{count} prices came more than once"),
            Self::Outside(count) => write!(f, "{count} prices outside of the days asked for"),
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
    /// Prices in another unit.
    #[error("prices are in {0}, not in EUR/MWh")]
    WrongUnit(String),
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

/// What asking a source brought.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FetchReport {
    /// Who was asked.
    pub source: &'static str,
    /// Whose prices.
    pub market: Market,
    /// First local day asked for.
    pub first: NaiveDate,
    /// Last local day asked for.
    pub last: NaiveDate,
    /// Prices that were fit to be stored.
    pub prices: usize,
    /// What became of them.
    pub stored: Stored,
    /// Start of the newest of them.
    pub newest: Option<DateTime<Utc>>,
    /// What was odd.
    pub findings: Vec<String>,
}

impl FetchReport {
    /// A report of nothing yet.
    pub(super) fn new(source: &'static str, ask: (&Market, NaiveDate, NaiveDate)) -> Self {
        let (market, first, last) = ask;
        Self {
            source,
            market: market.clone(),
            first,
            last,
            prices: 0,
            stored: Stored::default(),
            newest: None,
            findings: Vec::new(),
        }
    }

    /// This report with what another answer brought.
    pub(super) fn add(&mut self, other: Self) {
        self.prices += other.prices;
        self.stored.inserted += other.stored.inserted;
        self.stored.replaced += other.stored.replaced;
        self.stored.unchanged += other.stored.unchanged;
        self.stored.refused_older += other.stored.refused_older;
        self.stored.duplicates += other.stored.duplicates;
        self.newest = self.newest.max(other.newest);
        self.findings.extend(other.findings);
    }

    /// What happened in one sentence.
    pub(super) fn words(&self) -> String {
        let found = match self.findings.as_slice() {
            [] => String::new(),
            findings => format!("; {}", findings.join("; ")),
        };
        match self.prices {
            0 => format!("nothing published{found}"),
            prices => format!("{prices} prices{found}"),
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
    /// How asking it went, market by market.
    pub markets: Vec<MarketStatus>,
}

/// How asking a source for a market went last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MarketStatus {
    /// Market.
    pub market: Market,
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
    /// Start of the newest price of the market, whoever delivered it.
    pub newest: Option<DateTime<Utc>>,
}
