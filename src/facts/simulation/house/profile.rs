//! Kinds of houses: what they hold, how they live, what is on their roof.

use serde::{Deserialize, Serialize};

/// How the people of a house spend their days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rhythm {
    /// Up in the morning, cooking at noon, at home in the evening.
    Home,
    /// Open on working days from seven to six.
    Work,
}

/// A kind of house, one of the `profiles` of the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// When people are there.
    pub rhythm: Rhythm,
    /// What never stops, in kW.
    pub base_load_kw: f64,
    /// Mean of what cools, in kW; it comes and goes with its compressor.
    pub cooling_kw: f64,
    /// Lamps, screens, machines in use on a mean day, in kWh.
    pub activity_kwh: f64,
    /// How often appliances run, against a household of three.
    pub appliances: f64,
    /// Use on days of rest against working days, as a factor on appliances and activity.
    pub weekend_factor: f64,
    /// How far midwinter lies above the mean and midsummer below it, as a share of it.
    pub season_swing: f64,
    /// Share of the summer's holidays, and half of it of the other weekends, that nobody is there.
    pub absence: f64,
    /// Peak power of the roof, in kW; 0 without one.
    pub pv_kwp: f64,
    /// Slope of the roof, in degrees from the horizontal.
    pub pv_tilt_deg: f64,
    /// Where the roof looks, in degrees from north over east; 180 is south.
    pub pv_azimuth_deg: f64,
}

impl Default for Profile {
    /// A household without a roof of its own.
    fn default() -> Self {
        Self {
            rhythm: Rhythm::Home,
            base_load_kw: 0.067,
            cooling_kw: 0.05,
            activity_kwh: 4.8,
            appliances: 1.0,
            weekend_factor: 1.12,
            season_swing: 0.135,
            absence: 0.18,
            pv_kwp: 0.0,
            pv_tilt_deg: 30.0,
            pv_azimuth_deg: 180.0,
        }
    }
}

impl Profile {
    /// A household with a roof.
    pub fn household_pv() -> Self {
        Self { pv_kwp: 6.0, ..Self::default() }
    }

    /// A flat of one or two.
    pub fn flat() -> Self {
        Self {
            base_load_kw: 0.045,
            cooling_kw: 0.03,
            activity_kwh: 2.6,
            appliances: 0.55,
            absence: 0.4,
            ..Self::default()
        }
    }

    /// A workshop or an office.
    pub fn sme() -> Self {
        Self {
            rhythm: Rhythm::Work,
            base_load_kw: 0.6,
            cooling_kw: 0.2,
            activity_kwh: 46.0,
            appliances: 0.0,
            weekend_factor: 0.12,
            season_swing: 0.08,
            absence: 0.0,
            pv_kwp: 20.0,
            pv_tilt_deg: 10.0,
            pv_azimuth_deg: 200.0,
        }
    }

    /// Everything that cannot be, one sentence each that begins with the key.
    pub fn mistakes(&self) -> Vec<String> {
        let bounds = [
            ("base_load_kw", self.base_load_kw, 0.0, 1_000.0),
            ("cooling_kw", self.cooling_kw, 0.0, 1_000.0),
            ("activity_kwh", self.activity_kwh, 0.0, 20_000.0),
            ("appliances", self.appliances, 0.0, 5.0),
            ("weekend_factor", self.weekend_factor, 0.0, 5.0),
            ("season_swing", self.season_swing, 0.0, 0.9),
            ("absence", self.absence, 0.0, 1.0),
            ("pv_kwp", self.pv_kwp, 0.0, 1_000.0),
            ("pv_tilt_deg", self.pv_tilt_deg, 0.0, 90.0),
            ("pv_azimuth_deg", self.pv_azimuth_deg, 0.0, 360.0),
        ];
        let outside = |(key, value, least, most): (&str, f64, f64, f64)| {
            let fits = (least..=most).contains(&value);
            (!fits).then(|| format!("{key} = {value} is not between {least} and {most}"))
        };
        bounds.into_iter().filter_map(outside).collect()
    }
}
