//! Forecasts behind the published prices, stored with what was known, scored when truth arrives.

mod api;
mod jobs;
mod model;
mod retrain;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::jobs::{ForecastJob, RefreshJob};
pub use self::model::{Accuracy, Forecast, ForecastRun, ForecastValue, LeadScore, RunScore};
pub use self::retrain::RetrainJob;
pub use self::service::{ForecastError, Forecasts};
