//! A market and houses that do not exist, for boxes without data: deterministic for a seed, under
//! names of their own, marked as simulated, never mixed with what was published or measured.

mod noise; // randomness without state: any value from a seed and a place
mod settings; // the `[simulation]` section
mod weather; // calendar, season and sky, shared by prices and houses
mod prices; // the course of a simulated day
mod replay; // a file played over and over instead
mod house; // what a house draws, makes, and what its meters say
mod site; // a house with a heat pump, a car, a battery, and the meters between them
mod realism; // the house beside measured ones
mod model; // states and reports
mod error; // why something is not done
mod active; // the meters that write
mod output; // where readings go
mod store; // SQL
mod service; // how it stands, the market kept filled
mod stream; // readings written while it runs
mod control; // start, stop, generate
mod preview; // a day to look at
mod api; // HTTP: translates, decides nothing

pub use self::api::routes;
pub use self::control::check_interval;
pub use self::error::SimulationError;
pub use self::house::House;
pub use self::model::{GeneratedReadings, MeterStatus, SimulationStatus, StreamState, Which};
pub use self::output::{Broker, Brokers, Output};
pub use self::preview::Preview;
pub use self::realism::{RealismReport, Row, report};
pub use self::service::{Needs, Simulation};
pub use self::settings::Settings;
pub use self::site::{Histories, Part, Site, SiteDay, SiteMeter, SiteNow, SiteReport, SiteStatus};

#[cfg(test)]
use self::prices::{SimulatedPrice, simulate_prices};

#[cfg(test)]
mod tests;
