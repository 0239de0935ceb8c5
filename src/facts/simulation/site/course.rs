//! A site minute by minute: the house and the sun as they are, then the heat pump, the car, the
//! battery, and the grid for the rest.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::battery::{BatteryMinute, BatteryState};
use super::ev::{EvMinute, EvState, Outings};
use super::heat_pump::{HeatMinute, HeatState, Surroundings};
use super::hot_water::draws;
use super::settings::SiteSettings;
use crate::base::timeline::day_range;
use crate::facts::simulation::house::{House, World, south_wall};
use crate::facts::simulation::weather::outdoor_c;

/// Share of what a house draws that ends as heat in its rooms.
const DRAWN_TO_HEAT: f64 = 0.85;
/// Heat of the people in a house, in kW.
const PEOPLE_KW: f64 = 0.15;

/// A site of the simulated world.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Its name: its meters are called `sim-<name>-…`.
    pub name: String,
    /// Its house.
    pub house: House,
    /// What hangs at its connection.
    pub settings: SiteSettings,
}

/// What a site carries from one minute to the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub heat: HeatState,
    pub ev: EvState,
    pub battery: BatteryState,
}

/// What happened in a minute.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Minute {
    /// What the house draws without the devices below, in kW.
    pub house_kw: f64,
    pub pv_kw: f64,
    /// Absent without a heat pump.
    pub heat: Option<HeatMinute>,
    pub ev: EvMinute,
    pub battery: BatteryMinute,
}

impl Minute {
    /// Power of the heat pump, in kW.
    pub fn heat_pump_kw(&self) -> f64 {
        self.heat.as_ref().map_or(0.0, |heat| heat.kw)
    }

    /// What comes from the grid, in kW; below nothing what goes into it.
    pub fn net_kw(&self) -> f64 {
        self.house_kw + self.heat_pump_kw() + self.ev.kw + self.battery.charge_kw
            - self.battery.discharge_kw
            - self.pv_kw
    }
}

/// A local day of a site: 1380, 1440 or 1500 minutes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Course {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub minutes: Vec<Minute>,
}

impl Site {
    /// What chance of its own the site has in `world`.
    pub(super) const fn seed(&self, world: World) -> u64 {
        self.house.seed(world)
    }

    /// The state at the first instant of its life.
    pub(super) fn first(&self, world: World) -> State {
        let from = day_range(self.settings.built_on, world.zone).from;
        let outdoor = outdoor_c(world.seed, from, world.place.longitude_deg);
        State {
            heat: HeatState::new(&self.settings.heat_pump, outdoor),
            ev: EvState::new(&self.settings.ev),
            battery: BatteryState::new(&self.settings.battery),
        }
    }

    /// The local day `date`, beginning with `state`, which is carried to its end.
    pub(super) fn course(&self, world: World, date: NaiveDate, state: &mut State) -> Course {
        let SiteSettings { heat_pump, ev, battery, .. } = &self.settings;
        let house = self.house.course(world, date);
        let seed = self.seed(world);
        let (wall, water) = if heat_pump.enabled {
            (south_wall(world, date), draws(world, seed, heat_pump.water_kwh, date))
        } else {
            (Vec::new(), Vec::new())
        };
        let outings = Outings::of(world, seed, ev, date);
        let mut minutes = Vec::with_capacity(house.load_kw.len());
        let powers = house.load_kw.iter().zip(&house.pv_kw);
        for (index, (house_kw, pv_kw)) in powers.enumerate() {
            let (house_kw, pv_kw) = (*house_kw, *pv_kw);
            let place = i64::try_from(index).unwrap_or_default();
            let at = house.from + Duration::minutes(place);
            let outdoor = outdoor_c(world.seed, at, world.place.longitude_deg);
            let heat = heat_pump.enabled.then(|| {
                let around = Surroundings {
                    outdoor_c: outdoor,
                    gains_kw: DRAWN_TO_HEAT * house_kw
                        + PEOPLE_KW
                        + heat_pump.window_m2 * wall.get(index).copied().unwrap_or_default(),
                    draw_kw: water.get(index).copied().unwrap_or_default(),
                };
                state.heat.step(heat_pump, around)
            });
            let mut minute = Minute {
                house_kw,
                pv_kw,
                heat,
                ev: EvMinute::default(),
                battery: BatteryMinute::default(),
            };
            let without_ev = minute.net_kw();
            if ev.enabled {
                minute.ev = state.ev.step(ev, outings.place(place), (-without_ev, outdoor));
            }
            if battery.enabled {
                let net = minute.net_kw();
                let lacks = if battery.feeds_ev { net } else { without_ev };
                minute.battery = state.battery.step(battery, (-net, lacks));
            }
            minutes.push(minute);
        }
        Course { from: house.from, to: house.to, minutes }
    }
}
