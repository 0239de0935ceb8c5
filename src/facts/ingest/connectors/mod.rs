//! The sources, best first.

mod energy_charts; // Fraunhofer ISE: no key needed
mod entsoe; // the transparency platform: needs a token
mod vse; // retail tariffs of Swiss operators

use crate::facts::ingest::source::Source;

/// Every source, in the order in which they are asked.
pub(super) const ALL: [&dyn Source; 2] = [&energy_charts::EnergyCharts, &entsoe::Entsoe];
