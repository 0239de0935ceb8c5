//! Datasets between their export and their end: the newest is learned from, old ones make room.

use chrono::{DateTime, Utc};

use super::request::TrainRequest;
use super::service::{Training, TrainingError, Watch};
use crate::learning::datasets::Dataset;

impl Training {
    /// The newest dataset of the request's product when it was exported after `since`, else a new one.
    pub async fn recent_dataset(
        &self,
        request: &TrainRequest,
        since: DateTime<Utc>,
        watch: &Watch,
    ) -> Result<Dataset, TrainingError> {
        let newest = self.datasets.newest(&request.market, request.product).await?;
        match newest.filter(|dataset| dataset.created_at >= since) {
            Some(dataset) => Ok(dataset),
            None => self.export(request, watch).await,
        }
    }

    /// Removes datasets exported before `before` from which no model was trained; how many.
    pub async fn prune_datasets(&self, before: DateTime<Utc>) -> Result<usize, TrainingError> {
        let kept = self.registry.datasets_in_use().await?;
        Ok(self.datasets.prune(before, &kept).await?)
    }
}
