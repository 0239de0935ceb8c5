//! Forecasting models of day-ahead prices and the scores that judge them.
//!
//! [`fit`] makes a [`Model`] out of a training and a validation [`Table`]; the model forecasts a point
//! and the [`QUANTILES`] for every row, and travels as bytes. Everything a model needs to forecast the
//! same numbers again (scales, trees, calibrated bands) is inside those bytes.

mod bands; // residual quantiles, conformal correction
mod daily; // LEAR and the pool as models among the others
pub mod days; // prices and their drivers as dense days of 24 hours
pub mod day_scores; // worth of a forecast, percentiles
mod design; // days as rows and columns
mod duel; // better than another, other than before
mod errors; // what can be wrong with a fit, a forecast, stored bytes
pub mod lear; // LASSO per hour, refitted for every day
mod event; // probabilities that hold
mod foreign; // trees that others trained
pub mod lightgbm; // gradient boosting and random forest
mod linear; // least squares per local hour
pub mod mlp; // a small network with a linear path
mod model; // the face of all algorithms, stored form
mod naive; // yesterday or last week
mod params; // hyperparameters and their ranges
mod scaling; // columns as a regression wants them
pub mod scores; // errors of points and of bands
mod stabiliser; // asinh around the median
mod table; // rows, features, keys
mod trees; // decision trees as plain data
pub mod site; // load and production of a meter
pub mod pool; // many models of different kinds, weighed by how they did

pub use self::duel::{gain_by_days, stability_by_hour};
pub use self::errors::{FitError, LoadError, PredictError};
pub use self::event::{EventFit, fit_event};
pub use self::foreign::ForeignTrees;
pub use self::model::{Model, fit};
pub use self::params::{Algorithm, ParamError, Params};
pub use self::table::{
    Prediction, QUANTILES, RowKey, Table, WEEK_AGO, exogenous_of, is_price_like,
};

#[cfg(test)]
mod tests;
