//! `luna import weather`.

use std::path::PathBuf;

use anyhow::Context;
use chrono_tz::Tz;
use clap::Args;

use super::output::{Failure, json, line, text};
use super::session::with_services;
use crate::access::audit::By;
use crate::base::ids::Market;
use crate::config::Settings;
use crate::facts::imports::ImportFailure;
use crate::facts::imports::WeatherAsk;
use crate::facts::imports::WeatherNature;
use crate::facts::imports::WeatherOptions;
use crate::facts::imports::WeatherReport;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(super) struct WeatherFileArguments {
    /// CSV, gzipped CSV or Parquet
    pub file: PathBuf,
    /// Station or place: `basel` makes `imported_temperature:basel` and so on
    #[arg(long, alias = "place", value_name = "PLACE")]
    pub series: String,
    /// Market that the series belong to; its models learn from forecasts
    #[arg(long)]
    pub market: Option<Market>,
    /// Known at the end of each interval, or at 09:30 on the day before
    #[arg(long, value_enum, default_value_t)]
    pub nature: WeatherNature,
    /// A column, e.g. `wind_speed:km/h:Wind`; those whose headers tell unless said
    #[arg(long = "column", value_name = "VARIABLE:UNIT:HEADER")]
    pub columns: Vec<WeatherAsk>,
    /// Header of the column with the start of the interval
    #[arg(long)]
    pub time_column: Option<String>,
    /// Header of the column with the instant of publication
    #[arg(long)]
    pub known_at_column: Option<String>,
    /// Times mark the end of their interval
    #[arg(long)]
    pub marks_end: bool,
    /// Zone of times without offset; the header's hint, else the market's, else Europe/Zurich
    #[arg(long)]
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
    arguments: WeatherFileArguments,
) -> Result<(), Failure> {
    let path = arguments.file.display().to_string();
    let bytes = std::fs::read(&arguments.file)
        .with_context(|| format!("cannot read {path}"))
        .map_err(Failure::world)?;
    let options = WeatherOptions {
        place: arguments.series,
        market: arguments.market,
        nature: arguments.nature,
        columns: arguments.columns,
        time_column: arguments.time_column,
        known_at_column: arguments.known_at_column,
        marks_end: arguments.marks_end,
        zone: arguments.zone,
        file_name: path.clone(),
        dry_run: arguments.dry_run,
        skip_bad_rows: arguments.skip_bad_rows,
    };
    let report = with_services(settings, async |services| {
        let by = By::command();
        services.imports.import_weather(&bytes, &options, &by).await.map_err(|error| match error {
            ImportFailure::File(error) => Failure::world(anyhow::anyhow!("{path}: {error}")),
            other => Failure::world(other),
        })
    })
    .await?;
    if arguments.json { json(&report) } else { text(&words(&report)) }
}

fn words(report: &WeatherReport) -> String {
    let verb = if report.dry_run { "would store" } else { "stored" };
    let mut text = format!(
        "{}: read {} rows, {verb} {} values of {} s, unchanged {}\n",
        report.place, report.rows_read, report.stored, report.interval_s, report.unchanged
    );
    if let (Some(first), Some(last)) = (report.first, report.last) {
        line(&mut text, format_args!("  from {} to {}", first.to_rfc3339(), last.to_rfc3339()));
    }
    for series in &report.series {
        line(
            &mut text,
            format_args!(
                "  {} from '{}' in {}: {} values, {:.1} to {:.1} {}",
                series.name,
                series.header,
                series.read_in,
                series.rows,
                series.least,
                series.most,
                series.unit
            ),
        );
    }
    for dropped in &report.dropped {
        line(&mut text, format_args!("  dropped {}: {}", dropped.rows, dropped.reason));
    }
    for note in &report.notes {
        line(&mut text, format_args!("  note: {note}"));
    }
    text
}
