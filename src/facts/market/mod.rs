//! Day-ahead prices per bidding zone and market time unit, with their revisions.

mod api; // HTTP: translates, decides nothing
mod model; // values, no I/O
mod store; // SQL
mod service; // rules and transactions
mod settings; // the `[market]` section
mod shown; // which market readers see when they do not say
#[cfg(test)]
use self::model::PriceHistory;
#[cfg(test)]
pub use self::settings::Choice;

#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::model::{Coverage, PricePoint, Quality, Stored};
pub use self::service::{PriceError, Prices};
pub use self::settings::Settings;
pub use self::shown::Shown;
