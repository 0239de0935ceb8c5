//! Who did what, when, from where: written in the transaction of the change itself, never altered.
//!
//! A service that changes something takes a [`By`] from its caller and records an [`Event`] on the
//! connection it writes with, so that there is no change without its row and no row without its
//! change. What was and what is travel as [`Facts`], which hold no secrets.

mod api; // HTTP
mod facts; // values before and after, without secrets
mod model; // actors, events, entries
mod service; // record, list
mod store; // SQL

pub use self::api::routes;
pub use self::facts::Facts;
pub use self::model::{Actor, AuditFilter, By, Entry, Event};
pub use self::service::Audit;

#[cfg(test)]
mod tests;
