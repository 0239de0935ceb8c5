//! Wall-clock times onto the UTC axis, across both changes of the clock.
//!
//! Files follow one of two customs, and the rows themselves tell which, day by day:
//!
//! - **True local days** have 23 or 25 hours. In spring there is no row between 02:00 and 03:00; in
//!   autumn each of these times stands twice, and the first one is summer time.
//! - **Levelled days** have 24 hours always. In spring there is a row for the hour that does not
//!   exist: it was made up and is left out. In autumn the hour that happens twice has one row: its
//!   value stands for both, marked as estimated.
//!
//! So a time the clock skips is always dropped, and a time the clock repeats is estimated exactly
//! when it stands once. The same holds for hours and for quarter hours.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::findings::{Fault, Findings, reason};
use super::moments::Moment;
use crate::base::timeline::{WallTime, instants_of};

/// A row that could be read, before it is known which instant it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadRow {
    pub line: u64,
    pub moment: Moment,
    /// Price in EUR/MWh; `None` when the cell is empty.
    pub price: Option<f64>,
    pub known_at: Option<Moment>,
    /// Place of the row's values in the table of exogenous values.
    pub exogenous: usize,
}

/// A row at its instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub ts: DateTime<Utc>,
    /// The value stands for two hours.
    pub estimated: bool,
    pub row: ReadRow,
}

/// Gives every row its instant, or two; rows come back in the order of the file, oldest end first.
pub(super) fn place(
    mut rows: Vec<ReadRow>,
    zone: Tz,
    time_column: &str,
    findings: &mut Findings,
) -> Vec<Placed> {
    if runs_backwards(&rows) {
        // The first of two 02:00 rows is summer time only in a file that runs forwards.
        rows.reverse();
        findings.notes.push("the rows run from new to old and were turned round".to_owned());
    }
    let mut placed = Vec::with_capacity(rows.len());
    let mut repeated: BTreeMap<NaiveDateTime, Vec<ReadRow>> = BTreeMap::new();
    for row in rows {
        let mut once = |ts| placed.push(Placed { ts, estimated: false, row });
        match row.moment {
            Moment::Instant(ts) => once(ts),
            Moment::Wall(wall) => match instants_of(wall, zone) {
                WallTime::Once(ts) => once(ts),
                WallTime::Skipped => findings.drop_row(reason::SKIPPED_HOUR, row.line),
                WallTime::Twice(..) => repeated.entry(wall).or_default().push(row),
            },
        }
    }
    for (wall, rows) in repeated {
        let WallTime::Twice(summer, winter) = instants_of(wall, zone) else { continue };
        match rows.as_slice() {
            [row] => {
                placed.extend([summer, winter].map(|ts| Placed { ts, estimated: true, row: *row }));
            }
            [first, second] => placed.extend([
                Placed { ts: summer, estimated: false, row: *first },
                Placed { ts: winter, estimated: false, row: *second },
            ]),
            more => {
                for row in more {
                    let reason =
                        format!("{wall} stands {} times, the clock shows it twice", more.len());
                    findings.bad_row(Fault::Time, row.line, time_column, reason);
                }
            }
        }
    }
    placed
}

fn runs_backwards(rows: &[ReadRow]) -> bool {
    let axis = |moment| match moment {
        Moment::Instant(at) => at.naive_utc(),
        Moment::Wall(wall) => wall,
    };
    let (mut forwards, mut backwards) = (0_u64, 0_u64);
    for pair in rows.windows(2) {
        let (before, after) = (axis(pair[0].moment), axis(pair[1].moment));
        forwards += u64::from(after > before);
        backwards += u64::from(after < before);
    }
    backwards > forwards
}
