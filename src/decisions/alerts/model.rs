//! Alerts, what was kept silent about, deliveries.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Whether what an alert said came true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertStatus)]
pub enum Status {
    /// The time it is about has not come, or is not known yet.
    Pending,
    /// It came as predicted.
    Success,
    /// It came otherwise.
    Failed,
    /// Nobody ever told what came.
    Expired,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Success, Self::Failed, Self::Expired];

    /// The name in the table and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|status| status.name() == name).unwrap_or(Self::Expired)
    }
}

/// What a model said that is worth telling.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct Alert {
    /// Identifier.
    pub alert_id: Uuid,
    /// The model.
    pub model_id: Uuid,
    /// Series that it is about.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// `value`, or the event.
    #[schema(example = "value")]
    pub purpose: String,
    /// The prediction that led to it.
    pub prediction_id: Uuid,
    /// When that was made.
    pub made_at: DateTime<Utc>,
    /// Start of the delivery period; absent where features were brought without one.
    pub target_ts: Option<DateTime<Utc>>,
    /// What the model said: a value in the unit of the series, or a probability.
    pub said: f64,
    /// What it was held against.
    pub threshold: f64,
    /// `above` or `below`.
    #[schema(example = "above")]
    pub direction: String,
    /// `info`, `warning` or `critical`.
    #[schema(example = "warning")]
    pub severity: String,
    /// Predictions in a row that agreed.
    pub consecutive: i32,
    /// Whether it came true.
    pub status: Status,
    /// What came; for events 1 or 0.
    pub actual: Option<f64>,
    /// When it was raised.
    pub created_at: DateTime<Utc>,
    /// When it was decided whether it came true.
    pub evaluated_at: Option<DateTime<Utc>>,
}

/// Which alerts to list.
#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    /// Only those of this model.
    pub model_id: Option<Uuid>,
    /// Only those about this series.
    pub series: Option<String>,
    /// Only those that stand there.
    pub status: Option<Status>,
}

/// What the watch over models came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct AlertStatistics {
    /// Alerts raised.
    pub total: i64,
    /// Of those, not decided yet.
    pub pending: i64,
    /// Of those, come true.
    pub success: i64,
    /// Of those, not come true.
    pub failed: i64,
    /// Of those, never decided.
    pub expired: i64,
    /// Share of those decided that came true; absent while none is.
    #[schema(example = 0.8)]
    pub precision: Option<f64>,
    /// Predictions that were looked at.
    pub judged: i64,
    /// What would have been an alert, and why it was kept silent about.
    pub suppressed: Suppressed,
}

/// What would have been an alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Suppressed {
    /// In a time in which the model is ignored.
    pub ignored: i64,
    /// In the silence after an alert.
    pub cooling_down: i64,
    /// An alert about the same period had been raised.
    pub repeated: i64,
    /// About a period that was over.
    pub outdated: i64,
}

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits for its first attempt.
    Queued,
    /// Failed, and is tried again.
    Retry,
    /// The receiver took it.
    Delivered,
    /// Given up.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Retry, Self::Delivered, Self::Dead];

    /// The name in the table and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retry => "retry",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.name() == name).unwrap_or(Self::Dead)
    }
}

/// A message to a webhook, without its address, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "identifiers are named alike in tables and answers")]
pub struct Delivery {
    /// Identifier, and `webhook-id` of every attempt.
    pub delivery_id: Uuid,
    /// The model whose predictions it tells.
    pub model_id: Uuid,
    /// Host it goes to.
    #[schema(example = "n8n.example.ch")]
    pub host: String,
    /// Predictions in it.
    pub predictions: i32,
    /// Alerts among them.
    pub alerts: i32,
    /// Where it is.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: i32,
    /// What the receiver answered last.
    #[schema(example = 200)]
    pub last_status: Option<i32>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last tried.
    pub attempted_at: Option<DateTime<Utc>>,
}

/// What a champion said and nobody has looked at yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notice {
    pub prediction_id: Uuid,
    pub made_at: DateTime<Utc>,
    pub target_ts: Option<DateTime<Utc>>,
    /// A value, or a probability.
    pub said: f64,
    /// Probability from which on an event counts as predicted, as it was when it was said.
    pub threshold: Option<f64>,
}

/// Where the watch over a model stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Watch {
    /// Predictions in a row that crossed the threshold.
    pub streak: i32,
    /// When the prediction of the last alert was made.
    pub last_alert_at: Option<DateTime<Utc>>,
}
