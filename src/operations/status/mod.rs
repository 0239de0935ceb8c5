//! Health and status: what is reachable, what stands in for what, how many rows.

mod api;
mod service;
mod stats;

pub use self::api::routes;
pub use self::service::{Asked, Readiness, Status};
