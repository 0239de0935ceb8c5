//! The dataset as the last step of the chain from sources to models, once a day and market.

use chrono::Duration;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::jobs::asked;
use super::retrain::request;
use crate::access::audit::By;
use crate::algorithms::forecasting::Algorithm;
use crate::base::ids::Market;
use crate::base::ids::Product;
use crate::base::timeline::Clock;
use crate::learning::training::Training;
use crate::learning::training::TrainingError;
use crate::learning::training::Watch;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;
use crate::platform::jobs::NewJob;

/// Days after which a dataset makes room, unless a model was trained on it.
const KEPT_DAYS: i64 = 7;

/// Exports what models learn from; its payload is `{"market": …, "product": …}`.
#[derive(Clone)]
pub struct ExportJob {
    /// Exports.
    pub training: Training,
    /// What «old» is measured against.
    pub clock: Clock,
}

impl ExportJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.export";

    /// The job for the prices that end on `last`, once.
    pub(super) fn of(market: &Market, product: Product, last: chrono::NaiveDate) -> NewJob {
        let slot = format!("{} {last}", market.price_series(product));
        let payload = json!({ "market": market, "product": product });
        NewJob::new(Self::NAME).slot(slot).payload(payload)
    }

    async fn export(self, payload: Value) -> Result<Value, JobError> {
        let (market, product) = asked(&payload)?;
        let watch = Watch::unseen(By::system());
        let request = request(&market, product, Algorithm::Linear);
        let dataset = match self.training.export(&request, &watch).await {
            Ok(dataset) => dataset,
            // A box that is a few days old has too little; tomorrow it has more.
            Err(TrainingError::TooShort { .. }) => {
                return Ok(json!({ "skipped": "too few days are known" }));
            }
            Err(error) => return Err(JobError::Retry(error.into())),
        };
        let before = self.clock.now() - Duration::days(KEPT_DAYS);
        let removed = self.training.prune_datasets(before).await;
        let removed = removed.map_err(|error| JobError::Retry(error.into()))?;
        Ok(json!({ "dataset": dataset.name, "rows": dataset.rows, "removed": removed }))
    }
}

impl Handler for ExportJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, _: JobContext, payload: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        self.clone().export(payload).boxed()
    }
}
