//! Training and evaluation as jobs: stored before they run, seen while they run, stopped on request.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::evaluate::EvaluateRequest;
use super::service::{TrainRequest, Training, TrainingError, Watch};
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Trains a model; its payload is a [`TrainRequest`].
#[derive(Debug)]
pub struct TrainJob(pub Training);

/// Evaluates algorithms; its payload is an [`EvaluateRequest`].
#[derive(Debug)]
pub struct EvaluateJob(pub Training);

impl TrainJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.train";
}

impl EvaluateJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.evaluate";
}

impl Handler for TrainJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, payload: Value) -> BoxFuture<'_, Result<Value, JobError>> {
        async move {
            let request: TrainRequest = read(payload)?;
            let report = self.0.train(&request, &watch(&context)).await.map_err(refusal)?;
            Ok(serde_json::json!({
                "model_id": report.model.model_id,
                "label": report.model.label(),
                "serves": report.serves,
                "metrics": report.model.metrics,
                "dataset": report.dataset.name,
            }))
        }
        .boxed()
    }
}

impl Handler for EvaluateJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, payload: Value) -> BoxFuture<'_, Result<Value, JobError>> {
        async move {
            let request: EvaluateRequest = read(payload)?;
            let report = self.0.evaluate(&request, &watch(&context)).await.map_err(refusal)?;
            serde_json::to_value(report).map_err(|error| JobError::Fatal(error.into()))
        }
        .boxed()
    }
}

fn read<T: DeserializeOwned>(payload: Value) -> Result<T, JobError> {
    serde_json::from_value(payload).map_err(|error| JobError::Fatal(error.into()))
}

fn watch(context: &JobContext) -> Watch {
    let (asked, told) = (context.clone(), context.clone());
    Watch {
        cancelled: Arc::new(move || asked.is_cancelled()),
        progress: Arc::new(move |done, note| told.progress(done, note)),
    }
}

/// Another attempt can help when the database or the pool was busy; with the same data nothing else changes.
fn refusal(error: TrainingError) -> JobError {
    match error {
        TrainingError::Cancelled => JobError::Cancelled,
        TrainingError::Registry(_) | TrainingError::Dataset(_) | TrainingError::Pool(_) => {
            JobError::Retry(error.into())
        }
        other => JobError::Fatal(other.into()),
    }
}
