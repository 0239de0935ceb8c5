//! Every parser of an answer with what stands behind it, for the fuzzer.

use chrono::{DateTime, Duration};

use super::connectors::ALL;
use super::model::Ask;
use super::sift::sift;
use super::subject::Subject;
use super::values;
use crate::base::timeline::TimeRange;

/// Parser, source and subject.
const PARSERS: [(&str, &str, &str); 11] = [
    ("energy_charts", "energy_charts", "price:CH"),
    ("entsoe_prices", "entsoe", "price:CH"),
    ("entsoe_grid", "entsoe", "generation:CH"),
    ("open_meteo", "open_meteo", "weather:CH"),
    ("ecb", "ecb", "fx:EUR"),
    ("vse", "ekz", "tariff:ekz:400D"),
    ("awattar", "awattar", "price:AT"),
    ("bfe_wide", "bfe", "exchange:CH"),
    ("bfe_long", "bfe", "daily_production:CH"),
    ("elcom", "elcom", "elcom:261:2026"),
    ("meteoswiss", "meteoswiss", "station:KLO"),
];

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
    if let Ok(reading) = source.read(status, body, &ask) {
        drop(sift(&reading.quotes, &ask, at));
        drop(values::sift(reading.values, &ask));
    }
    true
}
