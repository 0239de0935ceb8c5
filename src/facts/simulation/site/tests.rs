//! Sites: energy is neither made nor lost, limits hold, and nothing depends on what was asked before.

use chrono::{Duration, NaiveDate};
use proptest::prelude::*;

use super::course::{Course, Minute, State};
use super::heat_pump::{STEP_H, Task, cop, tank_kwh_k};
use super::settings::{Charging, SiteSettings};
use super::*;
use crate::base::timeline::{TimeRange, add_days, day_range, days_range};
use crate::facts::market::Quality;
use crate::facts::meters::{MeterRole, Reading};
use crate::facts::simulation::Settings;
use crate::facts::simulation::house::{House, Profile, World};

const INTERVALS: [i32; 6] = [1, 5, 12, 60, 300, 900];
/// Rounding of the seven powers that a balance consists of, in kW.
const ROUNDING_KW: f64 = 4e-6;

fn world(seed: u64) -> World {
    World { seed, ..Settings::default().world() }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn site(built_on: NaiveDate) -> Site {
    let settings = SiteSettings { built_on, ..SiteSettings::default() };
    let house = House { number: settings.house, profile: Profile::household_pv() };
    Site { name: "home".to_owned(), house, settings }
}

/// The minutes of some days of a site, each day with the state before and after it.
fn days(world: World, site: &Site, count: i64) -> Vec<(State, Course, State)> {
    let mut state = site.first(world);
    (0..count)
        .map(|offset| {
            let before = state.clone();
            let course = site.course(world, add_days(site.settings.built_on, offset), &mut state);
            (before, course, state.clone())
        })
        .collect()
}

/// Each meter's reading of one instant: what it takes less what it gives.
fn net(readings: &[Reading], meter_id: &str) -> f64 {
    let one = readings.iter().find(|one| one.meter_id == meter_id).unwrap();
    one.consumption_kw.unwrap() - one.production_kw.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    /// At every step, at every interval: what comes from the grid less what goes into it is what
    /// the others draw less what they give.
    #[test]
    fn the_meters_of_a_site_add_up(seed: u64, offset in 0_i64..9_000, quarter in 0_i64..92) {
        let date = day("2001-01-01") + Duration::days(offset);
        let (world, site, histories) = (world(seed), site(date), Histories::default());
        let from = day_range(date, world.zone).from + Duration::minutes(15 * quarter);
        let range = TimeRange::new(from, from + Duration::minutes(15));
        let mut energies = Vec::new();
        for interval_s in INTERVALS {
            let read = site.readings((world, &histories), range, interval_s);
            prop_assert_eq!(read.len(), 6 * usize::try_from(900 / interval_s).unwrap());
            let mut import_kwh = 0.0;
            for at in read.chunks(6) {
                let others = ["pv", "battery", "ev", "heatpump", "house"];
                let sum: f64 = others.iter().map(|part| net(at, &format!("sim-home-{part}"))).sum();
                let grid = net(at, "sim-home-grid");
                prop_assert!((grid - sum).abs() < ROUNDING_KW, "{}: {grid} {sum}", at[0].ts);
                prop_assert!(at.iter().all(|one| one.check().is_ok()));
                import_kwh += at[0].consumption_kw.unwrap() * f64::from(interval_s) / 3_600.0;
            }
            energies.push(import_kwh);
        }
        for other in &energies[1..] {
            prop_assert!((other - energies[0]).abs() < 1e-6, "{energies:?}");
        }
    }
}

#[test]
fn both_days_of_the_clock_change_balance() {
    for (date, quarters) in [("2026-03-29", 92), ("2026-10-25", 100)] {
        let (world, site) = (world(5), site(day(date) - Duration::days(1)));
        let range = day_range(day(date), world.zone);
        let read = site.readings((world, &Histories::default()), range, 900);
        assert_eq!(read.len(), 6 * quarters, "{date}");
        for at in read.chunks(6) {
            let sum: f64 = at[1..].iter().map(|one| net(at, &one.meter_id)).sum();
            assert!((net(at, "sim-home-grid") - sum).abs() < ROUNDING_KW, "{date}: {}", at[0].ts);
        }
    }
}

/// What the battery, the car and the heat hold after a minute follows from what they held before it.
fn check_minute(site: &Site, (before, minute): (&Held, &Minute)) -> Held {
    let SiteSettings { heat_pump, ev, battery, .. } = &site.settings;
    let near = |a: f64, b: f64, what: &str| assert!((a - b).abs() < 1e-9, "{what}: {a} {b}");
    let it = &minute.battery;
    let change =
        it.charge_kw * battery.charge_efficiency - it.discharge_kw / battery.discharge_efficiency;
    near(it.stored_kwh, before.battery_kwh + change * STEP_H, "battery");
    let soc = it.stored_kwh / battery.capacity_kwh;
    assert!((battery.min_soc - 1e-12..=battery.max_soc + 1e-12).contains(&soc), "{soc}");
    assert!(it.charge_kw * it.discharge_kw == 0.0, "takes and gives at once");
    assert!((0.0..=battery.charge_kw).contains(&it.charge_kw));
    assert!((0.0..=battery.discharge_kw).contains(&it.discharge_kw));

    let it = &minute.ev;
    let change = it.kw * ev.efficiency - it.driven_kw + it.elsewhere_kw;
    near(it.stored_kwh, before.ev_kwh + change * STEP_H, "car");
    assert!((0.0..=ev.capacity_kwh + 1e-9).contains(&it.stored_kwh), "{}", it.stored_kwh);
    assert!((0.0..=ev.charge_kw).contains(&it.kw));
    assert!(it.is_home || it.kw == 0.0, "charged while away");

    let it = minute.heat.as_ref().unwrap();
    let (rooms, tank) = (it.rooms_kw + it.gains_kw - it.loss_kw, it.water_kw - it.tank_out_kw);
    let capacity = heat_pump.capacity_kwh_k;
    near((it.indoor_c - before.indoor_c) * capacity, rooms * STEP_H, "rooms");
    near((it.tank_c - before.tank_c) * tank_kwh_k(heat_pump), tank * STEP_H, "tank");
    let electric_kw = it.kw - heat_pump.standby_kw;
    assert!((-1e-12..=heat_pump.max_kw + 1e-9).contains(&electric_kw), "{electric_kw}");
    match it.cop {
        Some(cop) => {
            assert!(cop > 1.0 && cop < 7.0, "{cop}");
            near(electric_kw * cop, it.rooms_kw + it.water_kw, "heat");
        }
        None => near(electric_kw + it.rooms_kw + it.water_kw, 0.0, "rest"),
    }
    Held {
        battery_kwh: minute.battery.stored_kwh,
        ev_kwh: minute.ev.stored_kwh,
        indoor_c: it.indoor_c,
        tank_c: it.tank_c,
    }
}

/// What is held between two minutes.
struct Held {
    battery_kwh: f64,
    ev_kwh: f64,
    indoor_c: f64,
    tank_c: f64,
}

impl Held {
    fn of(state: &State) -> Self {
        Self {
            battery_kwh: state.battery.stored_kwh,
            ev_kwh: state.ev.stored_kwh,
            indoor_c: state.heat.indoor_c,
            tank_c: state.heat.tank_c,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the size of the devices: energy in is energy out and what is held, minute by minute
    /// and over midnight, and limits hold.
    #[test]
    fn what_is_held_follows_from_what_flows(
        seed: u64,
        start in 0_i64..9_000,
        capacity in 0.5_f64..30.0,
        efficiency in 0.6_f64..1.0,
        ev_kwh in 10.0_f64..100.0,
        km in 0.0_f64..60_000.0,
        loss in 0.05_f64..0.4,
        feeds_ev: bool,
        at_once: bool,
    ) {
        let mut site = site(day("2001-01-01") + Duration::days(start));
        site.settings.battery.capacity_kwh = capacity;
        site.settings.battery.charge_efficiency = efficiency;
        site.settings.battery.feeds_ev = feeds_ev;
        site.settings.ev.capacity_kwh = ev_kwh;
        site.settings.ev.km_per_year = km;
        site.settings.heat_pump.loss_kw_k = loss;
        if at_once {
            site.settings.ev.charging = Charging::AtOnce;
        }
        for (before, course, after) in days(world(seed), &site, 3) {
            let mut held = Held::of(&before);
            for minute in &course.minutes {
                held = check_minute(&site, (&held, minute));
            }
            prop_assert_eq!(after.battery.stored_kwh.to_bits(), held.battery_kwh.to_bits());
            prop_assert_eq!(after.ev.stored_kwh.to_bits(), held.ev_kwh.to_bits());
            prop_assert_eq!(after.heat.indoor_c.to_bits(), held.indoor_c.to_bits());
        }
    }

    /// A car leaves with what was asked for, unless it was charged at full power all the time.
    #[test]
    fn a_car_is_ready_when_it_leaves(seed: u64, start in 0_i64..9_000, charge_kw in 1.0_f64..11.0) {
        let mut site = site(day("2001-01-01") + Duration::days(start));
        site.settings.heat_pump.enabled = false;
        site.settings.ev.charge_kw = charge_kw;
        site.settings.ev.min_charge_kw = 1.0;
        site.settings.ev.km_per_year = 30_000.0;
        let target_kwh = site.settings.ev.target_soc * site.settings.ev.capacity_kwh;
        let (mut departures, mut slow_min, mut stored, mut was_home) = (0, 0, target_kwh, true);
        for (_, course, _) in days(world(seed), &site, 12) {
            for minute in &course.minutes {
                let is_home = minute.ev.is_home;
                if was_home && !is_home {
                    departures += 1;
                    let is_ready = stored >= target_kwh - 1e-9;
                    prop_assert!(is_ready || slow_min == 0, "{stored} after {slow_min} slow minutes");
                }
                if is_home {
                    let is_slow = minute.ev.kw < charge_kw - 1e-9;
                    slow_min = if was_home { slow_min } else { 0 } + i32::from(is_slow);
                }
                (was_home, stored) = (is_home, minute.ev.stored_kwh);
            }
        }
        prop_assert!(departures > 2, "{departures}");
    }
}

#[test]
fn a_day_is_the_same_whatever_was_asked_before() {
    let (world, site) = (world(11), site(day("2026-05-10")));
    let wanted = day("2026-05-16");
    let range = day_range(wanted, world.zone);
    let fresh = site.readings((world, &Histories::default()), range, 900);
    // One that ran since the first day, one that was asked for later days before.
    let (ran, backwards) = (Histories::default(), Histories::default());
    for offset in 0..7 {
        let range = day_range(add_days(site.settings.built_on, offset), world.zone);
        site.readings((world, &ran), range, 900);
        let range = day_range(add_days(wanted, 3 - offset), world.zone);
        site.readings((world, &backwards), range, 300);
    }
    assert_eq!(site.readings((world, &ran), range, 900), fresh);
    assert_eq!(site.readings((world, &backwards), range, 900), fresh);
    // In parts, and over midnight, each reading is what it is in the whole.
    let whole = days_range(day("2026-05-15"), wanted, world.zone);
    let whole = site.readings((world, &ran), whole, 60);
    let middle = range.from;
    let part = TimeRange::new(middle - Duration::minutes(9), middle + Duration::minutes(9));
    let cut: Vec<Reading> = whole.into_iter().filter(|one| part.contains(one.ts)).collect();
    assert_eq!(site.readings((world, &Histories::default()), part, 60), cut);
    // Other settings are another site: what was remembered is forgotten.
    let mut larger = site.clone();
    larger.settings.battery.capacity_kwh = 20.0;
    assert_ne!(larger.readings((world, &ran), range, 900), fresh);
    assert_eq!(site.readings((world, &ran), range, 900), fresh);
    // Before it was built there is nothing.
    let before = day_range(day("2026-05-09"), world.zone);
    assert_eq!(site.readings((world, &ran), before, 900), []);
}

#[test]
fn the_first_readings_of_a_site_stay_what_they_are() {
    // A change here changes every stored simulation: readers would see a jump.
    let (world, site) = (world(42), site(day("2026-05-30")));
    let from = "2026-06-01T10:00:00Z".parse().unwrap();
    let range = TimeRange::new(from, from + Duration::minutes(15));
    let read = site.readings((world, &Histories::default()), range, 900);
    let watt = |kw: Option<f64>| (kw.unwrap() * 1_000.0).round();
    let shown: Vec<_> =
        read.iter().map(|one| (watt(one.consumption_kw), watt(one.production_kw))).collect();
    assert_eq!(
        shown,
        [(362.0, 0.0), (0.0, 1_389.0), (45.0, 41.0), (0.0, 0.0), (567.0, 0.0), (1_180.0, 0.0)]
    );
}

#[test]
fn a_compressor_runs_and_rests_for_a_while() {
    let (world, site) = (world(3), site(day("2026-01-05")));
    let (mut runs, mut length, mut was_running) = (Vec::new(), 0_u32, false);
    for (_, course, _) in days(world, &site, 6) {
        for minute in &course.minutes {
            let is_running = minute.heat.as_ref().unwrap().task != Task::Rest;
            if is_running != was_running {
                runs.push((was_running, length));
                length = 0;
            }
            length += 1;
            was_running = is_running;
        }
    }
    assert!(runs.len() > 4, "{runs:?}");
    // The first stretch began before the first minute.
    for (is_run, length) in &runs[1..] {
        let least = if *is_run { site.settings.heat_pump.run_min } else { 10 };
        assert!(*length >= least, "{runs:?}");
    }
}

#[test]
fn the_coefficient_of_performance_is_that_of_the_source() {
    // 35 °C from 2 °C: 6.81 - 0.121 · 33 + 0.00063 · 33² = 3.50307, of which 0.85 are left.
    assert!((cop(33.0, 0.85) - 2.977_609_5).abs() < 1e-9);
    assert!(cop(20.0, 0.9) > cop(40.0, 0.9) && cop(40.0, 0.9) > cop(60.0, 0.9));
    for lift in [-20.0, 0.0, 15.0, 50.0, 80.0, 120.0] {
        assert!(
            (1.0..7.0).contains(&cop(lift, 0.6)) && (1.0..7.0).contains(&cop(lift, 1.3)),
            "{lift}"
        );
    }
}

#[test]
fn parts_have_the_roles_of_what_they_measure() {
    let mut site = site(day("2026-01-10"));
    let roles = |site: &Site| -> Vec<(String, MeterRole)> {
        site.parts().into_iter().map(|part| (site.meter_id(part), part.role())).collect()
    };
    let named = |name: &str, role| (format!("sim-home-{name}"), role);
    assert_eq!(
        roles(&site),
        [
            named("grid", MeterRole::Grid),
            named("pv", MeterRole::Pv),
            named("battery", MeterRole::Battery),
            named("ev", MeterRole::Ev),
            named("heatpump", MeterRole::HeatPump),
            named("house", MeterRole::Device),
        ]
    );
    site.settings.ev.enabled = false;
    site.house.profile.pv_kwp = 0.0;
    let names: Vec<String> = roles(&site).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["sim-home-grid", "sim-home-battery", "sim-home-heatpump", "sim-home-house"]);
}

#[test]
fn a_meter_that_cannot_be_reached_says_nothing() {
    let (world, mut site) = (world(2), site(day("2026-02-01")));
    site.settings.outage_rate = 0.1;
    let range = day_range(day("2026-02-01"), world.zone);
    let read = site.readings((world, &Histories::default()), range, 900);
    let missing = read.iter().filter(|one| one.quality == Quality::Missing);
    assert!(missing.clone().all(|one| one.consumption_kw.is_none() && one.voltage.is_none()));
    assert!((10..150).contains(&missing.count()));
    assert!(read.iter().all(|one| one.check().is_ok()));
}

/// Ranges are those of docs/simulated-site.md, each with its source, wide enough for a year's luck.
#[test]
fn a_year_of_a_site_lies_within_what_is_measured() {
    let (world, site) = (world(2_023), site(day("2025-01-01")));
    let told = SiteReport::of(
        (world, &Histories::default()),
        &site,
        (day("2025-01-01"), day("2025-12-31")),
    );
    let said = format!("{told:#?}");
    println!("{said}");
    let inside = |value: f64, least: f64, most: f64, what: &str| {
        assert!((least..=most).contains(&value), "{what} = {value}: {said}");
    };
    inside(told.outdoor_c.1, 8.0, 11.5, "mean temperature");
    inside(told.outdoor_c.0, -20.0, -3.0, "coldest");
    inside(told.outdoor_c.2, 26.0, 38.0, "warmest");
    inside(told.heat_pump_kwh, 2_500.0, 6_500.0, "heat pump");
    inside(told.seasonal_performance.unwrap(), 2.5, 3.8, "seasonal performance");
    inside(told.ev_kwh, 1_700.0, 3_300.0, "car");
    inside(told.self_consumption.unwrap(), 0.55, 0.95, "self-consumption");
    inside(told.self_sufficiency.unwrap(), 0.25, 0.65, "self-sufficiency");
    inside(told.indoor_c.0, 19.5, 21.0, "coldest room");
    inside(told.indoor_c.1, 21.3, 29.5, "warmest room");
    inside(told.tank_c.0, 35.0, 46.0, "coldest water");
    inside(told.imbalance_kw, 0.0, 1e-12, "imbalance");
    // What the battery keeps of what it took: both efficiencies, but for what it holds at the end.
    let lost = 0.95 * 0.95 * told.charge_kwh - told.discharge_kwh;
    inside(lost.abs(), 0.0, 9.0, "round trip");
    // 12,000 km at 16.5 kWh and a cold winter.
    inside(told.driven_kwh, 1_750.0, 2_900.0, "driven");
}
