//! Cheapest windows over published and forecast prices.

mod api;
mod model;
mod service;
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::model::{Outlook, OutlookSlot, Provenance, Window};
pub use self::service::Windows;
