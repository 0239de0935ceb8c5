//! What a house draws and what its roof makes, day by day, in means of minutes.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{load, profile::Profile, roof};
use crate::base::timeline::day_range;
use crate::facts::simulation::noise::branch;

/// Where the houses stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Degrees north.
    pub latitude_deg: f64,
    /// Degrees east.
    pub longitude_deg: f64,
}

/// The simulated world: its seed, which also makes the prices, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct World {
    /// Which of all worlds.
    pub seed: u64,
    /// Where its houses stand.
    pub place: Place,
    /// What their clocks show.
    pub zone: Tz,
}

/// A house of the simulated world.
#[derive(Debug, Clone, PartialEq)]
pub struct House {
    /// Its number in the street; the same number is the same house.
    pub number: u32,
    /// What kind of house it is.
    pub profile: Profile,
}

impl House {
    /// What chance of its own the house has in `world`.
    pub(in crate::facts::simulation) const fn seed(&self, world: World) -> u64 {
        branch(world.seed, self.number as u64)
    }

    /// The course of the local day `date`.
    pub fn course(&self, world: World, date: NaiveDate) -> Course {
        let range = day_range(date, world.zone);
        Course {
            from: range.from,
            to: range.to,
            load_kw: load::minutes(self.seed(world), &self.profile, date, world.zone),
            pv_kw: roof::minutes(world, &self.profile, date, world.zone),
        }
    }
}

/// A local day of a house in means of minutes: 1380, 1440 or 1500 of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// First instant after.
    pub to: DateTime<Utc>,
    /// What the house draws, in kW.
    pub load_kw: Vec<f64>,
    /// What the roof makes, in kW.
    pub pv_kw: Vec<f64>,
}
