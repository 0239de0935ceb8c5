//! What the pages about forecasts are made from.

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::base::ids::{Market, Product};
use crate::decisions::value::Value;
use crate::learning::accuracy::AccuracyReport;
use crate::learning::accuracy::DayCase;
use crate::learning::accuracy::Scored;
use crate::surfaces::dashboards::prices::Offer;

/// Unit of everything that is no money.
pub(super) const UNIT: &str = "EUR/MWh";

/// Everything the page about forecasts shows.
#[derive(Debug, Clone)]
pub struct ForecastInput {
    /// Zone of the wall clocks.
    pub zone: Tz,
    /// How good the forecasts were.
    pub report: AccuracyReport,
    /// What following them was worth.
    pub value: Value,
    /// The markets with prices.
    pub offers: Vec<Offer>,
    /// Choices of the look back, in days.
    pub choices: [i64; 3],
}

/// One day's forecast next to what came.
#[derive(Debug, Clone)]
pub struct DayInput {
    /// Zone of the wall clocks.
    pub zone: Tz,
    /// Market.
    pub market: Market,
    /// Product.
    pub product: Product,
    /// Days behind the last published day.
    pub lead_day: i16,
    /// The local day.
    pub day: NaiveDate,
    /// Its delivery periods that were forecast in time, oldest first.
    pub rows: Vec<Scored>,
    /// What the forecast stood on; absent when nothing was scored.
    pub case: Option<DayCase>,
}
