//! What a euro is worth in francs: prices of the exchange are in euro, bills of the house in francs.

mod model; // values, no I/O
mod service; // which rates there are
#[cfg(test)]
mod tests;

pub use self::model::{Origin, RateTable};
pub use self::service::Rates;
