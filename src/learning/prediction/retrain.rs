//! Training as a job of the schedule: a market's models are fitted anew, the better one serves.

use chrono::{DateTime, Duration, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;

use super::jobs::{RECENT_DAYS, asked};
use super::service::Forecasts;
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::Clock;
use crate::facts::market::PriceError;
use crate::facts::market::Prices;
use crate::learning::registry::Registry;
use crate::learning::registry::RegistryError;
use crate::learning::serving::Predictor;
use crate::learning::training::TrainRequest;
use crate::learning::training::Training;
use crate::learning::training::TrainingError;
use crate::learning::training::Watch;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;
use crate::platform::jobs::NewJob;

/// Days learned from: a year, in whole weeks; enough for both models and quick on a small box.
const WINDOW_DAYS: u16 = 364;
/// Days the ensemble learns from, whose members take what they need of them.
const ENSEMBLE_DAYS: u16 = 1_456;
/// A market whose newest model is younger is left alone by the schedule: between two nights the
/// window changes by less than a hundredth, while every training leaves files behind.
const FRESH_DAYS: i64 = 7;
/// A dataset that was exported within so many hours is learned from.
const EXPORT_AGE_H: i64 = 18;
/// A training that began so long ago and never ended was cut off.
const ABANDONED_DAYS: i64 = 1;

/// Trains the linear and the boosted model of a market and, where there is enough history, the
/// ensemble, and lets the best serve.
///
/// With `{"market": …, "product": …}` that market at once, without every market with recent prices
/// whose newest model is a week old.
#[derive(Clone)]
pub struct RetrainJob {
    /// Knows which markets have prices.
    pub prices: Prices,
    /// Fits, judges and activates.
    pub training: Training,
    /// Knows how old models are.
    pub registry: Registry,
    /// Forecasts with the new model.
    pub forecasts: Forecasts,
    /// Knows whether the ensemble is wanted.
    pub predictor: Predictor,
    /// What «recent» is measured against.
    pub clock: Clock,
}

impl RetrainJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.retrain";

    /// The job for one market, once a day.
    pub(super) fn of(market: &Market, product: Product, now: DateTime<Utc>) -> NewJob {
        let slot = format!("{} {}", market.price_series(product), now.format("%Y-%m-%d"));
        let payload = json!({ "market": market, "product": product });
        let attempts_max = 2;
        NewJob { attempts_max, ..NewJob::new(Self::NAME).slot(slot).payload(payload) }
    }

    async fn retrain(self, context: JobContext, payload: Value) -> Result<Value, JobError> {
        let now = self.clock.now();
        let cut_off = now - Duration::days(ABANDONED_DAYS);
        self.registry.fail_abandoned(cut_off).await.map_err(from_registry)?;
        let due = if payload.get("market").is_some() {
            vec![asked(&payload)?]
        } else {
            self.due(now).await?
        };
        let mut trained = Vec::new();
        for (market, product) in &due {
            let share = trained.len() as f64 / due.len() as f64;
            context.progress(share, market.code()).await;
            match self.market(market, *product, &context).await {
                Ok(label) => trained.push(json!({ "market": market, "serves": label })),
                Err(TrainingError::Cancelled) => return Err(JobError::Cancelled),
                // One market that cannot be trained must not cost the others theirs.
                Err(error) => {
                    context.log(format!("No new model of {market}: {error}"));
                    trained.push(json!({ "market": market, "error": error.to_string() }));
                }
            }
        }
        Ok(json!({ "trained": trained }))
    }

    /// Markets with recent prices without a model, or with none younger than a week.
    async fn due(&self, now: DateTime<Utc>) -> Result<Vec<(Market, Product)>, JobError> {
        let retry = |error: PriceError| JobError::Retry(error.into());
        let (recent, fresh) = (now - Duration::days(RECENT_DAYS), now - Duration::days(FRESH_DAYS));
        let mut due = Vec::new();
        for stored in self.prices.newest().await.map_err(retry)? {
            let series = stored.market.price_series(stored.product);
            let newest = self.registry.newest_ready(&series).await.map_err(from_registry)?;
            let is_fresh = newest.is_some_and(|model| model.created_at > fresh);
            if stored.last >= recent && !is_fresh {
                due.push((stored.market, stored.product));
            }
        }
        Ok(due)
    }

    /// Trains both models on one dataset and forecasts with the one that serves; its label.
    async fn market(
        &self,
        market: &Market,
        product: Product,
        context: &JobContext,
    ) -> Result<Option<String>, TrainingError> {
        let asked = context.clone();
        let watch = Watch {
            by: By::system(),
            cancelled: Arc::new(move || asked.is_cancelled()),
            progress: Arc::new(|_, _| {}),
        };
        let linear = request(market, product, Algorithm::Linear);
        // By night the chain has exported what was known in the afternoon; nothing has come since.
        let since = self.clock.now() - Duration::hours(EXPORT_AGE_H);
        let dataset = self.training.recent_dataset(&linear, since, &watch).await?;
        for model in [Algorithm::Linear, Algorithm::Lightgbm] {
            let request = request(market, product, model);
            let report = self.training.train_on(dataset.clone(), &request, &watch).await?;
            context.log(format!("{}: {}", report.model.label(), report.verdict));
        }
        if let Err(error) = self.forecasts.issue(market, product).await {
            context.log(format!("No forecast of {market}: {error}"));
        }
        if !self.predictor.trains_ensembles() {
            return self.label(market, product).await;
        }
        // It takes minutes, so the box forecasts with what it has meanwhile.
        match self.training.train(&request(market, product, Algorithm::Ensemble), &watch).await {
            Ok(report) => context.log(format!("{}: {}", report.model.label(), report.verdict)),
            Err(TrainingError::Cancelled) => return Err(TrainingError::Cancelled),
            Err(error) => context.log(format!("No ensemble of {market}: {error}")),
        }
        if let Err(error) = self.forecasts.issue(market, product).await {
            context.log(format!("No forecast of {market}: {error}"));
        }
        self.label(market, product).await
    }

    /// Label of the model that serves.
    async fn label(
        &self,
        market: &Market,
        product: Product,
    ) -> Result<Option<String>, TrainingError> {
        let serving = self.registry.serving(&market.price_series(product)).await?;
        Ok(serving.map(|model| model.label()))
    }
}

impl Handler for RetrainJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        context: JobContext,
        payload: Value,
    ) -> BoxFuture<'static, Result<Value, JobError>> {
        self.clone().retrain(context, payload).boxed()
    }
}

/// What is learned, and from which days, when nobody says otherwise.
pub(super) fn request(market: &Market, product: Product, model: Algorithm) -> TrainRequest {
    TrainRequest {
        market: market.clone(),
        product,
        model,
        until: None,
        window_days: Some(match model {
            Algorithm::Ensemble => ENSEMBLE_DAYS,
            _ => WINDOW_DAYS,
        }),
        regime: None,
        params: match model {
            // The box has other things to do at the same time.
            Algorithm::Lightgbm | Algorithm::Ensemble => {
                [("num_threads".to_owned(), json!(1))].into_iter().collect()
            }
            _ => serde_json::Map::new(),
        },
        activate: true,
    }
}

fn from_registry(error: RegistryError) -> JobError {
    JobError::Retry(error.into())
}
