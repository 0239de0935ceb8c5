//! The `[site_forecasts]` section.

use serde::{Deserialize, Serialize};

use crate::algorithms::forecasting::site::Place;

/// More than that no box fits in a night.
const METERS_MAX: u32 = 10_000;
/// Days for which values are kept at least: those that can still be scored.
const VALUES_DAYS_MIN: u32 = 10;
/// Longest time for which values are kept.
const VALUES_DAYS_MAX: u32 = 3_650;

/// What is forecast of meters, and where the roofs are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether meters are forecast by the hour and fitted by night.
    pub is_on: bool,
    /// Most meters that are forecast, the first by name.
    pub meters_max: u32,
    /// Latitude of the meters, in degrees; north is positive.
    pub latitude_deg: f64,
    /// Longitude, in degrees; east is positive.
    pub longitude_deg: f64,
    /// Days for which the values of scored forecasts are kept; their scores stay.
    pub values_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_on: true,
            meters_max: 20,
            latitude_deg: 47.37,
            longitude_deg: 8.54,
            values_days: 30,
        }
    }
}

impl Settings {
    /// Everything that cannot work, one sentence each; empty when all is well.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (key, value, most) in [
            ("latitude_deg", self.latitude_deg, 90.0),
            ("longitude_deg", self.longitude_deg, 180.0),
        ] {
            if !(-most..=most).contains(&value) {
                all.push(format!("{key} = {value} is not between -{most} and {most}"));
            }
        }
        for (key, value, least, most) in [
            ("meters_max", self.meters_max, 1, METERS_MAX),
            ("values_days", self.values_days, VALUES_DAYS_MIN, VALUES_DAYS_MAX),
        ] {
            if !(least..=most).contains(&value) {
                all.push(format!("{key} = {value} is not between {least} and {most}"));
            }
        }
        all
    }

    /// Where the meters are.
    pub const fn place(&self) -> Place {
        Place { latitude_deg: self.latitude_deg, longitude_deg: self.longitude_deg }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_numbers_have_their_ranges() {
        assert_eq!(Settings::default().mistakes(), [""; 0]);
        let wrong = Settings {
            meters_max: 0,
            latitude_deg: 90.5,
            longitude_deg: f64::NAN,
            values_days: 9,
            ..Settings::default()
        };
        assert_eq!(wrong.mistakes().len(), 4);
    }
}
