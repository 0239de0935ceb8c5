//! A house that does not exist: what it draws, what its roof makes, what its meters say.
//!
//! Everything is made of the means of whole minutes, which follow from the seed and the minute
//! alone. Within a minute a meter sees them waver, by amounts that add up to nothing over the
//! minute and never turn the flow at the grid around. So a reading of any interval is the mean of
//! the finer ones, and the energy of a day is the same at every interval.

mod appliances; // what is switched on, and when
mod profile; // kinds of houses
mod roof; // what the sun makes
mod load; // what the house draws
mod course; // both, day by day
mod meter; // what a meter says about it

pub use self::course::{Course, House, Place, World};
pub(super) use self::meter::{
    FLOW_SHARE, LOAD_WAVERS, PV_WAVERS, is_out, name_number, to_milliwatt, voltage, wave,
};
pub use self::meter::{Measures, SimulatedMeter, aligned, readings};
pub use self::profile::Profile;
pub(super) use self::roof::south_wall;

#[cfg(test)]
mod tests;
