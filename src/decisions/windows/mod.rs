//! Cheapest windows over published and forecast prices.

mod api;
mod model;
mod service;
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::model::{IsoDuration, Outlook, OutlookSlot, Provenance, Window, WindowQuery};
pub use self::service::{Windows, WindowsError};
