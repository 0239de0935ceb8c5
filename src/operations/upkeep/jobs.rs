//! Upkeep by the clock.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::service::Upkeep;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Does what is due; `{"dry_run": true}` only tells what would be done.
pub struct UpkeepJob(pub Upkeep);

/// What somebody who asks for a run wants of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    dry_run: bool,
}

impl UpkeepJob {
    /// Name in the queue.
    pub const NAME: &'static str = "operations.upkeep";
}

impl Handler for UpkeepJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        context: JobContext,
        payload: Value,
    ) -> BoxFuture<'static, Result<Value, JobError>> {
        let upkeep = self.0.clone();
        // The clock wishes nothing in particular.
        let wish: Wish = serde_json::from_value(payload).unwrap_or_default();
        async move {
            let report = upkeep.run(wish.dry_run).await;
            for step in &report.steps {
                context.log(step.to_string());
            }
            if report.is_sound() {
                return Ok(json!(report));
            }
            let failed: Vec<String> = report
                .steps
                .iter()
                .filter(|step| step.failed.is_some())
                .map(ToString::to_string)
                .collect();
            Err(JobError::Retry(anyhow::anyhow!(failed.join("; "))))
        }
        .boxed()
    }
}
