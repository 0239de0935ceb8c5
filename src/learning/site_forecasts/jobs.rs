//! Every hour a forecast of every meter that is read; every night models fitted anew.

use chrono::Duration;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::error::SiteForecastError;
use super::service::SiteForecasts;
use crate::platform::jobs::Handler;
use crate::platform::jobs::JobContext;
use crate::platform::jobs::JobError;

/// Meters that were not read for so many days are not forecast.
const READ_WITHIN_DAYS: i64 = 2;

/// Forecasts every meter that is read, then scores what is due.
pub struct MeterForecastJob(pub SiteForecasts);

/// Fits every meter's models anew and forecasts with them, then removes old values.
pub struct MeterRefitJob(pub SiteForecasts);

impl MeterForecastJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.meters";
}

impl MeterRefitJob {
    /// Name in the queue.
    pub const NAME: &'static str = "learning.meters_refit";
}

impl SiteForecasts {
    /// Goes through the meters; one that cannot be forecast costs the others nothing.
    async fn round(&self, anew: bool, context: &JobContext) -> Result<Value, JobError> {
        let settings = self.needs.settings.get();
        if !settings.is_on {
            return Ok(json!({ "skipped": "site_forecasts.is_on is false" }));
        }
        let since = self.needs.clock.now() - Duration::days(READ_WITHIN_DAYS);
        let mut meters = self.needs.meters.active(since).await.map_err(retry)?;
        let most = usize::try_from(settings.meters_max).unwrap_or(usize::MAX);
        if meters.len() > most {
            let left = meters.len() - most;
            context
                .log(format!("{left} meters are left out by site_forecasts.meters_max = {most}"));
            meters.truncate(most);
        }
        let (mut issued, mut waiting) = (Vec::new(), 0);
        for (place, meter) in meters.iter().enumerate() {
            if context.is_cancelled() {
                return Err(JobError::Cancelled);
            }
            context.progress(place as f64 / meters.len() as f64, &meter.meter_id).await;
            let all = match self.issue_all(meter, anew).await {
                Ok(all) => all,
                Err(error) => {
                    context.log(format!("No forecast of {}: {error}", meter.meter_id));
                    continue;
                }
            };
            for (kind, forecast) in all {
                match forecast {
                    Ok(forecast) => {
                        if anew {
                            let verdict = &forecast.detail.model.verdict;
                            context.log(format!("{}: {verdict}", forecast.series));
                        }
                        issued.push(forecast.series);
                    }
                    Err(SiteForecastError::TooShort { .. }) => waiting += 1,
                    Err(error) => {
                        let name = kind.name();
                        context.log(format!("No forecast of {name}:{}: {error}", meter.meter_id));
                    }
                }
            }
        }
        Ok(json!({ "issued": issued, "too_short": waiting }))
    }
}

impl Handler for MeterForecastJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let forecasts = self.0.clone();
        async move {
            let mut told = forecasts.round(false, &context).await?;
            told["scored"] = json!(forecasts.score_due().await.map_err(retry)?);
            Ok(told)
        }
        .boxed()
    }
}

impl Handler for MeterRefitJob {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(&self, context: JobContext, _: Value) -> BoxFuture<'static, Result<Value, JobError>> {
        let forecasts = self.0.clone();
        async move {
            let mut told = forecasts.round(true, &context).await?;
            told["removed_values"] = json!(forecasts.prune().await.map_err(retry)?);
            Ok(told)
        }
        .boxed()
    }
}

fn retry(error: impl Into<anyhow::Error>) -> JobError {
    JobError::Retry(error.into())
}
