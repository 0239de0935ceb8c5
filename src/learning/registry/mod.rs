//! Models with versions, data hash, artefact hash, scores, states, and which one serves.

mod api;
mod checks;
mod history;
mod life;
mod model;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod verbs;
mod working;

pub use self::api::{model_example, routes};
pub use self::life::{
    Direction, EventRule, Format, GoldenRow, HistoryEntry, IgnoreWindow, MissingValues,
    ModelFilter, ModelSettings, Order, Origin, Role, SendMode, Severity, State,
};
#[cfg(test)]
pub use self::model::ModelStatus;
pub use self::model::{Gate, ImportedModel, LeadMae, ModelMetrics, ModelRecord, NewModel};
pub use self::service::{Registry, RegistryError};
