//! Fit, validate against the naive model, evaluate by rolling origin.

mod ahead; // what forecasts stand on
mod api;
mod day_models; // kept between forecasts
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

pub use self::ahead::{Ahead, widened};
pub use self::api::routes;
pub use self::day_models::{DayModels, goes_on};
pub use self::evaluate::{EvaluateRequest, EvaluationReport};
pub use self::events::EventRequest;
pub use self::jobs::TrainingJob;
pub use self::lead_model::LeadModel;
pub use self::orders::Orders;
pub use self::request::TrainRequest;
pub use self::service::{TrainReport, Training, TrainingError, Watch, origins};
pub use self::split::split;
