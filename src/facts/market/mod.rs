//! Day-ahead prices per bidding zone and market time unit, with their revisions.

mod model; // values, no I/O
mod store; // SQL
mod service; // rules and transactions
#[cfg(test)]
mod tests;

pub use self::model::{BadPoint, Coverage, PriceHistory, PricePoint, Quality, Stored};
pub use self::service::{PriceError, Prices};
