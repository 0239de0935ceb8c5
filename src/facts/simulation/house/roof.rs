//! What a roof makes, minute by minute: where the sun stands, how thick the air is, what clouds leave.

use std::f64::consts::TAU;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;

use super::profile::Profile;
use super::{Place, World};
use crate::base::timeline::day_range;
use crate::facts::simulation::noise::{Channel, smooth};
use crate::facts::simulation::weather::{summer, sunshine};

/// Radiation outside of the atmosphere, in kW/m².
const SOLAR_KW_M2: f64 = 1.361;
/// What wires, dirt and the inverter leave of a module's rated power.
const EFFICIENCY: f64 = 0.92;
/// Cosine of the zenith's angle below which hills, trees and roofs hide the sun, and the inverter
/// sleeps: five degrees over the horizon.
const HORIZON: f64 = 0.09;
/// Part of the clear sky's radiation that comes through clouds.
const THROUGH_CLOUDS: f64 = 0.12;
/// What the heat of full sun, 30 K above the air, takes off a module's power: 0.4 % a kelvin.
const HEAT_LOSS: f64 = 0.12;

/// Radiation on a wall that looks south in every minute of the local day `date`, in kW/m²: what
/// modules of 1 kW would make there, without their losses but for that of their heat.
pub(in crate::facts::simulation) fn south_wall(world: World, date: NaiveDate) -> Vec<f64> {
    let wall = Profile {
        pv_kwp: 1.0 / EFFICIENCY,
        pv_tilt_deg: 90.0,
        pv_azimuth_deg: 180.0,
        ..Profile::default()
    };
    minutes(world, &wall, date, world.zone)
}

/// What the roof of `profile` makes in every minute of the local day `date`, in kW.
pub(super) fn minutes(world: World, profile: &Profile, date: NaiveDate, zone: Tz) -> Vec<f64> {
    let range = day_range(date, zone);
    let count = usize::try_from(range.length().num_minutes()).unwrap_or_default();
    if profile.pv_kwp == 0.0 {
        return vec![0.0; count];
    }
    // Fog lies over the low land in winter, whatever the price of the day says.
    let day = sunshine(world.seed, date) * (1.0 - 0.76 * (1.0 - summer(date)).powf(1.5));
    let mut at = range.from + Duration::seconds(30);
    let mut minutes = Vec::with_capacity(count);
    for _ in 0..count {
        let t = at.timestamp() as f64 / 60.0;
        // Clouds come and go most on days that are neither clear nor dull.
        let change = 0.5 * (1.0 - (2.0 * day - 1.0).abs()) + 0.1;
        let passing = 0.5 * smooth(world.seed, Channel::Cloud, t, 130.0)
            + 0.5 * smooth(world.seed, Channel::Cloud, t + 1e9, 9.0);
        let clear = (day + change * passing).clamp(0.0, 1.0);
        minutes.push(power_kw(world.place, profile, at, clear));
        at += Duration::minutes(1);
    }
    minutes
}

/// Power of a roof at an instant under a sky that is `clear` (0 overcast, 1 blue), in kW.
///
/// Sun: declination by Cooper 1969, equation of time by Spencer's short form, incidence by Duffie
/// and Beckman, Solar Engineering of Thermal Processes, eq. 1.6.2. Clear sky: Meinel 1976 with the
/// air mass of Kasten and Young 1989.
fn power_kw(place: Place, profile: &Profile, at: DateTime<Utc>, clear: f64) -> f64 {
    let day = f64::from(at.ordinal());
    let declination = 23.45_f64.to_radians() * (TAU * (284.0 + day) / 365.0).sin();
    let b = TAU * (day - 81.0) / 364.0;
    let equation_min = 9.87 * (2.0 * b).sin() - 7.53 * b.cos() - 1.5 * b.sin();
    let clock_h = f64::from(at.num_seconds_from_midnight()) / 3_600.0;
    let solar_h = clock_h + place.longitude_deg / 15.0 + equation_min / 60.0;
    let angle = ((solar_h - 12.0) * 15.0).to_radians();
    let latitude = place.latitude_deg.to_radians();
    let cos_zenith =
        latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * angle.cos();
    if cos_zenith <= HORIZON {
        return 0.0;
    }
    let tilt = profile.pv_tilt_deg.to_radians();
    let azimuth = (profile.pv_azimuth_deg - 180.0).to_radians();
    let cos_incidence = declination.sin() * latitude.sin() * tilt.cos()
        - declination.sin() * latitude.cos() * tilt.sin() * azimuth.cos()
        + declination.cos() * latitude.cos() * tilt.cos() * angle.cos()
        + declination.cos() * latitude.sin() * tilt.sin() * azimuth.cos() * angle.cos()
        + declination.cos() * tilt.sin() * azimuth.sin() * angle.sin();
    let zenith_deg = cos_zenith.clamp(-1.0, 1.0).acos().to_degrees();
    let air_mass = 1.0 / (cos_zenith + 0.505_72 * (96.079_95 - zenith_deg).powf(-1.636_4));
    let direct = SOLAR_KW_M2 * 0.7_f64.powf(air_mass.powf(0.678));
    let diffuse = 0.12 * direct;
    let sky = diffuse * (1.0 + tilt.cos()) / 2.0;
    let blue = direct * cos_incidence.max(0.0) + sky;
    let grey = THROUGH_CLOUDS * (direct * cos_zenith + diffuse);
    let kw_m2 = clear * blue + (1.0 - clear) * grey;
    profile.pv_kwp * EFFICIENCY * kw_m2 * (1.0 - HEAT_LOSS * kw_m2)
}
