//! Fit, validate against the naive model, evaluate by rolling origin.

mod api;
mod evaluate;
mod gate;
mod golden;
mod jobs;
mod lead_model;
mod orders;
mod service;
mod split;
mod upkeep;
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::evaluate::{EvaluateRequest, EvaluationReport};
pub use self::jobs::TrainingJob;
pub use self::lead_model::LeadModel;
pub use self::orders::Orders;
pub use self::service::{TrainReport, TrainRequest, Training, TrainingError, Watch, origins};
pub use self::split::split;
