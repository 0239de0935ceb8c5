//! Observed and forecast series: load, wind and solar, temperature.

mod api; // HTTP: translates, decides nothing
mod model; // values, no I/O
mod store; // SQL
mod service; // rules and transactions
#[cfg(test)]
use self::model::Series;

#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::model::{Observation, SeriesSpec, Stored};
pub use self::service::{Observations, SeriesError};
