//! Forecasts of meters: issue one, hold many against what came.

use chrono_tz::Tz;

use super::arguments::{ForecastArguments, MeterEvaluateArguments};
use super::output::{Failure, json, line, progress, text};
use super::session::with_services;
use crate::algorithms::forecasting::site::Kind;
use crate::app::Services;
use crate::config::Settings;
use crate::facts::meters::Meter;
use crate::learning::site_forecasts::MeterEvaluation;
use crate::learning::site_forecasts::MeterEvaluationRequest;
use crate::learning::site_forecasts::PublishedForecast;
use crate::learning::site_forecasts::SiteNote;

/// The meter of a name.
async fn meter(services: &Services, meter_id: &str) -> Result<Meter, Failure> {
    let found = services.meters.known(meter_id).await.map_err(Failure::world)?;
    found.ok_or_else(|| {
        let error = anyhow::anyhow!("there is no meter '{meter_id}'");
        Failure::with_hint(error, "luna import readings --meter ID --create makes one known")
    })
}

/// Forecasts the coming week of a meter and publishes that.
pub(super) async fn forecast(
    settings: &Settings,
    meter_id: &str,
    arguments: &ForecastArguments,
) -> Result<(), Failure> {
    let wants_peaks = arguments.event.is_some();
    if wants_peaks && arguments.kind != Kind::Load {
        return Err(Failure::world(anyhow::anyhow!("peak:month is an event of the kind load")));
    }
    let (forecast, zone) = with_services(settings, async |services| {
        let meter = meter(&services, meter_id).await?;
        let issued = services.site_forecasts.issue(&meter, arguments.kind).await;
        let zone: Tz = meter.time_zone.parse().unwrap_or(Tz::UTC);
        issued.map(|forecast| (forecast, zone)).map_err(Failure::world)
    })
    .await?;
    match (arguments.json, wants_peaks) {
        (true, true) => json(&forecast.detail.peaks),
        (true, false) => json(&forecast),
        (false, true) => text(&peak_words(&forecast)),
        (false, false) => text(&words(&forecast, zone)),
    }
}

fn words(forecast: &PublishedForecast, zone: Tz) -> String {
    let detail = &forecast.detail;
    let mut words = format!("{} by {}\n", forecast.series, forecast.model_label);
    line(&mut words, format_args!("  {}", detail.model.verdict));
    for note in &detail.notes {
        let note = match note {
            SiteNote::OldReadings => "The last reading is more than a day old.",
            SiteNote::PowerAtNight => {
                "It gives power while the sun is down: something else than a roof feeds in, or \
                 site_forecasts.latitude_deg and longitude_deg are of another place."
            }
        };
        line(&mut words, format_args!("  {note}"));
    }
    line(&mut words, format_args!("\n{:<17}{:>9}   80 % band, kW", "", "kW"));
    for point in &forecast.points {
        line(
            &mut words,
            format_args!(
                "{}  {:>9.3}  {:>8.3} … {:.3}",
                point.ts.with_timezone(&zone).format("%a %d.%m. %H:%M"),
                point.power_kw,
                point.quantiles_kw[1],
                point.quantiles_kw[5]
            ),
        );
    }
    words.push('\n');
    words + &peak_words(forecast)
}

/// Days with how likely each brings a new monthly peak.
fn peak_words(forecast: &PublishedForecast) -> String {
    let Some(peaks) = &forecast.detail.peaks else { return String::new() };
    let mut words = "New monthly peak\n".to_owned();
    if let Some(missing) = &peaks.missing {
        line(&mut words, format_args!("  {missing}"));
    }
    if let Some(report) = &peaks.report {
        line(&mut words, format_args!("  {}", report.verdict));
    }
    for day in &peaks.days {
        let chance = match (day.probability, day.threshold_kw) {
            (Some(probability), Some(threshold)) => {
                format!("{:>5.1} % above {threshold:.2} kW", 100.0 * probability)
            }
            _ => "    – the month has not begun or nothing was read in it".to_owned(),
        };
        line(&mut words, format_args!("  {}  {chance}", day.date.format("%a %d.%m.")));
    }
    words
}

/// Rolling origins on what a meter read.
pub(super) async fn evaluate(
    settings: &Settings,
    arguments: MeterEvaluateArguments,
) -> Result<(), Failure> {
    let report = with_services(settings, async |services| {
        let request = MeterEvaluationRequest {
            meter: meter(&services, &arguments.meter).await?,
            kind: arguments.kind,
            from: arguments.from,
            to: arguments.to,
            refit_days: arguments.refit_days,
        };
        let report = services.site_forecasts.evaluate(&request, &progress).await;
        report.map_err(Failure::world)
    })
    .await?;
    if arguments.json { json(&report) } else { text(&evaluation_words(&report)) }
}

fn evaluation_words(report: &MeterEvaluation) -> String {
    let mut words = format!(
        "{}, {} to {}: {} origins, {} models, of which {} are trees; {:.1} s a model\n{:<6}{:<10}{:>8}{:>10}{:>9}{:>10}{:>8}\n",
        report.series,
        report.from,
        report.to,
        report.origins,
        report.fits,
        report.fits_by_trees,
        report.fit_s,
        "lead",
        "model",
        "n",
        "MAE kW",
        "WAPE %",
        "bias kW",
        "in 80 %"
    );
    for error in &report.errors {
        let inside =
            error.coverage_80_percent.map_or_else(|| "–".to_owned(), |share| format!("{share:.1}"));
        line(
            &mut words,
            format_args!(
                "{:<6}{:<10}{:>8}{:>10.3}{:>9.1}{:>10.3}{:>8}",
                error.lead,
                error.model,
                error.n,
                error.mae_kw,
                error.wape_percent,
                error.bias_kw,
                inside
            ),
        );
    }
    if let Some(peaks) = &report.peaks {
        line(
            &mut words,
            format_args!(
                "new monthly peak: Brier {:.4}, base rate {:.4}, {} days ahead with {} events",
                peaks.brier, peaks.brier_base_rate, peaks.n, peaks.events
            ),
        );
    }
    words
}
