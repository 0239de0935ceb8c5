//! Fit, validate against the naive model, evaluate by rolling origin.

mod api;
mod evaluate;
mod events; // probabilities
mod gate;
mod golden;
mod jobs;
mod lead_model;
mod orders;
mod request; // what to train
mod service;
mod split;
mod upkeep;
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::evaluate::{EvaluateRequest, EvaluationReport};
pub use self::events::EventRequest;
pub use self::jobs::TrainingJob;
pub use self::lead_model::LeadModel;
pub use self::orders::Orders;
pub use self::request::TrainRequest;
pub use self::service::{TrainReport, Training, TrainingError, Watch, origins};
pub use self::split::split;
