//! What is found about batches, and what becomes of it.

mod households; // readings of meters
mod stored; // what is judged in the database
mod faults; // seeded faults are found, clean years stay quiet
mod rules; // rule by rule, by hand
mod storing; // reports, days, quarantine and dead letters in the database

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::assess::assess;
use super::checks::Pool;
use super::model::Report;
use super::*;
use crate::base::timeline::TimeRange;
use crate::base::timeline::day_range;
use crate::base::timeline::days_range;

const ZURICH: Tz = Tz::Europe__Zurich;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A batch of the local days `first..=last`, every value in place and in order.
fn batch_of(
    subject: &str,
    interval_s: i32,
    (first, last): (NaiveDate, NaiveDate),
    value: impl Fn(DateTime<Utc>) -> f64,
) -> Batch {
    let asked = days_range(first, last, ZURICH);
    Batch {
        source: "energy_charts".to_owned(),
        subject: subject.to_owned(),
        kind: Kind::of(subject),
        zone: ZURICH,
        interval_s,
        asked,
        values: asked.slots(interval_s).map(|ts| (ts, Some(value(ts)))).collect(),
        came_at: asked.to,
        due: Some(Due::at(-1, 15, 0)),
        tolerance: 0.000_5,
        limit: 100_000.0,
        is_rolling: false,
        rests_at_weekends: false,
        is_simulated: false,
    }
}

/// What is found about `batch` long after it came.
fn judged(batch: &Batch, stored: &Pool) -> Report {
    assess(batch, stored, batch.asked.to + chrono::Duration::days(3))
}

/// The codes of the reasons that ask for somebody.
fn alarms(report: &Report) -> Vec<Code> {
    let alarming = report.reasons.iter().filter(|reason| reason.weight >= Weight::Suspect);
    let mut codes: Vec<Code> = alarming.map(|reason| reason.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The text of a file of the shared data, or nothing where they are absent.
fn shared(path: &str) -> Option<String> {
    use std::io::Read;
    let root = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from)?;
    let bytes = std::fs::read(root.join("data").join(path)).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    Some(text)
}

/// Numbers between 0 and 1 that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        self.roll();
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}
