//! Fit, validate against the naive model, evaluate by rolling origin.

mod api;
mod evaluate;
mod gate;
mod jobs;
mod lead_model;
mod service;
mod split;
#[cfg(test)]
mod tests;

pub use self::api::routes;
pub use self::evaluate::{EvaluateRequest, EvaluationReport, ModelScore};
pub use self::jobs::{TrainingJob, TrainingOrder};
pub use self::lead_model::LeadModel;
pub use self::service::{
    TrainReport, TrainRequest, Training, TrainingError, Watch, default_product, origins,
};
pub use self::split::{Split, split};
