//! Fetching by the clock: often around publication, seldom when nothing is missing.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::FetchError;
use super::service::Ingest;
use super::subject::Subject;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Asks the sources about what is due. A source that is away fails no run: the next one looks again.
#[derive(Clone)]
pub struct FetchJob {
    /// What it asks about.
    pub part: Part,
    /// Asks the sources.
    pub ingest: Ingest,
}

/// What somebody who asks for a run wants of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    /// Ask although nothing is due.
    force: bool,
    /// Ask only this source.
    source: Option<String>,
}

/// What a run asks about: prices never wait behind a source of something else that is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Prices.
    Prices,
    /// Everything else.
    Values,
    /// Retail tariffs; one operator wants minutes between two requests.
    Tariffs,
}

impl Part {
    /// Name in the queue of the job that asks about it.
    pub const fn job(self) -> &'static str {
        match self {
            Self::Prices => FetchJob::PRICES,
            Self::Values => FetchJob::VALUES,
            Self::Tariffs => FetchJob::TARIFFS,
        }
    }

    /// The part to which a subject belongs.
    pub const fn of(subject: &Subject) -> Self {
        if subject.is_price() {
            Self::Prices
        } else if subject.is_tariff() {
            Self::Tariffs
        } else {
            Self::Values
        }
    }
}

impl FetchJob {
    /// Name in the queue of the job that fetches prices.
    pub const PRICES: &'static str = "facts.fetch_prices";
    /// Name in the queue of the job that fetches everything else.
    pub const VALUES: &'static str = "facts.fetch_values";
    /// Name in the queue of the job that fetches retail tariffs.
    pub const TARIFFS: &'static str = "facts.fetch_tariffs";

    async fn fetch(self, context: &JobContext, wish: Wish) -> Result<Value, JobError> {
        if !self.ingest.settings().enabled {
            return Ok(json!({ "skipped": "sources are switched off" }));
        }
        let (mut fetched, mut failed) = (Vec::new(), Vec::new());
        let only = wish.source.as_deref();
        let subjects = self.ingest.subjects(only).map_err(away)?;
        for subject in subjects.iter().filter(|subject| Part::of(subject) == self.part) {
            if context.is_cancelled() {
                return Err(JobError::Cancelled);
            }
            let days = if wish.force {
                Some(self.ingest.days(subject).await.map_err(away)?)
            } else {
                self.ingest.due(subject).await.map_err(away)?
            };
            let Some(days) = days else { continue };
            let fetched_now = match only {
                Some(source) => self.ingest.fetch(source, subject, days, |_, _| {}).await,
                None => self.ingest.fetch_any(subject, days, |_, _| {}).await,
            };
            match fetched_now {
                Ok(report) => {
                    context.log(format!(
                        "{}: {} values of {subject}, {} new",
                        report.source,
                        report.values,
                        report.stored.inserted + report.stored.replaced
                    ));
                    fetched.push(report);
                }
                Err(error) if error.is_of_source() => {
                    failed.push(json!({ "subject": subject, "reason": error.to_string() }));
                }
                Err(error) => return Err(away(error)),
            }
        }
        if self.part == Part::Tariffs {
            // Whatever came, a day that has begun without prices has those of the standard tariff.
            let filled = self.ingest.apply_fallbacks().await.map_err(away)?;
            return Ok(json!({ "fetched": fetched, "failed": failed, "filled": filled }));
        }
        Ok(json!({ "fetched": fetched, "failed": failed }))
    }
}

impl Handler for FetchJob {
    fn name(&self) -> &'static str {
        self.part.job()
    }

    fn run(
        &self,
        context: JobContext,
        payload: Value,
    ) -> BoxFuture<'static, Result<Value, JobError>> {
        let this = self.clone();
        // The clock wishes nothing in particular.
        let wish = serde_json::from_value(payload).unwrap_or_default();
        async move { this.fetch(&context, wish).await }.boxed()
    }
}

fn away(error: FetchError) -> JobError {
    JobError::Retry(error.into())
}
