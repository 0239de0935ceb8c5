//! Forecast runs, their values and what became of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::base::ids::Market;
use crate::base::ids::Product;

/// A forecast as it was published; never changed afterwards.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ForecastRun {
    /// Identifier.
    pub run_id: Uuid,
    /// Series that is forecast.
    #[schema(example = "price:CH:day_ahead")]
    pub series: String,
    /// Market.
    pub market: Market,
    /// Product.
    pub product: Product,
    /// Registered model behind it; absent for the naive stand-in.
    pub model_id: Option<Uuid>,
    /// Model in words.
    #[schema(example = "price-CH-day_ahead-lightgbm v3")]
    pub model_label: String,
    /// Nothing published later entered it.
    pub issued_at: DateTime<Utc>,
    /// End of the published prices it stands on: it begins here.
    pub known_until: DateTime<Utc>,
    /// Whether the prices it stands on had ended when it was issued: the source is late or away. The
    /// further back they end, the wider is the band.
    pub is_stale: bool,
    /// When it was computed.
    pub created_at: DateTime<Utc>,
    /// SHA-256 over the feature rows it was computed from.
    pub inputs_hash: String,
    /// Errors against the prices that were published since; absent until some were.
    pub score: Option<RunScore>,
    /// When the last of its delivery periods was scored.
    pub scored_at: Option<DateTime<Utc>>,
}

/// A forecast of one delivery period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ForecastValue {
    /// Start of the delivery period.
    pub ts: DateTime<Utc>,
    /// Its length in seconds.
    pub interval_s: i32,
    /// Days behind the last published day.
    pub lead_day: i16,
    /// Point forecast.
    pub price_eur_mwh: f64,
    /// Quantiles .05 .10 .25 .50 .75 .90 .95, ascending.
    pub quantiles_eur_mwh: [f32; 7],
}

/// A run with its values, oldest first.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// The run.
    pub run: ForecastRun,
    /// Its values.
    pub values: Vec<ForecastValue>,
}

/// Errors of one run against what was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunScore {
    /// Delivery periods scored so far.
    pub n: usize,
    /// Mean absolute error in EUR/MWh.
    pub mae: f64,
    /// Root mean squared error in EUR/MWh.
    pub rmse: f64,
    /// Share of prices inside the 80 % band, in percent.
    pub coverage_80: f64,
    /// The same by lead day, nearest first.
    pub by_lead: Vec<LeadScore>,
}

impl RunScore {
    /// Whether the two differ by more than what writing numbers down may change.
    pub(super) fn differs(&self, other: &Self) -> bool {
        let apart = |a: f64, b: f64| (a - b).abs() > 1e-9;
        self.n != other.n
            || apart(self.mae, other.mae)
            || apart(self.rmse, other.rmse)
            || apart(self.coverage_80, other.coverage_80)
    }
}

/// Errors of one lead day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeadScore {
    /// Days behind the last published day.
    pub lead_day: i16,
    /// Delivery periods scored.
    pub n: usize,
    /// Mean absolute error in EUR/MWh.
    pub mae: f64,
}

/// What tells one run from another, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHead {
    /// Identifier.
    pub run_id: Uuid,
    /// Registered model behind it; absent for the naive stand-in.
    pub model_id: Option<Uuid>,
    /// Model in words.
    pub model_label: String,
    /// Nothing published later entered it.
    pub issued_at: DateTime<Utc>,
    /// End of the published prices it stands on.
    pub known_until: DateTime<Utc>,
    /// SHA-256 over the feature rows it was computed from.
    pub inputs_hash: String,
}
