//! What some days of a site add up to: energies, shares, limits, and how well it balances.

use chrono::NaiveDate;
use serde::Serialize;

use super::course::{Minute, Site};
use super::heat_pump::STEP_H;
use super::history::Histories;
use super::meter::Flows;
use crate::base::timeline::add_days;
use crate::facts::simulation::house::World;

/// What some local days of a site add up to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteReport {
    /// The site.
    pub site: String,
    /// Which of all worlds.
    pub seed: u64,
    /// First local day.
    pub first: NaiveDate,
    /// Last local day, inclusive.
    pub last: NaiveDate,
    /// What the house drew without its great devices, in kWh.
    pub house_kwh: f64,
    /// What the heat pump drew.
    pub heat_pump_kwh: f64,
    /// Heat that it gave to rooms and water.
    pub heat_kwh: f64,
    /// Heat over electricity, standby included: the seasonal performance factor.
    pub seasonal_performance: Option<f64>,
    /// What the car was charged with at home.
    pub ev_kwh: f64,
    /// What it took on its trips.
    pub driven_kwh: f64,
    /// What it was charged with elsewhere.
    pub elsewhere_kwh: f64,
    /// What the battery took.
    pub charge_kwh: f64,
    /// What the battery gave.
    pub discharge_kwh: f64,
    /// What the roof made.
    pub pv_kwh: f64,
    /// What came from the grid.
    pub import_kwh: f64,
    /// What went into the grid.
    pub export_kwh: f64,
    /// Share of what the roof made that did not go into the grid.
    pub self_consumption: Option<f64>,
    /// Share of what was used that did not come from the grid; what the battery lost was used.
    pub self_sufficiency: Option<f64>,
    /// Least and greatest state of charge of the battery.
    pub battery_soc: (f64, f64),
    /// Least and greatest state of charge of the car.
    pub ev_soc: (f64, f64),
    /// Lowest and highest temperature of the rooms, in °C.
    pub indoor_c: (f64, f64),
    /// Lowest and highest temperature of the hot water, in °C.
    pub tank_c: (f64, f64),
    /// Lowest, mean and highest temperature outside, in °C.
    pub outdoor_c: (f64, f64, f64),
    /// Lowest and highest coefficient of performance.
    pub cop: (f64, f64),
    /// Greatest distance of a minute from an even balance, in kW.
    pub imbalance_kw: f64,
}

/// Least and greatest of what was seen.
#[derive(Debug, Clone, Copy)]
struct Span(f64, f64);

impl Span {
    const NONE: Self = Self(f64::INFINITY, f64::NEG_INFINITY);

    fn see(&mut self, value: f64) {
        *self = Self(self.0.min(value), self.1.max(value));
    }

    /// Both ends; nothing where nothing was seen.
    fn ends(self) -> (f64, f64) {
        if self.0 <= self.1 { (round(self.0), round(self.1)) } else { (0.0, 0.0) }
    }
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// What is summed while days pass.
struct Sums {
    flows: Flows,
    minutes: u64,
    heat_kw: f64,
    driven_kw: f64,
    elsewhere_kw: f64,
    outdoor_sum: f64,
    battery: Span,
    ev: Span,
    indoor: Span,
    tank: Span,
    outdoor: Span,
    cop: Span,
    imbalance_kw: f64,
}

impl Sums {
    fn new() -> Self {
        Self {
            flows: Flows::default(),
            minutes: 0,
            heat_kw: 0.0,
            driven_kw: 0.0,
            elsewhere_kw: 0.0,
            outdoor_sum: 0.0,
            battery: Span::NONE,
            ev: Span::NONE,
            indoor: Span::NONE,
            tank: Span::NONE,
            outdoor: Span::NONE,
            cop: Span::NONE,
            imbalance_kw: 0.0,
        }
    }

    fn add(&mut self, site: &Site, minute: &Minute) {
        let flows = Flows::of_minute(minute);
        let used = flows.house_kw + flows.heat_pump_kw + flows.ev_kw + flows.charge_kw;
        let made = flows.pv_kw + flows.discharge_kw;
        let gap = (flows.import_kw - flows.export_kw) - (used - made);
        self.imbalance_kw = self.imbalance_kw.max(gap.abs());
        self.flows.plus(&flows);
        self.minutes += 1;
        self.driven_kw += minute.ev.driven_kw;
        self.elsewhere_kw += minute.ev.elsewhere_kw;
        if site.settings.battery.enabled {
            self.battery.see(minute.battery.stored_kwh / site.settings.battery.capacity_kwh);
        }
        if site.settings.ev.enabled {
            self.ev.see(minute.ev.stored_kwh / site.settings.ev.capacity_kwh);
        }
        if let Some(heat) = &minute.heat {
            self.heat_kw += heat.rooms_kw + heat.water_kw;
            self.indoor.see(heat.indoor_c);
            self.tank.see(heat.tank_c);
            self.outdoor.see(heat.outdoor_c);
            self.outdoor_sum += heat.outdoor_c;
            if let Some(cop) = heat.cop {
                self.cop.see(cop);
            }
        }
    }

    fn told(self, site: &Site, seed: u64, (first, last): (NaiveDate, NaiveDate)) -> SiteReport {
        let kwh = |kw: f64| round(kw * STEP_H);
        let flows = &self.flows;
        let used = flows.import_kw + flows.pv_kw - flows.export_kw;
        let share = |part: f64, of: f64| (of > 0.0).then(|| round(part / of));
        let (coldest, warmest) = self.outdoor.ends();
        let mean = self.outdoor_sum / (self.minutes.max(1)) as f64;
        SiteReport {
            site: site.name.clone(),
            seed,
            first,
            last,
            house_kwh: kwh(flows.house_kw),
            heat_pump_kwh: kwh(flows.heat_pump_kw),
            heat_kwh: kwh(self.heat_kw),
            seasonal_performance: share(self.heat_kw, flows.heat_pump_kw),
            ev_kwh: kwh(flows.ev_kw),
            driven_kwh: kwh(self.driven_kw),
            elsewhere_kwh: kwh(self.elsewhere_kw),
            charge_kwh: kwh(flows.charge_kw),
            discharge_kwh: kwh(flows.discharge_kw),
            pv_kwh: kwh(flows.pv_kw),
            import_kwh: kwh(flows.import_kw),
            export_kwh: kwh(flows.export_kw),
            self_consumption: share(flows.pv_kw - flows.export_kw, flows.pv_kw),
            self_sufficiency: share(flows.pv_kw - flows.export_kw, used),
            battery_soc: self.battery.ends(),
            ev_soc: self.ev.ends(),
            indoor_c: self.indoor.ends(),
            tank_c: self.tank.ends(),
            outdoor_c: (coldest, round(mean), warmest),
            cop: self.cop.ends(),
            imbalance_kw: self.imbalance_kw,
        }
    }
}

impl SiteReport {
    /// What the local days `first..=last` of `site` add up to; days before it was built are left
    /// out.
    pub fn of(
        (world, histories): (World, &Histories),
        site: &Site,
        (first, last): (NaiveDate, NaiveDate),
    ) -> Self {
        let first = first.max(site.settings.built_on);
        let (mut sums, mut date) = (Sums::new(), first);
        while date <= last {
            if let Some(course) = histories.day(world, site, date) {
                course.minutes.iter().for_each(|minute| sums.add(site, minute));
            }
            date = add_days(date, 1);
        }
        sums.told(site, world.seed, (first, last))
    }
}
