//! What a simulated site is made of, one of the `sites` of `config/sim.yml`.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

/// Years in which a site may have been built: a state is carried from there.
const BUILT: std::ops::RangeInclusive<i32> = 2000..=2100;

/// A site: a house of the simulated street and what hangs at its connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteSettings {
    /// Whether its meters write when sites do.
    pub enabled: bool,
    /// First local day of its life; before it there is nothing, and its state follows from there.
    pub built_on: NaiveDate,
    /// Kind of its house, one of `profiles`; the roof is that of the profile.
    pub profile: String,
    /// Number of its house in the street.
    pub house: u32,
    /// Seconds of one reading while the simulation runs, of all its meters.
    pub interval_s: i32,
    /// Seconds of one reading of the time before.
    pub history_interval_s: i32,
    /// Share of the time that each of its meters cannot be reached.
    pub outage_rate: f64,
    /// The heat pump, the rooms that it heats and the hot water.
    pub heat_pump: HeatPump,
    /// The car and its charging point.
    pub ev: Ev,
    /// The battery.
    pub battery: Battery,
}

/// A heat pump that takes heat from the air, the rooms that it heats and the hot water.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeatPump {
    /// Whether there is one.
    pub enabled: bool,
    /// Heat that it gives at 2 °C outside at most, in kW; less in the cold.
    pub heat_kw: f64,
    /// Electric power at most, in kW.
    pub max_kw: f64,
    /// Electric power that never stops, in kW.
    pub standby_kw: f64,
    /// Least share of its heat at which it runs on.
    pub part_load: f64,
    /// What ducts, defrosting and age leave of the coefficient of performance.
    pub cop_factor: f64,
    /// Minutes that it runs at least.
    pub run_min: u32,
    /// Minutes that it rests at least.
    pub rest_min: u32,
    /// Temperature of the rooms, in °C; half a kelvin about.
    pub room_c: f64,
    /// What the house loses, in kW per kelvin.
    pub loss_kw_k: f64,
    /// What the house stores, in kWh per kelvin.
    pub capacity_kwh_k: f64,
    /// Windows to the south, in square metres that let everything through.
    pub window_m2: f64,
    /// Temperature of the water in the heating at -8 °C outside, in °C.
    pub flow_c: f64,
    /// Mean temperature of a day above which rooms are not heated, in °C.
    pub heating_limit_c: f64,
    /// Hot water of a day, in kWh of heat.
    pub water_kwh: f64,
    /// Temperature to which the tank is heated, in °C.
    pub water_c: f64,
    /// Size of the tank, in litres.
    pub tank_l: f64,
}

/// How a car is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charging {
    /// As soon as it is plugged in, up to its target.
    AtOnce,
    /// From what the roof has left; the rest in time for the next departure.
    Surplus,
}

/// A car and its charging point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ev {
    /// Whether there is one.
    pub enabled: bool,
    /// What its battery holds, in kWh.
    pub capacity_kwh: f64,
    /// Power of the charging point at most, in kW.
    pub charge_kw: f64,
    /// Power below which it does not charge, in kW.
    pub min_charge_kw: f64,
    /// Share of the power that reaches the battery.
    pub efficiency: f64,
    /// What it uses at 20 °C, in kWh per 100 km.
    pub kwh_per_100km: f64,
    /// How far it goes in a mean year, in km.
    pub km_per_year: f64,
    /// State of charge at each departure, 0 to 1.
    pub target_soc: f64,
    /// State of charge up to which surplus is taken, 0 to 1.
    pub limit_soc: f64,
    /// How it is charged: `surplus` or `at_once`.
    pub charging: Charging,
}

/// A battery that keeps what the roof has left for the evening.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Battery {
    /// Whether there is one.
    pub enabled: bool,
    /// What it holds, in kWh.
    pub capacity_kwh: f64,
    /// Least state of charge, 0 to 1.
    pub min_soc: f64,
    /// Greatest state of charge, 0 to 1.
    pub max_soc: f64,
    /// Power at which it is charged at most, in kW at its connection.
    pub charge_kw: f64,
    /// Power that it gives at most, in kW at its connection.
    pub discharge_kw: f64,
    /// Share of the power that is stored.
    pub charge_efficiency: f64,
    /// Share of the stored energy that comes out again.
    pub discharge_efficiency: f64,
    /// Whether the car may be charged from it.
    pub feeds_ev: bool,
}

impl Default for SiteSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            built_on: NaiveDate::from_ymd_opt(2025, 1, 1).unwrap_or_default(),
            profile: "household_pv".to_owned(),
            house: 2,
            interval_s: 5,
            history_interval_s: 900,
            outage_rate: 0.0,
            heat_pump: HeatPump::default(),
            ev: Ev::default(),
            battery: Battery::default(),
        }
    }
}

impl Default for HeatPump {
    fn default() -> Self {
        Self {
            enabled: true,
            heat_kw: 7.0,
            max_kw: 3.5,
            standby_kw: 0.015,
            part_load: 0.3,
            cop_factor: 1.0,
            run_min: 20,
            rest_min: 10,
            room_c: 21.0,
            loss_kw_k: 0.16,
            capacity_kwh_k: 12.0,
            window_m2: 3.0,
            flow_c: 40.0,
            heating_limit_c: 15.0,
            water_kwh: 6.0,
            water_c: 52.0,
            tank_l: 300.0,
        }
    }
}

impl Default for Ev {
    fn default() -> Self {
        Self {
            enabled: true,
            capacity_kwh: 60.0,
            charge_kw: 11.0,
            min_charge_kw: 1.4,
            efficiency: 0.9,
            kwh_per_100km: 16.5,
            km_per_year: 12_000.0,
            target_soc: 0.7,
            limit_soc: 0.9,
            charging: Charging::Surplus,
        }
    }
}

impl Default for Battery {
    fn default() -> Self {
        Self {
            enabled: true,
            capacity_kwh: 10.0,
            min_soc: 0.1,
            max_soc: 0.95,
            charge_kw: 5.0,
            discharge_kw: 5.0,
            charge_efficiency: 0.95,
            discharge_efficiency: 0.95,
            feeds_ev: false,
        }
    }
}

/// What lies outside of its bounds, one sentence each that begins with the key.
fn outside(bounds: &[(&str, f64, f64, f64)]) -> Vec<String> {
    let fault = |(key, value, least, most): &(&str, f64, f64, f64)| {
        let fits = (*least..=*most).contains(value);
        (!fits).then(|| format!("{key} = {value} is not between {least} and {most}"))
    };
    bounds.iter().filter_map(fault).collect()
}

impl SiteSettings {
    /// Everything about its devices that cannot be, one sentence each that begins with the key.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        if !BUILT.contains(&self.built_on.year()) {
            let (built, first, last) = (self.built_on, BUILT.start(), BUILT.end());
            all.push(format!("built_on = {built} is not in the years {first} to {last}"));
        }
        let parts = [
            ("heat_pump", self.heat_pump.mistakes()),
            ("ev", self.ev.mistakes()),
            ("battery", self.battery.mistakes()),
        ];
        for (name, mistakes) in parts {
            all.extend(mistakes.into_iter().map(|mistake| format!("{name}.{mistake}")));
        }
        all
    }
}

impl HeatPump {
    fn mistakes(&self) -> Vec<String> {
        outside(&[
            ("heat_kw", self.heat_kw, 1.0, 100.0),
            ("max_kw", self.max_kw, 0.3, 100.0),
            ("standby_kw", self.standby_kw, 0.0, 0.5),
            ("part_load", self.part_load, 0.1, 1.0),
            ("cop_factor", self.cop_factor, 0.6, 1.3),
            ("run_min", self.run_min.into(), 1.0, 180.0),
            ("rest_min", self.rest_min.into(), 0.0, 180.0),
            ("room_c", self.room_c, 15.0, 26.0),
            ("loss_kw_k", self.loss_kw_k, 0.02, 5.0),
            ("capacity_kwh_k", self.capacity_kwh_k, 1.0, 500.0),
            ("window_m2", self.window_m2, 0.0, 200.0),
            ("flow_c", self.flow_c, 28.0, 60.0),
            ("heating_limit_c", self.heating_limit_c, 5.0, 20.0),
            ("water_kwh", self.water_kwh, 0.0, 100.0),
            ("water_c", self.water_c, 40.0, 60.0),
            ("tank_l", self.tank_l, 80.0, 3_000.0),
        ])
    }
}

impl Ev {
    fn mistakes(&self) -> Vec<String> {
        let mut all = outside(&[
            ("capacity_kwh", self.capacity_kwh, 5.0, 300.0),
            ("charge_kw", self.charge_kw, 1.0, 50.0),
            ("min_charge_kw", self.min_charge_kw, 0.0, 50.0),
            ("efficiency", self.efficiency, 0.5, 1.0),
            ("kwh_per_100km", self.kwh_per_100km, 5.0, 60.0),
            ("km_per_year", self.km_per_year, 0.0, 100_000.0),
            ("target_soc", self.target_soc, 0.05, 1.0),
            ("limit_soc", self.limit_soc, 0.05, 1.0),
        ]);
        let pairs = [
            ("min_charge_kw", self.min_charge_kw, "charge_kw", self.charge_kw),
            ("target_soc", self.target_soc, "limit_soc", self.limit_soc),
        ];
        for (key, value, other, most) in pairs {
            if value > most {
                all.push(format!("{key} = {value} is above {other} = {most}"));
            }
        }
        all
    }
}

impl Battery {
    fn mistakes(&self) -> Vec<String> {
        let mut all = outside(&[
            ("capacity_kwh", self.capacity_kwh, 0.5, 10_000.0),
            ("min_soc", self.min_soc, 0.0, 1.0),
            ("max_soc", self.max_soc, 0.0, 1.0),
            ("charge_kw", self.charge_kw, 0.1, 5_000.0),
            ("discharge_kw", self.discharge_kw, 0.1, 5_000.0),
            ("charge_efficiency", self.charge_efficiency, 0.5, 1.0),
            ("discharge_efficiency", self.discharge_efficiency, 0.5, 1.0),
        ]);
        if self.min_soc >= self.max_soc {
            let (least, most) = (self.min_soc, self.max_soc);
            all.push(format!("min_soc = {least} is not below max_soc = {most}"));
        }
        all
    }
}
