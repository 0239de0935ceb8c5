//! Health and status: what is reachable, what stands in for what, how many rows.

mod api;
mod service;

pub use self::api::routes;
pub use self::service::{Readiness, Status};
