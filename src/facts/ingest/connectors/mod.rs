//! The sources, best first.

mod awattar; // prices by the hour without a key, when the others have none
mod bfe; // the Swiss office of energy: statistics
mod ecb; // the central bank: rates
mod elcom; // yearly tariffs of municipalities
mod energy_charts; // Fraunhofer ISE: prices without a key
mod entsoe; // the transparency platform: needs a token
mod meteoswiss; // measured weather of stations
mod open_meteo; // weather forecasts without a key
mod table; // tables of text with a header
mod vse; // retail tariffs of Swiss operators

use crate::facts::ingest::source::Source;
use crate::facts::tariffs::OPERATORS;

/// Every source, in the order in which they are asked.
pub(super) const ALL: [&dyn Source; 14] = [
    &energy_charts::EnergyCharts,
    &entsoe::Entsoe,
    &awattar::Awattar,
    &open_meteo::OpenMeteo,
    &ecb::Ecb,
    &bfe::Bfe,
    &meteoswiss::MeteoSwiss,
    &elcom::Elcom,
    &vse::Vse(&OPERATORS[0]),
    &vse::Vse(&OPERATORS[1]),
    &vse::Vse(&OPERATORS[2]),
    &vse::Vse(&OPERATORS[3]),
    &vse::Vse(&OPERATORS[4]),
    &vse::Vse(&OPERATORS[5]),
];
/// Each operator is a source.
const _: () = assert!(OPERATORS.len() == 6, "every operator stands in the list above");
