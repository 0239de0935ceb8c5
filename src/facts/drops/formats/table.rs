//! Tables that portals of grid operators export: the reader of imports, with the meter found out.

use chrono::Duration;

use super::{About, Direction, Document, Format, Point, Refusal, Shown, Slot};
use crate::facts::imports::parse_readings;
use crate::facts::imports::{ImportError, ParsedReading, ReadingKind, ReadingOptions};
use crate::facts::market::Quality;

/// Bytes in which the name of a metering point is looked for: what stands above the rows.
const HEAD_BYTES: usize = 8_192;
/// Characters of the official name of a metering point.
const POINT_CHARS: usize = 33;

/// Parts of headers of columns with what a counter showed.
const COUNTERS: [&str; 5] =
    ["z\u{e4}hlerstand", "zaehlerstand", "meter reading", "counter", "compteur"];

/// Tables.
pub(super) struct Table;

impl Format for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn fits(&self, _: &[u8]) -> bool {
        true
    }

    fn read(&self, bytes: &[u8], about: &About) -> Result<Document, Refusal> {
        let mut document = Document::default();
        let options = ReadingOptions { zone: Some(about.zone), ..ReadingOptions::default() };
        // Nobody is asked what the numbers are, so counters must say it in their header.
        let parsed = parse_readings(bytes, &options).and_then(|parsed| {
            if parsed.kind == ReadingKind::Counter
                || !parsed.columns.iter().any(|it| is_counter(it))
            {
                return Ok(parsed);
            }
            let kind = Some(ReadingKind::Counter);
            parse_readings(bytes, &ReadingOptions { kind, ..options })
        });
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(ImportError::Empty | ImportError::HeaderOnly { .. }) => return Ok(document),
            Err(ImportError::NoTimeColumn { .. }) if has_header_only(bytes) => return Ok(document),
            Err(error) => return Err(Refusal(error.to_string())),
        };
        let point = match (&about.meter, official_name(bytes)) {
            (Some(meter), _) => Point::Meter(meter.clone()),
            (None, Some(name)) => Point::Official(name),
            (None, None) => {
                return Err(Refusal(
                    "the table does not say which meter it is about: put it into a folder with the \
                     meter's name below the watched one, or name the meter of the server"
                        .to_owned(),
                ));
            }
        };
        document.notes = parsed.notes;
        for dropped in parsed.dropped {
            document.passed_over += dropped.rows;
            document.note(format!("{} rows were left out: {}", dropped.rows, dropped.reason));
        }
        let series = document.series_of(&point);
        let interval_s = parsed.interval_s;
        if parsed.kind == ReadingKind::Counter {
            series.shown = parsed.values.iter().map(|value| shown(value, interval_s)).collect();
        } else {
            series.slots =
                parsed.values.iter().flat_map(|value| slots(value, interval_s)).collect();
        }
        Ok(document)
    }
}

/// Whether there is one line of several columns and nothing below it.
fn has_header_only(bytes: &[u8]) -> bool {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"sep=")).count() == 1
}

/// Whether the header of a column is about a counter.
fn is_counter(header: &str) -> bool {
    let header = header.to_lowercase();
    COUNTERS.iter().any(|word| header.contains(word))
}

fn shown(value: &ParsedReading, interval_s: i32) -> Shown {
    Shown { ts: value.ts, interval_s, taken: value.taken, given: value.given }
}

fn slots(value: &ParsedReading, interval_s: i32) -> impl Iterator<Item = Slot> + use<> {
    let (ts, estimated) = (value.ts, value.estimated);
    // Portals do not say when they were told: no earlier than the end of the interval.
    let known_at = ts + Duration::seconds(interval_s.into());
    let sides = [(Direction::Consumption, value.taken), (Direction::Production, value.given)];
    sides.into_iter().filter_map(move |(direction, power_kw)| {
        power_kw.map(|power_kw| Slot {
            ts,
            interval_s,
            direction,
            power_kw: Some(power_kw),
            quality: if estimated { Quality::Estimated } else { Quality::Ok },
            condition: String::new(),
            known_at,
        })
    })
}

/// The official name of a metering point that stands above the rows, if it is the only one.
fn official_name(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let words = head.split(|byte| !byte.is_ascii_alphanumeric());
    let is_name = |word: &&[u8]| {
        word.len() == POINT_CHARS
            && word[..2].iter().all(u8::is_ascii_uppercase)
            && word[2..].iter().any(u8::is_ascii_digit)
    };
    let mut found: Vec<&[u8]> = words.filter(is_name).collect();
    found.dedup();
    match found.as_slice() {
        [only] => std::str::from_utf8(only).ok().map(str::to_owned),
        _ => None,
    }
}
