//! What is asked of models, and what they answered.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::platform::web::optional_instant;

/// What to predict.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PredictRequest {
    /// Model, by identifier or name; all that work for `series` unless said.
    #[serde(default)]
    #[schema(example = "price-CH-day_ahead-lightgbm")]
    pub model: Option<String>,
    /// Series, where no model is named.
    #[serde(default)]
    #[schema(example = "price:CH:day_ahead")]
    pub series: Option<String>,
    /// Start of the delivery period that is predicted; may be left out where features are given.
    #[serde(default, deserialize_with = "optional_instant")]
    pub target_ts: Option<DateTime<Utc>>,
    /// Features by name, `null` for one that is missing; Luna makes them unless given.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub features: Option<BTreeMap<String, Option<f64>>>,
}

/// What one model says about one instant.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PredictionAnswer {
    /// Identifier, under which it is kept.
    pub prediction_id: Uuid,
    /// The model.
    pub model_id: Uuid,
    /// Its name and version.
    #[schema(example = "price-CH-day_ahead-lightgbm v3")]
    pub model: String,
    /// `champion`, `shadow`, or `asked` for one that does not work at the moment.
    #[schema(example = "champion")]
    pub role: String,
    /// Series.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// Start of the delivery period.
    pub target_ts: Option<DateTime<Utc>>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The value, in the unit of the series; absent for events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Quantiles of the value by level; absent where the model has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub quantiles: Option<BTreeMap<String, f32>>,
    /// 1 where the event is predicted, else 0; absent for values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction: Option<u8>,
    /// Probability of the event; absent for values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Probability from which on the event counts as predicted; absent for values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// SHA-256 over the features it saw.
    pub features_hash: String,
}

/// A model that did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FailedModel {
    /// The model.
    pub model_id: Uuid,
    /// Its name and version.
    pub model: String,
    /// `timeout`, `model_load`, `features` or `prediction`.
    #[schema(example = "timeout")]
    pub kind: String,
    /// Why, as a sentence.
    pub reason: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PredictAnswer {
    /// What the model says that was asked for; of several, the champion, or the first that answered.
    #[serde(flatten)]
    pub first: PredictionAnswer,
    /// What the others say that work for the series.
    pub others: Vec<PredictionAnswer>,
    /// Those that did not answer; they kept nobody waiting longer than their time allows.
    pub failed: Vec<FailedModel>,
}

/// A prediction as it was made, with what came true since.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PredictionRecord {
    /// Identifier.
    pub prediction_id: Uuid,
    /// The model.
    pub model_id: Uuid,
    /// Series.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// What the model was then: `champion`, `shadow`, or `asked`.
    #[schema(example = "champion")]
    pub role: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Start of the delivery period.
    pub target_ts: Option<DateTime<Utc>>,
    /// The value; absent for events.
    pub value: Option<f64>,
    /// Quantiles .05 .10 .25 .50 .75 .90 .95 of the value.
    pub quantiles: Option<Vec<f32>>,
    /// 1 where the event was predicted, else 0.
    pub prediction: Option<u8>,
    /// Probability of the event.
    pub probability: Option<f64>,
    /// Probability from which on the event counted as predicted.
    pub threshold: Option<f64>,
    /// SHA-256 over the features it saw.
    pub features_hash: String,
    /// What came true; for events 1 or 0.
    pub actual: Option<f64>,
    /// When that became known here.
    pub scored_at: Option<DateTime<Utc>>,
}

/// Which predictions to list.
#[derive(Debug, Clone, Default)]
pub struct PredictionFilter {
    /// Only those of this series.
    pub series: Option<String>,
    /// Only those of this model.
    pub model_id: Option<Uuid>,
    /// Only those made since.
    pub from: Option<DateTime<Utc>>,
    /// Only those made before.
    pub to: Option<DateTime<Utc>>,
}
