//! Forecasting and scoring as jobs, run after new facts and on a schedule.

use chrono::Duration;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::export::ExportJob;
use super::retrain::RetrainJob;
use super::service::{ForecastError, Forecasts};
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::Clock;
use crate::base::timeline::local_date;
use crate::facts::market::PriceError;
use crate::facts::market::Prices;
use crate::facts::simulation::Simulation;
use crate::learning::registry::Registry;
use crate::learning::registry::RegistryError;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;
use crate::platform::jobs::Jobs;
use crate::platform::jobs::NewJob;

/// Markets whose last price is older than this are not forecast.
pub(super) const RECENT_DAYS: i64 = 14;

/// Issues a forecast; its payload is `{"market": …, "product": …}`.
pub struct ForecastJob(pub Forecasts);

impl ForecastJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.forecast";
}

impl Handler for ForecastJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, _: JobContext, payload: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let forecasts = self.0.clone();
        async move {
            let (market, product) = asked(&payload)?;
            let forecast = forecasts.issue(&market, product).await.map_err(refusal)?;
            Ok(serde_json::json!({
                "run_id": forecast.run.run_id,
                "model": forecast.run.model_label,
                "values": forecast.values.len(),
            }))
        }
        .boxed()
    }
}

/// Market and product of a payload; the hourly product unless said.
pub(super) fn asked(payload: &Value) -> Result<(Market, Product), JobError> {
    let text = payload["market"].as_str().unwrap_or_default();
    let market = Market::parse(text).map_err(|error| JobError::Fatal(error.into()))?;
    let product = payload["product"].as_str().and_then(Product::parse);
    Ok((market, product.unwrap_or(Product::DayAhead)))
}

/// Scores what truth has arrived for.
pub struct ScoreJob(pub Forecasts);

impl ScoreJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.score";
}

impl Handler for ScoreJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, _: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let forecasts = self.0.clone();
        async move {
            let scored = forecasts.score_due().await.map_err(refusal)?;
            Ok(serde_json::json!({ "runs_scored": scored }))
        }
        .boxed()
    }
}

/// Keeps the box current: fills the simulation, forecasts every market with recent prices, has a
/// first model trained where there is none; hands on to scoring and, once tomorrow is known, to the
/// export. Looks at the whole state each time, so a lost run costs only its delay.
#[derive(Clone)]
pub struct RefreshJob {
    /// Fills the simulated market.
    pub simulation: Simulation,
    /// Knows which markets have prices.
    pub prices: Prices,
    /// Forecasts and scores.
    pub forecasts: Forecasts,
    /// Knows which models serve.
    pub registry: Registry,
    /// Takes the trainings.
    pub jobs: Jobs,
    /// What «recent» is measured against.
    pub clock: Clock,
}

impl RefreshJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.refresh";

    async fn refresh(self, context: &JobContext) -> Result<Value, JobError> {
        let retry = |error: PriceError| JobError::Retry(error.into());
        self.simulation.fill().await.map_err(retry)?;
        let now = self.clock.now();
        let recent = now - Duration::days(RECENT_DAYS);
        let mut issued = Vec::new();
        let mut follow = vec![NewJob::new(ScoreJob::NAME)];
        for stored in self.prices.newest().await.map_err(retry)? {
            if stored.last < recent {
                continue;
            }
            match self.forecasts.issue(&stored.market, stored.product).await {
                Ok(forecast) => {
                    let series = forecast.run.series;
                    // A model that was taken out of service on purpose is not replaced at once.
                    if self.registry.newest_ready(&series).await.map_err(no_registry)?.is_none() {
                        follow.push(RetrainJob::of(&stored.market, stored.product, now));
                    }
                    let zone = stored.market.time_zone();
                    let last = local_date(stored.last, zone);
                    if last > local_date(now, zone) {
                        follow.push(ExportJob::of(&stored.market, stored.product, last));
                    }
                    issued.push(series);
                }
                // One market without a forecast must not cost the others theirs.
                Err(error) => context.log(format!("No forecast of {}: {error}", stored.market)),
            }
        }
        for job in follow {
            let queued = self.jobs.enqueue(job).await;
            queued.map_err(|error| JobError::Retry(error.into()))?;
        }
        Ok(serde_json::json!({ "issued": issued }))
    }
}

impl Handler for RefreshJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let this = self.clone();
        async move { this.refresh(&context).await }.boxed()
    }
}

fn no_registry(error: RegistryError) -> JobError {
    JobError::Retry(error.into())
}

fn refusal(error: ForecastError) -> JobError {
    match error {
        ForecastError::TooShort { .. } | ForecastError::History(_) => JobError::Fatal(error.into()),
        other => JobError::Retry(other.into()),
    }
}
