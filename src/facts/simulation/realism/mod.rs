//! Whether the simulated house could be a measured one: its figures beside those of real houses.

mod figures; // of one hourly series
mod measured; // houses from files
mod comparison; // figure by figure
mod report; // all of it

pub use self::comparison::Row;
pub use self::report::{RealismReport, report};
