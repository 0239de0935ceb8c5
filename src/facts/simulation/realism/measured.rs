//! Measured houses: files of the `CoSSMic` form, counters in kWh by the hour.

use std::io::Read;

use chrono::{DateTime, Utc};
use flate2::read::GzDecoder;

use super::figures::Hours;

/// More than a house draws in an hour: a counter that stood still catches up, in kWh.
const HOUR_KWH_MAX: f64 = 15.0;
/// Less than nothing by more than the counters' own steps: they were read at different moments.
const HOUR_KWH_MIN: f64 = -0.05;
/// Longest file that is read, unpacked.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A file that is not of the form.
#[derive(Debug, thiserror::Error)]
pub enum HouseFileError {
    /// It cannot be read or unpacked.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It is no table.
    #[error("is no CSV: {0}")]
    Csv(#[from] csv::Error),
    /// Its first column is not the time.
    #[error("has no first column utc_timestamp")]
    NoTime,
    /// None of its counters is of the grid or a roof.
    #[error("has neither a column …_grid_import nor …_pv")]
    NoCounter,
    /// A cell is no instant or no number.
    #[error("line {line}: '{cell}' is not {wanted}")]
    Cell {
        /// Counted from 1.
        line: u64,
        /// What stands there.
        cell: String,
        /// What should.
        wanted: &'static str,
    },
}

/// A house as its counters tell.
#[derive(Debug, Clone, Default)]
pub(super) struct MeasuredHouse {
    /// What it drew; absent where the counters do not tell.
    pub load: Option<Hours>,
    /// What its roof made.
    pub pv: Option<Hours>,
    /// Hours left out because a counter caught up or ran backwards.
    pub left_out: usize,
    /// How the load was told from the counters.
    pub how: &'static str,
}

/// The counters of a file, one row an hour.
#[derive(Default)]
struct Counters {
    rows: Vec<(DateTime<Utc>, [Option<f64>; 3])>,
    has: [bool; 3],
}

/// Ends of the columns' names, in the order of the counters.
const ENDINGS: [&str; 3] = ["_grid_import", "_grid_export", "_pv"];

/// Reads a file, gzipped or not.
pub(super) fn read(bytes: &[u8]) -> Result<MeasuredHouse, HouseFileError> {
    let mut text = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes).take(BYTES_MAX).read_to_end(&mut text)?;
    } else {
        text.extend_from_slice(bytes);
    }
    let counters = counters(&text)?;
    let [import, export, pv] = counters.has;
    let how = match (import, pv, export) {
        (true, false, _) => "grid import, no roof",
        (true, true, true) => "grid import + roof - grid export",
        (true, true, false) => "left out: a roof without a counter of what it feeds in",
        (false, ..) => "left out: no counter of the grid",
    };
    let mut house = MeasuredHouse { how, ..MeasuredHouse::default() };
    if import && (!pv || export) {
        let energy = |step: [Option<f64>; 3]| match (pv, step) {
            (false, [import, ..]) => import,
            (true, [import, export, pv]) => Some(import? + pv? - export?),
        };
        house.load = Some(hours(&counters, energy, &mut house.left_out));
    }
    if pv {
        house.pv = Some(hours(&counters, |step| step[2], &mut house.left_out));
    }
    Ok(house)
}

fn counters(text: &[u8]) -> Result<Counters, HouseFileError> {
    let mut reader = csv::Reader::from_reader(text);
    let header = reader.headers()?.clone();
    if header.get(0) != Some("utc_timestamp") {
        return Err(HouseFileError::NoTime);
    }
    let places = ENDINGS.map(|ending| header.iter().position(|name| name.ends_with(ending)));
    if places[0].is_none() && places[2].is_none() {
        return Err(HouseFileError::NoCounter);
    }
    let mut counters = Counters { has: places.map(|place| place.is_some()), ..Counters::default() };
    for row in reader.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        let refuse =
            |cell: &str, wanted| HouseFileError::Cell { line, cell: cell.to_owned(), wanted };
        let time = row.get(0).unwrap_or_default();
        let at = DateTime::parse_from_rfc3339(time).map_err(|_| refuse(time, "an instant"))?;
        let mut values = [None; 3];
        for (value, place) in values.iter_mut().zip(places) {
            let cell = place.and_then(|place| row.get(place)).unwrap_or_default();
            if !cell.is_empty() {
                let number: f64 = cell.parse().map_err(|_| refuse(cell, "a number"))?;
                *value = Some(number).filter(|number| number.is_finite());
            }
        }
        counters.rows.push((at.to_utc(), values));
    }
    Ok(counters)
}

/// Energy of the hours between two readings; an hour is known when both its ends are.
///
/// A row holds its counter at the end of the hour that it names: taken the other way, the roofs of
/// these files would make electricity before sunrise in December, and none before sunset.
fn hours(
    counters: &Counters,
    energy: impl Fn([Option<f64>; 3]) -> Option<f64>,
    left_out: &mut usize,
) -> Hours {
    let mut hours = Hours::new();
    for pair in counters.rows.windows(2) {
        let [(start, before), (end, after)] = pair else { continue };
        if (*end - *start).num_seconds() != 3_600 {
            continue;
        }
        let mut step = [None; 3];
        for (step, (before, after)) in step.iter_mut().zip(before.iter().zip(after)) {
            *step = before.zip(*after).map(|(before, after)| after - before);
        }
        match energy(step) {
            None => {}
            Some(kwh) if (HOUR_KWH_MIN..=HOUR_KWH_MAX).contains(&kwh) => {
                hours.insert(end.timestamp().div_euclid(3_600), kwh.max(0.0));
            }
            Some(_) => *left_out += 1,
        }
    }
    hours
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "utc_timestamp,X_grid_import,X_grid_export,X_pv\n\
        2016-06-01T10:00:00Z,10,5,20\n\
        2016-06-01T11:00:00Z,10.5,6,22\n\
        2016-06-01T12:00:00Z,,7,23\n\
        2016-06-01T13:00:00Z,900,8,24\n\
        2016-06-01T14:00:00Z,901,8,24.5\n\
        2016-06-01T15:00:00Z,2000,8,25\n";

    #[test]
    fn load_is_what_came_in_and_was_made_less_what_went_out() {
        let house = read(FILE.as_bytes()).unwrap();
        let load: Vec<f64> = house.load.unwrap().into_values().collect();
        // 0.5 + 2 - 1 at ten; twelve and one are unknown; 1 + 0.5 at one; the last one catches up.
        assert_eq!(load, [1.5, 1.5]);
        assert_eq!(house.pv.unwrap().into_values().collect::<Vec<_>>(), [2.0, 1.0, 1.0, 0.5, 0.5]);
        assert_eq!(house.left_out, 1);
    }

    #[test]
    fn a_roof_whose_feed_in_nobody_counts_hides_the_load() {
        let file = FILE.replace("X_grid_export", "X_freezer");
        let house = read(file.as_bytes()).unwrap();
        assert!(house.load.is_none() && house.pv.is_some(), "{}", house.how);
    }

    #[test]
    fn what_is_no_such_file_is_refused_with_its_place() {
        let said = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(said("time,a\n1,2\n"), "has no first column utc_timestamp");
        let wrong = FILE.replace("10.5", "ten");
        assert_eq!(said(&wrong), "line 3: 'ten' is not a number");
        assert!(said("utc_timestamp,freezer\n").starts_with("has neither"));
        assert!(said("utc_timestamp,a_pv\nyesterday,1\n").contains("line 2: 'yesterday'"));
    }
}
