//! Meters of sites and what they read: mean power per interval, with revisions.

mod api; // HTTP: translates, decides nothing
mod model; // values, no I/O
mod settings; // the `[meters]` section
mod store; // SQL
mod service; // rules and transactions

pub use self::api::routes;
pub use self::model::{MeterRole, NewMeter, Reading, Stored};
pub use self::service::{MeterError, Meters};
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
