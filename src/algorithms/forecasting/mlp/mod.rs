//! A small neural network with a linear path that forecasts the 24 hours of a day together.
//!
//! y = b + x·L + leaky(c + x·H)·O: one hidden layer beside a direct linear regression, as in El Mahtout
//! and Ziel 2026 (arXiv 2601.02856). Columns x and targets y are those of LEAR, stabilised by asinh
//! (`design`). The loss is Huber's with a small threshold, which is the absolute error but for its tip; the
//! optimiser is Adam with decoupled decay (Kingma and Ba 2015; Loshchilov and Hutter 2019).
//!
//! A network is learned once and then learns on from where it is, some rounds a week, on the window that has
//! moved on. What forecasts is the running mean of its weights (Polyak and Juditsky 1992), which spares
//! the noise of the last steps. Networks of other seeds err differently: average some of them.

mod matrix; // products of dense matrices
mod model; // learning on, forecasting
mod network; // layers, loss, gradient
mod optimiser; // Adam
mod stored; // weights as text

pub use self::model::{Mlp, MlpError, MlpSettings};

#[cfg(test)]
mod tests;
