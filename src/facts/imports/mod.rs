//! Files of prices and series: read, checked, reported, stored once.
//!
//! Reading is pure: [`parse_prices`] turns bytes into checked points and says what it left out and
//! why. Nothing is stored by it, so a file is either understood as a whole or not at all.

mod api; // HTTP: translates, decides nothing
mod columns; // which column is what
mod error; // every way in which a file can be refused
mod findings; // what was dropped, what is wrong, what is worth knowing
mod grid; // sorted points, duplicates, hours or quarter hours
mod model; // options and results
mod moments; // texts and numbers that name an instant or a wall-clock time
mod numbers; // decimal marks, missing values
mod placing; // wall-clock times onto the UTC axis, across both clock changes
mod prices; // the whole way of a price file
mod readings; // the whole way of a file of readings
mod service; // storing it, once
mod metering; // the same for readings
mod sheet; // bytes taken apart into rows and cells

pub use self::api::routes;
pub use self::error::ImportError;
pub use self::metering::ReadingReport;
pub use self::model::{ImportOptions, KnownAtRule, PriceUnit};
pub use self::model::{assumed_forecast_known_at, assumed_price_known_at};
pub use self::prices::parse_prices;
pub use self::readings::{ParsedReading, ReadingKind, ReadingOptions, ReadingUnit, parse_readings};
pub use self::service::{ImportFailure, ImportReport, Imports};

#[cfg(test)]
use self::model::{Dropped, ParsedPrices};

#[cfg(test)]
mod tests;
