//! What the registry knows of a model.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::life::{EventRule, Format, MissingValues, Origin, Role, State};
use crate::algorithms::forecasting::scores::Scores;
use crate::learning::features::Regime;

/// Where a model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ModelStatus {
    /// Asked for.
    Queued,
    /// Being fitted.
    Training,
    /// Fitted, stored, usable.
    Ready,
    /// Not fitted; `error` says why.
    Failed,
}

impl ModelStatus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Training => "TRAINING",
            Self::Ready => "READY",
            Self::Failed => "FAILED",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        match name {
            "QUEUED" => Self::Queued,
            "TRAINING" => Self::Training,
            "READY" => Self::Ready,
            _ => Self::Failed,
        }
    }
}

/// Whether a model may serve: it must beat the naive model on data it was not fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// Whether it may serve.
    pub passed: bool,
    /// The figures behind the verdict, as a sentence.
    #[schema(
        example = "MAE 18.20 EUR/MWh against 24.90 of the naive model on the validation days"
    )]
    pub reason: String,
}

/// Errors of one lead day on the validation days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeadMae {
    /// Days behind the last published day.
    pub lead_day: u8,
    /// Delivery periods.
    pub n: usize,
    /// Mean absolute error of the model in EUR/MWh.
    pub mae: f64,
    /// That of the naive model on the same delivery periods.
    pub naive_mae: f64,
}

/// Scores on the validation days, of a model that was not fitted on them.
///
/// The model that is stored has learned from the validation days afterwards, since the newest days
/// say most about tomorrow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelMetrics {
    /// Rows the judged model was fitted on.
    pub train_rows: usize,
    /// Rows of the validation days.
    pub validation_rows: usize,
    /// Scores of the model over all lead days.
    pub validation: Scores,
    /// Scores of the naive model on the same rows.
    pub naive: Scores,
    /// Errors by lead day, nearest first.
    pub by_lead: Vec<LeadMae>,
    /// Algorithm that forecasts from the second lead day on: the model's own, or `naive` where that
    /// was better on the validation days; absent in records of older versions.
    #[serde(default)]
    #[schema(example = "naive")]
    pub later_days_by: Option<String>,
    /// The verdict.
    pub gate: Gate,
    /// Wall time of the fit in seconds.
    pub training_s: f64,
    /// Features by share of the model's gain, largest first; empty where the model has none.
    pub importance: Vec<(String, f64)>,
}

/// A registered model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelRecord {
    /// Identifier.
    pub model_id: Uuid,
    /// Name that versions share.
    #[schema(example = "price-CH-day_ahead-lightgbm")]
    pub name: String,
    /// Version, counted from 1.
    pub version: i32,
    /// `naive`, `linear`, `lightgbm`, `random_forest`, …
    #[schema(example = "lightgbm")]
    pub model_type: String,
    /// Series that the model forecasts.
    #[schema(example = "price:CH:day_ahead")]
    pub target_variable: String,
    /// First delivery period it was fitted on.
    pub train_start: DateTime<Utc>,
    /// End of the last delivery period it was fitted on.
    pub train_end: DateTime<Utc>,
    /// Features in column order.
    pub features: Vec<String>,
    /// How far it looks ahead, in minutes.
    pub future_minutes: i32,
    /// Hyper-parameters it was fitted with.
    pub params: serde_json::Value,
    /// Dataset it was fitted on.
    pub dataset_id: Option<Uuid>,
    /// SHA-256 of that dataset's file.
    pub dataset_sha256: Option<String>,
    /// SHA-256 of the stored model.
    pub artifact_sha256: Option<String>,
    /// Validation scores and the gate's verdict; absent until the model is ready.
    pub metrics: Option<ModelMetrics>,
    /// How far its making is.
    pub status: ModelStatus,
    /// Where it is in its life.
    pub state: State,
    /// How it came here.
    pub origin: Origin,
    /// How its bytes are written.
    pub format: Format,
    /// `value`, or `event` for one that gives a probability.
    #[schema(example = "value")]
    pub task: String,
    /// The event it gives the probability of.
    pub event: Option<EventRule>,
    /// What is done where a feature is missing.
    pub missing_values: MissingValues,
    /// Phases that it has learned from; absent: all days.
    pub regime: Option<Regime>,
    /// Public key of the installation that signed the bundle it came in; absent where nobody did.
    pub signed_by: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether it serves its series.
    pub is_active: bool,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was ready.
    pub trained_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub(super) artifact_key: Option<String>,
    #[serde(skip)]
    pub(super) role: Option<Role>,
}

impl ModelRecord {
    /// Name and version in one, e.g. `price-CH-day_ahead-lightgbm v3`.
    pub fn label(&self) -> String {
        format!("{} v{}", self.name, self.version)
    }

    /// What it does for its series at the moment.
    pub const fn role(&self) -> Option<Role> {
        self.role
    }

    /// What it is for: of one series and purpose one model is the champion.
    pub fn purpose(&self) -> String {
        purpose_of(self.event.as_ref())
    }
}

/// `value`, or the event as a word.
fn purpose_of(event: Option<&EventRule>) -> String {
    match event {
        None => "value".to_owned(),
        Some(EventRule { direction, threshold }) => {
            let side = match direction {
                super::life::Direction::Above => "above",
                super::life::Direction::Below => "below",
            };
            format!("event:{side}:{threshold}")
        }
    }
}

/// A model that was made elsewhere.
#[derive(Debug, Clone)]
pub struct ImportedModel {
    /// Name that versions share.
    pub name: String,
    /// Algorithm name.
    pub model_type: String,
    /// Series to forecast.
    pub target_variable: String,
    /// First instant it was fitted on.
    pub train_start: DateTime<Utc>,
    /// End of what it was fitted on.
    pub train_end: DateTime<Utc>,
    /// Features in column order.
    pub features: Vec<String>,
    /// How far it looks ahead, in minutes.
    pub future_minutes: i32,
    /// Hyper-parameters.
    pub params: serde_json::Value,
    /// What its maker found about it.
    pub metrics: serde_json::Value,
    /// How it came.
    pub origin: Origin,
    /// How its bytes are written.
    pub format: Format,
    /// The event it gives the probability of.
    pub event: Option<EventRule>,
    /// What is done where a feature is missing.
    pub missing_values: MissingValues,
    /// Public key of whoever signed the bundle.
    pub signed_by: Option<String>,
    /// Phases that it has learned from; absent: all days.
    pub regime: Option<Regime>,
}

/// A model about to be fitted.
#[derive(Debug, Clone)]
pub struct NewModel {
    /// Name that versions share.
    pub name: String,
    /// Algorithm name.
    pub model_type: &'static str,
    /// Series to forecast.
    pub target_variable: String,
    /// First delivery period it is fitted on.
    pub train_start: DateTime<Utc>,
    /// End of the last delivery period it is fitted on.
    pub train_end: DateTime<Utc>,
    /// Features in column order.
    pub features: Vec<String>,
    /// How far it looks ahead, in minutes.
    pub future_minutes: i32,
    /// Hyper-parameters.
    pub params: serde_json::Value,
    /// Phases that it learns from; absent: all days.
    pub regime: Option<Regime>,
    /// Dataset and the hash of its file.
    pub dataset: (Uuid, String),
}
