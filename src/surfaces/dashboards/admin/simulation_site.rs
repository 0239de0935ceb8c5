//! Simulated sites on their page: what flows now, how full battery and car are, a day of each meter.

use chrono::NaiveDate;
use serde::Serialize;

use super::simulation_chart::{Drawing, svg};
use crate::facts::meters::MeterRole;
use crate::facts::simulation::Part;
use crate::facts::simulation::SiteDay;
use crate::facts::simulation::SiteMeter;
use crate::facts::simulation::SiteNow;
use crate::facts::simulation::SiteStatus;
use crate::surfaces::dashboards::format::{Format, number};

/// A simulated site.
#[derive(Debug, Serialize)]
pub(super) struct SiteView {
    site: String,
    title: String,
    is_enabled: bool,
    /// Empty while nothing is told of it.
    summary: String,
    stats: Vec<StatView>,
    meters: Vec<SiteMeterRow>,
    charts: Vec<SiteChart>,
}

#[derive(Debug, Serialize)]
struct StatView {
    label: &'static str,
    value: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct SiteMeterRow {
    meter_id: String,
    role: &'static str,
    interval: String,
    readings: String,
}

#[derive(Debug, Serialize)]
struct SiteChart {
    id: String,
    title: String,
    summary: String,
    svg: String,
    /// Words of the lines, with the classes that draw their key; a single line needs none.
    key: Vec<(&'static str, &'static str)>,
}

/// The sites of `all`, each with its day where there is one.
pub(super) fn sites(
    all: &[SiteStatus],
    days: &[SiteDay],
    (date, format): (NaiveDate, &Format),
) -> Vec<SiteView> {
    let view = |status: &SiteStatus| {
        let day = days.iter().find(|day| day.site == status.site);
        SiteView {
            title: format.fill("adm_sim_site", &[("site", &status.site)]),
            is_enabled: status.is_enabled,
            summary: day.map_or_else(String::new, |day| summary(day, date, format)),
            stats: status.now.as_ref().map_or_else(Vec::new, |now| stats(now, format)),
            meters: meters(status, format),
            charts: day.map_or_else(Vec::new, |day| charts(day, format)),
            site: status.site.clone(),
        }
    };
    all.iter().map(view).collect()
}

/// The word for what a meter measures.
const fn role_key(role: MeterRole) -> &'static str {
    match role {
        MeterRole::Grid => "adm_sim_role_grid",
        MeterRole::Pv => "adm_sim_role_pv",
        MeterRole::Battery => "adm_sim_role_battery",
        MeterRole::Ev => "adm_sim_role_ev",
        MeterRole::HeatPump => "adm_sim_role_heat_pump",
        MeterRole::Device | MeterRole::House => "adm_sim_role_device",
    }
}

fn meters(status: &SiteStatus, format: &Format) -> Vec<SiteMeterRow> {
    let interval = format.fill("adm_sim_seconds", &[("n", &status.interval_s.to_string())]);
    let row = |meter: &SiteMeter| SiteMeterRow {
        role: format.text(role_key(meter.role)),
        interval: interval.clone(),
        readings: format!("/api/meters/{}/readings", meter.meter_id),
        meter_id: meter.meter_id.clone(),
    };
    status.meters.iter().map(row).collect()
}

fn percent(soc: f64) -> String {
    number(soc * 100.0, 0)
}

/// What flows now: a figure for each part that is there.
fn stats(now: &SiteNow, format: &Format) -> Vec<StatView> {
    let stat = |part: Part, kw: f64, text: String| StatView {
        label: format.text(role_key(part.role())),
        value: number(kw, 2),
        text,
    };
    let word = |key: &'static str| format.text(key).to_owned();
    let net = now.grid_import_kw - now.grid_export_kw;
    let direction = if net < 0.0 { "adm_sim_to_grid" } else { "adm_sim_from_grid" };
    let mut all = vec![
        stat(Part::Grid, net.abs(), word(direction)),
        stat(Part::Pv, now.pv_kw, word("adm_sim_makes")),
        stat(Part::House, now.house_kw, word("adm_sim_draws")),
    ];
    if let Some(soc) = now.battery_soc {
        let net = now.battery_charge_kw - now.battery_discharge_kw;
        let key = if net > 0.0 {
            "adm_sim_charges"
        } else if net < 0.0 {
            "adm_sim_discharges"
        } else {
            "adm_sim_rests"
        };
        let text = format.fill(key, &[("soc", &percent(soc))]);
        all.push(stat(Part::Battery, net.abs(), text));
    }
    if let Some(soc) = now.ev_soc {
        let soc = percent(soc);
        let text = match (now.ev_is_connected, now.ev_leaves_at) {
            (Some(true), Some(at)) => {
                format.fill("adm_sim_ev_home_until", &[("soc", &soc), ("at", &format.moment(at))])
            }
            (Some(true), None) => format.fill("adm_sim_ev_home", &[("soc", &soc)]),
            _ => format.fill("adm_sim_ev_away", &[("soc", &soc)]),
        };
        all.push(stat(Part::Ev, now.ev_kw, text));
    }
    if let (Some(task), Some(indoor), Some(tank)) = (now.heat_pump_task, now.indoor_c, now.tank_c) {
        let key = match task {
            "rooms" => "adm_sim_heats_rooms",
            "water" => "adm_sim_heats_water",
            _ => "adm_sim_heats_nothing",
        };
        let values = [("indoor", &*number(indoor, 1)), ("tank", &*number(tank, 0))];
        all.push(stat(Part::HeatPump, now.heat_pump_kw, format.fill(key, &values)));
    }
    all
}

/// Energy of a day from means of quarter hours, in kWh.
fn kwh(values: impl Iterator<Item = f64>) -> String {
    number(values.sum::<f64>() / 4.0, 1)
}

fn summary(day: &SiteDay, date: NaiveDate, format: &Format) -> String {
    let of = |wanted: &[Part], given: bool| {
        let parts = day.parts.iter().filter(|(part, _)| wanted.contains(part));
        kwh(parts.flat_map(|(_, flows)| flows).map(|flow| if given { flow.1 } else { flow.0 }))
    };
    format.fill(
        "adm_sim_site_summary",
        &[
            ("date", &format.date_long(date)),
            ("used", &of(&[Part::House, Part::HeatPump, Part::Ev], false)),
            ("pv", &of(&[Part::Pv], true)),
            ("import", &of(&[Part::Grid], false)),
            ("export", &of(&[Part::Grid], true)),
        ],
    )
}

/// A drawing for each meter, and one of what is stored.
fn charts(day: &SiteDay, format: &Format) -> Vec<SiteChart> {
    let mut all: Vec<SiteChart> = day
        .parts
        .iter()
        .map(|(part, flows)| {
            let id = format!("{}-{}", day.site, part.name());
            let is_roof = *part == Part::Pv;
            let net: Vec<f64> = flows
                .iter()
                .map(|(taken, given)| if is_roof { *given } else { taken - given })
                .collect();
            let drawing = Drawing {
                from: day.from,
                unit: "kW",
                filled: None,
                lines: vec![(if is_roof { "pv" } else { "p" }, &net)],
            };
            let taken = kwh(flows.iter().map(|flow| flow.0));
            let given = kwh(flows.iter().map(|flow| flow.1));
            let key = match part {
                Part::Grid | Part::Battery => "adm_sim_taken_given",
                Part::Pv => "adm_sim_given",
                _ => "adm_sim_taken",
            };
            SiteChart {
                title: format.text(role_key(part.role())).to_owned(),
                summary: format.fill(key, &[("taken", &taken), ("given", &given)]),
                svg: svg(&drawing, format, &format!("{id}-title"), &format!("{id}-summary")),
                key: Vec::new(),
                id,
            }
        })
        .collect();
    all.extend(stored(day, format));
    all
}

/// How full battery and car are, if there are any.
fn stored(day: &SiteDay, format: &Format) -> Option<SiteChart> {
    let in_percent = |socs: &[f64]| socs.iter().map(|soc| soc * 100.0).collect::<Vec<f64>>();
    let (battery, ev) = (in_percent(&day.battery_soc), in_percent(&day.ev_soc));
    let words =
        [("p", "kp", "adm_sim_role_battery", &battery), ("f gd", "kf kd", "adm_sim_role_ev", &ev)];
    let there: Vec<_> = words.into_iter().filter(|(.., values)| !values.is_empty()).collect();
    if there.is_empty() {
        return None;
    }
    let id = format!("{}-stored", day.site);
    let drawing = Drawing {
        from: day.from,
        unit: "%",
        filled: None,
        lines: there.iter().map(|(class, _, _, values)| (*class, &***values)).collect(),
    };
    let ends: Vec<String> = there
        .iter()
        .map(|(_, _, key, values)| {
            let at_end = values.last().copied().unwrap_or_default();
            format!("{} {}\u{a0}%", format.text(key), number(at_end, 0))
        })
        .collect();
    Some(SiteChart {
        title: format.text("adm_sim_stored").to_owned(),
        summary: format.fill("adm_sim_stored_at_end", &[("what", &ends.join(", "))]),
        svg: svg(&drawing, format, &format!("{id}-title"), &format!("{id}-summary")),
        key: there.iter().map(|(_, class, key, _)| (*class, format.text(key))).collect(),
        id,
    })
}
