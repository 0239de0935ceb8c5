//! Models with versions, data hash, artefact hash, scores, and which one serves.

mod api;
mod model;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use self::api::routes;
#[cfg(test)]
pub use self::model::ModelStatus;
pub use self::model::{Gate, LeadMae, ModelMetrics, ModelRecord, NewModel};
pub use self::service::{Registry, RegistryError};
