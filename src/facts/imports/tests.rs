//! Price files end to end: the real ones, the local clock, hostile bytes.

mod clock_changes; // true and levelled local days, hourly and by quarter hour
mod formats; // separators, units, zones, Parquet
mod hostile; // bytes that are no table, tables that are no prices
mod meter_files; // files of readings
mod storing; // into the database, twice
mod weather; // files of weather
mod real_files; // the published files, against figures worked out apart from this code

use super::{Dropped, ImportError, ImportOptions, ParsedPrices, parse_prices};
use crate::base::ids::Market;

fn options(market: &str) -> ImportOptions {
    ImportOptions::new(Market::parse(market).unwrap())
}

fn parse(text: &str, market: &str) -> Result<ParsedPrices, ImportError> {
    parse_prices(text.as_bytes(), "prices.csv", &options(market))
}

/// Instants (to the minute) and prices, with `~` behind estimated ones.
fn shown(parsed: &ParsedPrices) -> Vec<String> {
    parsed
        .points
        .iter()
        .map(|point| {
            let mark = if point.estimated { "~" } else { "" };
            format!("{} {}{mark}", point.ts.format("%m-%dT%H:%M"), point.price_eur_mwh)
        })
        .collect()
}

fn dropped(dropped: &[Dropped]) -> Vec<(&str, u64, Vec<u64>)> {
    dropped
        .iter()
        .map(|Dropped { reason, rows, lines }| (reason.as_str(), *rows, lines.clone()))
        .collect()
}
