//! How a site stands at an instant, and a day of it to look at.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::course::{Minute, Site};
use super::heat_pump::Task;
use super::history::Histories;
use super::meter::{Flows, Part};
use crate::base::timeline::local_date;
use crate::facts::meters::MeterRole;
use crate::facts::simulation::house::{World, to_milliwatt};

/// A meter of a simulated site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SiteMeter {
    /// Its name.
    #[schema(example = "sim-home-heatpump")]
    pub meter_id: String,
    /// What it measures.
    pub role: MeterRole,
}

/// A simulated site as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SiteStatus {
    /// Its name.
    #[schema(example = "home")]
    pub site: String,
    /// Whether its meters write while the simulation runs.
    pub is_enabled: bool,
    /// Its meters.
    pub meters: Vec<SiteMeter>,
    /// Seconds of one reading while the simulation runs.
    pub interval_s: i32,
    /// How it stands now; absent before it was built.
    pub now: Option<SiteNow>,
}

/// What flows and what is stored in a minute.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SiteNow {
    /// Start of the minute.
    pub ts: DateTime<Utc>,
    /// What the house draws without its great devices, in kW.
    pub house_kw: f64,
    /// What the roof makes, in kW.
    pub pv_kw: f64,
    /// What the heat pump draws, in kW.
    pub heat_pump_kw: f64,
    /// What the car is charged with, in kW.
    pub ev_kw: f64,
    /// What the battery takes, in kW.
    pub battery_charge_kw: f64,
    /// What the battery gives, in kW.
    pub battery_discharge_kw: f64,
    /// What comes from the grid, in kW.
    pub grid_import_kw: f64,
    /// What goes into the grid, in kW.
    pub grid_export_kw: f64,
    /// How full the battery is, 0 to 1; absent without one.
    pub battery_soc: Option<f64>,
    /// How full the car is, 0 to 1; absent without one.
    pub ev_soc: Option<f64>,
    /// Whether the car is plugged in.
    pub ev_is_connected: Option<bool>,
    /// When it leaves next, as far as it is planned.
    pub ev_leaves_at: Option<DateTime<Utc>>,
    /// What the heat pump is at: `rest`, `rooms` or `water`; absent without one.
    #[schema(example = "rooms")]
    pub heat_pump_task: Option<&'static str>,
    /// Heat per electric power of the compressor, while it runs.
    pub cop: Option<f64>,
    /// Temperature of the rooms, in °C.
    pub indoor_c: Option<f64>,
    /// Temperature of the hot water, in °C.
    pub tank_c: Option<f64>,
    /// Temperature outside, in °C.
    pub outdoor_c: Option<f64>,
}

/// A local day of a site in means of quarter hours: 92, 96 or 100 of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteDay {
    /// The site.
    pub site: String,
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// Each part with what it takes and gives, in kW.
    pub parts: Vec<(Part, Vec<(f64, f64)>)>,
    /// How full the battery is at the end of each quarter hour, 0 to 1.
    pub battery_soc: Vec<f64>,
    /// How full the car is.
    pub ev_soc: Vec<f64>,
}

fn rounded(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}

impl Site {
    /// What it is while its meters do not write.
    pub fn idle(&self) -> SiteStatus {
        let meter = |part: Part| SiteMeter { meter_id: self.meter_id(part), role: part.role() };
        SiteStatus {
            site: self.name.clone(),
            is_enabled: false,
            meters: self.parts().into_iter().map(meter).collect(),
            interval_s: self.settings.interval_s,
            now: None,
        }
    }

    /// How it stands at `now` while its meters write.
    pub fn status(
        &self,
        (world, histories): (World, &Histories),
        now: DateTime<Utc>,
    ) -> SiteStatus {
        let course = histories.day(world, self, local_date(now, world.zone));
        let now = course.and_then(|course| {
            let place = (now - course.from).num_minutes();
            let minute = course.minutes.get(usize::try_from(place).ok()?)?;
            Some(self.now(minute, course.from + Duration::minutes(place)))
        });
        SiteStatus { is_enabled: true, now, ..self.idle() }
    }

    fn now(&self, minute: &Minute, ts: DateTime<Utc>) -> SiteNow {
        let (flows, settings) = (Flows::of_minute(minute), &self.settings);
        let (ev, heat) = (settings.ev.enabled.then_some(&minute.ev), minute.heat.as_ref());
        let battery = settings.battery.enabled.then_some(&minute.battery);
        let task = |task: Task| match task {
            Task::Rest => "rest",
            Task::Rooms => "rooms",
            Task::Water => "water",
        };
        SiteNow {
            ts,
            house_kw: to_milliwatt(flows.house_kw),
            pv_kw: to_milliwatt(flows.pv_kw),
            heat_pump_kw: to_milliwatt(flows.heat_pump_kw),
            ev_kw: to_milliwatt(flows.ev_kw),
            battery_charge_kw: to_milliwatt(flows.charge_kw),
            battery_discharge_kw: to_milliwatt(flows.discharge_kw),
            grid_import_kw: to_milliwatt(flows.import_kw),
            grid_export_kw: to_milliwatt(flows.export_kw),
            battery_soc: battery
                .map(|it| rounded(it.stored_kwh / settings.battery.capacity_kwh, 4)),
            ev_soc: ev.map(|it| rounded(it.stored_kwh / settings.ev.capacity_kwh, 4)),
            ev_is_connected: ev.map(|it| it.is_home),
            ev_leaves_at: ev.and_then(|it| it.left_min).map(|left| ts + Duration::minutes(left)),
            heat_pump_task: heat.map(|it| task(it.task)),
            cop: heat.and_then(|it| it.cop).map(|cop| rounded(cop, 2)),
            indoor_c: heat.map(|it| rounded(it.indoor_c, 2)),
            tank_c: heat.map(|it| rounded(it.tank_c, 2)),
            outdoor_c: heat.map(|it| rounded(it.outdoor_c, 2)),
        }
    }

    /// The local day `date`; nothing before it was built.
    pub fn day(&self, (world, histories): (World, &Histories), date: NaiveDate) -> Option<SiteDay> {
        let course = histories.day(world, self, date)?;
        let quarters: Vec<Flows> = course
            .minutes
            .chunks(15)
            .map(|minutes| {
                let mut sum = Flows::default();
                for minute in minutes {
                    sum.plus(&Flows::of_minute(minute));
                }
                sum.divided(minutes.len() as f64)
            })
            .collect();
        let parts = self.parts().into_iter();
        let settings = &self.settings;
        let soc = |is_there: bool, of: &dyn Fn(&Minute) -> f64| -> Vec<f64> {
            let ends = course.minutes.chunks(15).filter_map(<[Minute]>::last);
            if is_there { ends.map(of).collect() } else { Vec::new() }
        };
        Some(SiteDay {
            site: self.name.clone(),
            from: course.from,
            parts: parts
                .map(|part| (part, quarters.iter().map(|flows| flows.of(part)).collect()))
                .collect(),
            battery_soc: soc(settings.battery.enabled, &|minute| {
                minute.battery.stored_kwh / settings.battery.capacity_kwh
            }),
            ev_soc: soc(settings.ev.enabled, &|minute| {
                minute.ev.stored_kwh / settings.ev.capacity_kwh
            }),
        })
    }
}
