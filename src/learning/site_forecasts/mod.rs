//! Load and production of meters for the coming week, and how likely new monthly peaks are.

mod api; // HTTP: translates, decides nothing
mod error; // why there is no forecast
mod evaluate; // rolling origins on what was read
mod jobs; // every hour, every night
mod load; // what forecasts are made of
mod model; // values, no I/O
mod score; // held against what was read since
mod service; // fit, issue, hand out
mod settings; // the `[site_forecasts]` section
mod store; // SQL

pub use self::api::routes;
pub use self::error::SiteForecastError;
pub use self::evaluate::{MeterEvaluation, MeterEvaluationRequest};
pub use self::jobs::{MeterForecastJob, MeterRefitJob};
pub use self::model::{PeakChance, PublishedForecast, SiteLeadScore, SiteNote, SitePoint};
pub use self::service::{SiteForecasts, SiteNeeds};
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
