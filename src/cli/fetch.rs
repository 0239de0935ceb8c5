//! Facts from sources on the internet, now instead of at the next tick; or from the archive again.

use serde_json::json as value;

use super::arguments::FetchArguments;
use super::output::{Failure, json, line, progress, text};
use super::session::with_services;
use crate::app::Services;
use crate::config::Settings;
use crate::facts::ingest::Days;
use crate::facts::ingest::FetchError;
use crate::facts::ingest::FetchReport;
use crate::facts::ingest::Subject;
use crate::facts::tariffs::Filled;

/// What stands for every operator of tariffs on the command line.
const TARIFFS: &str = "tariffs";

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
    let subjects = subjects(services, arguments)?;
    let (mut reports, mut failed) = (Vec::new(), Vec::new());
    for subject in &subjects {
        let days = days(services, arguments, subject).await?;
        let fetched = match &arguments.source {
            Some(source) if source != TARIFFS => {
                services.ingest.fetch(source, subject, days, progress).await
            }
            _ => services.ingest.fetch_any(subject, days, progress).await,
        };
        match fetched {
            Ok(report) => reports.push(report),
            // One of several that fails must not cost the others.
            Err(error) if error.is_of_source() && subjects.len() > 1 => {
                failed.push((subject, error));
            }
            Err(error) => return Err(failure(error)),
        }
    }
    let mut filled = Vec::new();
    if subjects.iter().any(Subject::is_tariff) {
        filled = services.ingest.apply_fallbacks().await.map_err(failure)?;
    }
    if arguments.json {
        let failed: Vec<_> = failed
            .iter()
            .map(|(subject, error)| value!({ "subject": subject, "reason": error.to_string() }))
            .collect();
        json(&value!({ "fetched": reports, "failed": failed, "filled": filled }))?;
    } else {
        let mut words = String::new();
        for report in &reports {
            describe(&mut words, report);
        }
        for Filled { tariff, day, missing, prices } in &filled {
            line(
                &mut words,
                format_args!(
                    "{tariff}: {day} lacks {missing} prices, {prices} are those of the standard tariff"
                ),
            );
        }
        for (subject, error) in &failed {
            line(&mut words, format_args!("{subject}: {error}"));
        }
        text(&words)?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    let some = anyhow::anyhow!("{} of {} could not be fetched", failed.len(), subjects.len());
    Err(Failure::world(some))
}

/// What is to be asked about.
fn subjects(services: &Services, arguments: &FetchArguments) -> Result<Vec<Subject>, Failure> {
    if let Some(subject) = &arguments.subject {
        return Ok(vec![subject.clone()]);
    }
    let source = arguments.source.as_deref();
    if source == Some(TARIFFS) {
        let mut all = services.ingest.subjects(None).map_err(failure)?;
        all.retain(Subject::is_tariff);
        if all.is_empty() {
            let error = anyhow::anyhow!("no tariff is active; name one in tariffs.active");
            return Err(Failure::with_hint(
                error,
                "LUNA_TARIFFS__ACTIVE='[\"ekz:400D\"]' luna fetch tariffs",
            ));
        }
        return Ok(all);
    }
    let all = services.ingest.subjects(source).map_err(failure)?;
    let Some(market) = &arguments.market else { return Ok(all) };
    let own: Vec<Subject> =
        all.into_iter().filter(|subject| subject.market() == Some(market)).collect();
    // Any market may be asked for by name, also one that is not kept up to date.
    Ok(if own.is_empty() { vec![Subject::Prices(market.clone())] } else { own })
}

async fn days(
    services: &Services,
    arguments: &FetchArguments,
    subject: &Subject,
) -> Result<Days, Failure> {
    let usual = services.ingest.days(subject).await.map_err(failure)?;
    let last = arguments.to.unwrap_or(usual.last);
    let first = arguments.from.unwrap_or_else(|| usual.first.min(last));
    if first > last {
        let error = anyhow::anyhow!("--from {first} is after --to {last}");
        return Err(Failure::world(error));
    }
    Ok(Days { resume: !arguments.again, ..Days::new(first, last) })
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
            "{}: {} {} to {}, read {} values, stored {}, unchanged {}",
            report.source,
            report.subject,
            report.first,
            report.last,
            report.values,
            report.stored.inserted + report.stored.replaced,
            report.stored.unchanged
        ),
    );
    if report.resumed > 0 {
        line(
            words,
            format_args!(
                "  note: {} answers were here already (--again asks anew)",
                report.resumed
            ),
        );
    }
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
                Ok(report) => format!("{} values of {}", report.values, report.subject),
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
        for subject in source.subjects {
            let last = subject.last_success_at.map_or("never".to_owned(), |at| at.to_rfc3339());
            line(&mut words, format_args!("  {}: answered last {last}", subject.subject));
            if let Some(failure) = subject.failure {
                line(&mut words, format_args!("    fails: {failure}"));
            }
        }
    }
    text(&words)
}
