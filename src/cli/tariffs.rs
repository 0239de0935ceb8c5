//! An operator's yearly file into a tariff.

use anyhow::Context;

use super::arguments::TariffFileArguments;
use super::output::{Failure, json, line, text};
use super::session::with_services;
use crate::access::audit::By;
use crate::config::Settings;
use crate::facts::tariffs::TariffError;
use crate::facts::tariffs::YearOptions;
use crate::facts::tariffs::YearReport;

pub(super) async fn import(
    settings: &Settings,
    arguments: TariffFileArguments,
) -> Result<(), Failure> {
    let path = arguments.file.display().to_string();
    let bytes = std::fs::read(&arguments.file)
        .with_context(|| format!("cannot read {path}"))
        .map_err(Failure::world)?;
    let stem = arguments.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let options = YearOptions {
        name: arguments.name.or(stem).unwrap_or_default(),
        tariffs: arguments.tariffs,
        from: arguments.from,
        to: arguments.to,
        dry_run: arguments.dry_run,
    };
    let report = with_services(settings, async |services| {
        let imported = services.tariffs.import_year(&bytes, &options, &By::command()).await;
        imported.map_err(|error| match error {
            TariffError::File(error) => Failure::world(anyhow::anyhow!("{path}: {error}")),
            other => Failure::world(other),
        })
    })
    .await?;
    if arguments.json { json(&report) } else { text(&words(&report)) }
}

fn words(report: &YearReport) -> String {
    let verb = if report.dry_run { "would store" } else { "stored" };
    let stored = if report.dry_run { report.prices } else { report.stored };
    let mut text = format!(
        "{} of {}: {} prices, {verb} {stored}, unchanged {}\n",
        report.tariff, report.operator, report.prices, report.unchanged
    );
    for chosen in &report.chosen {
        let (name, first, last) = (&chosen.name, chosen.first, chosen.last);
        line(&mut text, format_args!("  {}: {name}, {first} to {last}", chosen.component.name()));
    }
    if let Some(base) = report.base_chf_month {
        line(&mut text, format_args!("  and {base:.2} CHF a month"));
    }
    for note in &report.notes {
        line(&mut text, format_args!("  note: {note}"));
    }
    text
}
