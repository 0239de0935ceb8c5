//! Prices from sources on the internet, now instead of at the next tick; or from the archive again.

use chrono::NaiveDate;
use serde_json::json as value;

use super::arguments::FetchArguments;
use super::output::{Failure, json, line, progress, text};
use super::session::with_services;
use crate::app::Services;
use crate::base::ids::Market;
use crate::config::Settings;
use crate::facts::ingest::FetchError;
use crate::facts::ingest::FetchReport;
use crate::learning::prediction::RefreshJob;
use crate::platform::jobs::NewJob;

pub(super) async fn run(settings: &Settings, arguments: FetchArguments) -> Result<(), Failure> {
    with_services(settings, async |services| {
        if arguments.list {
            return list(&services, arguments.json).await;
        }
        if arguments.replay {
            return replay(&services, &arguments).await;
        }
        fetch(&services, &arguments).await
    })
    .await
}

async fn fetch(services: &Services, arguments: &FetchArguments) -> Result<(), Failure> {
    let settings = services.ingest.settings();
    let markets = arguments.market.clone().map_or_else(|| settings.markets.clone(), |m| vec![m]);
    let mut reports = Vec::new();
    for market in &markets {
        let days = days(services, arguments, market).await?;
        let fetched = match &arguments.source {
            Some(source) => services.ingest.fetch(source, market, days, progress).await,
            None => services.ingest.fetch_any(market, days, progress).await,
        };
        reports.push(fetched.map_err(failure)?);
    }
    if reports.iter().any(|report| report.stored.changed()) {
        services.jobs.enqueue(NewJob::new(RefreshJob::NAME)).await.map_err(Failure::world)?;
    }
    if arguments.json {
        return json(&reports);
    }
    let mut words = String::new();
    for report in &reports {
        describe(&mut words, report);
    }
    text(&words)
}

async fn days(
    services: &Services,
    arguments: &FetchArguments,
    market: &Market,
) -> Result<(NaiveDate, NaiveDate), Failure> {
    let (first, last) = services.ingest.days(market).await.map_err(failure)?;
    let last = arguments.to.unwrap_or(last);
    let first = arguments.from.unwrap_or_else(|| first.min(last));
    if first > last {
        let error = anyhow::anyhow!("--from {first} is after --to {last}");
        return Err(Failure::world(error));
    }
    Ok((first, last))
}

fn failure(error: FetchError) -> Failure {
    match error {
        FetchError::Disabled => Failure::with_hint(error, "LUNA_SOURCES__ENABLED=true luna fetch"),
        FetchError::Unknown { .. } => Failure::with_hint(error, "luna fetch --list"),
        error => Failure::world(error),
    }
}

fn describe(words: &mut String, report: &FetchReport) {
    line(
        words,
        format_args!(
            "{}: {} {} to {}, read {} prices, stored {}, unchanged {}",
            report.source,
            report.market,
            report.first,
            report.last,
            report.prices,
            report.stored.inserted + report.stored.replaced,
            report.stored.unchanged
        ),
    );
    for finding in &report.findings {
        line(words, format_args!("  note: {finding}"));
    }
}

async fn replay(services: &Services, arguments: &FetchArguments) -> Result<(), Failure> {
    let source = arguments.source.as_deref();
    let (read, unusable) = services
        .ingest
        .replay(source, |raw, result| {
            let what = match result {
                Ok(report) => format!("{} prices", report.prices),
                Err(error) => error.to_string(),
            };
            tracing::info!(raw_file_id = %raw.raw_file_id, "{} {what}", raw.fetched_at);
        })
        .await
        .map_err(failure)?;
    if arguments.json {
        return json(&value!({ "read": read, "unusable": unusable }));
    }
    text(&format!("Read {read} payloads again; {unusable} of no use, as when they came.\n"))
}

async fn list(services: &Services, as_json: bool) -> Result<(), Failure> {
    let sources = services.ingest.sources().await.map_err(failure)?;
    if as_json {
        return json(&sources);
    }
    let mut words = String::new();
    for source in sources {
        let state = if source.is_enabled { "on" } else { "off" };
        line(&mut words, format_args!("{}  {}, {state}", source.name, source.what));
        line(&mut words, format_args!("  source: {}", source.attribution));
        if let Some(needs) = source.needs {
            line(&mut words, format_args!("  {needs}"));
        }
        for market in source.markets {
            let last = market.last_success_at.map_or("never".to_owned(), |at| at.to_rfc3339());
            line(&mut words, format_args!("  {}: answered last {last}", market.market));
            if let Some(failure) = market.failure {
                line(&mut words, format_args!("    fails: {failure}"));
            }
        }
    }
    text(&words)
}
