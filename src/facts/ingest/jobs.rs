//! Fetching by the clock: often around publication, seldom when nothing is missing.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::error::FetchError;
use super::service::Ingest;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;
use crate::platform::jobs::Jobs;
use crate::platform::jobs::NewJob;

/// Fetches the prices that are due. A source that is away fails no run: the next one looks again.
#[derive(Clone)]
pub struct FetchJob {
    /// Asks the sources.
    pub ingest: Ingest,
    /// Takes what follows from new prices.
    pub jobs: Jobs,
    /// The job that new prices ask for.
    pub then: &'static str,
}

impl FetchJob {
    /// Name in the queue.
    pub const NAME: &'static str = "facts.fetch_prices";

    async fn fetch(self, context: &JobContext) -> Result<Value, JobError> {
        let settings = self.ingest.settings();
        if !settings.enabled {
            return Ok(json!({ "skipped": "sources are switched off" }));
        }
        let (mut fetched, mut failed, mut changed) = (Vec::new(), Vec::new(), false);
        for market in &settings.markets {
            let Some(days) = self.ingest.due(market).await.map_err(away)? else { continue };
            match self.ingest.fetch_any(market, days, |_, _| {}).await {
                Ok(report) => {
                    context.log(format!(
                        "{}: {} prices of {market}, {} new",
                        report.source,
                        report.prices,
                        report.stored.inserted + report.stored.replaced
                    ));
                    changed |= report.stored.changed();
                    fetched.push(report);
                }
                Err(error) if error.is_of_source() => {
                    failed.push(json!({ "market": market, "reason": error.to_string() }));
                }
                Err(error) => return Err(away(error)),
            }
        }
        if changed {
            let follows = self.jobs.enqueue(NewJob::new(self.then)).await;
            follows.map_err(|error| JobError::Retry(error.into()))?;
        }
        Ok(json!({ "fetched": fetched, "failed": failed }))
    }
}

impl Handler for FetchJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let this = self.clone();
        async move { this.fetch(&context).await }.boxed()
    }
}

fn away(error: FetchError) -> JobError {
    JobError::Retry(error.into())
}
