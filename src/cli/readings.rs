//! `luna import readings`.

use std::path::PathBuf;

use anyhow::Context;
use chrono_tz::Tz;
use clap::Args;

use super::output::{Failure, json, line, text};
use super::session::with_services;
use crate::access::audit::By;
use crate::config::Settings;
use crate::facts::imports::ImportFailure;
use crate::facts::imports::ReadingKind;
use crate::facts::imports::ReadingOptions;
use crate::facts::imports::ReadingReport;
use crate::facts::imports::ReadingUnit;
use crate::facts::readings::FileOrder;
use crate::facts::readings::ReadingsError;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(super) struct ReadingFileArguments {
    /// Of one meter: CSV, gzipped CSV or Parquet. Of many: CSV with the columns `meter_id`, ts, …, or
    /// NDJSON or JSON by its name
    pub file: PathBuf,
    /// The meter; leave it out for a file of many meters
    #[arg(long)]
    pub meter: Option<String>,
    /// Make the meter known when nobody knows it
    #[arg(long)]
    pub create: bool,
    /// Header of a column with what is taken; several are added up
    #[arg(long = "column", value_name = "COLUMN", requires = "meter")]
    pub columns: Vec<String>,
    /// Header of a column with what is given; several are added up
    #[arg(long = "production-column", value_name = "COLUMN", requires = "meter")]
    pub production_columns: Vec<String>,
    /// Header of the column with the start of the interval
    #[arg(long, requires = "meter")]
    pub time_column: Option<String>,
    /// What the numbers are; the unit decides unless said
    #[arg(long, requires = "meter")]
    pub kind: Option<ReadingKind>,
    /// Unit of the numbers; the header's unless said
    #[arg(long, requires = "meter")]
    pub unit: Option<ReadingUnit>,
    /// Zone of times without offset; Europe/Zurich unless said
    #[arg(long, requires = "meter")]
    pub zone: Option<Tz>,
    /// Read and check, store nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Leave rows that cannot be read out instead of refusing the file
    #[arg(long)]
    pub skip_bad_rows: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn import(
    settings: &Settings,
    arguments: ReadingFileArguments,
) -> Result<(), Failure> {
    let Some(meter_id) = arguments.meter.clone() else {
        return import_many(settings, &arguments).await;
    };
    let path = arguments.file.display().to_string();
    let bytes = std::fs::read(&arguments.file)
        .with_context(|| format!("cannot read {path}"))
        .map_err(Failure::world)?;
    let options = ReadingOptions {
        meter_id,
        create: arguments.create,
        columns: arguments.columns,
        production_columns: arguments.production_columns,
        time_column: arguments.time_column,
        kind: arguments.kind,
        unit: arguments.unit,
        zone: arguments.zone,
        dry_run: arguments.dry_run,
        skip_bad_rows: arguments.skip_bad_rows,
    };
    let report = with_services(settings, async |services| {
        let by = By::command();
        services.imports.import_readings(&bytes, &options, &by).await.map_err(|error| match error {
            ImportFailure::File(error) => Failure::world(anyhow::anyhow!("{path}: {error}")),
            ImportFailure::Readings(ReadingsError::Meters(error)) => {
                Failure::with_hint(error, "--create makes the meter known")
            }
            other => Failure::world(other),
        })
    })
    .await?;
    if arguments.json { json(&report) } else { text(&words(&report)) }
}

/// A file of many meters, read as it is stored.
async fn import_many(settings: &Settings, arguments: &ReadingFileArguments) -> Result<(), Failure> {
    let order = FileOrder {
        create: arguments.create,
        partial: arguments.skip_bad_rows,
        dry_run: arguments.dry_run,
    };
    let path = &arguments.file;
    let report = with_services(settings, async |services| {
        let taken = services.readings.take_path(By::command(), order, path).await;
        let shown = path.display();
        taken.map_err(|error| Failure::world(anyhow::anyhow!("{shown}: {error}")))
    })
    .await?;
    if arguments.json {
        return json(&report);
    }
    let verb = if arguments.dry_run { "would store" } else { "stored" };
    let mut words = format!(
        "read {} rows, {verb} {} new and {} that replace others, unchanged {}, left out {}\n",
        report.read,
        report.inserted + report.derived,
        report.replaced,
        report.unchanged,
        report.refused + report.duplicates
    );
    if !report.created.is_empty() {
        line(&mut words, format_args!("  new meters: {}", report.created.join(", ")));
    }
    for finding in &report.findings {
        line(&mut words, format_args!("  {}: {}", finding.path(), finding.reason));
    }
    text(&words)
}

fn words(report: &ReadingReport) -> String {
    let verb = if report.dry_run { "would store" } else { "stored" };
    let mut text = format!(
        "{}: read {} rows, {verb} {} intervals of {} s, unchanged {}, left out {}\n",
        report.meter_id,
        report.rows_read,
        report.stored,
        report.interval_s,
        report.unchanged,
        report.refused
    );
    if let (Some(first), Some(last)) = (report.first, report.last) {
        line(&mut text, format_args!("  from {} to {}", first.to_rfc3339(), last.to_rfc3339()));
    }
    line(&mut text, format_args!("  columns {}", report.columns.join(", ")));
    if let (Some(taken), Some(given)) = (report.consumption_kwh, report.production_kwh) {
        // An empty sum is a minus zero.
        let (taken, given) = (taken + 0.0, given + 0.0);
        line(&mut text, format_args!("  taken {taken:.1} kWh, given {given:.1} kWh"));
    }
    for dropped in &report.dropped {
        line(&mut text, format_args!("  dropped {}: {}", dropped.rows, dropped.reason));
    }
    for note in &report.notes {
        line(&mut text, format_args!("  note: {note}"));
    }
    text
}
