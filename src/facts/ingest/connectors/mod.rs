//! The sources, best first.

mod ecb; // the central bank: rates
mod energy_charts; // Fraunhofer ISE: prices without a key
mod entsoe; // the transparency platform: needs a token
mod open_meteo; // weather forecasts without a key

use crate::facts::ingest::source::Source;

/// Every source, in the order in which they are asked.
pub(super) const ALL: [&dyn Source; 4] =
    [&energy_charts::EnergyCharts, &entsoe::Entsoe, &open_meteo::OpenMeteo, &ecb::Ecb];
