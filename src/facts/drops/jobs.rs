//! Looking at the roads by the clock. A file that is faulty, or a server that is away, fails no run.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::model::{DropsError, Outcome};
use super::service::Drops;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Reads the files that have come.
#[derive(Clone)]
pub struct DropsJob(pub Drops);

impl DropsJob {
    /// Name in the queue.
    pub const NAME: &'static str = "facts.read_drops";
}

impl Handler for DropsJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let drops = self.0.clone();
        async move {
            let is_cancelled = || context.is_cancelled();
            let scan = match drops.scan(&is_cancelled).await {
                Ok(scan) => scan,
                Err(DropsError::Off) => {
                    return Ok(json!({ "skipped": "no folder is watched and no server is asked" }));
                }
                Err(error) => return Err(JobError::Retry(error.into())),
            };
            for file in &scan.files {
                let reason = file.reason.as_deref().unwrap_or_default();
                context.log(format!("{}: {} {reason}", file.name, file.outcome.name()));
            }
            for trouble in &scan.troubles {
                context.log(trouble.clone());
            }
            if context.is_cancelled() {
                return Err(JobError::Cancelled);
            }
            Ok(json!({
                "stored": scan.count(Outcome::Stored),
                "unchanged": scan.count(Outcome::Unchanged),
                "empty": scan.count(Outcome::Empty),
                "failed": scan.count(Outcome::Failed),
                "waiting": scan.waiting,
                "troubles": scan.troubles,
            }))
        }
        .boxed()
    }
}
