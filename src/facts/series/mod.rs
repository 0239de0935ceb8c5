//! Observed and forecast series: load, wind and solar, temperature.

mod model; // values, no I/O
mod store; // SQL
mod service; // rules and transactions
#[cfg(test)]
mod tests;

pub use self::model::{Observation, Series, SeriesSpec, Stored};
pub use self::service::{Observations, SeriesError};
