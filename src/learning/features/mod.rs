//! Features as of an instant: calendar, lags by local wall time, day statistics, exogenous forecasts.
//!
//! A row is one delivery period seen from one issue time. Lags count back from the *anchor*, the
//! last local day whose prices were known then, so that every lead day is forecast directly and
//! nothing that was published later can enter: every read goes through [`Vintages::at`], which
//! takes the issue time.

mod build;
mod columns; // a day's columns at once
mod days; // local days, each looked at once
mod regime; // phases of the market
mod service;
mod spec;
mod vintages;
#[cfg(test)]
mod tests;

pub use self::build::LEAD_DAYS_LEARNED;
pub use self::build::{FeatureTable, MarketHistory, Origin, build, predict_rows};
pub use self::regime::Regime;
pub use self::service::{Features, HistoryError};
pub use self::spec::FeatureSpec;
pub use self::vintages::Vintages;
