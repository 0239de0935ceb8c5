//! Training and evaluation as jobs: stored before they run, seen while they run, stopped on request.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::evaluate::EvaluateRequest;
use super::events::EventRequest;
use super::request::TrainRequest;
use super::service::{Training, TrainingError, Watch};
use crate::access::audit::By;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Progress is stored when it moved by this much; trees are added faster than a database likes to hear.
const PROGRESS_STEP: f64 = 0.02;

/// Work for the queue: a training or an evaluation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TrainingOrder {
    /// Fit and register a model.
    Train(TrainRequest),
    /// Fit and register a model of how likely an event is.
    Event(EventRequest),
    /// Compare algorithms by rolling origin.
    Evaluate(EvaluateRequest),
}

/// Runs a [`TrainingOrder`].
pub struct TrainingJob(pub Training);

impl TrainingJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.training";
}

impl Handler for TrainingJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        context: JobContext,
        payload: Value,
    ) -> BoxFuture<'static, Result<Value, JobError>> {
        let training = self.0.clone();
        async move {
            let order = serde_json::from_value(payload);
            let order: TrainingOrder = order.map_err(|error| JobError::Fatal(error.into()))?;
            let (tell, told) = watch::channel((0.0, String::new()));
            let asked = context.clone();
            let watch = Watch {
                by: By::system(),
                cancelled: Arc::new(move || asked.is_cancelled()),
                progress: Arc::new(move |done, note| {
                    tell.send_replace((done, note.to_owned()));
                }),
            };
            let result = tokio::select! {
                result = carry_out(&training, order, watch) => result,
                never = follow(told, &context) => match never {},
            };
            result.map_err(refusal)
        }
        .boxed()
    }
}

async fn carry_out(
    training: &Training,
    order: TrainingOrder,
    watch: Watch,
) -> Result<Value, TrainingError> {
    match order {
        TrainingOrder::Train(request) => {
            let report = training.train(&request, &watch).await?;
            Ok(serde_json::json!({
                "model_id": report.model.model_id,
                "label": report.model.label(),
                "serves": report.serves,
                "metrics": report.model.metrics,
                "dataset": report.dataset.name,
            }))
        }
        TrainingOrder::Event(request) => {
            let report = training.train_event(&request, &watch).await?;
            Ok(serde_json::json!({
                "model_id": report.model.model_id,
                "label": report.model.label(),
                "serves": false,
                "verdict": report.verdict,
                "metrics": report.scores,
                "dataset": report.dataset.name,
            }))
        }
        TrainingOrder::Evaluate(request) => {
            let report = training.evaluate(&request, &watch).await?;
            Ok(serde_json::json!(report))
        }
    }
}

/// Stores progress while the work goes on; ends only with it.
async fn follow(
    mut told: watch::Receiver<(f64, String)>,
    context: &JobContext,
) -> std::convert::Infallible {
    let mut stored = (-1.0, String::new());
    loop {
        if told.changed().await.is_err() {
            // The work has let go of its end and is about to return.
            std::future::pending::<()>().await;
        }
        let now = told.borrow_and_update().clone();
        if now.1 != stored.1 || now.0 - stored.0 >= PROGRESS_STEP {
            context.progress(now.0, &now.1).await;
            stored = now;
        }
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
