//! What people bring about their own consumption: a month's total, or their utility's file.

mod api; // HTTP: translates, decides nothing
mod model; // months, totals, how a file is read
mod store; // SQL
mod service; // whose meters, which months

pub use self::api::routes;
pub use self::model::{Month, NewTotal};
pub use self::service::{Consumption, ConsumptionError};

#[cfg(test)]
mod tests;
