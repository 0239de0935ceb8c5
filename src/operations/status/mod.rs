//! Health and status: what is reachable, what stands in for what, how many rows.

mod api;
mod machine; // versions, room for data
mod service;
mod stats;

pub use self::api::routes;
pub use self::machine::Versions;
pub use self::service::{Asked, Check, Component, Readiness, Status, StatusSummary};
