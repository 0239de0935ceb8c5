//! What the page of prices is made from: plain values, put together by whoever asks the services.

use chrono::{DateTime, NaiveDate, Utc};

use crate::base::ids::{Market, Product};
use crate::base::timeline::TimeRange;
use crate::surfaces::dashboards::pricing::{PriceInput, Quality};

/// Everything the page of prices shows, as of one instant.
#[derive(Debug, Clone)]
pub struct PricesInput {
    /// Market shown.
    pub market: Market,
    /// Product shown.
    pub product: Product,
    /// The present and what is ahead: what the sentence, the figures and the windows go by.
    pub present: PriceInput,
    /// The prices of a period that lies elsewhere; `None` where `present` covers it.
    pub elsewhere: Option<PriceInput>,
    /// Which days are shown.
    pub period: Period,
    /// The markets with prices.
    pub offers: Vec<Offer>,
    /// What a kilowatt hour costs at home, when a tariff is configured.
    pub tariff: Option<HomeTariff>,
}

impl PricesInput {
    /// The prices of the period that is shown.
    pub fn shown(&self) -> &PriceInput {
        self.elsewhere.as_ref().unwrap_or(&self.present)
    }
}

/// The days that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First local day.
    pub first: NaiveDate,
    /// Last local day.
    pub last: NaiveDate,
    /// From the start of the first to the end of the last.
    pub range: TimeRange,
    /// Whether somebody asked for other days than those around the present.
    pub is_chosen: bool,
}

/// A market with prices and its products, preferred ones first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Market.
    pub market: Market,
    /// What is traded there.
    pub products: Vec<Product>,
}

/// The prices of a tariff on one local day.
#[derive(Debug, Clone)]
pub struct HomeTariff {
    /// What people call it.
    pub name: String,
    /// Whom to name where its prices are shown.
    pub attribution: String,
    /// Local day.
    pub day: NaiveDate,
    /// Whether the standard tariff stands in for prices that were not published.
    pub is_stand_in: bool,
    /// Its slots with their parts, oldest first.
    pub slots: Vec<PartSlot>,
}

/// What a kilowatt hour costs in one slot, part by part.
#[derive(Debug, Clone)]
pub struct PartSlot {
    /// Start.
    pub ts: DateTime<Utc>,
    /// Length in seconds.
    pub interval_s: i32,
    /// The parts, which add up to what is paid.
    pub parts: Vec<Part>,
    /// Mark of the values.
    pub quality: Quality,
}

/// One part of a price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// What it is for.
    pub kind: PartKind,
    /// CHF/kWh; energy and refunds may be below zero.
    pub price_chf_kwh: f64,
}

/// What a part of a price is for, in the order of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// Energy.
    Energy,
    /// The grid.
    Grid,
    /// Levies and fees.
    Levies,
    /// Everything in one figure, where no part is published.
    Whole,
    /// What is left beside the parts that are published.
    Rest,
    /// Value added tax.
    Vat,
}
