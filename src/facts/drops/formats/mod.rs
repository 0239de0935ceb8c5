//! Bytes of one document into series of mean power, each of one metering point.
//!
//! What a document is about is told by its content, never by its name. A document is understood as a
//! whole or refused with a sentence: half a delivery would look like a fault of the meter.

mod edifact; // segments of an interchange
mod mscons; // German market messages
mod sdat; // Swiss market messages
mod table; // exports of portals

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::facts::market::Quality;

/// Shortest and longest interval that is stored, in seconds.
const INTERVAL_S: std::ops::RangeInclusive<i64> = 60..=3_600;
/// Values of one document that are read at most.
const VALUES_MAX: usize = 2_000_000;
/// Greatest mean power that is believed, in kW.
const POWER_KW_MAX: f64 = 100_000.0;

/// Why a document cannot be read, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub String);

/// What else is known of a document.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// The meter that its place says it is about.
    pub meter: Option<String>,
    /// Zone of times without offset.
    pub zone: Tz,
}

/// What a series is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    /// A metering point by its official name.
    Official(String),
    /// A meter by Luna's name for it.
    Meter(String),
}

impl Point {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Official(name) | Self::Meter(name) => name,
        }
    }
}

/// Which way the energy went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Direction {
    /// Taken.
    Consumption,
    /// Given.
    Production,
}

impl Direction {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consumption => "consumption",
            Self::Production => "production",
        }
    }

    /// The direction of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Consumption, Self::Production].into_iter().find(|one| one.name() == name)
    }
}

/// Mean power of one interval in one direction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    /// Start of the interval.
    pub ts: DateTime<Utc>,
    /// Its length, in seconds.
    pub interval_s: i32,
    /// Which way.
    pub direction: Direction,
    /// Mean power, in kW; none exactly when the quality is missing.
    pub power_kw: Option<f64>,
    /// `ok`, `estimated` or `missing`.
    pub quality: Quality,
    /// The code of the source, as it was written.
    pub condition: String,
    /// When the document was created.
    pub known_at: DateTime<Utc>,
}

/// What counters showed at an instant, in kWh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shown {
    /// The instant.
    pub ts: DateTime<Utc>,
    /// Length of the intervals that are made of it, in seconds.
    pub interval_s: i32,
    /// Taken so far.
    pub taken: Option<f64>,
    /// Given so far.
    pub given: Option<f64>,
}

/// What a document says of one metering point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// Of which.
    pub point: Point,
    /// Mean power.
    pub slots: Vec<Slot>,
    /// Counters.
    pub shown: Vec<Shown>,
}

/// A document that could be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Document {
    /// Where the series of a point stands.
    places: BTreeMap<Point, usize>,
    /// What it says, by metering point.
    pub series: Vec<Series>,
    /// Values that say nothing about active energy of intervals, or are parts of others.
    pub passed_over: u64,
    /// Sentences worth reading.
    pub notes: Vec<String>,
}

impl Document {
    /// The series of a point.
    fn series_of(&mut self, point: &Point) -> &mut Series {
        let next = self.series.len();
        let place = *self.places.entry(point.clone()).or_insert(next);
        if place == next {
            let (point, slots, shown) = (point.clone(), Vec::new(), Vec::new());
            self.series.push(Series { point, slots, shown });
        }
        &mut self.series[place]
    }

    /// Brings the slots into their order, one for each instant and direction; a document that says
    /// two things of one of them is refused.
    fn ordered(mut self) -> Result<Self, Refusal> {
        for series in &mut self.series {
            // Of several messages in one file the last created counts.
            series.slots.sort_by_key(|slot| (slot.direction, slot.ts, Reverse(slot.known_at)));
            for pair in series.slots.windows(2) {
                let (one, other) = (&pair[0], &pair[1]);
                let same = (one.direction, one.ts, one.known_at)
                    == (other.direction, other.ts, other.known_at);
                if same && one != other {
                    let point = series.point.name();
                    let ts = one.ts.format("%Y-%m-%dT%H:%M:%SZ");
                    return Err(Refusal(format!("{point}: the interval at {ts} has two values")));
                }
            }
            series.slots.dedup_by_key(|slot| (slot.direction, slot.ts));
        }
        Ok(self)
    }

    /// Says something once.
    fn note(&mut self, sentence: String) {
        if !self.notes.contains(&sentence) {
            self.notes.push(sentence);
        }
    }
}

/// A form in which grid operators write.
pub(super) trait Format: Sync {
    /// Its name in the history.
    fn name(&self) -> &'static str;

    /// Whether a document begins like one of this form.
    fn fits(&self, bytes: &[u8]) -> bool;

    /// What a document says.
    fn read(&self, bytes: &[u8], about: &About) -> Result<Document, Refusal>;
}

/// The forms, the one that takes everything last.
const FORMATS: [&dyn Format; 3] = [&sdat::Sdat, &mscons::Mscons, &table::Table];

/// The form of a document by its first bytes.
fn format_of(bytes: &[u8]) -> &'static dyn Format {
    let found = FORMATS.into_iter().find(|format| format.fits(bytes));
    found.unwrap_or(&table::Table)
}

/// The form of a document and what it says.
pub(super) fn read_document(
    bytes: &[u8],
    about: &About,
) -> (&'static str, Result<Document, Refusal>) {
    let format = format_of(bytes);
    (format.name(), format.read(bytes, about).and_then(Document::ordered))
}

/// Whether a document says nothing at all.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    without_mark(bytes).iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0)
}

/// The bytes without the mark that some programs put before UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// A piece of a document as a refusal quotes it.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut short: String = text.trim().chars().take(SHOWN).collect();
    if text.trim().chars().count() > SHOWN {
        short.push('…');
    }
    format!("'{short}'")
}

/// Mean power in kW of an energy in kWh; refuses what no building takes.
fn mean_power(energy_kwh: f64, interval_s: i64) -> Result<f64, String> {
    // Intervals are an hour at most.
    let hours = f64::from(i32::try_from(interval_s).unwrap_or(i32::MAX)) / 3_600.0;
    let power_kw = energy_kwh / hours;
    if !(0.0..=POWER_KW_MAX).contains(&power_kw) {
        return Err(format!("{energy_kwh} kWh is not between 0 and {POWER_KW_MAX} kW"));
    }
    Ok(power_kw)
}
