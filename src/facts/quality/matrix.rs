//! Days of subjects side by side, with what is absent named as what it is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;

use super::model::{DAY_S, Verdict, WEEK_S, begins_on, slots};
use super::records::{DayCell, DayState, Matrix, MatrixRow, StoredDay};
use crate::base::timeline::day_range;

/// The days `first..=today` of every subject at `now`, from its newest day, the first it was asked
/// for, and what is stored of the days.
pub(super) fn matrix(
    newest: &[StoredDay],
    firsts: &[(String, String, NaiveDate)],
    stored: &[StoredDay],
    (first, today, now): (NaiveDate, NaiveDate, DateTime<Utc>),
) -> Matrix {
    let days: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= today).collect();
    let complete: BTreeSet<(&str, NaiveDate)> = stored
        .iter()
        .filter(|row| row.cell.state == DayState::Complete)
        .map(|row| (family(&row.subject), row.cell.day))
        .collect();
    let cells: BTreeMap<(&str, &str, NaiveDate), &StoredDay> = stored
        .iter()
        .map(|row| ((row.source.as_str(), row.subject.as_str(), row.cell.day), row))
        .collect();
    let rows = newest.iter().map(|row| {
        let asked = firsts
            .iter()
            .find(|(source, subject, _)| *source == row.source && *subject == row.subject);
        let asked = asked.map_or(row.cell.day, |(.., day)| *day);
        let cell =
            |day: &NaiveDate| match cells.get(&(row.source.as_str(), row.subject.as_str(), *day)) {
                Some(stored) => seen(stored, now),
                None => unseen(row, *day, (asked, now), &complete),
            };
        MatrixRow {
            source: row.source.clone(),
            subject: row.subject.clone(),
            time_zone: row.time_zone.clone(),
            interval_s: row.interval_s,
            is_simulated: row.is_simulated,
            cells: days.iter().map(cell).collect(),
        }
    });
    let rows = rows.collect();
    Matrix { days, rows }
}

/// What subjects stand for when one takes the place of another: a market's prices have one unit of
/// time after the other.
fn family(subject: &str) -> &str {
    let parts = subject.match_indices(':').nth(1).filter(|_| subject.starts_with("price:"));
    parts.map_or(subject, |(at, _)| &subject[..at])
}

/// The zone of a name.
pub(super) fn zone_of(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::Europe__Zurich)
}

/// A stored day as it stands at `now`.
pub(super) fn seen(stored: &StoredDay, now: DateTime<Utc>) -> DayCell {
    let cell = stored.cell.clone();
    let range = day_range(cell.day, zone_of(&stored.time_zone));
    let is_due = now >= cell.expected_by.unwrap_or(range.to);
    let state = match (cell.state, is_due, cell.found) {
        (DayState::Complete, ..) => DayState::Complete,
        (_, false, _) => DayState::Open,
        (_, true, 0) => DayState::Missing,
        (_, true, _) => DayState::Partial,
    };
    DayCell { state, ..cell }
}

/// A day about which nothing has come from a source: missing, if it was asked and nobody else had it.
fn unseen(
    row: &StoredDay,
    day: NaiveDate,
    (first, now): (NaiveDate, DateTime<Utc>),
    complete: &BTreeSet<(&str, NaiveDate)>,
) -> DayCell {
    let zone = zone_of(&row.time_zone);
    let range = day_range(day, zone);
    // As long after the day's start as it was for the newest day that is known.
    let due_after = row
        .cell
        .expected_by
        .map_or_else(|| range.to - range.from, |by| by - day_range(row.cell.day, zone).from);
    let expected_by = range.from + due_after;
    let is_rest = if row.interval_s >= WEEK_S {
        !begins_on(day, row.interval_s)
    } else {
        row.interval_s >= DAY_S && matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
    };
    let is_there = complete.contains(&(family(&row.subject), day));
    let state = if day < first || is_rest || is_there {
        DayState::NotAsked
    } else if now < expected_by {
        DayState::Open
    } else {
        DayState::Missing
    };
    DayCell {
        day,
        state,
        expected: slots(range, row.interval_s, zone).len(),
        found: 0,
        revised: 0,
        verdict: Verdict::Good,
        expected_by: (state != DayState::NotAsked).then_some(expected_by),
        first_complete_at: None,
        late_s: None,
        report_id: None,
    }
}
