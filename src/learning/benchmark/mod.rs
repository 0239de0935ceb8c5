//! The open benchmark of day-ahead price forecasts, on any file of its form.
//!
//! Rolling origin with daily recalibration over the last two years of a file, next to the forecasts
//! that its authors published (Lago, Marcjasz, De Schutter, Weron 2021, Applied Energy 293:116983).
//! Needs no database. Nothing depends on the market but which public holidays are known.

mod calendar; // days of a market, as the pool wants them
mod cpu_time; // what the process has used
mod error; // what can be wrong with a file or a wish
mod market_file; // prices and exogenous series of a market
mod published; // forecasts to compare with
mod report; // the scores, as table and CSV
mod run; // forecasts day after day

pub use self::cpu_time::cpu_seconds;
pub use self::run::{BenchmarkRequest, run};

#[cfg(test)]
mod tests;
