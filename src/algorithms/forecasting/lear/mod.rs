//! LEAR, the LASSO-estimated autoregressive model of day-ahead prices, refitted for every day.
//!
//! Source: Lago, Marcjasz, De Schutter, Weron, "Forecasting day-ahead electricity prices: A review of
//! state-of-the-art algorithms, best practices and an open-access benchmark", Applied Energy 293
//! (2021), arXiv 2008.08004. For a delivery day d and n exogenous series, each of the 24 hours has its
//! own linear regression on the same 96 + 72·n + 7 columns:
//!
//! * all 24 prices of d−1, d−2, d−3 and d−7,
//! * all 24 values of every exogenous series of d, d−1 and d−7,
//! * seven indicators of the weekday (and the caller's flags of the day, if any).
//!
//! One forecast goes through four steps:
//!
//! 1. `design`: the days of the window become rows; every measured column and every target goes
//!    through asinh((x − median) / MAD) with the median and MAD of the window.
//! 2. [`moments`]: means and the Gram matrix X'X, X'y, y'y, once for all 24 hours.
//! 3. [`path`]: for each hour, the LASSO path on columns of unit length; the penalty with the least AIC
//!    along it is chosen.
//! 4. [`path`] again: the LASSO with that penalty on the columns as they are.
//!
//! The mix of scales between the last two steps is what produced the published forecasts: a penalty
//! chosen on columns of unit length is far weaker on columns of length √n. It is kept because it works.
//! The published forecasts stop their coordinate descent early; here both steps are exact, which moves
//! prices by some 0.02 EUR/MWh and their errors not at all.

mod cholesky; // solves with the active columns
mod forecast; // the four steps in a row
mod moments; // means, X'X, X'y
mod path; // LASSO at every penalty, and at that of least AIC

pub use self::forecast::forecast;

#[cfg(test)]
mod tests;
