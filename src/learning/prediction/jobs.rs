//! Forecasting and scoring as jobs, run after new prices and on a schedule.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::service::{ForecastError, Forecasts};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Issues a forecast; its payload is `{"market": …, "product": …}`.
#[derive(Debug)]
pub struct ForecastJob(pub Forecasts);

/// Scores the forecasts whose truth has arrived; it needs no payload.
#[derive(Debug)]
pub struct ScoreJob(pub Forecasts);

impl ForecastJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.forecast";
}

impl ScoreJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.score";
}

impl Handler for ForecastJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, _: JobContext, payload: Value) -> BoxFuture<'_, Result<Value, JobError>> {
        async move {
            let text = payload["market"].as_str().unwrap_or_default();
            let market = Market::parse(text).map_err(|error| JobError::Fatal(error.into()))?;
            let product = payload["product"].as_str().and_then(Product::parse);
            let issued = self.0.issue(&market, product.unwrap_or(Product::DayAhead)).await;
            let forecast = issued.map_err(refusal)?;
            Ok(serde_json::json!({
                "run_id": forecast.run.run_id,
                "model": forecast.run.model_label,
                "values": forecast.values.len(),
            }))
        }
        .boxed()
    }
}

impl Handler for ScoreJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, _: JobContext, _: Value) -> BoxFuture<'_, Result<Value, JobError>> {
        async move {
            let changed = self.0.score_due().await.map_err(refusal)?;
            Ok(serde_json::json!({ "runs_scored": changed }))
        }
        .boxed()
    }
}

fn refusal(error: ForecastError) -> JobError {
    match error {
        ForecastError::TooShort { .. } | ForecastError::History(_) => JobError::Fatal(error.into()),
        other => JobError::Retry(other.into()),
    }
}
