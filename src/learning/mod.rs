//! From facts to forecasts: features, datasets, registry, training, prediction.

pub mod features; // what a model may look at, as of an instant
pub mod datasets; // feature tables as Parquet files
pub mod registry; // models with versions, hashes and scores
pub mod training; // fit, validate, gate, evaluate
pub mod benchmark; // the open benchmark's rolling origin on a file
pub mod serving; // bundles, predictions of registered models, their truth
pub mod prediction; // forecasts published and scored
pub mod site_forecasts; // load and production of meters
pub mod accuracy; // how good published forecasts were
