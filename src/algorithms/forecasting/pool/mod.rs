//! The pool: models of different kinds forecast the next day, and what they are worth is learned.
//!
//! For every delivery day d, with prices up to d−1 and exogenous series up to d:
//!
//! 1. [`members`]: LEAR with several windows, refitted daily; LightGBM pooled over the 24 hours with
//!    several windows and sizes, refitted on a fixed grid of days; small networks that learn on weekly.
//! 2. [`stack`]: LightGBM that corrects the mean of those members, learned from the forecasts that they
//!    made out of sample.
//! 3. [`weights`]: weights on the simplex with the least absolute error of the last days, shrunk to
//!    equal ones. There is no naive member: in an equal-weight mean it would only do harm.
//! 4. [`bands`]: quantiles from the ensemble's own past errors, divided by a local scale.
//!
//! A [`Pool`] keeps the forecasts its members have made; the same calls serve a backtest of years and
//! the one new day of a live system. Which data a model learns from depends on the day alone, so a
//! pool that was stored, loaded and carried on forecasts the same as one that never stopped.
//!
//! Sources: Lago et al. 2021 (LEAR, the benchmark), Marcjasz, Serafin, Weron 2018 (averaging over
//! windows), Nowotarski and Weron 2018 (quantiles from averaged forecasts).

mod bands; // quantiles out of past errors
mod boosting; // trees over all hours
mod features; // what the trees see
mod members; // forecasts of all members, by several threads
mod record; // what was forecast so far
mod settings; // which members, how weighed
mod stack; // trees on top of the others
mod weights; // what a member is worth

pub use self::features::PoolDays;
pub use self::record::Pool;
pub use self::settings::{LEAST_DAYS, PoolSettings};

use super::days::DaysError;
use super::mlp::MlpError;

/// Who does the work, who may stop it, who hears how far it is.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// Threads at most, at least one.
    pub threads: usize,
    /// Whether the work is not wanted any more.
    pub cancel: &'a (dyn Fn() -> bool + Sync),
    /// Hears the share that is done, 0 to 1.
    pub progress: &'a (dyn Fn(f64) + Sync),
}

/// Why the pool has no forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The days cannot be used.
    #[error(transparent)]
    Days(#[from] DaysError),
    /// The day lies outside of what the pool has forecast or can go on with.
    #[error("the pool forecasts days {first} to {last} only, not day {day}")]
    Outside {
        /// The day asked for.
        day: usize,
        /// First day of the record.
        first: usize,
        /// Last day of the record.
        last: usize,
    },
    /// A network could not learn.
    #[error(transparent)]
    Network(#[from] MlpError),
    /// The numerical library refused.
    #[error("the LightGBM library failed: {0}")]
    Engine(String),
    /// Whoever asked for the forecast does not want it any more.
    #[error("the forecast was cancelled")]
    Cancelled,
}

#[cfg(test)]
mod tests;
