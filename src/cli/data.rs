//! Import, datasets, database, health.

use std::time::Duration;

use anyhow::Context;

use super::arguments::{DatasetCommand, DbCommand, ImportArguments, ImportCommand};
use super::learning::train_request;
use super::output::{Failure, json, line, progress, text};
use super::session::with_services;
use super::{drops, readings, tariffs, weather};
use crate::access::audit::By;
use crate::app::connect;
use crate::base::timeline::Clock;
use crate::config::Settings;
use crate::facts::imports::ImportFailure;
use crate::facts::imports::ImportOptions;
use crate::facts::imports::ImportReport;
use crate::facts::imports::KnownAtRule;
use crate::learning::training::Watch;
use crate::platform::db::embedded::Mode;
use crate::platform::outbound::Call;
use crate::platform::outbound::Outbound;
use crate::platform::outbound::Reach;

/// Longest wait for an answer to `luna health`.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn import(settings: &Settings, command: ImportCommand) -> Result<(), Failure> {
    let arguments = match command {
        ImportCommand::Prices(arguments) => arguments,
        ImportCommand::Readings(arguments) => return readings::import(settings, arguments).await,
        ImportCommand::Drops(arguments) => return drops::import(settings, &arguments).await,
        ImportCommand::Weather(arguments) => return weather::import(settings, arguments).await,
        ImportCommand::Tariff(arguments) => return tariffs::import(settings, arguments).await,
    };
    let path = arguments.file.display().to_string();
    let bytes = std::fs::read(&arguments.file)
        .with_context(|| format!("cannot read {path}"))
        .map_err(Failure::world)?;
    let name = arguments.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let as_json = arguments.json;
    let options = options(arguments);
    let report = with_services(settings, async |services| {
        services.imports.import_prices(&bytes, &name, &options, &By::command()).await.map_err(
            |error| match error {
                ImportFailure::File(error) => Failure::world(anyhow::anyhow!("{path}: {error}")),
                other => Failure::world(other),
            },
        )
    })
    .await?;
    if as_json { json(&report) } else { text(&words(&report)) }
}

fn options(arguments: ImportArguments) -> ImportOptions {
    ImportOptions {
        time_column: arguments.time_column,
        column: arguments.column,
        unit: arguments.unit,
        zone: arguments.zone,
        product: arguments.product,
        known_at: KnownAtRule::of(arguments.known_at, arguments.known_at_column),
        dry_run: arguments.dry_run,
        skip_bad_rows: arguments.skip_bad_rows,
        ..ImportOptions::new(arguments.market)
    }
}

fn words(report: &ImportReport) -> String {
    let verb = if report.dry_run { "would store" } else { "stored" };
    let mut text = format!(
        "{} {}: read {} rows, {verb} {}, unchanged {}\n",
        report.market,
        report.product.name(),
        report.rows_read,
        report.stored,
        report.unchanged
    );
    if let (Some(first), Some(last)) = (report.first, report.last) {
        line(&mut text, format_args!("  from {} to {}", first.to_rfc3339(), last.to_rfc3339()));
    }
    for dropped in &report.dropped {
        let lines: Vec<String> = dropped.lines.iter().map(ToString::to_string).collect();
        let places = if lines.is_empty() {
            String::new()
        } else {
            format!(" (lines {} …)", lines.join(", "))
        };
        line(&mut text, format_args!("  dropped {}: {}{places}", dropped.rows, dropped.reason));
    }
    for note in &report.notes {
        line(&mut text, format_args!("  note: {note}"));
    }
    text
}

pub(super) async fn dataset(settings: &Settings, command: DatasetCommand) -> Result<(), Failure> {
    let DatasetCommand::Export(arguments) = command;
    let as_json = arguments.json;
    let request = train_request(arguments);
    with_services(settings, async |services| {
        let watch = Watch::told(By::command(), progress);
        let dataset = services.training.export(&request, &watch).await.map_err(Failure::world)?;
        if as_json {
            return json(&dataset);
        }
        text(&format!(
            "{}: {} rows × {} features, {} to {}, sha256 {}\n",
            dataset.name,
            dataset.rows,
            dataset.features.len(),
            dataset.from_day,
            dataset.to_day,
            dataset.sha256
        ))
    })
    .await
}

async fn maintain(settings: &Settings, dry_run: bool, as_json: bool) -> Result<(), Failure> {
    let report =
        with_services(settings, async |services| Ok(services.upkeep.run(dry_run).await)).await?;
    if as_json {
        json(&report)?;
    } else {
        let mut words = String::new();
        if dry_run {
            line(&mut words, format_args!("Nothing is changed; this is what would be done:"));
        }
        for step in &report.steps {
            line(&mut words, format_args!("{step}"));
        }
        text(&words)?;
    }
    if report.is_sound() {
        return Ok(());
    }
    Err(Failure::world(anyhow::anyhow!("some steps failed, the others are done")))
}

pub(super) async fn database(settings: &Settings, command: DbCommand) -> Result<(), Failure> {
    if let DbCommand::Maintain { dry_run, json } = command {
        return maintain(settings, dry_run, json).await;
    }
    let (db, private) = connect(settings, Mode::Command).await.map_err(Failure::world)?;
    let result = match command {
        DbCommand::Migrate { json: as_json } => match db.migrate().await {
            Ok(report) if as_json => json(&report),
            Ok(report) if report.applied.is_empty() => text("The database is at this version.\n"),
            Ok(report) => text(&format!("Applied {}.\n", report.applied.join(", "))),
            Err(error) => Err(Failure::world(error)),
        },
        // Done above, with all services.
        DbCommand::Maintain { .. } => Ok(()),
        DbCommand::Status { json: as_json } => match db.schema_status().await {
            Ok(status) if as_json => json(&status),
            Ok(status) if status.is_head => text("The database is at this version.\n"),
            Ok(status) => text(&format!(
                "Pending: {}. Unknown to this program: {}.\n",
                status.pending.join(", "),
                status.unknown.join(", ")
            )),
            Err(error) => Err(Failure::world(error)),
        },
    };
    if let Some(private) = private
        && let Err(error) = private.stop().await
    {
        tracing::error!(%error, "The private database did not stop: {error}");
    }
    result
}

/// Asks the Luna that listens on the configured port; for container health checks.
pub(super) async fn health(settings: &Settings) -> Result<(), Failure> {
    let host = match settings.server.host.as_str() {
        "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let call = Call {
        reach: Reach::Host,
        may_repeat: false,
        total: HEALTH_TIMEOUT,
        ..Call::get(format!("http://{host}:{}/health/ready", settings.server.port))
    };
    let outbound = Outbound::new(Clock::system()).map_err(Failure::bug)?;
    let answer = outbound.send(call).await;
    let answer = answer
        .with_context(|| format!("Luna does not answer on port {}", settings.server.port))
        .map_err(Failure::world)?;
    if answer.status.is_success() {
        return text("ready\n");
    }
    let body = String::from_utf8_lossy(&answer.body);
    Err(Failure::world(anyhow::anyhow!("Luna is not ready: {}", reasons(&body))))
}

/// The failed checks of an answer in words; an answer of another kind as it is.
fn reasons(body: &str) -> String {
    let health: serde_json::Value = serde_json::from_str(body.trim()).unwrap_or_default();
    let failed: Vec<String> = health["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|check| check["ok"] == false)
        .filter_map(|check| {
            Some(format!("{}: {}", check["name"].as_str()?, check["detail"].as_str()?))
        })
        .collect();
    if failed.is_empty() { body.to_owned() } else { failed.join("; ") }
}
