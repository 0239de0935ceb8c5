//! What it was worth to follow Luna's forecasts: on the market, and in francs on a dynamic tariff.

mod api; // HTTP: translates, decides nothing
mod market; // capture, regret, ranks at market prices
mod model; // values, no I/O
mod money; // francs on a tariff
mod service; // what is compared with what

#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::model::{Asked, Device, TariffValue, Value};
pub use self::service::Values;
