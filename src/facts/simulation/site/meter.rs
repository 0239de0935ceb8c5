//! What the meters of a site say: means over their interval, which add up at every interval.

use chrono::{DateTime, Duration, Utc};

use super::course::{Course, Minute, Site};
use super::history::Histories;
use crate::base::timeline::{TimeRange, add_days, local_date};
use crate::facts::market::Quality;
use crate::facts::meters::{MeterRole, Reading};
use crate::facts::simulation::house::{
    FLOW_SHARE, LOAD_WAVERS, PV_WAVERS, World, aligned, is_out, name_number, to_milliwatt, voltage,
    wave,
};
use crate::facts::simulation::noise::{branch, mix};

/// What of a site a meter measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What comes from the grid and what goes into it.
    Grid,
    /// What the roof makes.
    Pv,
    /// What the battery takes and gives.
    Battery,
    /// What the car is charged with.
    Ev,
    /// What the heat pump draws.
    HeatPump,
    /// What the house draws without those three.
    House,
}

impl Part {
    /// Every part, in the order in which they are listed.
    pub const ALL: [Self; 6] =
        [Self::Grid, Self::Pv, Self::Battery, Self::Ev, Self::HeatPump, Self::House];

    /// The end of the meter's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Pv => "pv",
            Self::Battery => "battery",
            Self::Ev => "ev",
            Self::HeatPump => "heatpump",
            Self::House => "house",
        }
    }

    /// The role of such a meter. What the house draws without its great devices is a part of what
    /// is used, as a device is; the role of a house is for meters of all of it.
    pub const fn role(self) -> MeterRole {
        match self {
            Self::Grid => MeterRole::Grid,
            Self::Pv => MeterRole::Pv,
            Self::Battery => MeterRole::Battery,
            Self::Ev => MeterRole::Ev,
            Self::HeatPump => MeterRole::HeatPump,
            Self::House => MeterRole::Device,
        }
    }
}

impl Site {
    /// The parts that have a meter.
    pub fn parts(&self) -> Vec<Part> {
        let has = |part: &Part| match part {
            Part::Grid | Part::House => true,
            Part::Pv => self.house.profile.pv_kwp > 0.0,
            Part::Battery => self.settings.battery.enabled,
            Part::Ev => self.settings.ev.enabled,
            Part::HeatPump => self.settings.heat_pump.enabled,
        };
        Part::ALL.into_iter().filter(has).collect()
    }

    /// What all of its meters read in `range` at `interval_s`, as [`readings`] tells it.
    pub fn readings(
        &self,
        (world, histories): (World, &Histories),
        range: TimeRange,
        interval_s: i32,
    ) -> Vec<Reading> {
        readings((world, histories), (self, &self.parts()), range, interval_s)
    }

    /// The name of the meter of a part.
    pub fn meter_id(&self, part: Part) -> String {
        site_meter_id(&self.name, part)
    }
}

/// The name of the meter of a part of the site called `site`.
pub fn site_meter_id(site: &str, part: Part) -> String {
    format!("sim-{site}-{}", part.name())
}

/// What the meters of `parts` read in `range` at `interval_s`, a divisor of 60 or a multiple of 60
/// that divides 900; nothing before the site was built.
///
/// Import less export is what all others draw less what they give, at every interval, to a few
/// milliwatts of rounding.
pub fn readings(
    (world, histories): (World, &Histories),
    (site, parts): (&Site, &[Part]),
    range: TimeRange,
    interval_s: i32,
) -> Vec<Reading> {
    let range = aligned(range, interval_s.into());
    let mut all = Vec::new();
    if range.length().is_zero() {
        return all;
    }
    let last = local_date(range.to - Duration::seconds(1), world.zone);
    let mut date = local_date(range.from, world.zone).max(site.settings.built_on);
    while date <= last {
        if let Some(course) = histories.day(world, site, date) {
            of_day((world, site, parts), &course, (range, interval_s), &mut all);
        }
        date = add_days(date, 1);
    }
    all
}

fn of_day(
    (world, site, parts): (World, &Site, &[Part]),
    course: &Course,
    (range, interval_s): (TimeRange, i32),
    all: &mut Vec<Reading>,
) {
    let seed = site.seed(world);
    let range = TimeRange::new(range.from.max(course.from), range.to.min(course.to));
    let meters: Vec<(Part, String, u64)> = parts
        .iter()
        .map(|part| {
            let meter_id = site.meter_id(*part);
            let chance = branch(seed, name_number(&meter_id));
            (*part, meter_id, chance)
        })
        .collect();
    for ts in range.slots(interval_s) {
        let flows = Flows::over(course, seed, (ts, interval_s));
        let volts = voltage(world.seed, ts, flows.import_kw - flows.export_kw);
        for (part, meter_id, chance) in &meters {
            let is_out = is_out(*chance, site.settings.outage_rate, ts);
            let (taken, given) = flows.of(*part);
            all.push(Reading {
                meter_id: meter_id.clone(),
                ts,
                interval_s,
                consumption_kw: (!is_out).then(|| to_milliwatt(taken)),
                production_kw: (!is_out).then(|| to_milliwatt(given)),
                voltage: (!is_out).then_some(volts),
                quality: if is_out { Quality::Missing } else { Quality::Simulated },
                known_at: ts + Duration::seconds(interval_s.into()),
            });
        }
    }
}

/// Mean flows of an interval, in kW.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_field_names, reason = "power carries its unit in its name")]
pub(super) struct Flows {
    pub house_kw: f64,
    pub pv_kw: f64,
    pub heat_pump_kw: f64,
    pub ev_kw: f64,
    pub charge_kw: f64,
    pub discharge_kw: f64,
    pub import_kw: f64,
    pub export_kw: f64,
}

impl Flows {
    /// The flows in a minute.
    pub fn of_minute(minute: &Minute) -> Self {
        let mut flows = Self::default();
        flows.add(minute, (minute.house_kw, minute.pv_kw));
        flows
    }

    fn over(course: &Course, seed: u64, (ts, interval_s): (DateTime<Utc>, i32)) -> Self {
        let offset_s = (ts - course.from).num_seconds();
        let minute = |place: i64| usize::try_from(place).ok().and_then(|at| course.minutes.get(at));
        let mut sum = Self::default();
        if interval_s < 60 {
            for second in offset_s..offset_s + i64::from(interval_s) {
                if let Some(minute) = minute(second / 60) {
                    sum.add(minute, wavering(minute, seed, course.from.timestamp() + second));
                }
            }
            return sum.divided(interval_s.into());
        }
        let minutes = i64::from(interval_s / 60);
        for place in offset_s / 60..offset_s / 60 + minutes {
            if let Some(minute) = minute(place) {
                sum.add(minute, (minute.house_kw, minute.pv_kw));
            }
        }
        sum.divided(minutes as f64)
    }

    /// Adds what flows while the house draws and the roof makes so much.
    fn add(&mut self, minute: &Minute, (house_kw, pv_kw): (f64, f64)) {
        let net = minute.net_kw() + (house_kw - minute.house_kw) - (pv_kw - minute.pv_kw);
        self.house_kw += house_kw;
        self.pv_kw += pv_kw;
        self.heat_pump_kw += minute.heat_pump_kw();
        self.ev_kw += minute.ev.kw;
        self.charge_kw += minute.battery.charge_kw;
        self.discharge_kw += minute.battery.discharge_kw;
        self.import_kw += net.max(0.0);
        self.export_kw += (-net).max(0.0);
    }

    pub(super) fn divided(self, by: f64) -> Self {
        Self {
            house_kw: self.house_kw / by,
            pv_kw: self.pv_kw / by,
            heat_pump_kw: self.heat_pump_kw / by,
            ev_kw: self.ev_kw / by,
            charge_kw: self.charge_kw / by,
            discharge_kw: self.discharge_kw / by,
            import_kw: self.import_kw / by,
            export_kw: self.export_kw / by,
        }
    }

    /// Both added up.
    pub fn plus(&mut self, other: &Self) {
        self.house_kw += other.house_kw;
        self.pv_kw += other.pv_kw;
        self.heat_pump_kw += other.heat_pump_kw;
        self.ev_kw += other.ev_kw;
        self.charge_kw += other.charge_kw;
        self.discharge_kw += other.discharge_kw;
        self.import_kw += other.import_kw;
        self.export_kw += other.export_kw;
    }

    /// What a part takes and gives, in kW.
    pub const fn of(&self, part: Part) -> (f64, f64) {
        match part {
            Part::Grid => (self.import_kw, self.export_kw),
            Part::Pv => (0.0, self.pv_kw),
            Part::Battery => (self.charge_kw, self.discharge_kw),
            Part::Ev => (self.ev_kw, 0.0),
            Part::HeatPump => (self.heat_pump_kw, 0.0),
            Part::House => (self.house_kw, 0.0),
        }
    }
}

/// House and roof in one second: how they waver adds up to nothing over the minute and never turns
/// the flow at the grid around; where the battery takes up everything, nothing wavers.
fn wavering(minute: &Minute, seed: u64, second: i64) -> (f64, f64) {
    let room = FLOW_SHARE * minute.net_kw().abs();
    (
        minute.house_kw + (LOAD_WAVERS * minute.house_kw).min(room) * wave(seed, second),
        minute.pv_kw + (PV_WAVERS * minute.pv_kw).min(room) * wave(mix(seed), second),
    )
}
