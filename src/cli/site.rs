//! `luna simulate site`: some days of a simulated site, told, written as CSV, or stored.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{NaiveDate, SecondsFormat};
use serde::Serialize;

use super::output::{Failure, json, line, text};
use super::session::with_services;
use super::simulate::{failure, told};
use crate::access::audit::By;
use crate::base::timeline::TimeRange;
use crate::base::timeline::{add_days, day_range, days_range};
use crate::config::Settings;
use crate::facts::meters::Reading;
use crate::facts::simulation::GeneratedReadings;
use crate::facts::simulation::Histories;
use crate::facts::simulation::Site;
use crate::facts::simulation::SiteReport;
use crate::facts::simulation::SiteStatus;
use crate::facts::simulation::check_interval;

/// Longest range that is simulated, in days.
const DAYS_MAX: i64 = 3_700;

/// What is asked for.
pub(super) struct SiteOrder {
    pub site: String,
    pub days: (NaiveDate, NaiveDate),
    pub interval_s: i32,
    pub csv: Option<PathBuf>,
    pub store: bool,
    pub json: bool,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Told {
    report: SiteReport,
    stored: Option<GeneratedReadings>,
}

pub(super) async fn run(settings: &Settings, order: SiteOrder) -> Result<(), Failure> {
    let simulation = &settings.simulation;
    let site = simulation.site(&order.site).map_err(failure)?;
    check_interval(order.interval_s).map_err(failure)?;
    let (first, last) = order.days;
    if !(1..=DAYS_MAX).contains(&((last - first).num_days() + 1)) {
        let error = anyhow::anyhow!("--from {first} --to {last} are not 1 to {DAYS_MAX} days");
        return Err(Failure::world(error));
    }
    let built_on = site.settings.built_on;
    if last < built_on {
        let error = anyhow::anyhow!("the site '{}' was built on {built_on}", site.name);
        let hint = format!("write built_on: {last} or an earlier day in sim.yml");
        return Err(Failure::with_hint(error, hint));
    }
    let (world, histories) = (simulation.world(), Histories::default());
    let stored = if order.store { Some(store(settings, &order).await?) } else { None };
    if let Some(path) = &order.csv {
        return write_csv(settings, (&site, &histories), path, &order);
    }
    let report = SiteReport::of((world, &histories), &site, order.days);
    if order.json {
        return json(&Told { report, stored });
    }
    let mut words = table(&report);
    if let Some(stored) = &stored {
        words.push_str(&told(stored));
    }
    text(&words)
}

async fn store(settings: &Settings, order: &SiteOrder) -> Result<GeneratedReadings, Failure> {
    with_services(settings, async |services| {
        let simulation = &services.simulation;
        let zone = simulation.settings().world().zone;
        let range = days_range(order.days.0, order.days.1, zone);
        // Today is not over: what can be known of it is made.
        let range = TimeRange::new(range.from, range.to.min(services.clock.now()));
        let asker = (&By::command(), None);
        let made = simulation.generate_site(&order.site, range, order.interval_s, asker);
        made.await.map_err(failure)
    })
    .await
}

/// Writes the rows of the site's meters, a day at a time.
fn write_csv(
    settings: &Settings,
    (site, histories): (&Arc<Site>, &Histories),
    path: &Path,
    order: &SiteOrder,
) -> Result<(), Failure> {
    let is_standard = path.as_os_str() == "-";
    let refuse = |error: std::io::Error| {
        Failure::world(anyhow::anyhow!("{} cannot be written: {error}", path.display()))
    };
    let mut file =
        if is_standard { None } else { Some(BufWriter::new(File::create(path).map_err(refuse)?)) };
    let world = settings.simulation.world();
    let (mut date, last) = order.days;
    let mut words =
        "meter_id,ts,interval_s,consumption_kw,production_kw,voltage,quality\n".to_owned();
    while date <= last {
        let range = day_range(date, world.zone);
        for reading in site.readings((world, histories), range, order.interval_s) {
            csv_line(&mut words, &reading);
        }
        match &mut file {
            Some(file) => file.write_all(words.as_bytes()).map_err(refuse)?,
            None => text(&words)?,
        }
        words.clear();
        date = add_days(date, 1);
    }
    file.map_or(Ok(()), |mut file| file.flush()).map_err(refuse)
}

fn csv_line(words: &mut String, reading: &Reading) {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    line(
        words,
        format_args!(
            "{},{},{},{},{},{},{}",
            reading.meter_id,
            reading.ts.to_rfc3339_opts(SecondsFormat::Secs, true),
            reading.interval_s,
            number(reading.consumption_kw),
            number(reading.production_kw),
            number(reading.voltage),
            reading.quality.name()
        ),
    );
}

/// A site as `luna simulate status` tells of it.
pub(super) fn describe(words: &mut String, site: &SiteStatus) {
    let state = if site.is_enabled { "" } else { " (switched off: simulation.sites_enabled)" };
    line(words, format_args!("site     {}{state}", site.site));
    for meter in &site.meters {
        line(words, format_args!("  {}  {}", meter.meter_id, meter.role.name()));
    }
    let Some(now) = &site.now else { return };
    let percent = |soc: Option<f64>| {
        soc.map_or_else(|| "–".to_owned(), |soc| format!("{:.0} %", soc * 100.0))
    };
    line(
        words,
        format_args!(
            "  now: grid {:+.3} kW, roof {:.3} kW, house {:.3} kW, heat pump {:.3} kW, car {:.3} kW, \
             battery {:+.3} kW; battery {}, car {}",
            now.grid_import_kw - now.grid_export_kw,
            now.pv_kw,
            now.house_kw,
            now.heat_pump_kw,
            now.ev_kw,
            now.battery_charge_kw - now.battery_discharge_kw,
            percent(now.battery_soc),
            percent(now.ev_soc)
        ),
    );
}

/// The report as lines.
fn table(report: &SiteReport) -> String {
    let share = |share: Option<f64>| {
        share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let span = |(least, most): (f64, f64), factor: f64, unit: &str| {
        format!("{:.1} to {:.1} {unit}", least * factor, most * factor)
    };
    let kwh = |kwh: f64| format!("{kwh:.1} kWh");
    let rows = [
        ("house", kwh(report.house_kwh)),
        ("heat pump", kwh(report.heat_pump_kwh)),
        ("  heat given", kwh(report.heat_kwh)),
        (
            "  seasonal performance",
            report.seasonal_performance.map_or_else(|| "–".to_owned(), |spf| format!("{spf:.2}")),
        ),
        ("  COP", span(report.cop, 1.0, "")),
        ("  rooms", span(report.indoor_c, 1.0, "°C")),
        ("  hot water", span(report.tank_c, 1.0, "°C")),
        ("  outside", span((report.outdoor_c.0, report.outdoor_c.2), 1.0, "°C")),
        ("car, charged at home", kwh(report.ev_kwh)),
        ("  driven", kwh(report.driven_kwh)),
        ("  charged elsewhere", kwh(report.elsewhere_kwh)),
        ("  state of charge", span(report.ev_soc, 100.0, "%")),
        ("battery, taken", kwh(report.charge_kwh)),
        ("  given", kwh(report.discharge_kwh)),
        ("  state of charge", span(report.battery_soc, 100.0, "%")),
        ("roof", kwh(report.pv_kwh)),
        ("from the grid", kwh(report.import_kwh)),
        ("into the grid", kwh(report.export_kwh)),
        ("self-consumption", share(report.self_consumption)),
        ("self-sufficiency", share(report.self_sufficiency)),
        ("greatest imbalance", format!("{:.1e} kW", report.imbalance_kw)),
    ];
    let mut words = String::new();
    line(
        &mut words,
        format_args!(
            "Site {}, seed {}, {} to {}",
            report.site, report.seed, report.first, report.last
        ),
    );
    for (name, value) in rows {
        line(&mut words, format_args!("{name:<24} {value}"));
    }
    words
}
