//! What a forecast of the days ahead stands on: one answer for what is published and for who asks.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};

use super::service::origins;
use crate::base::timeline::AsOf;
use crate::base::timeline::add_days;
use crate::base::timeline::day_range;
use crate::base::timeline::local_date;
use crate::learning::features;
use crate::learning::features::FeatureSpec;
use crate::learning::features::FeatureTable;
use crate::learning::features::LEAD_DAYS_LEARNED;
use crate::learning::features::MarketHistory;
use crate::learning::features::Origin;

/// Local days of history behind a forecast: lags, the weeks that prices may be stale, and what a model
/// of whole days or a stand-in looks back on.
const HISTORY_DAYS: i64 = 210;
/// Local days ahead of which something may be known.
const AHEAD_DAYS: i64 = 9;

/// Rows of the days ahead as of an instant, with what they were made of.
#[derive(Debug)]
pub struct Ahead {
    /// The instant.
    pub as_of: AsOf,
    /// The issue time with the last published day.
    pub origin: Origin,
    /// Every delivery period from the beginning of today up to a week ahead that has no published
    /// price, however old prices are.
    pub rows: FeatureTable,
    /// What was known and when.
    pub history: MarketHistory,
    /// The columns.
    pub spec: FeatureSpec,
}

impl Ahead {
    /// The local days whose history is needed `today`.
    pub fn days(today: NaiveDate) -> (NaiveDate, NaiveDate) {
        (add_days(today, -HISTORY_DAYS), add_days(today, AHEAD_DAYS))
    }

    /// What can be forecast at `as_of`; `None` when too little was known then.
    pub fn of((history, spec): (MarketHistory, FeatureSpec), as_of: AsOf) -> Option<Self> {
        let zone = history.market.time_zone();
        let today = local_date(as_of.0, zone);
        let origin = history.origin(as_of)?;
        let rows = features::predict_rows(&history, &spec, origin, &leads(origin, today));
        let lags: Vec<usize> =
            ["lag_24h", "lag_168h"].iter().filter_map(|name| rows.table.column(name)).collect();
        let has_lags = |row: usize| lags.iter().any(|lag| !rows.table.x[[row, *lag]].is_nan());
        // A day of which a part was published is forecast for the rest.
        let begin = day_range(today, zone).from;
        let is_open = |row: usize| {
            let ts = rows.ts[row];
            ts >= begin && !history.is_published(ts, as_of)
        };
        let rows = rows.filtered(|row| is_open(row) && has_lags(row));
        (rows.len() > 0).then_some(Self { as_of, origin, rows, history, spec })
    }

    /// Rows of the days behind `until`, with the prices that were published by now: what a model of
    /// whole days that has learned up to then goes on with.
    pub fn published_since(&self, until: DateTime<Utc>) -> FeatureTable {
        let day = local_date(until, self.history.market.time_zone());
        let past = origins(&self.history, add_days(day, -2), self.origin.anchor);
        let rows = features::build(&self.history, &self.spec, &past, &(1..=1));
        rows.filtered(|row| rows.known_at[row] <= self.as_of.0)
    }
}

/// Days that are forecast behind the last published one: a week ahead, however old that one is.
fn leads(origin: Origin, today: NaiveDate) -> RangeInclusive<u8> {
    let behind = u8::try_from((today - origin.anchor).num_days().max(0)).unwrap_or(u8::MAX);
    1..=LEAD_DAYS_LEARNED.saturating_add(behind)
}

/// The quantiles of a day `lead_day` days behind the last known prices, which no model has learned
/// to be so unsure of: like a random walk, the spread grows with the root of the time.
pub fn widened(quantiles: [f64; 7], lead_day: u8) -> [f64; 7] {
    let excess = f64::from(lead_day) / f64::from(LEAD_DAYS_LEARNED);
    let (middle, factor) = (quantiles[3], excess.max(1.0).sqrt());
    quantiles.map(|quantile| middle + (quantile - middle) * factor)
}
