//! Every parser of an answer with what stands behind it, for the fuzzer.

use bytes::BytesMut;
use chrono::{DateTime, Duration};

use super::connectors::{ALL, read_cells};
use super::model::{Ask, ReadError, Reading};
use super::sift::sift;
use super::source::Source;
use super::subject::Subject;
use super::values;
use crate::base::timeline::TimeRange;

/// Parser, source and subject.
const PARSERS: [(&str, &str, &str); 15] = [
    ("energy_charts", "energy_charts", "price:CH"),
    ("entsoe_prices", "entsoe", "price:CH"),
    ("entsoe_grid", "entsoe", "generation:CH"),
    ("entsoe_reservoirs", "entsoe", "water_reservoirs:CH"),
    ("open_meteo", "open_meteo", "weather:CH"),
    ("ecb", "ecb", "fx:EUR"),
    ("vse", "ekz", "tariff:ekz:400D"),
    ("awattar", "awattar", "price:AT"),
    ("bfe_wide", "bfe", "exchange:CH"),
    ("bfe_long", "bfe", "daily_production:CH"),
    ("elcom", "elcom", "elcom:261:2026"),
    ("meteoswiss", "meteoswiss", "station:KLO"),
    ("meteoswiss_forecast", "meteoswiss_forecast", "local_forecast:1-48,8001"),
    ("swissgrid", "swissgrid", "energy_overview:CH"),
    ("swissgrid_cells", "swissgrid", "energy_overview:CH"),
];
/// The parser of cells that are packed no more.
const CELLS: &str = "swissgrid_cells";

/// Names of all parsers.
#[cfg(test)]
pub(super) fn parsers() -> impl Iterator<Item = &'static str> {
    PARSERS.iter().map(|(name, ..)| *name)
}

/// Reads `payload` as the answer of a source and sifts what it says; false without such a parser.
pub fn parse_anything(parser: &str, payload: &[u8]) -> bool {
    let Some((_, source, subject)) = PARSERS.iter().find(|(name, ..)| *name == parser) else {
        return false;
    };
    let source = ALL.iter().find(|one| one.name() == *source);
    let (Some(source), Ok(subject)) = (source, subject.parse::<Subject>()) else { return false };
    let at = DateTime::from_timestamp(1_774_742_400, 0).unwrap_or_default();
    let range = TimeRange::new(at - Duration::days(2), at + Duration::days(2));
    let ask = Ask { subject, range, at };
    // The first byte chooses the status, so that refusals are read as well.
    let (status, body) = match payload.split_first() {
        Some((0, rest)) => (400, rest),
        _ => (200, payload),
    };
    let reading =
        if parser == CELLS { read_cells(body, &ask) } else { read(*source, status, body, &ask) };
    if let Ok(reading) = reading {
        drop(sift(&reading.quotes, &ask, at));
        drop(values::sift(reading.values, &ask));
    }
    true
}

/// What an answer says of which the source keeps all, or as much as it wants.
fn read(source: &dyn Source, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
    if let Some(sifting) = source.sifting(ask) {
        let (mut sieve, mut kept) = (sifting.sieve(), BytesMut::new());
        body.chunks(100).for_each(|part| sieve.take(part, &mut kept));
        sieve.finish(&mut kept);
        drop(source.read(status, &kept, ask));
    }
    source.read(status, body, ask)
}
