//! Prices of the market SIM-CH, which does not exist: deterministic for a seed, marked as simulated.

mod noise; // randomness without state: any value from a seed and a place
mod prices; // the course of a simulated day
mod service; // the market kept filled
mod settings; // the `[simulation]` section

pub use self::service::Simulation;
pub use self::settings::Settings;

#[cfg(test)]
use self::prices::{SimulatedPrice, simulate_prices};

#[cfg(test)]
mod tests;
