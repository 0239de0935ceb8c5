//! Load and production of a meter for the coming week: what was known, features, rules, models.
//!
//! All of it in quarter hours, numbered since the epoch; a value is known from an instant on, and
//! nothing that became known behind the origin of a forecast enters it.

mod calendar; // local days and slots, both ways
mod history; // values with when each became known
mod sun; // where the sun stands
mod past; // what an origin sees
mod rows; // features of origins and leads
mod model; // fit, gate, forecast
mod peaks; // whether a day brings a new highest quarter hour of the month

pub use self::calendar::{Calendar, Place};
pub use self::history::{History, QUARTER_S, Version};
pub use self::model::{
    DAYS_LEARNED, DAYS_MIN, FitReport, LEAD_HOURS, SiteError, SiteForecast, SiteModel, lead_group,
};
pub use self::peaks::{PeakDay, PeakModel, PeakReport};
pub use self::rows::{AHEAD, Kind, Leads, PAST_DAYS, Rows, Site};
#[cfg(test)]
use self::sun::{azimuth_deg, elevation_deg};

#[cfg(test)]
mod tests;
