//! The sources, best first.

mod awattar; // prices by the hour without a key, when the others have none
mod bfe; // the Swiss office of energy: statistics
mod ecb; // the central bank: rates
mod elcom; // yearly tariffs of municipalities
mod energy_charts; // Fraunhofer ISE: prices without a key
mod entsoe; // the transparency platform: needs a token
mod local_forecast; // weather forecasts of places
mod markup; // documents of XML
mod meteoswiss; // measured weather of stations
mod open_meteo; // weather forecasts without a key
mod rows; // of a large table, those that are wanted
mod swissgrid; // energy overviews of the control area
mod table; // tables of text with a header
mod vse; // retail tariffs of Swiss operators
mod workbook; // sheets of workbooks, row by row

#[cfg(any(fuzzing, test))]
pub(super) use self::swissgrid::read_cells;
use crate::facts::ingest::source::Source;
use crate::facts::tariffs::OPERATORS;

/// Every source, in the order in which they are asked.
pub(super) const ALL: [&dyn Source; 16] = [
    &energy_charts::EnergyCharts,
    &entsoe::Entsoe,
    &awattar::Awattar,
    &open_meteo::OpenMeteo,
    &ecb::Ecb,
    &bfe::Bfe,
    &meteoswiss::MeteoSwiss,
    &local_forecast::LocalForecast,
    &swissgrid::Swissgrid,
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
