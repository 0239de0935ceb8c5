//! How good the forecasts were that Luna published, held against late truth.

mod api; // HTTP: translates, decides nothing
mod choose; // which published forecast of a delivery period counts
mod inputs; // what a forecast knew of a day
mod measure; // errors, bands, calibration
mod model; // values, no I/O
mod service; // joins, sums up

#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::model::{AccuracyReport, DayCase, Evidence, Measures, Scored};
pub use self::service::{Accuracy, AccuracyError, Asked};
