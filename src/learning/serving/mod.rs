//! Registered models at work: bundles in and out, predictions on request and when series change,
//! their truth, and what that says about who should serve.

mod ahead; // when series change
mod api; // HTTP: predictions
mod api_models; // HTTP: bundles, contests
mod bundle; // the file a model travels in
mod bundles; // taking in, handing out
mod contest; // champion against challenger, drift
mod gate; // what a bundle must be
mod inputs; // rows for the models that are asked
mod jobs; // contests by the clock
mod kept; // what came true, what is too old
mod ledger; // predictions written together
mod loaded; // a model that answers
mod model; // values
mod models; // what is in memory
mod predictor; // asking
mod prepare; // features made once for all
mod series; // price series by name
mod settings; // the `[models]` section
mod signature; // who made a bundle
mod store; // SQL
mod work; // side by side, each in its time
#[cfg(test)]
mod tests;

pub use self::ahead::PredictOnChange;
pub use self::api::routes;
pub use self::bundles::Bundles;
pub use self::contest::{Contest, Contests, Drift, DriftGrade, Verdict};
pub use self::jobs::PromoteJob;
pub use self::predictor::{PredictError, Predictor};
pub use self::settings::Settings;
