//! Forecasts behind the published prices, stored with what was known, scored when truth arrives.

mod api;
mod export;
mod follow;
mod jobs;
mod model;
mod published;
mod retrain;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::export::ExportJob;
pub use self::follow::RefreshOnChange;
pub use self::jobs::{ForecastJob, RefreshJob, ScoreJob};
#[cfg(test)]
use self::model::Forecast;
pub use self::model::{ForecastRun, ForecastValue, RunHead};
pub use self::published::{Published, SeriesRun, SeriesValue};
pub use self::retrain::RetrainJob;
pub use self::service::{ForecastError, Forecasts};
