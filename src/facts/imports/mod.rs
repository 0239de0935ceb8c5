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
mod weather_columns; // what weather is made of
mod weather; // the whole way of a file of weather
mod service; // storing it, once
mod metering; // the same for readings
mod weather_store; // the same for weather
mod sheet; // bytes taken apart into rows and cells
mod look; // columns and first rows, as they are
mod preview; // what an import would do

pub use self::api::routes;
pub use self::error::{BadRow, ImportError};
pub use self::look::{Holds, SampleCell, SampleRow, TableLook};
pub use self::metering::ReadingReport;
pub use self::model::{ImportOptions, KnownAtRule, PriceUnit};
pub use self::model::{assumed_forecast_known_at, assumed_price_known_at};
pub use self::preview::{Previewed, look_at_prices, look_at_readings, look_at_weather};
pub use self::prices::parse_prices;
pub use self::readings::{ParsedReading, ReadingKind, ReadingOptions, ReadingUnit, parse_readings};
pub use self::service::{ImportFailure, ImportReport, Imports};
pub use self::weather::{WeatherNature, WeatherOptions, check_place, parse_weather};
pub use self::weather_columns::{WeatherAsk, WeatherVariable};
pub use self::weather_store::WeatherReport;

pub use self::model::Dropped;
#[cfg(test)]
use self::model::ParsedPrices;

#[cfg(test)]
mod tests;
