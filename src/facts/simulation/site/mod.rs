//! A whole site that does not exist: a house with a roof, a heat pump, a car, a battery, and the
//! meters between them.
//!
//! The step is a minute, within which the devices hold their power; only the house and the sun
//! waver, and the grid takes it up. What a device holds (heat, charge) is carried from minute to
//! minute since the local day on which the site was built. So a value depends on the seed, the
//! settings and its instant alone: not on when the program was started, nor on what was asked
//! before. The state at each midnight is remembered; a day is made from its midnight.

mod settings; // what a site is made of
mod heat_pump; // rooms, hot water and what keeps them warm
mod hot_water; // who takes it when
mod ev; // a car that leaves and comes back
mod battery; // what is kept for the evening
mod course; // all of it, minute by minute
mod history; // states at midnight
mod meter; // what the meters say
mod report; // what a range adds up to
mod status; // how it stands, a day to look at

pub use self::course::Site;
pub use self::history::Histories;
pub use self::meter::{Part, readings, site_meter_id};
pub use self::report::SiteReport;
pub use self::settings::SiteSettings;
pub use self::status::{SiteDay, SiteMeter, SiteNow, SiteStatus};

#[cfg(test)]
mod tests;
