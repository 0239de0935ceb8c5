//! A car: when it leaves and comes back, what its trips use, and how it is charged in between.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::heat_pump::STEP_H;
use super::hot_water::wall_clock;
use super::settings::{Charging, Ev};
use crate::base::timeline::{add_days, day_range};
use crate::facts::simulation::house::World;
use crate::facts::simulation::noise::{Channel, even, hash, mix, normal};
use crate::facts::simulation::weather::DayKind;

/// Share of the working days on which it is used, and of the days of rest.
const WORKING_SHARE: f64 = 0.72;
const REST_SHARE: f64 = 0.6;
/// How much longer a trip on a day of rest is in the mean.
const REST_LENGTH: f64 = 1.7;
/// Trips of a year in lengths of a working day's: 250 working days and 115 of rest.
const LENGTHS_PER_YEAR: f64 = 250.0 * WORKING_SHARE + 115.0 * REST_SHARE * REST_LENGTH;
/// How much more a kelvin below 20 °C uses, as a share.
const COLD_PER_K: f64 = 0.01;
/// State of charge below which it is charged on the way.
const RESERVE_SOC: f64 = 0.05;
/// Hours before its departure by which a car is charged.
const MARGIN_H: f64 = 0.25;
/// Minutes that a charge from surplus lasts at least: clouds pass.
const CHARGE_MIN: u32 = 10;
/// Days that a departure is looked for.
const AHEAD_DAYS: i64 = 14;

/// A trip of a local day.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Trip {
    leaves: DateTime<Utc>,
    back: DateTime<Utc>,
    km: f64,
}

/// The trip of a day, if there is one: it begins and ends on it.
fn trip(world: World, seed: u64, settings: &Ev, date: NaiveDate) -> Option<Trip> {
    let chance = hash(seed, Channel::Trip, date.num_days_from_ce().into());
    let (when, home, length) = (mix(chance), mix(chance ^ 1), mix(chance ^ 2));
    let unit_km = settings.km_per_year / LENGTHS_PER_YEAR;
    let is_working = DayKind::of(date).is_working();
    let share = if is_working { WORKING_SHARE } else { REST_SHARE };
    if even(chance) >= share || unit_km <= 0.0 {
        return None;
    }
    let (leaves_h, back_h, km) = if is_working {
        // The same way to work, and what is done on the way back.
        let km = unit_km * (0.85 + 0.3 * even(length));
        (7.2 + 0.45 * normal(when), 17.6 + 0.9 * normal(home), km)
    } else {
        // Mostly near, sometimes far: the mean of 0.2 + 2.4 x² is 1.
        let km = unit_km * REST_LENGTH * (0.2 + 2.4 * even(length).powi(2));
        (10.2 + 1.2 * normal(when), 16.9 + 1.5 * normal(home), km)
    };
    let leaves_h = leaves_h.clamp(5.0, 14.0);
    let back_h = back_h.clamp(leaves_h + 1.0, 23.0);
    let leaves = wall_clock(world, date, leaves_h);
    Some(Trip { leaves, back: wall_clock(world, date, back_h), km })
}

/// Where the car is on a local day, in minutes since its first instant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outings {
    /// First minute away, first minute back, and the way in km.
    today: Option<(i64, i64, f64)>,
    /// First minute of the next trip after today.
    next: Option<i64>,
}

/// Where the car is in a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// At the charging point, for as many minutes; longer than anybody plans where absent.
    Home { left_min: Option<i64> },
    /// On its way, which is so long in km an hour.
    Away { km_h: f64 },
}

impl Outings {
    /// The day `date` of the car.
    pub fn of(world: World, seed: u64, settings: &Ev, date: NaiveDate) -> Self {
        let from = day_range(date, world.zone).from;
        let minute = |at: DateTime<Utc>| (at - from).num_minutes();
        let today = trip(world, seed, settings, date)
            .map(|trip| (minute(trip.leaves), minute(trip.back), trip.km));
        let later = (1..=AHEAD_DAYS).find_map(|days| {
            trip(world, seed, settings, add_days(date, days)).map(|trip| minute(trip.leaves))
        });
        Self { today, next: later }
    }

    /// Where it is in a minute of the day.
    pub fn place(&self, minute: i64) -> Place {
        match self.today {
            Some((leaves, ..)) if minute < leaves => {
                Place::Home { left_min: Some(leaves - minute) }
            }
            Some((leaves, back, km)) if minute < back => {
                Place::Away { km_h: km / (back - leaves) as f64 * 60.0 }
            }
            _ => Place::Home { left_min: self.next.map(|next| next - minute) },
        }
    }
}

/// What is carried from one minute to the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EvState {
    pub stored_kwh: f64,
    is_charging: bool,
    /// Minutes since the charge began.
    since_min: u32,
}

/// What happened in a minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct EvMinute {
    /// Power of the charging point, in kW.
    pub kw: f64,
    pub is_home: bool,
    /// Minutes until it leaves.
    pub left_min: Option<i64>,
    /// What the trip takes out of its battery, and what is charged on the way, in kW.
    pub driven_kw: f64,
    pub elsewhere_kw: f64,
    /// What its battery holds at the end of the minute.
    pub stored_kwh: f64,
}

impl EvState {
    /// The first minute of a site's life.
    pub fn new(settings: &Ev) -> Self {
        let stored_kwh = settings.target_soc * settings.capacity_kwh;
        Self { stored_kwh, is_charging: false, since_min: 0 }
    }

    /// Lets a minute pass; `surplus_kw` is what the roof has left.
    pub fn step(
        &mut self,
        settings: &Ev,
        place: Place,
        (surplus_kw, outdoor_c): (f64, f64),
    ) -> EvMinute {
        match place {
            Place::Away { km_h } => self.drive(settings, km_h, outdoor_c),
            Place::Home { left_min } => self.charge(settings, left_min, surplus_kw),
        }
    }

    fn drive(&mut self, settings: &Ev, km_h: f64, outdoor_c: f64) -> EvMinute {
        let cold = 1.0 + COLD_PER_K * (20.0 - outdoor_c).max(0.0);
        let driven_kw = km_h / 100.0 * settings.kwh_per_100km * cold;
        let reserve_kwh = RESERVE_SOC * settings.capacity_kwh;
        let elsewhere_kw =
            ((reserve_kwh - self.stored_kwh) / STEP_H + driven_kw).clamp(0.0, driven_kw);
        self.stored_kwh = (self.stored_kwh - (driven_kw - elsewhere_kw) * STEP_H).max(0.0);
        self.is_charging = false;
        let stored_kwh = self.stored_kwh;
        EvMinute { driven_kw, elsewhere_kw, stored_kwh, ..EvMinute::default() }
    }

    fn charge(&mut self, settings: &Ev, left_min: Option<i64>, surplus_kw: f64) -> EvMinute {
        let wanted_kw = self.wanted_kw(settings, left_min, surplus_kw);
        let limit_kwh = settings.limit_soc * settings.capacity_kwh;
        let room_kw = (limit_kwh - self.stored_kwh).max(0.0) / (settings.efficiency * STEP_H);
        let kw = wanted_kw.min(room_kw);
        self.since_min = if self.is_charging { self.since_min.saturating_add(1) } else { 1 };
        self.is_charging = kw > 0.0;
        self.stored_kwh += kw * settings.efficiency * STEP_H;
        let stored_kwh = self.stored_kwh;
        EvMinute { kw, is_home: true, left_min, stored_kwh, ..EvMinute::default() }
    }

    /// The power at which it should be charged now, in kW.
    fn wanted_kw(&self, settings: &Ev, left_min: Option<i64>, surplus_kw: f64) -> f64 {
        let target_kwh = settings.target_soc * settings.capacity_kwh;
        let lacks_kwh = target_kwh - self.stored_kwh;
        let in_minute_kw = lacks_kwh.max(0.0) / (settings.efficiency * STEP_H);
        let full_kw = settings.charge_kw.min(in_minute_kw);
        if settings.charging == Charging::AtOnce {
            return full_kw;
        }
        let needs_h = lacks_kwh / (settings.charge_kw * settings.efficiency);
        let is_due = left_min.is_some_and(|left| left as f64 * STEP_H <= needs_h + MARGIN_H);
        if lacks_kwh > 0.0 && is_due {
            return full_kw;
        }
        let runs_on = self.is_charging && self.since_min < CHARGE_MIN;
        if surplus_kw >= settings.min_charge_kw || runs_on {
            return surplus_kw.clamp(settings.min_charge_kw, settings.charge_kw);
        }
        0.0
    }
}
