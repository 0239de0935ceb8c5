//! Health and status: what is reachable, what stands in for what, how many rows.

mod api;
mod machine; // versions, room on the disk
mod service;

pub use self::api::routes;
pub use self::machine::{Disk, Versions};
pub use self::service::{Check, Component, Readiness, Status, StatusSummary};
